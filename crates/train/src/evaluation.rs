use std::fmt;

use crate::history::short;
use crate::sums::{ACCURACY, Totals};

/// How well a model does on a data set; see [`Trainer::evaluate`](crate::Trainer::evaluate).
///
/// ```
/// use anygrad_train::Evaluation;
/// let evaluation = Evaluation { loss: 0.0512, accuracy: Some(0.975), n: 360, metrics: vec![] };
/// assert_eq!(evaluation.to_string(), "loss 0.0512, accuracy 97.50 % (351 of 360)");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss.
    pub loss: f32,
    /// The share of samples with the highest score at the label; `None` if the targets are not labels.
    pub accuracy: Option<f32>,
    /// Number of samples.
    pub n: usize,
    /// All metrics by name, in the order in which the trainer has them, the accuracy first.
    pub metrics: Vec<(String, f32)>,
}

impl Evaluation {
    pub(crate) fn new(totals: &Totals, metrics: Vec<(String, f32)>) -> Self {
        Self { loss: totals.loss, accuracy: totals.accuracy, n: totals.samples, metrics }
    }

    /// The metric of this name.
    pub fn metric(&self, name: &str) -> Option<f32> {
        self.metrics.iter().find(|(known, _)| known == name).map(|&(_, value)| value)
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {}", short(self.loss))?;
        match self.accuracy {
            Some(accuracy) => {
                let right = (f64::from(accuracy) * self.n as f64).round();
                write!(f, ", accuracy {:.2} % ({right} of {})", accuracy * 100.0, self.n)?;
            }
            None => write!(f, " ({} samples)", self.n)?,
        }
        let others = self.metrics.iter().filter(|(name, _)| self.accuracy.is_none() || name != ACCURACY);
        for (name, value) in others {
            write!(f, ", {name} {}", short(*value))?;
        }
        Ok(())
    }
}

/// What a model says about the samples of a data set; see [`Trainer::predict`](crate::Trainer::predict).
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The outputs, one sample after the other.
    pub values: Vec<f32>,
    /// The shape `[n, ..]` of the outputs.
    pub shape: Vec<usize>,
}

impl Prediction {
    /// The position of the largest number of each sample: the class, for a model that gives scores. The first one of
    /// equals; NaN counts as largest.
    ///
    /// ```
    /// use anygrad_train::Prediction;
    /// let prediction = Prediction { values: vec![0.1, 0.9, 2.0, -1.0], shape: vec![2, 2] };
    /// assert_eq!(prediction.classes(), [1, 0]);
    /// ```
    pub fn classes(&self) -> Vec<usize> {
        let size = self.shape.iter().skip(1).fold(1, |size: usize, &axis| size.saturating_mul(axis));
        let larger = |a: f32, b: f32| a > b || (a.is_nan() && !b.is_nan());
        let best = |row: &[f32]| {
            let better = |best: usize, at: usize| if larger(row[at], row[best]) { at } else { best };
            (0..row.len()).fold(0, better)
        };
        self.values.chunks_exact(size.max(1)).map(best).collect()
    }
}
