use anygrad_data::Dataset;
use anygrad_nn::schedule::Schedule;
use anygrad_nn::{Ema, Penalty};

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
    /// The learning rate, where there is no schedule; 1e-3.
    pub learning_rate: f64,
    /// The learning rate of every step of the run, counted from 0; none. Steps of epochs that
    /// [`initial_epoch`](Fit::initial_epoch) leaves out do not count.
    pub schedule: Option<&'a dyn Schedule>,
    /// The seed of the order of the samples and of dropout; that of the parameters if `None`.
    pub seed: Option<u64>,
    /// Whether every epoch has its own random order; true.
    pub shuffle: bool,
    /// Scales the gradients of a step so that their norm as one vector is at most this; not done if `None`.
    pub clip_global_norm: Option<f64>,
    /// Holds every element of the gradients of a step between minus this and this, before `clip_global_norm`; not done if
    /// `None`.
    pub clip_value: Option<f64>,
    /// How much the samples of each class count: the weights by class, such as
    /// [`Dataset::class_weights`] gives; alike if `None`. As in Keras the weighted losses of a
    /// batch are divided by its number of samples. The loss has to give [one number a sample](anygrad_nn::Loss::each),
    /// as those with settings do. Validation does not weigh.
    pub class_weights: Option<&'a [f32]>,
    /// How much each sample of the training set counts, in its order; alike if `None`. As `class_weights`, by which
    /// they are multiplied if both are there.
    pub sample_weights: Option<&'a [f32]>,
    /// Penalties on weights, added to the loss that is trained and reported; none. Validation and evaluation have the
    /// bare loss.
    pub penalty: Option<&'a Penalty>,
    /// Averages of the weights, updated in the plan of every step; none. Evaluate with
    /// [`Ema::evaluate`](anygrad_nn::Ema::evaluate).
    pub ema: Option<&'a Ema>,
    /// Keeps a [report](crate::GradientReport) of the gradients of the first step, for
    /// [`History::gradients`](crate::History::gradients), and shows what is odd about them with the progress. Takes one
    /// more forward and backward pass; false.
    pub report_gradients: bool,
    /// Lets layers compute in f16 while the parameters stay f32: activations take half of the memory. The
    /// [scale of the loss](anygrad_nn::LossScale) is found by the way, and a step whose gradients overflow is left
    /// out. Evaluation stays in f32; false.
    pub mixed_precision: bool,
    /// Says where a loss or a gradient that is NaN or infinite comes from: which op, on which line, in which layer.
    /// From the first such step on nothing is changed, so the parameters are those before it. What is checked is
    /// checked on the device, and read at the end of an epoch. Gradients are looked at as well as the loss, but with
    /// mixed precision, where they may overflow. Batches of [`fit_batches`](crate::Trainer::fit_batches) are asked for
    /// again, and have to be the same then. Costs one more pass over the gradients; false.
    pub locate_not_finite: bool,
    /// Ends the training after the first epoch whose mean training loss is not above this; never if `None`.
    pub target_loss: Option<f32>,
    /// Ends the training after so many steps, in the middle of an epoch if need be; never if `None`.
    pub steps: Option<usize>,
    /// Reads the loss of every step back, for [`History::step_losses`](crate::History::step_losses): while the next
    /// step runs, or at once if there are callbacks, which are told of it; false.
    pub keep_step_losses: bool,
    /// Keeps the norm of the gradients of every step, as one vector and before it is clipped, for
    /// [`History::step_norms`](crate::History::step_norms). Read as losses are; false.
    pub keep_step_norms: bool,
    /// Whether the metrics of the trainer are taken of the training set, too. For them the outputs of every step are
    /// read back, as losses are; true.
    pub train_metrics: bool,
    /// What is told how the run goes, and may end it; nothing.
    pub callbacks: &'a mut [&'a mut dyn Callback],
    /// Where to go on; at the beginning if `None`. The parameters are to be those of that moment, with the
    /// optimizer's state; batches, seed and samples have to be the same. Of an epoch that was half done, the loss and
    /// the accuracy count all of it, other [metrics](crate::Trainer::metric) what is trained from here on.
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
            schedule: None,
            seed: None,
            shuffle: true,
            clip_global_norm: None,
            clip_value: None,
            class_weights: None,
            sample_weights: None,
            penalty: None,
            ema: None,
            report_gradients: false,
            mixed_precision: false,
            locate_not_finite: false,
            target_loss: None,
            steps: None,
            keep_step_losses: false,
            keep_step_norms: false,
            train_metrics: true,
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
        for (name, limit) in [("clip_global_norm", self.clip_global_norm), ("clip_value", self.clip_value)] {
            if let Some(max) = limit.filter(|max| max.is_nan() || *max <= 0.0) {
                return wrong(format!("{name} is {max}; it must be above 0"));
            }
        }
        if self.steps == Some(0) {
            return wrong("steps is 0; it must be at least 1".to_owned());
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
        if let Some(schedule) = self.schedule {
            schedule.check()?;
        }
        for (at, weight) in self.class_weights.unwrap_or_default().iter().enumerate() {
            if !(weight.is_finite() && *weight >= 0.0) {
                let must = "it must be finite and not below 0";
                return wrong(format!("class_weights[{at}] is {weight}; {must}"));
            }
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
