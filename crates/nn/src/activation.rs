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
    x.relu6()
}

/// `x` above 0, `0.01·x` elsewhere; PyTorch's slope.
#[track_caller]
pub fn leaky_relu(x: &Tensor) -> Tensor {
    x.leaky_relu(0.01)
}

/// [`leaky_relu`] with another slope, which is a run-time number.
pub fn leaky_relu_with(slope: f64) -> impl Fn(&Tensor) -> Tensor + Copy + Send + Sync {
    move |x: &Tensor| x.leaky_relu(slope)
}

/// `x` above 0, `eˣ − 1` elsewhere.
#[track_caller]
pub fn elu(x: &Tensor) -> Tensor {
    x.elu(1.0)
}

/// The ELU whose outputs keep mean 0 and variance 1; see [`Tensor::selu`].
#[track_caller]
pub fn selu(x: &Tensor) -> Tensor {
    x.selu()
}

/// [`elu`] with a continuous slope, at α = 1 the same; see [`Tensor::celu`].
#[track_caller]
pub fn celu(x: &Tensor) -> Tensor {
    x.celu(1.0)
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

/// `ln(1 + eˣ)`, which does not overflow. Its derivative is the sigmoid.
#[track_caller]
pub fn softplus(x: &Tensor) -> Tensor {
    x.log1p_exp()
}

/// `ln(sigmoid(x))`, without overflow.
#[track_caller]
pub fn log_sigmoid(x: &Tensor) -> Tensor {
    x.log_sigmoid()
}

/// `x·sigmoid(x)`, also called swish.
#[track_caller]
pub fn silu(x: &Tensor) -> Tensor {
    x.silu()
}

/// `x·tanh(softplus(x))`.
#[track_caller]
pub fn mish(x: &Tensor) -> Tensor {
    x.mish()
}

/// Gaussian error linear unit `x·Φ(x)`, exact; see [`Tensor::gelu`].
#[track_caller]
pub fn gelu(x: &Tensor) -> Tensor {
    x.gelu()
}

/// Gaussian error linear unit in the tanh form; `approximate="tanh"` in PyTorch.
#[track_caller]
pub fn gelu_tanh(x: &Tensor) -> Tensor {
    x.gelu_tanh()
}

/// `x / (1 + |x|)`.
#[track_caller]
pub fn softsign(x: &Tensor) -> Tensor {
    x.softsign()
}

/// `x` held between −1 and 1.
#[track_caller]
pub fn hard_tanh(x: &Tensor) -> Tensor {
    x.hard_tanh(-1.0, 1.0)
}

/// `min(max(x + 3, 0), 6) / 6`.
#[track_caller]
pub fn hard_sigmoid(x: &Tensor) -> Tensor {
    x.hard_sigmoid()
}

/// `x·hard_sigmoid(x)`.
#[track_caller]
pub fn hard_swish(x: &Tensor) -> Tensor {
    x.hard_swish()
}

/// 1 above 0, 0 elsewhere: the perceptron's threshold. It has no useful derivative, so gradients stop.
#[track_caller]
pub fn step(x: &Tensor) -> Tensor {
    x.step()
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
    ("celu", celu),
    ("elu", elu),
    ("gelu", gelu),
    ("gelu_tanh", gelu_tanh),
    ("hard_sigmoid", hard_sigmoid),
    ("hard_swish", hard_swish),
    ("hard_tanh", hard_tanh),
    ("identity", identity),
    ("leaky_relu", leaky_relu),
    ("log_sigmoid", log_sigmoid),
    ("log_softmax", log_softmax),
    ("mish", mish),
    ("relu", relu),
    ("relu6", relu6),
    ("selu", selu),
    ("sigmoid", sigmoid),
    ("silu", silu),
    ("softmax", softmax),
    ("softplus", softplus),
    ("softsign", softsign),
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

/// The share of units that are off, not above 0, for every sample of `outputs` `[n, ..units]`, which behind a ReLU never
/// learn again: a scalar. Give it the outputs for a whole data set; a unit that is off for one batch may be on for
/// another.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{dead_units, relu};
/// let x = Tensor::from_slice(&[1.0f32, -1.0, -2.0, 3.0, -1.0, 2.0], [2, 3], &Device::cpu());
/// assert!((dead_units(&relu(&x)).item()? - 1.0 / 3.0).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn dead_units(outputs: &Tensor) -> Tensor {
    if outputs.check().is_ok() && (outputs.rank() < 2 || outputs.numel() == 0) {
        let message = format!("takes outputs [n, ..] with samples and units: outputs {}", outputs.shape());
        return Tensor::wrong("dead_units", message, &[("outputs", outputs)]);
    }
    let on = outputs.gt(0.0).any(&[0]);
    1.0 - on.to_dtype(outputs.dtype()).mean_all()
}
