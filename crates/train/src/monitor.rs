use crate::{EpochRow, Result, Scores, TrainError};

/// A number of every epoch that tells which epoch is better, by the name Keras gives it: `"loss"` and `"accuracy"` on
/// the training set, `"val_loss"` and `"val_accuracy"` on the validation set, and so for every metric. `validation_` in full does as well.
///
/// ```
/// use anygrad_train::Monitor;
/// let monitor = Monitor::highest("val_accuracy");
/// assert!(monitor.improves(0.9, Some(0.8)) && !monitor.improves(0.8, Some(0.8)));
/// assert!(!monitor.improves(f64::NAN, None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    name: String,
    highest: bool,
}

impl Monitor {
    /// The lower the better: losses and errors.
    pub fn lowest(name: impl Into<String>) -> Self {
        Self { name: name.into(), highest: false }
    }

    /// The higher the better: accuracies and scores.
    pub fn highest(name: impl Into<String>) -> Self {
        Self { name: name.into(), highest: true }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a higher number is better.
    pub fn higher_is_better(&self) -> bool {
        self.highest
    }

    /// The name of the metric, if it is one of the validation set.
    pub(crate) fn of_validation(&self) -> Option<&str> {
        self.name.strip_prefix("val_").or_else(|| self.name.strip_prefix("validation_"))
    }

    /// The value of an epoch; `None` if it is one of validation, which this epoch did not have.
    ///
    /// # Errors
    /// [`TrainError::NoMetric`] if the epoch has others, but not this one.
    pub fn value(&self, row: &EpochRow) -> Result<Option<f64>> {
        let (scores, name) = match self.of_validation() {
            Some(name) => (row.validation.as_ref(), name),
            None => (Some(&row.train), self.name.as_str()),
        };
        let Some(scores) = scores else { return Ok(None) };
        let value = if name == "loss" { Some(scores.loss) } else { scores.metric(name) };
        match value {
            Some(value) => Ok(Some(f64::from(value))),
            None => Err(TrainError::NoMetric { name: self.name.clone(), known: known(row) }),
        }
    }

    /// Whether `value` is better than the best so far. NaN never is.
    pub fn improves(&self, value: f64, best: Option<f64>) -> bool {
        match best {
            None => !value.is_nan(),
            Some(best) if self.highest => value > best,
            Some(best) => value < best,
        }
    }
}

/// The names of all values of an epoch.
fn known(row: &EpochRow) -> Vec<String> {
    let names = |prefix: &str, scores: &Scores| {
        let metrics = scores.metrics.iter().map(|(name, _)| format!("{prefix}{name}"));
        std::iter::once(format!("{prefix}loss")).chain(metrics).collect::<Vec<_>>()
    };
    let validation = row.validation.as_ref().map(|scores| names("val_", scores));
    names("", &row.train).into_iter().chain(validation.into_iter().flatten()).collect()
}
