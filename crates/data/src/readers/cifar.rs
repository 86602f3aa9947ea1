//! CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009) in their binary
//! form: one or two label bytes, then 32x32 pixels of red, of green and of blue, for each picture.

use std::io::Read;
use std::path::Path;

use super::{file_error, open, unpacked};
use crate::{DataError, Dataset, Result};

const SIDE: usize = 32;
const PIXELS: usize = 3 * SIDE * SIDE;

/// The classes of CIFAR-10, in the order of their labels.
pub const CLASSES_10: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Which labels of CIFAR-100 to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels100 {
    /// The 100 classes.
    Fine,
    /// The 20 groups of five classes each.
    Coarse,
}

/// How the records of a file begin.
#[derive(Clone, Copy)]
struct Form {
    /// The classes that each label byte may name.
    classes: &'static [usize],
    /// Which of the label bytes to take.
    taken: usize,
}

const TEN: Form = Form { classes: &[10], taken: 0 };

impl Labels100 {
    fn form(self) -> Form {
        Form { classes: &[20, 100], taken: usize::from(self == Self::Fine) }
    }
}

/// The training and the test set of CIFAR-10 from the folder `dir`: `data_batch_1.bin` to `data_batch_5.bin`, and
/// `test_batch.bin`. Inputs of shape `[3, 32, 32]` in [0, 1] (bytes divided by 255), classes 0..9. Nothing is downloaded.
///
/// # Errors
/// [`DataError::Io`] or [`DataError::Format`] naming the file.
pub fn load_10(dir: &Path) -> Result<(Dataset, Dataset)> {
    let parts: Result<Vec<Dataset>> =
        (1..=5).map(|number| read_10(&dir.join(format!("data_batch_{number}.bin")))).collect();
    Ok((Dataset::concat(&parts?.iter().collect::<Vec<_>>())?, read_10(&dir.join("test_batch.bin"))?))
}

/// The training and the test set of CIFAR-100 from the folder `dir`: `train.bin` and `test.bin`.
///
/// # Errors
/// As [`load_10`].
pub fn load_100(dir: &Path, labels: Labels100) -> Result<(Dataset, Dataset)> {
    Ok((read_100(&dir.join("train.bin"), labels)?, read_100(&dir.join("test.bin"), labels)?))
}

/// One file of CIFAR-10, plain or gzipped, of any number of records.
///
/// # Errors
/// As [`load_10`].
pub fn read_10(path: &Path) -> Result<Dataset> {
    read(path, TEN)
}

/// One file of CIFAR-100, plain or gzipped, of any number of records.
///
/// # Errors
/// As [`load_10`].
pub fn read_100(path: &Path, labels: Labels100) -> Result<Dataset> {
    read(path, labels.form())
}

/// As [`read_10`], of a file that is already in memory; `name` is what errors call it.
///
/// ```
/// use anygrad_data::cifar;
/// let mut record = vec![3];
/// record.extend([255; 3072]);
/// let data = cifar::parse_10(&record, "one cat")?;
/// assert_eq!((data.input_shape(), data.targets().labels()), (&[3, 32, 32][..], Some(&[3][..])));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Format`] if it does not end with a record, or a label names no class.
pub fn parse_10(bytes: &[u8], name: &str) -> Result<Dataset> {
    parse(bytes, name, TEN)
}

/// As [`read_100`], of a file that is already in memory; `name` is what errors call it.
///
/// # Errors
/// As [`parse_10`].
pub fn parse_100(bytes: &[u8], name: &str, labels: Labels100) -> Result<Dataset> {
    parse(bytes, name, labels.form())
}

fn read(path: &Path, form: Form) -> Result<Dataset> {
    records(open(path)?, &path.display().to_string(), form)
}

fn parse(bytes: &[u8], name: &str, form: Form) -> Result<Dataset> {
    records(unpacked(bytes).map_err(|error| file_error(name, error))?, name, form)
}

fn records(mut source: impl Read, name: &str, form: Form) -> Result<Dataset> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).map_err(|error| file_error(name, error))?;
    let head = form.classes.len();
    let records = bytes.chunks_exact(head + PIXELS);
    if !records.remainder().is_empty() {
        let wanted = format!("records of {} bytes", head + PIXELS);
        return Err(DataError::format(
            name,
            wanted,
            format!("{} bytes behind the last", records.remainder().len()),
        ));
    }
    let mut labels = Vec::with_capacity(records.len());
    let mut inputs = Vec::with_capacity(records.len() * PIXELS);
    for (number, record) in records.enumerate() {
        let (head, pixels) = record.split_at(head);
        for (&label, &classes) in head.iter().zip(form.classes) {
            if usize::from(label) >= classes {
                let wanted = format!("labels from 0 to {}", classes - 1);
                return Err(DataError::format(name, wanted, format!("{label} in record {number}")));
            }
        }
        labels.extend(head.get(form.taken).map(|&label| u32::from(label)));
        inputs.extend(pixels.iter().map(|&pixel| f32::from(pixel) / 255.0));
    }
    let classes = form.classes.get(form.taken).copied().unwrap_or(0);
    Dataset::classes(inputs, [3, SIDE, SIDE], labels, classes)
}
