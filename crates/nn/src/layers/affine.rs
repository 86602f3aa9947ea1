//! What normalisation layers share: the scale and shift behind them, and their settings.

use anygrad_graph::{Shape, Tensor};

use crate::{Init, Param, ParamPath};

/// The scale and the shift behind a normalisation, as far as it has them.
#[derive(Debug)]
pub(crate) struct Affine {
    path: ParamPath,
    shape: Shape,
    pub weight: Option<Param>,
    pub bias: Option<Param>,
}

impl Affine {
    /// Without either.
    pub fn none(path: &ParamPath, shape: &Shape) -> Self {
        Self { path: path.clone(), shape: shape.clone(), weight: None, bias: None }
    }

    /// With ones to scale by and zeros to add.
    pub fn new(path: &ParamPath, shape: &Shape) -> Self {
        let mut affine = Self::none(path, shape);
        affine.set(true, true);
        affine
    }

    /// Makes or removes them.
    pub fn set(&mut self, weight: bool, bias: bool) {
        let choose = |param: Option<Param>, on: bool, name: &str, init: Init| match (on, param) {
            (true, None) => Some(self.path.parameter(name, &self.shape, init)),
            (true, param) => param,
            (false, param) => {
                param.into_iter().for_each(Param::remove);
                None
            }
        };
        let weight = choose(self.weight.take(), weight, "weight", Init::Ones);
        let bias = choose(self.bias.take(), bias, "bias", Init::Zeros);
        (self.weight, self.bias) = (weight, bias);
    }

    /// `x · weight + bias`, both reshaped to `beside`.
    #[track_caller]
    pub fn apply(&self, x: Tensor, beside: &[usize]) -> Tensor {
        let scaled = match &self.weight {
            Some(weight) => x * weight.tensor().reshape(beside),
            None => x,
        };
        match &self.bias {
            Some(bias) => scaled + bias.tensor().reshape(beside),
            None => scaled,
        }
    }

    pub fn parameters(&self) -> usize {
        [&self.weight, &self.bias].into_iter().flatten().map(Param::numel).sum()
    }
}

/// What is wrong with an ε.
pub(crate) fn check_eps(eps: f64) -> Result<(), String> {
    match eps.is_finite() && eps >= 0.0 {
        true => Ok(()),
        false => Err(format!("eps is {eps}; it must be finite and at least 0")),
    }
}

/// What is wrong with a momentum.
pub(crate) fn check_momentum(momentum: f64) -> Result<(), String> {
    match (0.0..=1.0).contains(&momentum) {
        true => Ok(()),
        false => Err(format!("momentum is {momentum}; it must be in [0, 1]")),
    }
}

/// `(x − μ) / √(σ² + eps)`, and `[μ, σ²]` with size 1 along `axes`, over which they are; σ² has the divisor n.
#[track_caller]
pub(crate) fn standardise(x: &Tensor, axes: &[isize], eps: f64) -> (Tensor, [Tensor; 2]) {
    let mean = x.mean_keep(axes);
    let centred = x - &mean;
    let variance = centred.square().mean_keep(axes);
    (centred * (&variance + eps).rsqrt(), [mean, variance])
}
