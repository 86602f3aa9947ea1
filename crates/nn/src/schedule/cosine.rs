use std::f64::consts::PI;

use super::{Schedule, count, progress, rate};
use crate::error::Result;

/// Half a cosine from `rate` down to `floor` (Loshchilov & Hutter 2017), where it stays:
/// `floor + (rate − floor) · (1 + cos(π · min(step / steps, 1))) / 2`. PyTorch's `CosineAnnealingLR`, which goes up
/// again after `steps`, and Keras' `CosineDecay`, which stays.
///
/// ```
/// use anygrad_nn::schedule::{Cosine, Schedule};
/// let schedule = Cosine::new(0.1, 100);
/// assert_eq!(schedule.at(0), 0.1);
/// assert!((schedule.at(50) - 0.05).abs() < 1e-12);
/// assert_eq!(schedule.at(200), 0.0);
/// ```
#[doc(alias("CosineAnnealingLR", "CosineDecay"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    /// The rate at first.
    pub rate: f64,
    /// How many steps it falls.
    pub steps: u64,
    /// The rate from step `steps` on; 0.
    pub floor: f64,
}

impl Cosine {
    /// From `rate` to 0 within `steps` steps.
    pub fn new(rate: f64, steps: u64) -> Self {
        Self { rate, steps, floor: 0.0 }
    }
}

impl Schedule for Cosine {
    fn at(&self, step: u64) -> f64 {
        half_cosine(self.rate, self.floor, progress(step, self.steps))
    }

    fn check(&self) -> Result<()> {
        rate("Cosine", "rate", self.rate)?;
        rate("Cosine", "floor", self.floor)?;
        count("Cosine", "steps", self.steps)
    }
}

/// Cosines with warm restarts (Loshchilov & Hutter 2017): falls from `rate` towards `floor` within `period` steps,
/// starts again at `rate`, and each fall is `growth` times as long as the one before. PyTorch's
/// `CosineAnnealingWarmRestarts`. Restarts can carry weights out of where they are stuck.
///
/// ```
/// use anygrad_nn::schedule::{CosineRestarts, Schedule};
/// let schedule = CosineRestarts { growth: 2, ..CosineRestarts::new(0.1, 10) };
/// // falls of 10, 20 and 40 steps
/// assert_eq!([0, 10, 30, 70].map(|step| schedule.at(step)), [0.1; 4]);
/// assert!((schedule.at(20) - 0.05).abs() < 1e-12);
/// ```
#[doc(alias("CosineAnnealingLR", "CosineDecay"))]
#[doc(alias("CosineAnnealingWarmRestarts", "CosineDecayRestarts"))]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CosineRestarts {
    /// The rate after each restart.
    pub rate: f64,
    /// How many steps the first fall takes.
    pub period: u64,
    /// How many times longer each fall is than the one before; 1.
    pub growth: u64,
    /// What the rate falls to; 0.
    pub floor: f64,
}

impl CosineRestarts {
    /// From `rate` to 0, again and again, every `period` steps.
    pub fn new(rate: f64, period: u64) -> Self {
        Self { rate, period, growth: 1, floor: 0.0 }
    }
}

impl Schedule for CosineRestarts {
    fn at(&self, step: u64) -> f64 {
        let (mut period, mut step) = (self.period.max(1), step);
        if self.growth <= 1 {
            step %= period;
        }
        while step >= period {
            step -= period;
            period = period.saturating_mul(self.growth);
        }
        half_cosine(self.rate, self.floor, step as f64 / period as f64)
    }

    fn check(&self) -> Result<()> {
        rate("CosineRestarts", "rate", self.rate)?;
        rate("CosineRestarts", "floor", self.floor)?;
        count("CosineRestarts", "period", self.period)?;
        count("CosineRestarts", "growth", self.growth)
    }
}

/// From `from` to `to` along half a cosine; `part` is in [0, 1].
pub(super) fn half_cosine(from: f64, to: f64, part: f64) -> f64 {
    to + (from - to) * (1.0 + (PI * part).cos()) / 2.0
}
