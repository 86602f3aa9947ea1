use std::fmt;

use crate::History;

/// What a loss curve says about its learning rate; see [`History::diagnosis`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// The loss still falls steadily, and has not fallen far: the rate may be higher.
    Slow,
    /// The loss fell far.
    Good,
    /// The loss fell at first and then stuck well above its lowest possible value: the rate should be lower.
    Stuck,
    /// The loss rose, or is no number: the rate is far too high.
    Rising,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slow => "the loss falls slowly: try a higher learning rate",
            Self::Good => "the loss falls well",
            Self::Stuck => "the loss fell and then stuck: try a lower learning rate",
            Self::Rising => "the loss rises: the learning rate is far too high",
        })
    }
}

impl History {
    /// Which of the four usual shapes the curve of the training loss has: of its steps if they were
    /// [kept](crate::Fit::keep_step_losses), else of its epochs. A rule of thumb for losses whose lowest value is 0; the
    /// start is the mean of the first 2 % of the curve, middle and end are means of a tenth of it:
    ///
    /// ```text
    /// rising  a value is no number, or end > 1.05 · start
    /// good    end < start / 2
    /// slow    more than a tenth of the fall is behind the middle, or the fall is below 2 % of the start
    /// stuck   otherwise: all of the fall was early
    /// ```
    ///
    /// `None` for fewer than 4 values.
    ///
    /// ```
    /// use anygrad_train::{Diagnosis, History};
    /// let mut history = History::new();
    /// (0..20).for_each(|step| history.push_step(2.0 - 0.01 * step as f32));
    /// assert_eq!(history.diagnosis(), Some(Diagnosis::Slow));
    /// ```
    pub fn diagnosis(&self) -> Option<Diagnosis> {
        let losses: Vec<f64> = match self.step_losses() {
            [] => self.rows().iter().map(|row| f64::from(row.train.loss)).collect(),
            steps => steps.iter().copied().map(f64::from).collect(),
        };
        let count = losses.len();
        if count < 4 {
            return None;
        }
        if losses.iter().any(|loss| !loss.is_finite()) {
            return Some(Diagnosis::Rising);
        }
        let mean = |from: usize, values: usize| {
            let values = values.max(1);
            losses.iter().skip(from).take(values).sum::<f64>() / values as f64
        };
        let tenth = count.div_ceil(10);
        let (start, end) = (mean(0, count / 50), mean(count - tenth, tenth));
        let (middle, fall) = (mean(count / 2 - tenth.min(count / 2), tenth), start - end);
        Some(match () {
            () if end > 1.05 * start => Diagnosis::Rising,
            () if end < 0.5 * start => Diagnosis::Good,
            () if middle - end > 0.1 * fall || fall < 0.02 * start => Diagnosis::Slow,
            () => Diagnosis::Stuck,
        })
    }
}
