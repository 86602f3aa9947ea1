use super::{Schedule, count};
use crate::error::Result;

/// Another schedule whose steps are epochs: `inner(⌊step / steps⌋)`.
///
/// ```
/// use anygrad_nn::schedule::{InverseTime, Schedule};
/// // 461 batches an epoch
/// let schedule = InverseTime::new(0.1, 1.0).per_epoch(461);
/// assert_eq!([0, 460, 461, 922 + 461].map(|step| schedule.at(step)), [0.1, 0.1, 0.05, 0.025]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EverySteps<S> {
    /// The number of steps of an epoch.
    pub steps: u64,
    /// The schedule by epoch.
    pub inner: S,
}

impl<S: Schedule> EverySteps<S> {
    /// `inner`, with one of its steps for each `steps`.
    pub fn new(steps: u64, inner: S) -> Self {
        Self { steps, inner }
    }
}

impl<S: Schedule> Schedule for EverySteps<S> {
    fn at(&self, step: u64) -> f64 {
        self.inner.at(step / self.steps.max(1))
    }

    fn check(&self) -> Result<()> {
        count("EverySteps", "steps", self.steps)?;
        self.inner.check()
    }
}

/// A schedule of your own that is given the epoch and the step within it, both counted from 0, where an epoch has
/// `steps` steps.
///
/// ```
/// use anygrad_nn::schedule::{Schedule, by_epoch};
/// let schedule = by_epoch(100, |epoch, step| if step < 10 { 0.01 } else { 0.1 / (1 + epoch) as f64 });
/// assert_eq!([5, 50, 105, 150].map(|step| schedule.at(step)), [0.01, 0.1, 0.01, 0.05]);
/// ```
pub fn by_epoch(steps: u64, rate: impl Fn(u64, u64) -> f64 + Send + Sync) -> impl Schedule {
    let steps = steps.max(1);
    move |step: u64| rate(step / steps, step % steps)
}
