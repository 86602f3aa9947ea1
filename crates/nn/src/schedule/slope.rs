use super::{Schedule, count, factor, progress, rate};
use crate::error::Result;

/// A straight line between two rates: `from + (to − from) · min(step / steps, 1)`. PyTorch's `LinearLR`, which takes
/// factors of a rate instead.
///
/// ```
/// use anygrad_nn::schedule::{Linear, Schedule};
/// let schedule = Linear::new(0.5, 0.0, 4);
/// assert_eq!([0, 1, 2, 4, 9].map(|step| schedule.at(step)), [0.5, 0.375, 0.25, 0.0, 0.0]);
/// ```
#[doc(alias = "LinearLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    /// The rate at first.
    pub from: f64,
    /// The rate from step `steps` on.
    pub to: f64,
    /// How many steps it takes to get there.
    pub steps: u64,
}

impl Linear {
    /// From the rate `from` to the rate `to` within `steps` steps.
    pub fn new(from: f64, to: f64, steps: u64) -> Self {
        Self { from, to, steps }
    }
}

impl Schedule for Linear {
    fn at(&self, step: u64) -> f64 {
        self.from + (self.to - self.from) * progress(step, self.steps)
    }

    fn check(&self) -> Result<()> {
        rate("Linear", "from", self.from)?;
        rate("Linear", "to", self.to)?;
        count("Linear", "steps", self.steps)
    }
}

/// Falls along a power of the steps that are left: `end + (rate − end) · (1 − min(step / steps, 1))^power`.
/// PyTorch's `PolynomialLR` with `end` of 0, Keras' `PolynomialDecay` with any.
///
/// ```
/// use anygrad_nn::schedule::{Polynomial, Schedule};
/// let schedule = Polynomial { power: 2.0, ..Polynomial::new(0.8, 4) };
/// assert_eq!([0, 2, 4, 9].map(|step| schedule.at(step)), [0.8, 0.2, 0.0, 0.0]);
/// ```
#[doc(alias("PolynomialLR", "PolynomialDecay"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polynomial {
    /// The rate at first.
    pub rate: f64,
    /// How many steps it falls.
    pub steps: u64,
    /// The power: 1, the default, is a straight line.
    pub power: f64,
    /// The rate from step `steps` on; 0.
    pub end: f64,
}

impl Polynomial {
    /// From `rate` to 0 in a straight line of `steps` steps.
    pub fn new(rate: f64, steps: u64) -> Self {
        Self { rate, steps, power: 1.0, end: 0.0 }
    }
}

impl Schedule for Polynomial {
    fn at(&self, step: u64) -> f64 {
        self.end + (self.rate - self.end) * (1.0 - progress(step, self.steps)).powf(self.power)
    }

    fn check(&self) -> Result<()> {
        rate("Polynomial", "rate", self.rate)?;
        rate("Polynomial", "end", self.end)?;
        factor("Polynomial", "power", self.power)?;
        count("Polynomial", "steps", self.steps)
    }
}
