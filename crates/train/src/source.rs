//! Where batches come from.

use anygrad_data::{Batch, Batches, Dataset};

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

/// A batch, and how much each of its samples counts.
pub(crate) struct Weighted {
    pub(crate) batch: Batch,
    /// One number a sample; all alike if `None`.
    pub(crate) weights: Option<Vec<f32>>,
}

/// The batches of one epoch.
pub(crate) type Stream<'s> = Box<dyn Iterator<Item = Result<Weighted>> + 's>;

/// The batches of every epoch.
pub(crate) struct Source<'s> {
    /// How many samples an epoch has, if that is known.
    pub(crate) samples: Option<usize>,
    epoch: Box<dyn FnMut(usize) -> Result<Stream<'s>> + 's>,
}

impl<'s> Source<'s> {
    /// A data set, in the order that seed and epoch give, with the weights of its samples.
    pub(crate) fn dataset(
        data: &'s Dataset,
        weights: Option<&[f32]>,
        fit: &Fit<'_>,
        seed: u64,
    ) -> Result<Self> {
        let shuffle = fit.shuffle;
        let batches = data.batches(fit.batch_size)?;
        let size = fit.batch_size;
        // a set of the same length has the same order
        let weights = weights.map(|weights| weigh(weights, data.len())).transpose()?;
        let epoch = move |epoch| -> Result<Stream<'s>> {
            let of = |batches: Batches<'_>| match shuffle {
                true => {
                    batches.shuffled_epoch(seed, epoch as u64).into_iter().map(|batch| batch.inputs).collect()
                }
                false => batches.into_iter().map(|batch| batch.inputs).collect(),
            };
            let weights: Option<Vec<Vec<f32>>> = match &weights {
                Some(weights) => Some(of(weights.batches(size)?)),
                None => None,
            };
            let batches = batches.clone();
            let batches = if shuffle { batches.shuffled_epoch(seed, epoch as u64) } else { batches };
            let batches = batches.into_iter().enumerate();
            Ok(Box::new(batches.map(move |(at, batch)| {
                let weights = weights.as_ref().and_then(|all| all.get(at)).cloned();
                Ok(Weighted { batch, weights })
            })))
        };
        Ok(Self { samples: Some(data.len()), epoch: Box::new(epoch) })
    }

    /// Whatever a function of the epoch gives.
    pub(crate) fn function<I>(mut epoch: impl FnMut(usize) -> I + 's) -> Self
    where
        I: IntoIterator<Item: IntoBatch> + 's,
    {
        let weighted = |item: I::Item| Ok(Weighted { batch: item.into_batch()?, weights: None });
        let stream = move |at| -> Result<Stream<'s>> { Ok(Box::new(epoch(at).into_iter().map(weighted))) };
        Self { samples: None, epoch: Box::new(stream) }
    }

    /// The batches of epoch `epoch`, counted from 1.
    pub(crate) fn epoch(&mut self, epoch: usize) -> Result<Stream<'s>> {
        (self.epoch)(epoch)
    }
}

/// The weights of `samples` samples, as the inputs of a data set.
fn weigh(weights: &[f32], samples: usize) -> Result<Dataset> {
    let wrong = |message: String| Err(TrainError::Setting { message });
    if weights.len() != samples {
        return wrong(format!("sample_weights has {} weights for {samples} samples", weights.len()));
    }
    if let Some(at) = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        return wrong(format!("sample_weights[{at}] is {}; it must be finite and not below 0", weights[at]));
    }
    Ok(Dataset::values(weights.to_vec(), [1], vec![0.0; samples], [])?)
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
