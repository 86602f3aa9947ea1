use crate::{DataError, Dataset, Result};

/// Labelled texts of one length as samples for an embedding: inputs `[len]`, the numbers of the tokens as they are.
///
/// Inputs are 32-bit floats, which hold every whole number up to 2^24 exactly.
///
/// ```
/// use anygrad_data::sequence::{PadSettings, pad_sequences};
/// use anygrad_data::text::sequence_dataset;
/// let padded = pad_sequences(&[vec![5, 7], vec![3]], &PadSettings::default())?;
/// let data = sequence_dataset(&padded.values, padded.len, vec![1, 0], 2)?;
/// assert_eq!((data.inputs(), data.input_shape()), (&[5.0, 7.0, 0.0, 3.0][..], &[2][..]));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Needs`] for a number above 2^24; else as [`Dataset::classes`].
pub fn sequence_dataset(codes: &[u32], len: usize, labels: Vec<u32>, classes: usize) -> Result<Dataset> {
    Dataset::classes(exact(codes)?, [len], labels, classes)
}

/// Labelled texts as vectors, such as [`Bag`](super::Bag), [`TfIdf`](super::TfIdf) or one-hot encodings give them.
///
/// ```
/// use anygrad_data::text::{Bag, vector_dataset};
/// let data = vector_dataset([&[0, 1, 1], &[2, 2, 2]].map(|codes| Bag::Count.vector(codes, 3)), vec![0, 1], 2)?;
/// assert_eq!(data.inputs(), [1.0, 2.0, 0.0, 0.0, 0.0, 3.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Length`] if the vectors are not equally long; else as [`Dataset::classes`].
pub fn vector_dataset(
    vectors: impl IntoIterator<Item = Vec<f32>>,
    labels: Vec<u32>,
    classes: usize,
) -> Result<Dataset> {
    let (mut inputs, mut width) = (Vec::new(), None);
    for vector in vectors {
        let wanted = *width.get_or_insert(vector.len());
        if vector.len() != wanted {
            let (samples, shape, found) = (1, vec![wanted], vector.len());
            return Err(DataError::Length { what: "inputs", samples, shape, wanted, found });
        }
        inputs.extend(vector);
    }
    Dataset::classes(inputs, [width.unwrap_or(1)], labels, classes)
}

/// Numbers as floats that hold them exactly.
pub(super) fn exact(codes: &[u32]) -> Result<Vec<f32>> {
    const MOST: u32 = 1 << 24;
    match codes.iter().position(|&code| code > MOST) {
        Some(position) => {
            let found = format!("{} at position {position}", codes[position]);
            Err(DataError::needs(
                "text",
                format!("numbers up to {MOST}, which 32-bit floats hold exactly"),
                found,
            ))
        }
        None => Ok(codes.iter().map(|&code| code as f32).collect()),
    }
}
