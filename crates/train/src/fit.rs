use anygrad_data::Dataset;

use crate::source::not_empty;
use crate::{Callback, Progress, Result, TrainError, TrainState};

/// When [`Trainer::fit`](crate::Trainer::fit) goes through the validation set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validate {
    /// After every so many epochs.
    Epochs(usize),
    /// After every so many steps, and after every epoch. What is found in the middle of an epoch goes to
    /// [`Callback::end_validation`] and to [`History::step_validations`](crate::History::step_validations).
    Steps(usize),
}

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
    /// How many of the epochs are over already; 0. The first epoch is `initial_epoch + 1`, with the order of the
    /// samples that belongs to it. To go on with a run exactly, see [`resume`](Fit::resume).
    pub initial_epoch: usize,
    /// Samples a batch; 64. The last batch of an epoch holds what is left.
    pub batch_size: usize,
    /// Batches a step; 1. The gradients of so many batches are added up before the parameters change: the step of a
    /// batch `accumulate` times as large, in the memory of a small one. At the end of an epoch a step takes what is
    /// left.
    pub accumulate: usize,
    /// A data set to evaluate on; none.
    pub validation: Option<&'a Dataset>,
    /// The share of the training set, in [0, 1), that is not trained but evaluated on; 0. As in Keras these are its
    /// last samples, before anything is shuffled: [`Dataset::split`] first if they are sorted.
    pub validation_split: f64,
    /// When to evaluate; after every epoch.
    pub validate: Validate,
    /// The learning rate; 1e-3.
    pub learning_rate: f64,
    /// The seed of the order of the samples and of dropout; that of the parameters if `None`.
    pub seed: Option<u64>,
    /// Whether every epoch has its own random order; true.
    pub shuffle: bool,
    /// Scales the gradients of a step so that their norm as one vector is at most this; not done if `None`.
    pub clip_norm: Option<f64>,
    /// Holds every element of the gradients of a step between minus this and this, before `clip_norm`; not done if
    /// `None`.
    pub clip_value: Option<f64>,
    /// Ends the training after the first epoch whose mean training loss is not above this; never if `None`.
    pub target_loss: Option<f32>,
    /// Ends the training after so many steps, in the middle of an epoch if need be; never if `None`.
    pub steps: Option<usize>,
    /// Reads the loss of every step back, for [`History::step_losses`](crate::History::step_losses). Each step then
    /// waits for the device; false.
    pub keep_step_losses: bool,
    /// Keeps the norm of the gradients of every step, as one vector and before it is clipped, for
    /// [`History::step_norms`](crate::History::step_norms). Each step then waits for the device; false.
    pub keep_step_norms: bool,
    /// What is told how the run goes, and may end it; nothing.
    pub callbacks: &'a mut [&'a mut dyn Callback],
    /// Where to go on; at the beginning if `None`. The parameters are to be those of that moment, with the
    /// optimizer's state; batches, seed and samples have to be the same.
    pub resume: Option<&'a TrainState>,
    /// Where to show how far training has come; [`Progress::auto`].
    pub progress: Progress,
}

impl Default for Fit<'_> {
    fn default() -> Self {
        Self {
            epochs: 10,
            initial_epoch: 0,
            batch_size: 64,
            accumulate: 1,
            validation: None,
            validation_split: 0.0,
            validate: Validate::Epochs(1),
            learning_rate: 1e-3,
            seed: None,
            shuffle: true,
            clip_norm: None,
            clip_value: None,
            target_loss: None,
            steps: None,
            keep_step_losses: false,
            keep_step_norms: false,
            callbacks: &mut [],
            resume: None,
            progress: Progress::auto(),
        }
    }
}

impl Fit<'_> {
    /// Whether training can start. What the optimizer and the data set check is left to them.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(TrainError::Setting { message });
        not_empty("validation", self.validation)?;
        for (name, limit) in [("clip_norm", self.clip_norm), ("clip_value", self.clip_value)] {
            if let Some(max) = limit.filter(|max| max.is_nan() || *max <= 0.0) {
                return wrong(format!("{name} is {max}; it must be above 0"));
            }
        }
        if self.accumulate == 0 {
            return wrong("accumulate is 0; it must be at least 1".to_owned());
        }
        if !(0.0..1.0).contains(&self.validation_split) {
            return wrong(format!("validation_split is {}; it must be in [0, 1)", self.validation_split));
        }
        if self.validation_split > 0.0 && self.validation.is_some() {
            let split = self.validation_split;
            return wrong(format!(
                "validation_split is {split}, and there is a validation set; it is either"
            ));
        }
        if let Validate::Epochs(0) | Validate::Steps(0) = self.validate {
            return wrong(format!("validate is {:?}; it must be at least 1", self.validate));
        }
        Ok(())
    }

    /// Whether epoch `epoch` ends with a validation.
    pub(crate) fn validates_after(&self, epoch: usize) -> bool {
        match self.validate {
            Validate::Epochs(every) => epoch.is_multiple_of(every.max(1)),
            Validate::Steps(_) => true,
        }
    }

    /// Whether step `step` of the run is followed by a validation.
    pub(crate) fn validates_at(&self, step: u64) -> bool {
        match self.validate {
            Validate::Epochs(_) => false,
            Validate::Steps(every) => step.is_multiple_of(every.max(1) as u64),
        }
    }
}
