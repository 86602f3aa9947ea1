use crate::{DataError, Result};

/// At which end of a sequence something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// At the front, as Keras pads and cuts: the end of every sequence is at the last step.
    #[default]
    Pre,
    /// At the back, as packed sequences and masks by length want it.
    Post,
}

/// How [`pad_sequences`] makes sequences equally long; what is not named keeps its default, which is Keras'.
///
/// ```
/// use anygrad_data::sequence::{PadSettings, Side};
/// let settings = PadSettings::<u32>::default();
/// assert_eq!((settings.max_len, settings.padding, settings.truncating, settings.value), (None, Side::Pre, Side::Pre, 0));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PadSettings<T> {
    /// The length of all results; that of the longest sequence if `None`.
    pub max_len: Option<usize>,
    /// Where short sequences are filled up; [`Side::Pre`].
    pub padding: Side,
    /// Where long sequences are cut; [`Side::Pre`], which keeps their end.
    pub truncating: Side,
    /// What fills short sequences up; 0.
    pub value: T,
}

/// Sequences of one length: what [`pad_sequences`] makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Padded<T> {
    /// The steps of all sequences `[n, len]`, one sequence after the other.
    pub values: Vec<T>,
    /// Steps of a sequence.
    pub len: usize,
    /// How many steps of each sequence are its own, after cutting.
    pub lengths: Vec<usize>,
    /// Which steps are a sequence's own, `[n, len]`: false where it was filled up.
    pub mask: Vec<bool>,
}

impl<T> Padded<T> {
    /// The sequences one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.values.chunks_exact(self.len.max(1))
    }

    /// The mask as numbers: 1 for a sequence's own steps, 0 for those filled up.
    pub fn mask_values(&self) -> Vec<f32> {
        self.mask.iter().map(|&own| f32::from(own)).collect()
    }
}

/// Fills up and cuts sequences to one length: Keras' `pad_sequences`.
///
/// ```
/// use anygrad_data::sequence::{PadSettings, Side, pad_sequences};
/// let sequences = [vec![1, 2, 3], vec![4]];
/// let padded = pad_sequences(&sequences, &PadSettings { max_len: Some(2), ..PadSettings::default() })?;
/// assert_eq!((padded.values, padded.lengths), (vec![2, 3, 0, 4], vec![2, 1]));
/// let post = PadSettings { max_len: Some(2), padding: Side::Post, truncating: Side::Post, ..PadSettings::default() };
/// let padded = pad_sequences(&sequences, &post)?;
/// assert_eq!((padded.values, padded.mask), (vec![1, 2, 4, 0], vec![true, true, true, false]));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if the length is 0, [`DataError::SampleShape`] if the result is larger than memory can be.
pub fn pad_sequences<T: Clone>(
    sequences: &[impl AsRef<[T]>],
    settings: &PadSettings<T>,
) -> Result<Padded<T>> {
    let longest = || sequences.iter().map(|sequence| sequence.as_ref().len()).max().unwrap_or(0).max(1);
    let len = settings.max_len.unwrap_or_else(longest);
    if len == 0 {
        return Err(DataError::setting("pad_sequences", "max_len", len, "1 at least"));
    }
    // a length far beyond every sequence may come from a user's mistake: no panic, no abort
    let room =
        len.checked_mul(sequences.len()).filter(|&room| room <= isize::MAX as usize / size_of::<T>().max(1));
    let mut values = Vec::new();
    if room.is_none_or(|room| values.try_reserve_exact(room).is_err()) {
        return Err(DataError::SampleShape { what: "sequences", shape: vec![sequences.len(), len] });
    }
    let (mut mask, mut lengths) =
        (Vec::with_capacity(values.capacity()), Vec::with_capacity(sequences.len()));
    for sequence in sequences {
        let sequence = sequence.as_ref();
        let cut = sequence.len().saturating_sub(len);
        let kept = match settings.truncating {
            Side::Pre => &sequence[cut..],
            Side::Post => &sequence[..sequence.len() - cut],
        };
        let fill = len - kept.len();
        let (before, after) = if settings.padding == Side::Pre { (fill, 0) } else { (0, fill) };
        for (count, own) in [(before, false), (kept.len(), true), (after, false)] {
            mask.extend(std::iter::repeat_n(own, count));
        }
        values.extend(std::iter::repeat_n(settings.value.clone(), before));
        values.extend_from_slice(kept);
        values.extend(std::iter::repeat_n(settings.value.clone(), after));
        lengths.push(kept.len());
    }
    Ok(Padded { values, len, lengths, mask })
}
