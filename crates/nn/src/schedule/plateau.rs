use super::{Schedule, ensure, factor, rate};
use crate::error::{Error, Result};

/// Whether a metric is better when it is lower or when it is higher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Lower is better: a loss.
    #[default]
    Min,
    /// Higher is better: an accuracy.
    Max,
}

/// By how much a metric has to be better than the best one so far to count as better.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Threshold {
    /// By this part of the best: below `best · (1 − t)`, or above `best · (1 + t)`.
    Relative(f64),
    /// By this much: below `best − t`, or above `best + t`.
    Absolute(f64),
}

impl Default for Threshold {
    fn default() -> Self {
        Self::Relative(1e-4)
    }
}

/// Multiplies the rate by a factor whenever a metric has not become better for a while. PyTorch's
/// `ReduceLROnPlateau`, with its formulas and defaults. Give it the metric of each epoch.
///
/// With a factor above 1 it raises the rate instead, which may carry weights out of where they are stuck.
///
/// ```
/// use anygrad_nn::schedule::ReduceOnPlateau;
/// let mut plateau = ReduceOnPlateau::new(0.1).factor(0.5).patience(1);
/// let losses = [2.0, 1.0, 1.0, 1.0, 0.5];
/// assert_eq!(losses.map(|loss| plateau.update(loss)), [0.1, 0.1, 0.1, 0.05, 0.05]);
/// // to go on from a checkpoint
/// let mut again = ReduceOnPlateau::new(0.1).factor(0.5).patience(1);
/// again.restore(plateau.state())?;
/// assert_eq!(again.rate(), 0.05);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[doc(alias = "ReduceLROnPlateau")]
#[derive(Clone, Debug, PartialEq)]
pub struct ReduceOnPlateau {
    mode: Mode,
    factor: f64,
    patience: u64,
    cooldown: u64,
    threshold: Threshold,
    min_rate: f64,
    max_rate: f64,
    eps: f64,
    rate: f64,
    best: f64,
    /// How many metrics in a row were no better.
    bad: u64,
    /// How many more metrics do not count.
    resting: u64,
}

impl ReduceOnPlateau {
    /// From `rate`: times 0.1 after more than 10 metrics without a lower one.
    pub fn new(rate: f64) -> Self {
        Self {
            mode: Mode::Min,
            factor: 0.1,
            patience: 10,
            cooldown: 0,
            threshold: Threshold::default(),
            min_rate: 0.0,
            max_rate: f64::INFINITY,
            eps: 1e-8,
            rate,
            best: f64::INFINITY,
            bad: 0,
            resting: 0,
        }
    }

    /// Whether lower or higher is better; lower.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self.best = if mode == Mode::Min { f64::INFINITY } else { f64::NEG_INFINITY };
        self
    }

    /// What the rate is multiplied by; 0.1.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// How many metrics in a row may be no better; 10. With one more the rate changes.
    #[must_use]
    pub fn patience(mut self, patience: u64) -> Self {
        self.patience = patience;
        self
    }

    /// How many metrics do not count after a change; 0.
    #[must_use]
    pub fn cooldown(mut self, cooldown: u64) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// What counts as better; a part of 1e-4.
    #[must_use]
    pub fn threshold(mut self, threshold: Threshold) -> Self {
        self.threshold = threshold;
        self
    }

    /// What the rate does not fall below; 0.
    #[must_use]
    pub fn min_rate(mut self, min_rate: f64) -> Self {
        self.min_rate = min_rate;
        self
    }

    /// What the rate does not rise above, for factors above 1; no limit.
    #[must_use]
    pub fn max_rate(mut self, max_rate: f64) -> Self {
        self.max_rate = max_rate;
        self
    }

    /// Changes of the rate that are not larger are left out; 1e-8.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The rate now.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The best metric so far, which is infinite before the first.
    pub fn best(&self) -> f64 {
        self.best
    }

    /// The rate after a metric. One that is NaN is no better than any other.
    pub fn update(&mut self, metric: f64) -> f64 {
        if self.is_better(metric) {
            self.best = metric;
            self.bad = 0;
        } else {
            self.bad += 1;
        }
        if self.resting > 0 {
            self.resting -= 1;
            self.bad = 0;
        }
        if self.bad > self.patience {
            let next = (self.rate * self.factor).max(self.min_rate).min(self.max_rate);
            if (self.rate - next).abs() > self.eps {
                self.rate = next;
            }
            self.resting = self.cooldown;
            self.bad = 0;
        }
        self.rate
    }

    /// What has to be stored to go on later: the rate, the best metric, the number of metrics in a row that were no
    /// better, and the number of those that will not count.
    pub fn state(&self) -> [f64; 4] {
        [self.rate, self.best, self.bad as f64, self.resting as f64]
    }

    /// Goes on from where [`state`](ReduceOnPlateau::state) was taken.
    ///
    /// # Errors
    /// The numbers are no such state: a rate that is no rate, a best metric that is NaN, a count that is no count.
    pub fn restore(&mut self, [rate, best, bad, resting]: [f64; 4]) -> Result<()> {
        self::rate(WHAT, "the stored rate", rate)?;
        ensure(!best.is_nan(), WHAT, "the stored best metric", best, "a number")?;
        let counts = |value: f64| value >= 0.0 && value.fract() == 0.0 && value < 2f64.powi(53);
        ensure(counts(bad), WHAT, "the stored count of metrics", bad, "a whole number from 0")?;
        ensure(counts(resting), WHAT, "the stored rest", resting, "a whole number from 0")?;
        (self.rate, self.best, self.bad, self.resting) = (rate, best, bad as u64, resting as u64);
        Ok(())
    }

    fn is_better(&self, metric: f64) -> bool {
        match (self.mode, self.threshold) {
            (Mode::Min, Threshold::Relative(t)) => metric < self.best * (1.0 - t),
            (Mode::Min, Threshold::Absolute(t)) => metric < self.best - t,
            (Mode::Max, Threshold::Relative(t)) => metric > self.best * (1.0 + t),
            (Mode::Max, Threshold::Absolute(t)) => metric > self.best + t,
        }
    }
}

const WHAT: &str = "ReduceOnPlateau";

/// The rate now, whatever the step: only [`update`](ReduceOnPlateau::update) changes it.
impl Schedule for ReduceOnPlateau {
    fn at(&self, _: u64) -> f64 {
        self.rate
    }

    fn check(&self) -> Result<()> {
        rate(WHAT, "rate", self.rate)?;
        factor(WHAT, "factor", self.factor)?;
        ensure(self.factor != 1.0, WHAT, "factor", self.factor, "below or above 1")?;
        rate(WHAT, "min_rate", self.min_rate)?;
        rate(WHAT, "eps", self.eps)?;
        let (Threshold::Relative(t) | Threshold::Absolute(t)) = self.threshold;
        ensure(t >= 0.0 && t.is_finite(), WHAT, "threshold", t, "finite and not below 0")?;
        if self.max_rate >= self.min_rate {
            return Ok(());
        }
        let message =
            format!("max_rate is {}; it must not be below min_rate, {}", self.max_rate, self.min_rate);
        Err(Error::Setting { what: WHAT, message })
    }
}
