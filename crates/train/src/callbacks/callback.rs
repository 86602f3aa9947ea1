//! Code of the user's that a training run calls.

use anygrad_graph::Tensor;
use anygrad_nn::{LossScale, Params};

use crate::meter::Meter;
use crate::run::Position;
use crate::sums::Sums;
use crate::{EpochRow, History, Result, Scores, SumsState, TrainError, TrainState};

/// What a [`Callback`] wants to happen next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    #[default]
    Continue,
    /// End the training: the epoch at hand is closed (with its validation and its row in the history), and
    /// [`History::ended`] gives the reason.
    Stop(String),
}

/// Something that is told how a training run goes, and may end it or change its learning rate: early stopping,
/// checkpoints, logs. Every method does nothing unless it is written.
///
/// [`Fit::callbacks`](crate::Fit::callbacks) borrows callbacks, so that they can be asked something afterwards. They
/// are called in the order of the list; one that saves the [state](Training::state) of the run belongs at its end, so
/// that it saves what the others have made of the event.
///
/// What a callback does not ask for costs nothing: the loss stays on the device unless [`Training::loss`] or
/// [`Training::scores`] reads it.
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
/// use anygrad_train::{Callback, EpochRow, Fit, Flow, Progress, Result, Trainer, Training};
///
/// /// Ends the training once the weights have grown so far.
/// #[derive(Default)]
/// struct Bounded {
///     largest: f32,
/// }
///
/// impl Callback for Bounded {
///     fn end_epoch(&mut self, _: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
///         for entry in training.params().iter() {
///             self.largest = self.largest.max(entry.tensor.abs().max_all().item()?);
///         }
///         let stop = self.largest > 2.0;
///         Ok(if stop { Flow::Stop(format!("a weight is {}", self.largest)) } else { Flow::Continue })
///     }
/// }
///
/// let params = Params::new(&Device::cpu(), 42);
/// let model = Linear::new(params.at("fc"), 2, 3);
/// let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
/// let data = synthetic::blobs(300, 3, 0.1, 7)?;
/// let mut bounded = Bounded::default();
/// let fit = Fit { epochs: 50, learning_rate: 0.1, progress: Progress::hidden(), ..Fit::default() };
/// let history = trainer.fit(&data, Fit { callbacks: &mut [&mut bounded], ..fit })?;
/// assert!(history.ended().is_some_and(|reason| reason.starts_with("a weight is")));
/// assert!(bounded.largest > 2.0);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub trait Callback {
    /// The run begins, anew or where [`Fit::resume`](crate::Fit::resume) left it.
    ///
    /// # Errors
    /// Whatever must end the training before its first step.
    fn begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        let _ = training;
        Ok(())
    }

    /// An epoch begins, or goes on after [`Fit::resume`](crate::Fit::resume).
    ///
    /// # Errors
    /// Whatever must end the training.
    fn begin_epoch(&mut self, training: &mut Training<'_>) -> Result<()> {
        let _ = training;
        Ok(())
    }

    /// A step is made: the parameters are new.
    ///
    /// # Errors
    /// Whatever must end the training as a failure.
    fn end_step(&mut self, training: &mut Training<'_>) -> Result<Flow> {
        let _ = training;
        Ok(Flow::Continue)
    }

    /// The validation set was gone through in the middle of an epoch ([`Validate::Steps`](crate::Validate)).
    ///
    /// # Errors
    /// Whatever must end the training as a failure.
    fn end_validation(&mut self, scores: &Scores, training: &mut Training<'_>) -> Result<Flow> {
        let _ = (scores, training);
        Ok(Flow::Continue)
    }

    /// An epoch is over, with its validation. `row` is in the [history](Training::history) already.
    ///
    /// # Errors
    /// Whatever must end the training as a failure.
    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        let _ = (row, training);
        Ok(Flow::Continue)
    }

    /// The run is over. Not called after an error.
    ///
    /// # Errors
    /// Whatever makes the whole training a failure.
    fn end(&mut self, training: &mut Training<'_>) -> Result<()> {
        let _ = training;
        Ok(())
    }

    /// The numbers that a later run needs to [go on](Callback::restore) as this one would have: a best value, a count
    /// of epochs without one. They become part of a [`TrainState`].
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes over what [`state`](Callback::state) gave, before [`begin`](Callback::begin).
    ///
    /// # Errors
    /// These are not numbers of this callback.
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let _ = state;
        Ok(())
    }
}

/// A training run, as a [`Callback`] sees it.
pub struct Training<'r> {
    pub(crate) position: &'r mut Position,
    pub(crate) params: &'r Params,
    pub(crate) history: &'r History,
    /// Of the epoch at hand.
    pub(crate) sums: &'r Sums,
    pub(crate) meter: &'r Meter,
    /// Of the step just made.
    pub(crate) loss: Option<&'r Tensor>,
    /// The states of all callbacks; that of the one at hand is empty.
    pub(crate) callbacks: &'r dyn Fn() -> Vec<Vec<f64>>,
    pub(crate) loss_scale: Option<&'r LossScale>,
    /// Which of all callbacks this one is.
    pub(crate) place: usize,
    /// Why the run is about to end.
    pub(crate) stop: Option<&'r str>,
    pub(crate) optimizer: &'static str,
    pub(crate) has_validation: bool,
}

