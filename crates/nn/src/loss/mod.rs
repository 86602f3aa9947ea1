//! Losses: what says how far a prediction is from its target.
//!
//! The everyday ones are plain functions (`functions.rs`); those with settings are structs that implement [`Loss`].

pub mod binary;
pub mod classification;
pub mod combined;
pub mod ctc;
pub mod detection;
pub mod divergence;
pub mod embedding;
mod functions;
pub mod hinge;
mod labels;
mod named;
mod operands;
pub mod overlap;
mod reduction;
pub mod regression;
mod weighted;

pub use functions::{binary_cross_entropy_with_logits, cross_entropy, mean_absolute_error, mse};
pub use named::loss;
pub use reduction::Reduction;
pub use weighted::{weighted, weighted_mean};

use anygrad_graph::Tensor;

/// A loss of a prediction and its target, for training with. Functions and closures from the two to a scalar are
/// losses ([`mse`], [`cross_entropy`]), and so are the structs with settings ([`Mse`](crate::Mse),
/// [`CrossEntropy`](crate::CrossEntropy)).
///
/// A loss of your own is a function, or, if samples shall be weighted, a struct that implements `each`:
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, weighted};
///
/// /// The absolute error, where predictions that are too low count three times.
/// struct Pinball;
///
/// impl Loss for Pinball {
///     fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
///         let d = prediction - target;
///         d.relu() + (-d).relu() * 3.0
///     }
/// }
///
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[1.0f32, 2.0], [2], &device);
/// let target = Tensor::from_slice(&[2.0f32, 0.0], [2], &device);
/// assert_eq!(Pinball.loss(&prediction, &target).item()?, 2.5);
/// let weights = Tensor::from_slice(&[1.0f32, 0.0], [2], &device);
/// assert_eq!(weighted(&Pinball.each(&prediction, &target), &weights).item()?, 1.5);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub trait Loss {
    /// The loss before any mean or sum: one number an element or a sample, as the loss says; its first axis is the
    /// batch. For [`weighted`] samples, and for looking at single ones.
    ///
    /// A plain function gives one number for the whole batch, so asking it for this is an error.
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor;

    /// How [`loss`](Loss::loss) makes one number of [`each`](Loss::each); the mean, unless the loss says otherwise.
    fn reduction(&self) -> Reduction {
        Reduction::Mean
    }

    /// The loss of a batch: [`each`](Loss::each), reduced. A scalar, but for [`Reduction::None`].
    #[track_caller]
    fn loss(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        self.reduction().of(&self.each(prediction, target))
    }
}

impl<F: Fn(&Tensor, &Tensor) -> Tensor> Loss for F {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let message = "a plain function gives one loss for the whole batch, not one for each sample; take a loss \
                       with settings, such as CrossEntropy or Mse, or implement Loss::each";
        Tensor::wrong("loss", message, &[("prediction", prediction), ("target", target)])
    }

    #[track_caller]
    fn loss(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        self(prediction, target)
    }
}

impl Loss for Box<dyn Loss> {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        (**self).each(prediction, target)
    }

    fn reduction(&self) -> Reduction {
        (**self).reduction()
    }

    #[track_caller]
    fn loss(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        (**self).loss(prediction, target)
    }
}
