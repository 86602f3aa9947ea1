//! Code that a training run calls: the trait, and what most runs want of it.

pub(crate) mod callback;
mod early_stopping;
mod hooks;
mod live_plot;
mod plateau;
mod rate;
mod time_limit;

pub use callback::{Callback, Flow, Training};
pub use early_stopping::EarlyStopping;
pub use hooks::{OnEpoch, OnStep};
pub use live_plot::{LivePlot, sparkline, text_chart};
pub use plateau::PlateauRate;
pub use rate::RateScheduler;
pub use time_limit::TimeLimit;

use crate::{EpochRow, Monitor, Result, TrainError};

/// The number of an epoch that a callback watches: the validation loss, or the training loss without a validation set,
/// unless another is named. `None` for an epoch without validation, where others have one.
fn watched(monitor: Option<&Monitor>, row: &EpochRow, training: &Training<'_>) -> Result<Option<f64>> {
    match monitor {
        None if training.has_validation() => Ok(row.validation.as_ref().map(|scores| f64::from(scores.loss))),
        None => Ok(Some(f64::from(row.train.loss))),
        Some(monitor) if monitor.of_validation().is_some() && !training.has_validation() => {
            let message = format!("{} is watched, and there is no validation set", monitor.name());
            Err(TrainError::Setting { message })
        }
        Some(monitor) => monitor.value(row),
    }
}
