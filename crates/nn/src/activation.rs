//! Activation functions, for calling and for `.then(relu)`.

use anygrad_graph::Tensor;

use crate::error::{Error, Result};

/// `max(x, 0)`; the gradient at 0 is 0.
#[track_caller]
pub fn relu(x: &Tensor) -> Tensor {
    x.relu()
}

/// `min(max(x, 0), 6)`.
#[track_caller]
pub fn relu6(x: &Tensor) -> Tensor {
    x.clamp(0.0, 6.0)
}

/// `x` above 0, `0.01·x` elsewhere; PyTorch's slope.
#[track_caller]
pub fn leaky_relu(x: &Tensor) -> Tensor {
    x.gt(0.0).select(x, x * 0.01)
}

/// [`leaky_relu`] with another slope, which is a run-time number.
pub fn leaky_relu_with(slope: f64) -> impl Fn(&Tensor) -> Tensor + Copy + Send + Sync {
    move |x: &Tensor| x.gt(0.0).select(x, x * slope)
}

/// `x` above 0, `eˣ − 1` elsewhere.
#[track_caller]
pub fn elu(x: &Tensor) -> Tensor {
    // the branch that is not chosen must stay finite, or its gradient would be 0·∞
    x.gt(0.0).select(x, x.minimum(0.0).exp() - 1.0)
}

/// The logistic function `1 / (1 + e⁻ˣ)`, in (0, 1).
#[track_caller]
pub fn sigmoid(x: &Tensor) -> Tensor {
    x.sigmoid()
}

/// Hyperbolic tangent, in (−1, 1).
#[track_caller]
pub fn tanh(x: &Tensor) -> Tensor {
    x.tanh()
}

/// `ln(1 + eˣ)`, as `max(x, 0) + ln(1 + e^−|x|)`, which does not overflow. Its derivative is the sigmoid.
#[track_caller]
pub fn softplus(x: &Tensor) -> Tensor {
    x.maximum(0.0) + ((-x.abs()).exp() + 1.0).log()
}

/// `ln(sigmoid(x))`, without overflow.
#[track_caller]
pub fn log_sigmoid(x: &Tensor) -> Tensor {
    -softplus(&-x)
}

/// `x·sigmoid(x)`, also called swish.
#[track_caller]
pub fn silu(x: &Tensor) -> Tensor {
    x * x.sigmoid()
}

/// Gaussian error linear unit in the tanh form `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))` (Hendrycks & Gimpel
/// 2016); `approximate="tanh"` in PyTorch.
#[track_caller]
pub fn gelu(x: &Tensor) -> Tensor {
    let inner = (x + x * x * x * 0.044715) * (2.0 / std::f64::consts::PI).sqrt();
    x * 0.5 * (inner.tanh() + 1.0)
}

/// 1 above 0, 0 elsewhere: the perceptron's threshold. It has no useful derivative, so gradients stop.
#[track_caller]
pub fn step(x: &Tensor) -> Tensor {
    x.gt(0.0).to_dtype(x.dtype())
}

/// `e^{x_i} / Σ e^{x_j}` over the last axis: probabilities that sum to 1.
#[track_caller]
pub fn softmax(x: &Tensor) -> Tensor {
    x.softmax(-1)
}

/// The logarithm of [`softmax`] over the last axis, without overflow.
#[track_caller]
pub fn log_softmax(x: &Tensor) -> Tensor {
    x.log_softmax(-1)
}

/// `x` itself, for an output that may be any number.
pub fn identity(x: &Tensor) -> Tensor {
    x.clone()
}

type Function = fn(&Tensor) -> Tensor;

const NAMES: &[(&str, Function)] = &[
    ("elu", elu),
    ("gelu", gelu),
    ("identity", identity),
    ("leaky_relu", leaky_relu),
    ("log_sigmoid", log_sigmoid),
    ("log_softmax", log_softmax),
    ("relu", relu),
    ("relu6", relu6),
    ("sigmoid", sigmoid),
    ("silu", silu),
    ("softmax", softmax),
    ("softplus", softplus),
    ("step", step),
    ("tanh", tanh),
];

/// The activation function called `name`, for models described by text.
///
/// # Errors
/// An unknown name; the message lists the known ones.
pub fn activation(name: &str) -> Result<fn(&Tensor) -> Tensor> {
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, function)) => Ok(*function),
        None => {
            let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
            let message = format!("there is no \"{name}\"; known are {}", known.join(", "));
            Err(Error::Setting { what: "activation", message })
        }
    }
}
