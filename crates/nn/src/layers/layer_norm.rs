use anygrad_graph::{DType, Shape, Tensor};

use super::affine::{Affine, check_eps, standardise};
use crate::mixed::in_full;
use crate::{Ctx, Layer, ParamPath};

/// What is wrong with normalising the last axes of `x` if they are not `shape`.
fn check(x: &Tensor, shape: &Shape) -> Result<(), String> {
    if shape.is_empty() {
        return Err(format!("there are no axes to normalise: input {}", x.shape()));
    }
    match x.shape().ends_with(shape) {
        true => Ok(()),
        false => Err(format!("normalises the last axes {shape}: input {}", x.shape())),
    }
}

/// The last `count` axes.
fn last(count: usize) -> Vec<isize> {
    (1..=count as isize).map(|axis| -axis).collect()
}

/// Layer normalisation (Ba et al. 2016) over the last axes: `y = (x − μ) / √(σ² + ε) · weight + bias`, with μ and σ²
/// (divisor n) of each sample by itself, in training as in evaluation. So it works with any batch, also of one, and with
/// sequences.
///
/// Entries: `weight` of ones and `bias` of zeros, both of the normalised shape. ε is 1e-5 and stands inside the root.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, LayerNorm, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let norm = LayerNorm::new(params.at("norm"), [64]);
/// assert_eq!(norm.forward(&Tensor::ones([2, 10, 64], &device), &mut Ctx::eval()).shape()[..], [2, 10, 64]);
/// ```
#[derive(Debug)]
pub struct LayerNorm {
    path: ParamPath,
    shape: Shape,
    eps: f64,
    affine: Affine,
}

impl LayerNorm {
    /// Normalises over the last axes, which have the sizes `normalised_shape`.
    pub fn new(path: ParamPath, normalised_shape: impl Into<Shape>) -> Self {
        let shape = normalised_shape.into();
        let affine = Affine::new(&path, &shape);
        Self { path, shape, eps: 1e-5, affine }
    }

    /// Another ε.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether there are a weight and a bias; there are unless this says no.
    #[must_use]
    pub fn affine(mut self, on: bool) -> Self {
        self.affine.set(on, on);
        self
    }

    /// Whether there is a bias; there is unless this says no.
    #[must_use]
    pub fn bias(mut self, on: bool) -> Self {
        self.affine.set(self.affine.weight.is_some(), on);
        self
    }
}

impl Layer for LayerNorm {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let forward = |x: &Tensor| {
            if let Err(message) = check_eps(self.eps).and_then(|()| check(x, &self.shape)) {
                return Tensor::wrong("layer_norm", message, &[("input", x)]);
            }
            let (y, _) = standardise(x, &last(self.shape.len()), self.eps);
            self.affine.apply(y, &self.shape)
        };
        let full = self.path.params().dtype();
        ctx.within(self, |_| in_full(x, full, forward))
    }

    fn kind(&self) -> &str {
        "LayerNorm"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.affine.parameters()
    }
}

/// Normalisation by the root mean square (Zhang & Sennrich 2019) over the last axes:
/// `y = x / √(mean(x²) + ε) · weight`, of each sample by itself. A [`LayerNorm`] that subtracts nothing.
///
/// Entries: `weight` of ones, of the normalised shape. ε is the distance from 1 to the next number, as in PyTorch: 1.2e-7,
/// and 2.2e-16 for f64.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Params, RmsNorm};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let norm = RmsNorm::new(params.at("norm"), [2]).eps(1e-6);
/// let x = Tensor::from_slice(&[1.0f32, 7.0], [1, 2], &device);
/// let y = norm.forward(&x, &mut Ctx::eval()).to_vec::<f32>()?;
/// assert!((y[0] - 0.2).abs() < 1e-5 && (y[1] - 1.4).abs() < 1e-5);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Debug)]
pub struct RmsNorm {
    path: ParamPath,
    shape: Shape,
    eps: Option<f64>,
    affine: Affine,
}

impl RmsNorm {
    /// Normalises over the last axes, which have the sizes `normalised_shape`.
    pub fn new(path: ParamPath, normalised_shape: impl Into<Shape>) -> Self {
        let shape = normalised_shape.into();
        let mut affine = Affine::none(&path, &shape);
        affine.set(true, false);
        Self { path, shape, eps: None, affine }
    }

    /// Another ε.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = Some(eps);
        self
    }

    /// Whether there is a weight; there is unless this says no.
    #[must_use]
    pub fn affine(mut self, on: bool) -> Self {
        self.affine.set(on, false);
        self
    }
}

impl Layer for RmsNorm {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let forward = |x: &Tensor| {
            let eps = self.eps.unwrap_or(match x.dtype() {
                DType::F64 => f64::EPSILON,
                _ => f64::from(f32::EPSILON),
            });
            if let Err(message) = check_eps(eps).and_then(|()| check(x, &self.shape)) {
                return Tensor::wrong("rms_norm", message, &[("input", x)]);
            }
            let mean_square = x.square().mean_keep(&last(self.shape.len()));
            self.affine.apply(x * (mean_square + eps).rsqrt(), &self.shape)
        };
        let full = self.path.params().dtype();
        ctx.within(self, |_| in_full(x, full, forward))
    }

    fn kind(&self) -> &str {
        "RmsNorm"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.affine.parameters()
    }
}
