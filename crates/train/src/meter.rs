//! The metrics of one pass over a data set.

use anygrad_data::BatchTargets;
use anygrad_graph::{DType, Tensor};

use crate::metrics::Metric;
use crate::{Prediction, Result, Scores, TrainError};

/// Makes a metric that has seen no sample.
pub(crate) type MakeMetric = Box<dyn Fn() -> Box<dyn Metric> + Send + Sync>;

/// Metrics at work.
pub(crate) struct Meter {
    metrics: Vec<Box<dyn Metric>>,
}

impl Meter {
    pub(crate) fn new(make: &[MakeMetric]) -> Self {
        Self { metrics: make.iter().map(|make| make()).collect() }
    }

    /// Whether there is a metric at all.
    pub(crate) fn wants_outputs(&self) -> bool {
        !self.metrics.is_empty()
    }

    /// The names of the metrics and their [states](Metric::state).
    pub(crate) fn state(&self) -> Result<Vec<(String, Vec<f64>)>> {
        let state = |metric: &dyn Metric| match metric.state() {
            Some(state) => Ok((metric.name().to_owned(), state)),
            None => {
                let message = format!(
                    "the metric {} keeps no state, so a run cannot be saved in the middle of an epoch: save it after \
                     epochs, or set train_metrics to false",
                    metric.name()
                );
                Err(TrainError::Setting { message })
            }
        };
        self.metrics.iter().map(|metric| state(&**metric)).collect()
    }

    /// Takes over what [`state`](Meter::state) gave.
    pub(crate) fn restore(&mut self, state: &[(String, Vec<f64>)]) -> Result<()> {
        let is: Vec<&str> = self.metrics.iter().map(|metric| metric.name()).collect();
        let was: Vec<&str> = state.iter().map(|(name, _)| name.as_str()).collect();
        if is != was {
            let message =
                format!("resume: the metrics were {was:?} and are {is:?}; they have to be the same to go on");
            return Err(TrainError::Setting { message });
        }
        self.metrics.iter_mut().zip(state).try_for_each(|(metric, (_, state))| metric.restore(state))
    }

    /// Forgets all samples.
    pub(crate) fn reset(&mut self) {
        self.metrics.iter_mut().for_each(|metric| metric.reset());
    }

    /// Adds a batch; reads its outputs from the device.
    pub(crate) fn add(&mut self, output: &Tensor, targets: &BatchTargets) -> Result<()> {
        if self.metrics.is_empty() {
            return Ok(());
        }
        let values = output.to_dtype(DType::F32).to_vec::<f32>()?;
        self.update(&Prediction { values, shape: output.shape().to_vec() }, targets)
    }

    /// Adds a batch whose outputs were read.
    pub(crate) fn update(&mut self, prediction: &Prediction, targets: &BatchTargets) -> Result<()> {
        self.metrics.iter_mut().try_for_each(|metric| metric.update(prediction, targets))
    }

    /// `scores` with the metrics that it lacks.
    pub(crate) fn complete(&self, mut scores: Scores) -> Scores {
        for metric in &self.metrics {
            if scores.metric(metric.name()).is_none() {
                scores.metrics.push((metric.name().to_owned(), metric.value() as f32));
            }
        }
        scores
    }
}
