use std::sync::{Mutex, PoisonError};

use anygrad_graph::{DType, Device, Shape, Tensor};

use crate::{Ctx, Init, Layer, Param, ParamPath};

/// The sinusoidal positions of Vaswani et al. 2017, `[steps, features]`, worked out in f64:
///
/// ```text
/// P[t, 2i] = sin(t / 10000^(2i/features)),  P[t, 2i + 1] = cos(t / 10000^(2i/features))
/// ```
///
/// ```
/// use anygrad_graph::{DType, Device};
/// use anygrad_nn::sinusoidal_positions;
/// let p = sinusoidal_positions(2, 2, DType::F32, &Device::cpu()).to_vec::<f32>()?;
/// assert_eq!(p[..2], [0.0, 1.0]);
/// assert!((p[2] - 1f32.sin()).abs() < 1e-6 && (p[3] - 1f32.cos()).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn sinusoidal_positions(steps: usize, features: usize, dtype: DType, device: &Device) -> Tensor {
    let shape = Shape::from([steps, features]);
    if shape.checked_numel().is_none_or(|count| count > u32::MAX as usize) {
        return Tensor::wrong("sinusoidal_positions", format!("{shape} has 2^32 elements or more"), &[]);
    }
    let mut values = Vec::new();
    for t in 0..steps {
        for j in 0..features {
            let even = (j - j % 2) as f64;
            let angle = t as f64 / 10000f64.powf(even / features as f64);
            values.push(if j % 2 == 0 { angle.sin() } else { angle.cos() });
        }
    }
    // worked out in f64 on the host: sines of large angles differ from device to device
    match dtype {
        DType::F64 => Tensor::from_slice(&values, [steps, features], device),
        _ => {
            let values: Vec<f32> = values.into_iter().map(|x| x as f32).collect();
            Tensor::from_slice(&values, [steps, features], device).to_dtype(dtype)
        }
    }
}

/// Adds [`sinusoidal_positions`] to `[n, t, features]`. It has no parameters and takes any number of steps.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, SinusoidalPositions};
/// let x = Tensor::zeros([2, 5, 8], &Device::cpu());
/// assert_eq!(SinusoidalPositions::new().forward(&x, &mut Ctx::eval()).shape()[..], [2, 5, 8]);
/// ```
#[derive(Debug, Default)]
pub struct SinusoidalPositions {
    /// The table used last, so that a training loop uploads it once.
    table: Mutex<Option<Tensor>>,
}

impl SinusoidalPositions {
    /// The layer.
    pub fn new() -> Self {
        Self::default()
    }

    #[track_caller]
    fn table(&self, x: &Tensor) -> Tensor {
        let (steps, features) = (x.size(1), x.size(2));
        let mut kept = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |t: &&Tensor| {
            t.shape()[..] == [steps, features] && t.dtype() == x.dtype() && t.device() == x.device()
        };
        if let Some(table) = kept.as_ref().filter(fits) {
            return table.clone();
        }
        kept.insert(sinusoidal_positions(steps, features, x.dtype(), x.device())).clone()
    }
}

impl Layer for SinusoidalPositions {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| match x.check().is_err() || x.rank() != 3 || !x.dtype().is_float() {
            true => {
                let message = format!("takes floats [n, t, features]: input {} {}", x.dtype(), x.shape());
                Tensor::wrong("positions", message, &[("input", x)])
            }
            false => x + self.table(x),
        })
    }

    fn kind(&self) -> &str {
        "SinusoidalPositions"
    }
}

/// Adds a trained vector for each position to `[n, t, features]`, `t` being at most `steps`.
///
/// Entry: `weight` `[steps, features]`, normal with deviation 0.02, as GPT-2 and BERT start it.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, LearnedPositions, Params};
/// let device = Device::cpu();
/// let positions = LearnedPositions::new(Params::new(&device, 0).at("positions"), 16, 8);
/// let y = positions.forward(&Tensor::zeros([2, 5, 8], &device), &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [2, 5, 8]);
/// ```
#[derive(Debug)]
pub struct LearnedPositions {
    path: ParamPath,
    steps: usize,
    features: usize,
    weight: Param,
}

impl LearnedPositions {
    /// Vectors of `features` for at most `steps` positions.
    pub fn new(path: ParamPath, steps: usize, features: usize) -> Self {
        let weight = path.parameter("weight", [steps, features], Init::Normal { mean: 0.0, deviation: 0.02 });
        Self { path, steps, features, weight }
    }

    /// Other initial values.
    #[must_use]
    pub fn init(self, init: Init) -> Self {
        self.weight.remake(&[self.steps, self.features].into(), init);
        self
    }
}

impl Layer for LearnedPositions {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| {
            let weight = self.weight.tensor();
            let operands = [("input", x), ("weight", &weight)];
            let fits = x.rank() == 3 && x.size(2) == self.features && x.size(1) <= self.steps;
            if !fits || operands.iter().any(|(_, t)| t.check().is_err()) {
                let message = format!(
                    "takes [n, t, {}] with t at most {}: input {}, weight {}",
                    self.features,
                    self.steps,
                    x.shape(),
                    weight.shape()
                );
                return Tensor::wrong("positions", message, &operands);
            }
            x + weight.slice(0, 0, x.size(1))
        })
    }

    fn kind(&self) -> &str {
        "LearnedPositions"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.weight.numel()
    }
}
