use crate::error::{Error, Result};

/// An exponential average of numbers: `v = decay · v + (1 − decay) · x` from `v = 0`, which is about the mean of the
/// last 1 / (1 − decay) numbers. For smooth curves of losses and the like; weights are averaged by
/// [`Ema`](crate::Ema).
///
/// ```
/// use anygrad_nn::ExponentialAverage;
/// let mut average = ExponentialAverage::new(0.9)?;
/// for loss in [1.0, 1.0, 1.0] {
///     average.push(loss);
/// }
/// assert!((average.value() - 0.271).abs() < 1e-12); // the 0 it started from still counts
/// assert!((average.corrected() - 1.0).abs() < 1e-12);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialAverage {
    decay: f64,
    value: f64,
    count: u64,
}

impl ExponentialAverage {
    /// An average that keeps `decay` of itself with every number.
    ///
    /// # Errors
    /// `decay` is not in [0, 1).
    pub fn new(decay: f64) -> Result<Self> {
        if (0.0..1.0).contains(&decay) {
            return Ok(Self { decay, value: 0.0, count: 0 });
        }
        let message = format!("decay is {decay}; it must be in [0, 1)");
        Err(Error::Setting { what: "ExponentialAverage", message })
    }

    /// Adds a number, and gives the average with it, not corrected.
    pub fn push(&mut self, x: f64) -> f64 {
        self.count += 1;
        self.value = self.decay * self.value + (1.0 - self.decay) * x;
        self.value
    }

    /// The average, 0 before the first number.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The average without the share of the 0 it started from, `v / (1 − decayᵗ)` after `t` numbers; NaN before the
    /// first.
    pub fn corrected(&self) -> f64 {
        self.value / (1.0 - self.decay.powf(self.count as f64))
    }
}
