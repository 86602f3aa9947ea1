use anygrad_graph::{DType, PoolOptions, Tensor};

use crate::mixed::in_full;
use crate::{Ctx, Layer};

/// Local response normalisation (Krizhevsky et al. 2012) across channels of `[N, C, *]`: `b_i = a_i / (k + α/n · Σ_j a_j²)^β`,
/// where j runs over the n channels from `i − ⌊n/2⌋` to `i + ⌊(n − 1)/2⌋` that there are.
///
/// α = 1e-4, β = 0.75 and k = 1, as in PyTorch, which divides α by n. AlexNet and TensorFlow do not:
/// [`undivided`](LocalResponseNorm::undivided).
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, LocalResponseNorm};
/// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [1, 3, 1, 1], &Device::cpu());
/// let norm = LocalResponseNorm::new(5).k(2.0).undivided();
/// let y = norm.forward(&x, &mut Ctx::eval()).to_vec::<f32>()?;
/// assert!((y[0] - 0.59429).abs() < 1e-5 && (y[2] - 1.78287).abs() < 1e-5);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LocalResponseNorm {
    size: usize,
    alpha: f64,
    beta: f64,
    k: f64,
    divided: bool,
}

impl LocalResponseNorm {
    /// Sums over `size` neighbouring channels.
    pub fn new(size: usize) -> Self {
        Self { size, alpha: 1e-4, beta: 0.75, k: 1.0, divided: true }
    }

    /// The factor of the sum of squares.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// The exponent.
    #[must_use]
    pub fn beta(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// What is added to the sum.
    #[must_use]
    pub fn k(mut self, k: f64) -> Self {
        self.k = k;
        self
    }

    /// α times the sum of squares instead of their mean, as in the paper.
    #[must_use]
    pub fn undivided(mut self) -> Self {
        self.divided = false;
        self
    }

    fn check(&self, x: &Tensor) -> Result<(), String> {
        if x.rank() < 3 {
            return Err(format!("takes [N, C, ..] with at least one axis behind: input {}", x.shape()));
        }
        if self.size == 0 {
            return Err("the size is 0; it must be at least 1".into());
        }
        let numbers = [("alpha", self.alpha), ("beta", self.beta), ("k", self.k)];
        match numbers.iter().find(|(_, value)| !value.is_finite()) {
            Some((name, value)) => Err(format!("{name} is {value}; it must be finite")),
            None => Ok(()),
        }
    }
}

impl Layer for LocalResponseNorm {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let forward = |x: &Tensor| {
            if let Err(message) = self.check(x) {
                return Tensor::wrong("local_response_norm", message, &[("input", x)]);
            }
            // channels in rows, places in columns, and windows of `size` rows
            let [samples, channels] = [x.size(0), x.size(1)];
            let places = x.shape().iter().skip(2).product::<usize>();
            let squares = x.square().reshape([samples, 1, channels, places]);
            let rows = [(0, 0), (0, 0), (self.size / 2, (self.size - 1) / 2), (0, 0)];
            let window = PoolOptions::new([self.size, 1]).stride(1);
            let mean = squares.pad(&rows).avg_pool_with(&window).reshape(x.shape());
            let alpha = if self.divided { self.alpha } else { self.alpha * self.size as f64 };
            x / (mean * alpha + self.k).pow(self.beta)
        };
        let full = if x.dtype() == DType::F16 { DType::F32 } else { x.dtype() };
        ctx.within(self, |_| in_full(x, full, forward))
    }

    fn kind(&self) -> &str {
        "LocalResponseNorm"
    }
}
