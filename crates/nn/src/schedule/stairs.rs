use super::{Schedule, count, factor, rate};
use crate::error::{Error, Result};

/// Multiplies the rate by `factor` every `every` steps: `rate · factor^⌊step / every⌋`. PyTorch's `StepLR`.
///
/// ```
/// use anygrad_nn::schedule::{Schedule, Step};
/// let schedule = Step::new(0.1, 30, 0.5);
/// assert_eq!([0, 29, 30, 60].map(|step| schedule.at(step)), [0.1, 0.1, 0.05, 0.025]);
/// ```
#[doc(alias = "StepLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The rate at first.
    pub rate: f64,
    /// How many steps long a rate is kept.
    pub every: u64,
    /// What it is multiplied by then.
    pub factor: f64,
}

impl Step {
    /// From `rate`, times `factor` every `every` steps.
    pub fn new(rate: f64, every: u64, factor: f64) -> Self {
        Self { rate, every, factor }
    }
}

impl Schedule for Step {
    fn at(&self, step: u64) -> f64 {
        self.rate * self.factor.powf((step / self.every.max(1)) as f64)
    }

    fn check(&self) -> Result<()> {
        rate("Step", "rate", self.rate)?;
        count("Step", "every", self.every)?;
        factor("Step", "factor", self.factor)
    }
}

/// Multiplies the rate by `factor` at each of a list of steps: `rate · factor^(milestones that are reached)`.
/// PyTorch's `MultiStepLR`.
///
/// ```
/// use anygrad_nn::schedule::{MultiStep, Schedule};
/// let schedule = MultiStep::new(0.1, [30, 40], 0.5);
/// assert_eq!([0, 30, 39, 40].map(|step| schedule.at(step)), [0.1, 0.05, 0.05, 0.025]);
/// ```
#[doc(alias = "MultiStepLR")]
#[derive(Clone, Debug, PartialEq)]
pub struct MultiStep {
    /// The rate at first.
    pub rate: f64,
    /// The steps with which it changes, in rising order.
    pub milestones: Vec<u64>,
    /// What it is multiplied by then.
    pub factor: f64,
}

impl MultiStep {
    /// From `rate`, times `factor` at each of `milestones`.
    pub fn new(rate: f64, milestones: impl Into<Vec<u64>>, factor: f64) -> Self {
        Self { rate, milestones: milestones.into(), factor }
    }
}

impl Schedule for MultiStep {
    fn at(&self, step: u64) -> f64 {
        let reached = self.milestones.iter().filter(|&&milestone| milestone <= step).count();
        self.rate * self.factor.powf(reached as f64)
    }

    fn check(&self) -> Result<()> {
        rate("MultiStep", "rate", self.rate)?;
        factor("MultiStep", "factor", self.factor)?;
        if self.milestones.is_sorted() {
            return Ok(());
        }
        let message = format!("milestones are {:?}; they must be in rising order", self.milestones);
        Err(Error::Setting { what: "MultiStep", message })
    }
}
