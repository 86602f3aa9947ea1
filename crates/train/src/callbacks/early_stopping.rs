use anygrad_nn::Snapshot;

use super::{Callback, Flow, Training, watched};
use crate::{EpochRow, Monitor, Result, TrainError};

/// Ends the training when a number has not become better for `patience` epochs, and goes back to the weights of the
/// best epoch. Keras' `EarlyStopping`, but that the best weights are restored unless told otherwise.
///
/// An epoch is better if it beats the best so far by more than [`min_delta`](EarlyStopping::min_delta). What is
/// restored are the parameters, the buffers and the optimizer's state; the copy of the best epoch stays on the device.
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Adam, Linear, Params, cross_entropy};
/// use anygrad_train::{Fit, Progress, Trainer, callbacks::EarlyStopping};
/// let params = Params::new(&Device::cpu(), 42);
/// let mut trainer = Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Adam::default());
/// let (train, validation) = synthetic::blobs(200, 3, 0.4, 7)?.split(0.5, 1)?;
/// let mut stopping = EarlyStopping::new(3);
/// let fit = Fit { epochs: 200, learning_rate: 0.3, progress: Progress::hidden(), ..Fit::default() };
/// let fit = Fit { validation: Some(&validation), callbacks: &mut [&mut stopping], ..fit };
/// let history = trainer.fit(&train, fit)?;
/// let best = history.best().and_then(|row| row.validation.as_ref()).map(|scores| scores.loss);
/// assert_eq!(Some(trainer.evaluate(&validation)?.loss), best);
/// assert_eq!(stopping.best_epoch() + 3, history.rows().len());
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct EarlyStopping {
    monitor: Option<Monitor>,
    patience: usize,
    min_delta: f64,
    baseline: Option<f64>,
    first_epoch: usize,
    restore_best: bool,
    best: f64,
    best_epoch: usize,
    /// Epochs since the last better one.
    waited: usize,
    weights: Option<Snapshot>,
}

impl EarlyStopping {
    /// Watches the validation loss, or the training loss without a validation set, and ends the training after
    /// `patience` epochs in a row that are no better.
    pub fn new(patience: usize) -> Self {
        Self {
            monitor: None,
            patience,
            min_delta: 0.0,
            baseline: None,
            first_epoch: 1,
            restore_best: true,
            best: f64::NAN,
            best_epoch: 0,
            waited: 0,
            weights: None,
        }
    }

    /// Watches another number: `Monitor::highest("val_accuracy")`.
    #[must_use]
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = Some(monitor);
        self
    }

    /// By how much an epoch has to be better to count; 0.
    #[must_use]
    pub fn min_delta(mut self, min_delta: f64) -> Self {
        self.min_delta = min_delta;
        self
    }

    /// What has to be beaten: without it epochs do not count as better, and training ends after `patience` of them;
    /// none.
    #[must_use]
    pub fn baseline(mut self, baseline: f64) -> Self {
        self.baseline = Some(baseline);
        self
    }

    /// The first epoch that is watched; 1.
    #[must_use]
    pub fn first_epoch(mut self, epoch: usize) -> Self {
        self.first_epoch = epoch;
        self
    }

    /// Whether the weights of the best epoch are restored when the run is over; they are.
    #[must_use]
    pub fn restore_best(mut self, on: bool) -> Self {
        self.restore_best = on;
        self
    }

    /// The epoch whose number was best, counted from 1; 0 before the first.
    pub fn best_epoch(&self) -> usize {
        self.best_epoch
    }

    /// The best number; NaN before the first epoch.
    pub fn best(&self) -> f64 {
        self.best
    }

    /// Whether `value` beats `other`.
    fn beats(&self, value: f64, other: f64) -> bool {
        match self.monitor.as_ref().is_some_and(Monitor::higher_is_better) {
            true => value > other + self.min_delta,
            false => value < other - self.min_delta,
        }
    }
}

impl Callback for EarlyStopping {
    fn begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        let wrong = |message: String| Err(TrainError::Setting { message });
        if self.patience == 0 {
            return wrong("the patience of EarlyStopping is 0; it must be at least 1".to_owned());
        }
        if !(self.min_delta.is_finite() && self.min_delta >= 0.0) {
            let (delta, must) = (self.min_delta, "it must be finite and not below 0");
            return wrong(format!("the min_delta of EarlyStopping is {delta}; {must}"));
        }
        Ok(())
    }

    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        let value = watched(self.monitor.as_ref(), row, training)?;
        let Some(value) = value.filter(|_| row.epoch >= self.first_epoch) else { return Ok(Flow::Continue) };
        self.waited += 1;
        // a best that is NaN is none yet
        if !value.is_nan() && (self.best.is_nan() || self.beats(value, self.best)) {
            (self.best, self.best_epoch) = (value, row.epoch);
            if self.restore_best {
                self.weights = Some(training.params().snapshot()?);
            }
            if self.baseline.is_none_or(|baseline| self.beats(value, baseline)) {
                self.waited = 0;
            }
        }
        if self.waited < self.patience {
            return Ok(Flow::Continue);
        }
        Ok(Flow::Stop(format!("no better epoch than {} in {} epochs", self.best_epoch, self.patience)))
    }

    fn end(&mut self, training: &mut Training<'_>) -> Result<()> {
        match self.weights.take() {
            Some(weights) => Ok(training.params().restore(&weights)?),
            None => Ok(()),
        }
    }

    fn state(&self) -> Vec<f64> {
        vec![self.best, self.best_epoch as f64, self.waited as f64]
    }

    /// The best weights are not among these numbers: after a restart, they are restored only if a later epoch is
    /// better still.
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let &[best, epoch, waited] = state else {
            let message = format!("the state of EarlyStopping is 3 numbers, not {}", state.len());
            return Err(TrainError::Setting { message });
        };
        (self.best, self.best_epoch, self.waited) = (best, epoch as usize, waited as usize);
        Ok(())
    }
}
