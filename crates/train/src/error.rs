use std::io;
use std::path::PathBuf;

use anygrad_graph::NonFinite;

/// What goes wrong around training.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A file or a folder could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A metric was asked for that no epoch recorded.
    #[error("no epoch recorded the metric {name:?}; recorded: {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    NoMetric {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The loss was NaN or infinite. Lower learning rates, clipped gradients and inputs near 1 help.
    #[error(
        "{} at step {step} of epoch {epoch}; {}",
        broken(*loss),
        cause.as_ref().map_or("try a lower learning rate or clip_global_norm".to_owned(), |cause| cause.to_string())
    )]
    NotFinite {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step in this epoch, counted from 1.
        step: usize,
        /// The mean loss when it was noticed.
        loss: f32,
        /// The op that it comes from, with [`Fit::locate_not_finite`](crate::Fit::locate_not_finite).
        cause: Option<Box<NonFinite>>,
    },
    /// A data set without a sample.
    #[error("the {what} set is empty")]
    NoSamples {
        /// What it was for: "training", "validation", "evaluation", "prediction".
        what: &'static str,
    },
    /// A setting of a training run that makes no sense.
    #[error("fit: {message}")]
    Setting {
        /// What is wrong, with the setting's name and value.
        message: String,
    },
    /// A checkpoint that is none, or a folder of them.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A search for hyper-parameters.
    #[error("search: {message}")]
    Search {
        /// What is wrong, with the name and the value of the setting.
        message: String,
    },
    /// Something that cannot be drawn.
    #[error("{picture}: {message}")]
    Picture {
        /// Which picture.
        picture: &'static str,
        /// What is wrong with which of its inputs.
        message: String,
    },
    /// Predictions or targets that a metric cannot be computed of.
    #[error("metric {name}: {message}")]
    Metric {
        /// The metric.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A wrong call of an op, or a failure of the device.
    #[error(transparent)]
    Tensor(#[from] anygrad_graph::Error),
    /// Parameters, an optimizer or a checkpoint.
    #[error(transparent)]
    Model(Box<anygrad_nn::Error>),
    /// The data.
    #[error(transparent)]
    Data(#[from] anygrad_data::DataError),
}

/// What a loss that may have been hit says of a step that failed.
fn broken(loss: f32) -> &'static str {
    match loss {
        loss if loss.is_nan() => "the loss became NaN",
        loss if loss.is_infinite() => "the loss became infinite",
        _ => "a gradient became NaN or infinite",
    }
}

impl From<anygrad_nn::Error> for TrainError {
    fn from(error: anygrad_nn::Error) -> Self {
        Self::Model(Box::new(error))
    }
}

/// A result with the error of this crate.
pub type Result<T> = std::result::Result<T, TrainError>;
