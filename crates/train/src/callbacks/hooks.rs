use super::{Callback, Flow, Training};
use crate::{EpochRow, Result};

/// A function as a callback: called after every epoch. For more than one event implement [`Callback`].
///
/// ```
/// use anygrad_data::synthetic;
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params, Sgd, cross_entropy};
/// use anygrad_train::{Fit, Flow, Progress, Trainer, callbacks::{OnEpoch, OnStep}};
/// let params = Params::new(&Device::cpu(), 42);
/// let mut trainer = Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Sgd::default());
/// let data = synthetic::blobs(100, 3, 0.4, 7)?;
/// let mut steps = 0;
/// let mut count = OnStep::new(|_| {
///     steps += 1;
///     Ok(Flow::Continue)
/// });
/// let mut stop = OnEpoch::new(|row, _| match row.epoch {
///     2 => Ok(Flow::Stop("two are enough".to_owned())),
///     _ => Ok(Flow::Continue),
/// });
/// let fit = Fit { batch_size: 50, progress: Progress::hidden(), ..Fit::default() };
/// let history = trainer.fit(&data, Fit { callbacks: &mut [&mut count, &mut stop], ..fit })?;
/// assert_eq!((history.rows().len(), steps), (2, 4));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OnEpoch<F>(F);

impl<F: FnMut(&EpochRow, &mut Training<'_>) -> Result<Flow>> OnEpoch<F> {
    /// Calls `function` after every epoch.
    pub fn new(function: F) -> Self {
        Self(function)
    }
}

impl<F: FnMut(&EpochRow, &mut Training<'_>) -> Result<Flow>> Callback for OnEpoch<F> {
    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        (self.0)(row, training)
    }
}

/// A function as a callback: called after every step; see [`OnEpoch`].
#[derive(Clone, Debug)]
pub struct OnStep<F>(F);

impl<F: FnMut(&mut Training<'_>) -> Result<Flow>> OnStep<F> {
    /// Calls `function` after every step.
    pub fn new(function: F) -> Self {
        Self(function)
    }
}

impl<F: FnMut(&mut Training<'_>) -> Result<Flow>> Callback for OnStep<F> {
    fn end_step(&mut self, training: &mut Training<'_>) -> Result<Flow> {
        (self.0)(training)
    }
}
