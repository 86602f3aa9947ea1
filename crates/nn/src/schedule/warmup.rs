use super::{Schedule, ensure};
use crate::error::Result;

/// A straight rise to the first rate of another schedule, which then starts at its step 0:
///
/// ```text
/// step < steps:  inner(0) · (from + (1 − from) · step / steps)
/// else:          inner(step − steps)
/// ```
///
/// PyTorch's `SequentialLR` of `LinearLR` and the other. With `from` of 0 the first step moves nothing and fills the
/// averages of the optimizer only, as with Keras' and Transformers' warm-ups.
///
/// ```
/// use anygrad_nn::schedule::{Exponential, Schedule, Warmup};
/// let schedule = Warmup { from: 0.5, ..Warmup::new(2, Exponential::new(0.5, 0.5)) };
/// assert_eq!([0, 1, 2, 3].map(|step| schedule.at(step)), [0.25, 0.375, 0.5, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warmup<S> {
    /// How many steps it rises.
    pub steps: u64,
    /// The part of the first rate it starts from, in [0, 1]; 0.
    pub from: f64,
    /// What comes after it.
    pub inner: S,
}

impl<S: Schedule> Warmup<S> {
    /// `steps` steps from 0 to the first rate of `inner`.
    pub fn new(steps: u64, inner: S) -> Self {
        Self { steps, from: 0.0, inner }
    }
}

impl<S: Schedule> Schedule for Warmup<S> {
    fn at(&self, step: u64) -> f64 {
        match step.checked_sub(self.steps) {
            Some(after) => self.inner.at(after),
            None => {
                let part = step as f64 / self.steps as f64;
                self.inner.at(0) * (self.from + (1.0 - self.from) * part)
            }
        }
    }

    fn check(&self) -> Result<()> {
        ensure((0.0..=1.0).contains(&self.from), "Warmup", "from", self.from, "in [0, 1]")?;
        self.inner.check()
    }
}
