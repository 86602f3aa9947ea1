use super::{Schedule, count, factor, rate};
use crate::error::Result;

/// Exponential decay: `rate · factor^(step / steps)`. PyTorch's `ExponentialLR` with `steps` of 1, Keras'
/// `ExponentialDecay` with any.
///
/// ```
/// use anygrad_nn::schedule::{Exponential, Schedule};
/// assert_eq!(Exponential::new(0.8, 0.5).at(3), 0.1);
/// // e^(−λ·step), here with λ = 1
/// let natural = Exponential::natural(0.1, 1.0);
/// assert!((natural.at(2) - 0.013534).abs() < 1e-6);
/// ```
#[doc(alias("ExponentialLR", "ExponentialDecay"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    /// The rate at first.
    pub rate: f64,
    /// What it is multiplied by within `steps` steps.
    pub factor: f64,
    /// How many steps that takes; 1.
    pub steps: u64,
    /// Whether it changes only every `steps` steps, by `factor` at once; false.
    pub staircase: bool,
}

impl Exponential {
    /// From `rate`, times `factor` with each step.
    pub fn new(rate: f64, factor: f64) -> Self {
        Self { rate, factor, steps: 1, staircase: false }
    }

    /// `rate · e^(−decay · step)`.
    pub fn natural(rate: f64, decay: f64) -> Self {
        Self::new(rate, (-decay).exp())
    }
}

impl Schedule for Exponential {
    fn at(&self, step: u64) -> f64 {
        self.rate * self.factor.powf(passed(step, self.steps, self.staircase))
    }

    fn check(&self) -> Result<()> {
        rate("Exponential", "rate", self.rate)?;
        factor("Exponential", "factor", self.factor)?;
        count("Exponential", "steps", self.steps)
    }
}

/// Inverse time (hyperbolic) decay: `rate / (1 + decay · step / steps)`. Keras' `InverseTimeDecay`.
///
/// Its sum over all steps is infinite and that of its squares is not, which are the conditions of Robbins & Monro
/// (1951) for stochastic descent to converge.
///
/// ```
/// use anygrad_nn::schedule::{InverseTime, Schedule};
/// let schedule = InverseTime::new(0.1, 1.0);
/// assert_eq!([0, 1, 3].map(|step| schedule.at(step)), [0.1, 0.05, 0.025]);
/// ```
#[doc(alias = "InverseTimeDecay")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseTime {
    /// The rate at first.
    pub rate: f64,
    /// How fast it falls: with 1 it is half after `steps` steps.
    pub decay: f64,
    /// The unit of time, in steps; 1.
    pub steps: u64,
    /// Whether it changes only every `steps` steps; false.
    pub staircase: bool,
}

impl InverseTime {
    /// `rate / (1 + decay · step)`.
    pub fn new(rate: f64, decay: f64) -> Self {
        Self { rate, decay, steps: 1, staircase: false }
    }
}

impl Schedule for InverseTime {
    fn at(&self, step: u64) -> f64 {
        self.rate / (1.0 + self.decay * passed(step, self.steps, self.staircase))
    }

    fn check(&self) -> Result<()> {
        rate("InverseTime", "rate", self.rate)?;
        // below 0 the divisor would reach 0
        rate("InverseTime", "decay", self.decay)?;
        count("InverseTime", "steps", self.steps)
    }
}

/// How many times `steps` have passed, in whole numbers for a staircase.
fn passed(step: u64, steps: u64, staircase: bool) -> f64 {
    let steps = steps.max(1);
    if staircase { (step / steps) as f64 } else { step as f64 / steps as f64 }
}
