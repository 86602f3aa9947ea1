use std::io;
use std::path::PathBuf;

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
}

/// A result with the error of this crate.
pub type Result<T> = std::result::Result<T, TrainError>;
