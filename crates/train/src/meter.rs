//! The metrics of one pass over a data set.

use anygrad_data::BatchTargets;
use anygrad_graph::{DType, Tensor};

use crate::metrics::Metric;
use crate::{Prediction, Result, Scores};

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
        let prediction = Prediction { values, shape: output.shape().to_vec() };
        self.metrics.iter_mut().try_for_each(|metric| metric.update(&prediction, targets))
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
