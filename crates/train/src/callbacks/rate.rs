use super::{Callback, Flow, Training};
use crate::{EpochRow, Result};

/// Sets the learning rate of every epoch by a function of the epoch, counted from 1, and of the rate before it. Keras'
/// `LearningRateScheduler`, whose epochs count from 0. For a rate that changes from step to step see
/// [`Fit::schedule`](crate::Fit::schedule).
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params, Sgd, cross_entropy};
/// use anygrad_train::{Fit, Progress, Trainer, callbacks::RateScheduler};
/// let params = Params::new(&Device::cpu(), 42);
/// let mut trainer = Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Sgd::default());
/// let data = synthetic::blobs(100, 3, 0.4, 7)?;
/// let mut halves = RateScheduler::new(|epoch, rate| if epoch > 1 { rate / 2.0 } else { rate });
/// let fit = Fit { epochs: 3, learning_rate: 0.5, progress: Progress::hidden(), ..Fit::default() };
/// let history = trainer.fit(&data, Fit { callbacks: &mut [&mut halves], ..fit })?;
/// let rates: Vec<f32> = history.rows().iter().map(|row| row.learning_rate).collect();
/// assert_eq!(rates, [0.5, 0.25, 0.125]);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateScheduler<F> {
    rate: F,
}

impl<F: FnMut(usize, f64) -> f64> RateScheduler<F> {
    /// Epoch `epoch` is trained with `rate(epoch, rate before)`.
    pub fn new(rate: F) -> Self {
        Self { rate }
    }
}

impl<F: FnMut(usize, f64) -> f64> Callback for RateScheduler<F> {
    fn begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        // a run that goes on has the rate of its epoch already
        if training.run_steps() > 0 {
            return Ok(());
        }
        let first = training.first_epoch();
        training.set_learning_rate((self.rate)(first, training.next_learning_rate()))
    }

    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        training.set_learning_rate((self.rate)(row.epoch + 1, training.next_learning_rate()))?;
        Ok(Flow::Continue)
    }
}
