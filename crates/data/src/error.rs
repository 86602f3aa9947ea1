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
}

/// A result with the error of this crate.
pub type Result<T> = std::result::Result<T, DataError>;
