//! Metrics: what is told to people about a model, beside its loss.
//!
//! They are computed on the host, in f64, from the outputs of a model: thresholds, sorts and counts by class are small
//! beside a forward pass, have no gradient, and an exact count or rank matters more than the time it takes. What a
//! training step needs every time, the running sums of the loss and of right answers, stays on the device; see
//! [`Trainer`](crate::Trainer).

mod accuracy;
mod confusion;
mod curves;
mod custom;
mod inputs;
mod named;
mod overlap;
mod probability;
mod ranking;
mod rates;
mod regression;

pub use accuracy::{Accuracy, BinaryAccuracy, TopKAccuracy, accuracy};
pub use confusion::{BinaryConfusion, ConfusionMatrix, Layout};
pub use curves::{
    PrecisionRecallCurve, RocCurve, average_precision, mean_average_precision, precision_recall_curve,
    roc_auc, roc_curve,
};
pub use custom::CustomMetric;
pub use named::metric;
pub use overlap::{box_iou, dice, iou};
pub use probability::{LogLoss, Perplexity};
pub use ranking::{AveragePrecision, RocAuc};
pub use rates::{Average, Rate, RateMetric, ZeroDivision};
pub use regression::{
    MeanAbsoluteError, MeanSquaredError, R2Score, RootMeanSquaredError, mean_absolute_error,
    mean_squared_error, r2_score, root_mean_squared_error,
};

use anygrad_data::BatchTargets;

use crate::{Prediction, Result, TrainError};

/// A number about a model on a data set, gathered batch by batch.
///
/// The result does not depend on how the samples are cut into batches but for rounding. Call
/// [`reset`](Metric::reset) between data sets.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{Accuracy, Metric};
/// let mut accuracy = Accuracy::new();
/// let scores = Prediction { values: vec![0.1, 0.9, 0.8, 0.2], shape: vec![2, 2] };
/// accuracy.update(&scores, &BatchTargets::Classes { labels: vec![1, 1], classes: 2 })?;
/// assert_eq!((accuracy.name(), accuracy.value()), ("accuracy", 0.5));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub trait Metric {
    /// What it is called in a history and a table.
    fn name(&self) -> &str;

    /// Forgets all samples.
    fn reset(&mut self);

    /// Adds a batch: the outputs `[b, ..]` of a model with their targets.
    ///
    /// # Errors
    /// Outputs and targets do not fit each other or the metric, or an output is NaN
    /// ([`TrainError::Metric`]). The metric is as it was before.
    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()>;

    /// The metric over all samples since the last [`reset`](Metric::reset); NaN where it is not defined, such as over
    /// no sample.
    fn value(&self) -> f64;

    /// The numbers from which [`restore`](Metric::restore) makes the metric what it is, for a run that is saved in the
    /// middle of an epoch; `None` if it cannot be.
    fn state(&self) -> Option<Vec<f64>> {
        None
    }

    /// Takes over what [`state`](Metric::state) gave.
    ///
    /// # Errors
    /// These are not numbers of this metric.
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        Err(foreign_state(self.name(), state))
    }
}

/// A count that was a float in a state; `None` if it was none, or one so large that it would not be exact.
pub(crate) fn count_of(value: f64) -> Option<u64> {
    let exact = (0.0..=2f64.powi(53)).contains(&value) && value.fract() == 0.0;
    exact.then_some(value as u64)
}

/// The error of a metric that is to take over numbers that are not its own.
pub(crate) fn foreign_state(metric: &str, state: &[f64]) -> TrainError {
    TrainError::Setting {
        message: format!("resume: {} numbers are no state of the metric {metric}", state.len()),
    }
}

impl Metric for Box<dyn Metric> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn reset(&mut self) {
        (**self).reset();
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        (**self).update(predictions, targets)
    }

    fn value(&self) -> f64 {
        (**self).value()
    }

    fn state(&self) -> Option<Vec<f64>> {
        (**self).state()
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        (**self).restore(state)
    }
}
