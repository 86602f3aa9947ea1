//! Learning rates that change from step to step.
//!
//! A schedule is a function from the number of a step, counted from 0, to a rate. It keeps no state, so training that
//! goes on from a checkpoint needs nothing but the number of its step; [`ReduceOnPlateau`] alone, which watches a
//! metric, has a state to store. Rates are run-time numbers of the plan: no rate costs a new plan.
//!
//! ```
//! use anygrad_nn::schedule::{Cosine, Schedule, Warmup};
//!
//! // 10 steps up to 0.1, then down along a cosine to 0.001 in 90
//! let schedule = Warmup::new(10, Cosine { floor: 0.001, ..Cosine::new(0.1, 90) });
//! schedule.check()?;
//! assert_eq!(schedule.at(5), 0.05);
//! assert_eq!(schedule.at(10), 0.1);
//! assert_eq!(schedule.at(1000), 0.001);
//! # Ok::<(), anygrad_nn::Error>(())
//! ```

mod cosine;
mod cyclic;
mod decay;
mod epochs;
mod one_cycle;
mod plateau;
mod sequence;
mod slope;
mod stairs;
mod warmup;

pub use cosine::{Cosine, CosineRestarts};
pub use cyclic::{Cyclic, CyclicMode};
pub use decay::{Exponential, InverseTime};
pub use epochs::{EverySteps, by_epoch};
pub use one_cycle::{Anneal, OneCycle};
pub use plateau::{Mode, ReduceOnPlateau, Threshold};
pub use sequence::Sequence;
pub use slope::{Linear, Polynomial};
pub use stairs::{MultiStep, Step};
pub use warmup::Warmup;

use std::sync::Arc;

use crate::error::{Error, Result};

/// A learning rate for each step. A number is the constant schedule, and a closure from the step to the rate is a
/// schedule of your own:
///
/// ```
/// use anygrad_nn::schedule::Schedule;
///
/// fn rates(schedule: &dyn Schedule) -> Vec<f64> {
///     (0..3).map(|step| schedule.at(step)).collect()
/// }
/// assert_eq!(rates(&0.1), [0.1, 0.1, 0.1]);
/// assert_eq!(rates(&|step: u64| 1.0 / (1.0 + step as f64)), [1.0, 0.5, 1.0 / 3.0]);
/// ```
pub trait Schedule: Send + Sync {
    /// The rate of step `step`, counted from 0.
    fn at(&self, step: u64) -> f64;

    /// Whether the settings make sense. Call it once, before training.
    ///
    /// # Errors
    /// A setting out of range, named.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// This schedule with epochs for steps: the rate stays as it is for `steps` steps. See [`EverySteps`].
    fn per_epoch(self, steps: u64) -> EverySteps<Self>
    where
        Self: Sized,
    {
        EverySteps::new(steps, self)
    }
}

impl Schedule for f64 {
    fn at(&self, _: u64) -> f64 {
        *self
    }

    fn check(&self) -> Result<()> {
        rate("constant schedule", "the rate", *self)
    }
}

impl<F: Fn(u64) -> f64 + Send + Sync> Schedule for F {
    fn at(&self, step: u64) -> f64 {
        self(step)
    }
}

impl Schedule for Box<dyn Schedule> {
    fn at(&self, step: u64) -> f64 {
        (**self).at(step)
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }
}

impl Schedule for Arc<dyn Schedule> {
    fn at(&self, step: u64) -> f64 {
        (**self).at(step)
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }
}

/// An error unless `good`: `what: name is value; it must be must`.
fn ensure(
    good: bool,
    what: &'static str,
    name: &str,
    value: impl std::fmt::Display,
    must: &str,
) -> Result<()> {
    if good {
        return Ok(());
    }
    Err(Error::Setting { what, message: format!("{name} is {value}; it must be {must}") })
}

/// An error unless `value` can be a rate.
fn rate(what: &'static str, name: &str, value: f64) -> Result<()> {
    ensure(value.is_finite() && value >= 0.0, what, name, value, "finite and not below 0")
}

/// An error unless `value` is a factor that keeps rates finite.
fn factor(what: &'static str, name: &str, value: f64) -> Result<()> {
    ensure(value > 0.0 && value.is_finite(), what, name, value, "finite and above 0")
}

/// An error unless `value` counts something.
fn count(what: &'static str, name: &str, value: u64) -> Result<()> {
    ensure(value > 0, what, name, value, "at least 1")
}

/// How far `step` is on its way of `steps`: from 0 to 1, where it stays.
fn progress(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}
