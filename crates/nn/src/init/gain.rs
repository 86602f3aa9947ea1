//! By how much initial weights are scaled for an activation function.

use crate::error::{Error, Result};

/// The gain that keeps variances through the activation function called `activation`, as
/// `torch.nn.init.calculate_gain`: √2 for `relu`, 5/3 for `tanh`, 3/4 for `selu`, that of slope 0.01 for `leaky_relu`
/// ([`leaky_relu_gain`] takes another), and 1 for `identity`, `linear` and `sigmoid`. For
/// [`Init::VarianceScaling`](crate::Init::VarianceScaling) and the gains of other initial values.
///
/// ```
/// use anygrad_nn::calculate_gain;
/// assert_eq!(calculate_gain("relu")?, 2f64.sqrt());
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
///
/// # Errors
/// A function that PyTorch has no gain for; the message lists those it has one for.
pub fn calculate_gain(activation: &str) -> Result<f64> {
    match activation {
        "identity" | "linear" | "sigmoid" => Ok(1.0),
        "tanh" => Ok(5.0 / 3.0),
        "relu" => Ok(2f64.sqrt()),
        "leaky_relu" => Ok(leaky_relu_gain(0.01)),
        "selu" => Ok(0.75),
        _ => {
            let known = "identity, leaky_relu, linear, relu, selu, sigmoid, tanh";
            let message = format!("there is none for \"{activation}\"; known are {known}");
            Err(Error::Setting { what: "calculate_gain", message })
        }
    }
}

/// The gain for a leaky ReLU of this slope below 0, √(2 / (1 + slope²)) (He et al. 2015).
///
/// ```
/// assert_eq!(anygrad_nn::leaky_relu_gain(1.0), 1.0);
/// ```
pub fn leaky_relu_gain(slope: f64) -> f64 {
    (2.0 / (1.0 + slope * slope)).sqrt()
}
