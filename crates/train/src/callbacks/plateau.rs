use anygrad_nn::schedule::{ReduceOnPlateau, Schedule};

use super::{Callback, Flow, Training, watched};
use crate::{EpochRow, Monitor, Result, TrainError};

/// Changes the learning rate when a number has not become better for a while, by the rules of [`ReduceOnPlateau`]: of
/// the validation loss, or of the training loss without a validation set, unless another is to be watched. Its mode is
/// that of the [`ReduceOnPlateau`].
///
/// Where there is a [schedule](crate::Fit::schedule), it is scaled by the same factor from then on.
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params, Sgd, cross_entropy, schedule::ReduceOnPlateau};
/// use anygrad_train::{Fit, Progress, Trainer, callbacks::PlateauRate};
/// let params = Params::new(&Device::cpu(), 42);
/// let mut trainer = Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Sgd::default());
/// let data = synthetic::blobs(100, 3, 0.4, 7)?;
/// // a rate so large that the loss does not fall
/// let mut plateau = PlateauRate::new(ReduceOnPlateau::new(100.0).factor(0.1).patience(1));
/// let fit = Fit { epochs: 20, learning_rate: 100.0, progress: Progress::hidden(), ..Fit::default() };
/// let history = trainer.fit(&data, Fit { callbacks: &mut [&mut plateau], ..fit })?;
/// assert!(history.last().is_some_and(|row| row.learning_rate < 100.0));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PlateauRate {
    rule: ReduceOnPlateau,
    monitor: Option<Monitor>,
}

impl PlateauRate {
    /// Changes the rate by `rule`, whose own rate at the beginning is of no account but for its limits.
    pub fn new(rule: ReduceOnPlateau) -> Self {
        Self { rule, monitor: None }
    }

    /// Watches another number: `Monitor::lowest("loss")`. Whether lower or higher is better, the rule says.
    #[must_use]
    pub fn monitor(mut self, monitor: Monitor) -> Self {
        self.monitor = Some(monitor);
        self
    }

    /// The rule, with its best number so far.
    pub fn rule(&self) -> &ReduceOnPlateau {
        &self.rule
    }
}

impl Callback for PlateauRate {
    fn begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        Ok(self.rule.check()?)
    }

    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        if let Some(value) = watched(self.monitor.as_ref(), row, training)? {
            let before = self.rule.rate();
            let after = self.rule.update(value);
            if after != before && before > 0.0 {
                // whoever else changes the rate does so by a factor, too
                training.set_learning_rate(training.next_learning_rate() * (after / before))?;
            }
        }
        Ok(Flow::Continue)
    }

    fn state(&self) -> Vec<f64> {
        self.rule.state().to_vec()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let &[rate, best, bad, resting] = state else {
            let message = format!("the state of PlateauRate is 4 numbers, not {}", state.len());
            return Err(TrainError::Setting { message });
        };
        Ok(self.rule.restore([rate, best, bad, resting])?)
    }
}
