use std::io;
use std::path::PathBuf;

/// What goes wrong while data is read, checked or divided.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// None of the names a data set's file goes by is in the folder.
    #[error("{}: none of these files is there: {}", folder.display(), names.join(", "))]
    Missing {
        /// The folder that was searched.
        folder: PathBuf,
        /// The names that were tried, in order.
        names: Vec<String>,
    },
    /// A file is not what its reader reads.
    #[error("{file}: wanted {wanted}, found {found}")]
    Format {
        /// The file, or the name of embedded data.
        file: String,
        /// What the reader expects at this place.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// The images and the labels of one data set are not equally many.
    #[error("{images} holds {image_count} images, but {labels} holds {label_count} labels")]
    CountsDiffer {
        /// The file of the images.
        images: String,
        /// How many images it holds.
        image_count: usize,
        /// The file of the labels.
        labels: String,
        /// How many labels it holds.
        label_count: usize,
    },
    /// A vector's length is not the number of samples times the size of one sample.
    #[error("{what}: {samples} samples of shape {shape:?} are {wanted} numbers, found {found}")]
    Length {
        /// "inputs" or "targets".
        what: &'static str,
        /// Number of samples.
        samples: usize,
        /// The shape of one sample.
        shape: Vec<usize>,
        /// Numbers wanted.
        wanted: usize,
        /// Numbers found.
        found: usize,
    },
    /// A sample of this shape holds no number, or more than can be counted.
    #[error("{what}: a sample of shape {shape:?} has no usable size")]
    SampleShape {
        /// "inputs" or "targets".
        what: &'static str,
        /// The shape.
        shape: Vec<usize>,
    },
    /// A label does not name a class.
    #[error("label {label} at position {position} is out of range: there are {classes} classes, from 0")]
    LabelRange {
        /// Position of the label, from 0.
        position: usize,
        /// Its value.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// More classes than labels can name.
    #[error("{classes} classes are more than 32-bit labels can name")]
    ClassCount {
        /// The number given.
        classes: usize,
    },
    /// An index does not name a sample.
    #[error("index {index} at position {position} is out of range: there are {len} samples")]
    IndexRange {
        /// Position in the list of indices, from 0.
        position: usize,
        /// The index.
        index: usize,
        /// Number of samples.
        len: usize,
    },
    /// The share of a split is not between 0 and 1.
    #[error("a split takes a fraction from 0 to 1, found {fraction}")]
    Fraction {
        /// The number given.
        fraction: f64,
    },
    /// A number of folds that cannot be made: fewer than 2, or more than there are samples.
    #[error("{len} samples cannot be divided into {folds} folds: from 2 to {len} are possible")]
    Folds {
        /// The number given.
        folds: usize,
        /// Number of samples.
        len: usize,
    },
    /// A batch of no samples.
    #[error("the batch size is 0: a batch holds at least one sample")]
    BatchSize,
    /// The call needs class labels, and the targets are values.
    #[error("{call} needs class labels, and the targets of this data set are values")]
    NotClasses {
        /// The function that was called.
        call: &'static str,
    },
    /// A setting has a value that cannot be used.
    #[error("{call}: {setting} is {value}; it must be {wanted}")]
    Setting {
        /// What is set up.
        call: &'static str,
        /// The name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        wanted: String,
    },
    /// A line of a text file is not what its reader reads.
    #[error("{file}, line {line}: wanted {wanted}, found {found}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What the reader expects at this place.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// The data given to a call is not what it works on.
    #[error("{call} needs {wanted}, found {found}")]
    Needs {
        /// The function that was called.
        call: &'static str,
        /// What it works on.
        wanted: String,
        /// What it was given.
        found: String,
    },
    /// Work on a sample, such as a transform, panicked; the loader's thread has caught it.
    #[error("the work on a batch panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// An error of the caller's own, from a [`Source`](crate::Source) or a transform.
    #[error("{0}")]
    Custom(Box<dyn std::error::Error + Send + Sync>),
}

impl DataError {
    /// [`DataError::Setting`], in fewer words.
    pub(crate) fn setting(
        call: &'static str,
        setting: &'static str,
        value: impl ToString,
        wanted: impl Into<String>,
    ) -> Self {
        Self::Setting { call, setting, value: value.to_string(), wanted: wanted.into() }
    }

    /// [`DataError::Needs`], in fewer words.
    pub(crate) fn needs(call: &'static str, wanted: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Needs { call, wanted: wanted.into(), found: found.into() }
    }

    /// [`DataError::Format`], in fewer words.
    pub(crate) fn format(file: &str, wanted: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Format { file: file.to_owned(), wanted: wanted.into(), found: found.into() }
    }

    /// [`DataError::Line`], in fewer words.
    pub(crate) fn line(file: &str, line: u64, wanted: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Line { file: file.to_owned(), line, wanted: wanted.into(), found: found.into() }
    }
}

/// Fails unless `value` is finite and at least 0: the check of a spread, a noise or a width.
pub(crate) fn check_spread(call: &'static str, setting: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(DataError::setting(call, setting, value, "a finite number that is at least 0"))
    }
}

/// Fails unless `value` is from 0 to 1.
pub(crate) fn check_share(call: &'static str, setting: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(DataError::setting(call, setting, value, "from 0 to 1"))
    }
}

/// A result with the error of this crate.
pub type Result<T> = std::result::Result<T, DataError>;
