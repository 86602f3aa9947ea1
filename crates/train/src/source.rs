//! Where batches come from.

use anygrad_data::{Batch, Dataset};

use crate::{Fit, Result, TrainError};

/// What an iterator of batches gives: a [`Batch`], or the failure to make one.
pub trait IntoBatch {
    /// The batch.
    ///
    /// # Errors
    /// It could not be made.
    fn into_batch(self) -> Result<Batch>;
}

impl IntoBatch for Batch {
    fn into_batch(self) -> Result<Batch> {
        Ok(self)
    }
}

impl<E: Into<TrainError>> IntoBatch for std::result::Result<Batch, E> {
    fn into_batch(self) -> Result<Batch> {
        self.map_err(Into::into)
    }
}

/// The batches of one epoch.
pub(crate) type Stream<'s> = Box<dyn Iterator<Item = Result<Batch>> + 's>;

/// The batches of every epoch.
pub(crate) struct Source<'s> {
    /// How many samples an epoch has, if that is known.
    pub(crate) samples: Option<usize>,
    epoch: Box<dyn FnMut(usize) -> Result<Stream<'s>> + 's>,
}

impl<'s> Source<'s> {
    /// A data set, in the order that seed and epoch give.
    pub(crate) fn dataset(data: &'s Dataset, fit: &Fit<'_>, seed: u64) -> Result<Self> {
        let (batches, shuffle) = (data.batches(fit.batch_size)?, fit.shuffle);
        let epoch = move |epoch| -> Result<Stream<'s>> {
            let batches = batches.clone();
            let batches = if shuffle { batches.shuffled_epoch(seed, epoch as u64) } else { batches };
            Ok(Box::new(batches.into_iter().map(Ok)))
        };
        Ok(Self { samples: Some(data.len()), epoch: Box::new(epoch) })
    }

    /// Whatever a function of the epoch gives.
    pub(crate) fn function<I>(mut epoch: impl FnMut(usize) -> I + 's) -> Self
    where
        I: IntoIterator<Item: IntoBatch> + 's,
    {
        let stream = move |at| -> Result<Stream<'s>> {
            Ok(Box::new(epoch(at).into_iter().map(IntoBatch::into_batch)))
        };
        Self { samples: None, epoch: Box::new(stream) }
    }

    /// The batches of epoch `epoch`, counted from 1.
    pub(crate) fn epoch(&mut self, epoch: usize) -> Result<Stream<'s>> {
        (self.epoch)(epoch)
    }
}

/// An error if the data set holds no sample.
pub(crate) fn not_empty(what: &'static str, data: Option<&Dataset>) -> Result<()> {
    match data.is_some_and(Dataset::is_empty) {
        true => Err(TrainError::NoSamples { what }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use anygrad_data::DataError;

    use super::*;

    #[test]
    fn a_failed_batch_is_the_error_of_its_source() {
        let failed: std::result::Result<Batch, DataError> = Err(DataError::BatchSize);
        assert!(matches!(failed.into_batch(), Err(TrainError::Data(DataError::BatchSize))));
    }
}
