use anygrad_data::Dataset;

use crate::{Progress, Result, TrainError};

/// How [`Trainer::fit`](crate::Trainer::fit) trains; what is not named keeps its default.
///
/// ```
/// use anygrad_train::{Fit, Progress};
/// let fit = Fit { epochs: 3, learning_rate: 0.01, progress: Progress::hidden(), ..Fit::default() };
/// assert_eq!((fit.batch_size, fit.shuffle), (64, true));
/// ```
pub struct Fit<'a> {
    /// How often the training set is gone through; 10.
    pub epochs: usize,
    /// Samples a step; 64. The last batch of an epoch holds what is left.
    pub batch_size: usize,
    /// A data set to evaluate on after every epoch; none.
    pub validation: Option<&'a Dataset>,
    /// The learning rate; 1e-3.
    pub learning_rate: f64,
    /// The seed of the order of the samples and of dropout; that of the parameters if `None`.
    pub seed: Option<u64>,
    /// Whether every epoch has its own random order; true.
    pub shuffle: bool,
    /// Scales the gradients of a step so that their norm as one vector is at most this; not done if `None`.
    pub clip_norm: Option<f64>,
    /// Ends the training after the first epoch whose mean training loss is not above this; never if `None`.
    pub target_loss: Option<f32>,
    /// Ends the training after so many steps, in the middle of an epoch if need be; never if `None`.
    pub steps: Option<usize>,
    /// Reads the loss of every step back, for [`History::step_losses`](crate::History::step_losses). Each step then
    /// waits for the device; false.
    pub keep_step_losses: bool,
    /// Where to show how far training has come; [`Progress::auto`].
    pub progress: Progress,
}

impl Default for Fit<'_> {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            validation: None,
            learning_rate: 1e-3,
            seed: None,
            shuffle: true,
            clip_norm: None,
            target_loss: None,
            steps: None,
            keep_step_losses: false,
            progress: Progress::auto(),
        }
    }
}

impl Fit<'_> {
    /// Whether training on `train` can start. What the optimizer and the data set check is left to them.
    pub(crate) fn check(&self, train: &Dataset) -> Result<()> {
        for (what, data) in [("training", Some(train)), ("validation", self.validation)] {
            if data.is_some_and(Dataset::is_empty) {
                return Err(TrainError::NoSamples { what });
            }
        }
        if let Some(max) = self.clip_norm.filter(|max| max.is_nan() || *max <= 0.0) {
            let message = format!("clip_norm is {max}; it must be above 0");
            return Err(TrainError::Setting { message });
        }
        Ok(())
    }
}