impl Training<'_> {
    /// The epoch, counted from 1; 0 before the first.
    pub fn epoch(&self) -> usize {
        self.position.epoch
    }

    /// How many epochs there are to be ([`Fit::epochs`](crate::Fit::epochs)).
    pub fn epochs(&self) -> usize {
        self.position.epochs
    }

    /// The first epoch of the run, counted from 1.
    pub fn first_epoch(&self) -> usize {
        self.position.first_epoch
    }

    /// Whether there is a validation set.
    pub fn has_validation(&self) -> bool {
        self.has_validation
    }

    /// How many steps of this epoch are made.
    pub fn step(&self) -> usize {
        self.position.step
    }

    /// How many steps the epoch takes, if its source can tell.
    pub fn steps_in_epoch(&self) -> Option<usize> {
        self.position.steps_in_epoch
    }

    /// How many steps of this run are made, also before it was [resumed](crate::Fit::resume).
    pub fn run_steps(&self) -> u64 {
        self.position.run_steps
    }

    /// How many steps the trainer has made, over all its runs.
    pub fn total_steps(&self) -> u64 {
        self.position.steps
    }

    /// Samples a step.
    pub fn batch_size(&self) -> usize {
        self.position.batch_size
    }

    /// The seed of the order of the samples and of dropout.
    pub fn seed(&self) -> u64 {
        self.position.seed
    }

    /// The learning rate of the step just made; before the first, the one it will have.
    pub fn learning_rate(&self) -> f64 {
        self.position.rate_used
    }

    /// The learning rate of the next step.
    pub fn next_learning_rate(&self) -> f64 {
        self.position.rate()
    }

    /// Makes `rate` the learning rate of the next step, and of those after it: as it is if the rate is constant; a
    /// [schedule](crate::Fit::schedule) goes on, times the factor that makes its next rate this one.
    ///
    /// # Errors
    /// `rate` is not finite or below 0; the schedule is at 0, which no factor changes.
    pub fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        self.position.set_rate(rate)
    }

    /// The parameters, with buffers and the optimizer's state: to save or to look at. What is held makes the next
    /// step write elsewhere instead of in place.
    pub fn params(&self) -> &Params {
        self.params
    }

    /// The epochs that are over.
    pub fn history(&self) -> &History {
        self.history
    }

    /// The mean loss of the step just made. Read from the device, which waits for it.
    ///
    /// # Errors
    /// No step is made yet; the device failed.
    pub fn loss(&self) -> Result<f32> {
        match self.loss {
            Some(loss) => Ok(loss.item()?),
            None => {
                Err(TrainError::Setting { message: "no step is made whose loss could be read".to_owned() })
            }
        }
    }

    /// The mean loss and the metrics of the epoch so far. Read from the device, which waits for it.
    ///
    /// # Errors
    /// The device failed.
    pub fn scores(&self) -> Result<Scores> {
        Ok(self.sums.read()?.scores())
    }

    /// The norm of the gradients of the step just made, before it was clipped; `None` unless
    /// [`Fit::keep_step_norms`](crate::Fit::keep_step_norms).
    pub fn gradient_norm(&self) -> Option<f32> {
        self.history.step_norms().last().copied()
    }

    /// Where the run is: with the [parameters and the optimizer's state](Training::params) all that
    /// [`Fit::resume`](crate::Fit::resume) needs to go on as if nothing had happened. In
    /// [`end_epoch`](Callback::end_epoch) that is the start of the next epoch. Read from the device, which waits for
    /// it.
    ///
    /// # Errors
    /// The device failed.
    pub fn state(&self) -> Result<TrainState> {
        let position = &*self.position;
        let over = position.epoch_is_over;
        let mut history = self.history.clone();
        if !over {
            // the row of an epoch that was stopped half-way will be written when it goes on to its end
            history.forget_from(position.epoch);
        }
        if let Some(reason) = self.stop {
            history.end(reason);
        }
        Ok(TrainState {
            epoch: position.epoch + usize::from(over),
            step: if over { 0 } else { position.step },
            run_steps: position.run_steps,
            steps: position.steps,
            seed: position.seed,
            batch_size: position.batch_size,
            accumulate: position.accumulate,
            shuffle: position.shuffle,
            samples: position.samples,
            optimizer: self.optimizer.to_owned(),
            learning_rate: position.constant,
            last_rate: position.rate_used,
            rate_factor: position.factor,
            seconds: if over { 0.0 } else { position.seconds() },
            sums: if over { SumsState::default() } else { self.sums.state()? },
            metrics: if over { Vec::new() } else { self.meter.state()? },
            loss_scale: self.loss_scale.map(LossScale::read).transpose()?,
            callbacks: (self.callbacks)(),
            history,
        })
    }
}
