//! MNIST, and every data set in its form, such as Fashion-MNIST: four IDX files in a folder.

use std::path::{Path, PathBuf};

use super::idx::{self, Idx};
use crate::{DataError, Dataset, Result};

/// Reads the training and the test set from the folder `dir`: inputs of shape `[1, 28, 28]` in [0, 1] (bytes divided
/// by 255), classes 0..9.
///
/// The files are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
/// `t10k-labels-idx1-ubyte`, also spelled `train-images.idx3-ubyte`, each also with `.gz`. Nothing is downloaded.
///
/// # Errors
/// [`DataError::Missing`] names the files that were looked for; [`DataError::Io`], [`DataError::Format`] and
/// [`DataError::CountsDiffer`] name the one that is not right.
pub fn load(dir: &Path) -> Result<(Dataset, Dataset)> {
    Ok((load_part(dir, "train")?, load_part(dir, "t10k")?))
}

fn load_part(dir: &Path, part: &str) -> Result<Dataset> {
    let images = find(dir, &format!("{part}-images"), "idx3-ubyte")?;
    let labels = find(dir, &format!("{part}-labels"), "idx1-ubyte")?;
    let names = [images.display().to_string(), labels.display().to_string()];
    labelled_images(idx::read(&images)?, idx::read(&labels)?, names.each_ref().map(String::as_str), 255.0)
}

/// The file of this stem and ending, in any of its spellings.
fn find(dir: &Path, stem: &str, ending: &str) -> Result<PathBuf> {
    let names: Vec<String> = ["-", "."]
        .iter()
        .flat_map(|dash| ["", ".gz"].map(|gzip| format!("{stem}{dash}{ending}{gzip}")))
        .collect();
    match names.iter().map(|name| dir.join(name)).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => Err(DataError::Missing { folder: dir.to_owned(), names }),
    }
}

/// Grey images `[n, h, w]`, divided by `white`, with labels `[n]` of ten classes.
pub(crate) fn labelled_images(images: Idx, labels: Idx, names: [&str; 2], white: f32) -> Result<Dataset> {
    const CLASSES: usize = 10;
    let (shape, pixels) = images.into_bytes(3, names[0])?;
    let (_, labels) = labels.into_bytes(1, names[1])?;
    let &[image_count, height, width] = shape.as_slice() else {
        // into_bytes has checked the rank
        return Err(DataError::SampleShape { what: "inputs", shape });
    };
    if image_count != labels.len() {
        return Err(DataError::CountsDiffer {
            images: names[0].to_owned(),
            image_count,
            labels: names[1].to_owned(),
            label_count: labels.len(),
        });
    }
    let inputs = pixels.into_iter().map(|pixel| f32::from(pixel) / white).collect();
    let labels = labels.into_iter().map(u32::from).collect();
    Dataset::classes(inputs, [1, height, width], labels, CLASSES).map_err(|error| match error {
        // the check knows the place, this function the file
        DataError::LabelRange { position, label, .. } => DataError::Format {
            file: names[1].to_owned(),
            wanted: format!("labels from 0 to {}", CLASSES - 1),
            found: format!("{label} at position {position}"),
        },
        other => other,
    })
}
