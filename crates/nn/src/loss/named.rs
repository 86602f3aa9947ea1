use super::Loss;
use super::binary::{BinaryCrossEntropy, BinaryCrossEntropyWithLogits, Focal};
use super::classification::{CrossEntropy, Nll};
use super::divergence::{KlDivergence, PoissonNll};
use super::hinge::{CategoricalHinge, Hinge, SquaredHinge};
use super::overlap::Dice;
use super::regression::{HalfSquaredError, Huber, LogCosh, Mae, Mse, SmoothL1};
use crate::error::{Error, Result};

type Make = fn() -> Box<dyn Loss>;

/// Keras' names first, then those of this crate.
const NAMES: &[(&str, Make)] = &[
    ("binary_crossentropy", || Box::new(BinaryCrossEntropy::default())),
    ("binary_crossentropy_with_logits", || Box::new(BinaryCrossEntropyWithLogits::default())),
    ("binary_focal_crossentropy", || Box::new(Focal::default())),
    ("categorical_crossentropy", || Box::new(CrossEntropy::default())),
    ("categorical_hinge", || Box::new(CategoricalHinge::default())),
    ("dice", || Box::new(Dice::default())),
    ("half_squared_error", || Box::new(HalfSquaredError::default())),
    ("hinge", || Box::new(Hinge::default())),
    ("huber", || Box::new(Huber::default())),
    ("kl_divergence", || Box::new(KlDivergence::default())),
    ("log_cosh", || Box::new(LogCosh::default())),
    ("mae", || Box::new(Mae::default())),
    ("mean_absolute_error", || Box::new(Mae::default())),
    ("mean_squared_error", || Box::new(Mse::default())),
    ("mse", || Box::new(Mse::default())),
    ("nll", || Box::new(Nll::default())),
    ("poisson", || Box::new(PoissonNll::default())),
    ("smooth_l1", || Box::new(SmoothL1::default())),
    ("sparse_categorical_crossentropy", || Box::new(CrossEntropy::default())),
    ("squared_hinge", || Box::new(SquaredHinge::default())),
];

/// Spellings that are found in books and courses.
const ALIASES: &[(&str, &str)] = &[
    ("binary_cross_entropy", "binary_crossentropy"),
    ("binary_crossentrophy", "binary_crossentropy"),
    ("binary_crossentrpohy", "binary_crossentropy"),
    ("categorical_crossentrophy", "categorical_crossentropy"),
    ("cross_entropy", "categorical_crossentropy"),
];

/// The loss called `name`, with its defaults, for models described by text: Keras' names, such as `mse` and
/// `categorical_crossentropy`.
///
/// Two things differ from Keras: both categorical cross-entropies take scores without a softmax, and labels or one-hot
/// rows alike (see [`CrossEntropy`]); `binary_crossentropy` takes probabilities, as there (for scores without a sigmoid
/// it is `binary_crossentropy_with_logits`).
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// let device = Device::cpu();
/// let loss = anygrad_nn::loss("mse")?;
/// assert_eq!(loss.loss(&Tensor::zeros([2], &device), &Tensor::ones([2], &device)).item()?, 1.0);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
///
/// # Errors
/// An unknown name; the message lists the known ones.
pub fn loss(name: &str) -> Result<Box<dyn Loss>> {
    let meant = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, meant)| meant);
    match NAMES.iter().find(|(known, _)| *known == meant) {
        Some((_, make)) => Ok(make()),
        None => {
            let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
            let message = format!("there is no \"{name}\"; known are {}", known.join(", "));
            Err(Error::Setting { what: "loss", message })
        }
    }
}
