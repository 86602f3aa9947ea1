use std::fmt;

use anygrad_data::BatchTargets;

use super::inputs::wrong;
use super::{Metric, count_of, foreign_state};
use crate::{Prediction, Result};

/// A metric made of a function of a batch, `(outputs, targets) → number`: the mean over the batches, each weighted by
/// its number of samples.
///
/// For one that is not a mean over samples, such as a rank or a ratio, implement [`Metric`].
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{CustomMetric, Metric};
/// let mut metric = CustomMetric::new("largest", |outputs, _| {
///     outputs.values.iter().fold(f64::MIN, |most, &value| most.max(f64::from(value)))
/// });
/// let targets = |n: usize| BatchTargets::Classes { labels: vec![0; n], classes: 1 };
/// metric.update(&Prediction { values: vec![1.0, 4.0], shape: vec![2, 1] }, &targets(2))?;
/// metric.update(&Prediction { values: vec![1.0], shape: vec![1, 1] }, &targets(1))?;
/// assert_eq!((metric.name(), metric.value()), ("largest", 3.0));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub struct CustomMetric<F> {
    name: String,
    function: F,
    sum: f64,
    samples: usize,
}

impl<F: Fn(&Prediction, &BatchTargets) -> f64> CustomMetric<F> {
    /// A metric called `name` that is `function` of each batch.
    pub fn new(name: impl Into<String>, function: F) -> Self {
        Self { name: name.into(), function, sum: 0.0, samples: 0 }
    }
}

impl<F: Fn(&Prediction, &BatchTargets) -> f64> Metric for CustomMetric<F> {
    fn name(&self) -> &str {
        &self.name
    }

    fn reset(&mut self) {
        (self.sum, self.samples) = (0.0, 0);
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        let Some(&samples) = predictions.shape.first() else {
            return Err(wrong(&self.name, "takes predictions [n, ..], not a scalar"));
        };
        self.sum += (self.function)(predictions, targets) * samples as f64;
        self.samples += samples;
        Ok(())
    }

    fn value(&self) -> f64 {
        self.sum / self.samples as f64
    }

    fn state(&self) -> Option<Vec<f64>> {
        Some(vec![self.sum, self.samples as f64])
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let numbers = match *state {
            [sum, samples] => count_of(samples).map(|samples| (sum, samples as usize)),
            _ => None,
        };
        (self.sum, self.samples) = numbers.ok_or_else(|| foreign_state(&self.name, state))?;
        Ok(())
    }
}

impl<F> fmt::Debug for CustomMetric<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomMetric").field("name", &self.name).finish_non_exhaustive()
    }
}
