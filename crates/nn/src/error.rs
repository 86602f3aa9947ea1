use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anygrad_graph::{DType, Shape};

/// What can go wrong with parameters, optimizers and checkpoints.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A wrong call of an op or a layer, or a failure of the device.
    #[error(transparent)]
    Tensor(#[from] anygrad_graph::Error),
    /// Two entries of a store were given one path.
    #[error("params: the path {path} is used twice")]
    DuplicatePath {
        /// The path.
        path: String,
    },
    /// No entry of the store has this path.
    #[error("params: there is no {path}")]
    UnknownPath {
        /// The path.
        path: String,
    },
    /// A pattern that was meant to choose parameters chooses none.
    #[error("params: no parameter's path fits the pattern \"{pattern}\"")]
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// An entry cannot have the initial values it was given.
    #[error("params: {path} {shape}: {message}")]
    Initial {
        /// The entry.
        path: String,
        /// Its shape.
        shape: Box<Shape>,
        /// What is wrong.
        message: String,
    },
    /// A value does not fit the entry it is meant for.
    #[error("{0}")]
    Mismatch(Box<Mismatch>),
    /// A learning rate that is NaN, infinite or negative.
    #[error("step: the learning rate is {value}; it must be finite and not below 0")]
    LearningRate {
        /// The rate.
        value: f64,
    },
    /// A setting of an optimizer, an activation's name, and the like.
    #[error("{what}: {message}")]
    Setting {
        /// Whose setting.
        what: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A checkpoint does not hold what the store needs.
    #[error("{}: {message}", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// What is wrong, with the tensor's name.
        message: String,
    },
    /// A file could not be read or written.
    #[error("{}: cannot {action}: {source}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        source: Arc<std::io::Error>,
    },
}

/// A value that does not fit the entry it is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// What was being done.
    pub what: &'static str,
    /// The entry.
    pub path: String,
    /// The entry's dtype and shape.
    pub expected: (DType, Shape),
    /// The value's dtype and shape.
    pub found: (DType, Shape),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((dtype, shape), (other_dtype, other)) = (&self.expected, &self.found);
        write!(f, "{}: {} is {dtype} {shape}, not {other_dtype} {other}", self.what, self.path)
    }
}

/// The result of what this crate does.
pub type Result<T, E = Error> = std::result::Result<T, E>;
