use crate::shuffle::Random;
use crate::{DataError, Result};

/// Batches of sequences of similar length, so that little is filled up: gives for each batch the numbers of its sequences.
///
/// The sequences are put in random order, sorted by length within stretches of `batch_size` · `stretch` of them, cut into
/// batches, and the batches are put in random order. `seed` and `epoch` name the order. A stretch of 1 is plain shuffling;
/// a stretch beyond all sequences sorts them entirely.
///
/// ```
/// use anygrad_data::sequence::bucket_batches;
/// let lengths = [3, 30, 4, 31, 5, 29];
/// let batches = bucket_batches(&lengths, 3, 10, 7, 0)?;
/// let mut spread: Vec<usize> = batches.iter().map(|batch| {
///     let of_batch = || batch.iter().map(|&index| lengths[index]);
///     of_batch().max().unwrap_or(0) - of_batch().min().unwrap_or(0)
/// }).collect();
/// assert_eq!(spread, [2, 2]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::BatchSize`] if the batch size is 0, [`DataError::Setting`] if the stretch is.
pub fn bucket_batches(
    lengths: &[usize],
    batch_size: usize,
    stretch: usize,
    seed: u64,
    epoch: u64,
) -> Result<Vec<Vec<usize>>> {
    if batch_size == 0 {
        return Err(DataError::BatchSize);
    }
    if stretch == 0 {
        return Err(DataError::setting("bucket_batches", "stretch", stretch, "1 at least"));
    }
    let random = Random::new(seed, epoch);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    random.shuffle(&mut order);
    for part in order.chunks_mut(batch_size.saturating_mul(stretch)) {
        if stretch > 1 {
            // stable: sequences of one length stay in random order
            part.sort_by_key(|&index| lengths[index]);
        }
    }
    let mut batches: Vec<Vec<usize>> = order.chunks(batch_size).map(<[usize]>::to_vec).collect();
    Random::new(seed ^ u64::MAX, epoch).shuffle(&mut batches);
    Ok(batches)
}
