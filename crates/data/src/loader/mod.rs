//! Batches made by threads ahead of their use.

mod epoch;
mod threads;

use std::sync::Arc;

use crate::augment::Augment;
use crate::shuffle::permutation;
use crate::{DataError, Result, Source};
pub use epoch::Epoch;
use epoch::Work;

/// How a [`Loader`] makes batches; what is not named keeps its default.
///
/// ```
/// use anygrad_data::LoaderSettings;
/// let settings = LoaderSettings { batch_size: 64, seed: 7, ..LoaderSettings::default() };
/// assert_eq!((settings.threads, settings.prefetch, settings.shuffle), (2, 4, true));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderSettings {
    /// Samples a batch; 32. The last batch of an epoch holds what is left.
    pub batch_size: usize,
    /// Whether every epoch has its own random order, which takes 8 bytes a sample; true.
    pub shuffle: bool,
    /// Names the orders and the random numbers of the transforms; 0.
    pub seed: u64,
    /// Leaves out the last batch if it is not full; false.
    pub drop_last: bool,
    /// Threads that make batches; 2. With 0 the caller makes each batch when it asks for it.
    pub threads: usize,
    /// Batches that may be ready or being made ahead of their use, which bounds the memory; 4.
    pub prefetch: usize,
}

impl Default for LoaderSettings {
    fn default() -> Self {
        Self { batch_size: 32, shuffle: true, seed: 0, drop_last: false, threads: 2, prefetch: 4 }
    }
}

/// Gives the batches of a [`Source`], which threads make ahead of their use.
///
/// Which samples a batch holds, their order and every bit of them are functions of the seed, the epoch and the batch's
/// number alone: neither of the number of threads, nor of what was read before. So training goes on in the middle of
/// an epoch with [`Loader::resume`]. The order is that of [`Batches::shuffled_epoch`](crate::Batches::shuffled_epoch)
/// with the same seed. At most [`prefetch`](LoaderSettings::prefetch) batches are in memory beside the one in use.
///
/// ```
/// use anygrad_data::{Loader, LoaderSettings, digits};
/// let settings = LoaderSettings { batch_size: 500, ..LoaderSettings::default() };
/// let loader = Loader::new(digits::load()?, settings)?;
/// let sizes: Vec<usize> = loader.epoch(0).map(|batch| Ok(batch?.len())).collect::<Result<_, anygrad_data::DataError>>()?;
/// assert_eq!(sizes, [500, 500, 500, 297]);
/// // from the third batch of epoch 5 on
/// assert_eq!(loader.resume(5, 2).count(), 2);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Loader {
    source: Arc<dyn Source>,
    settings: LoaderSettings,
    augment: Arc<Augment>,
}

impl Loader {
    /// A loader of the samples of `source`: a [`Dataset`](crate::Dataset), or anything that implements [`Source`], also
    /// in an [`Arc`] where it is used elsewhere too.
    ///
    /// # Errors
    /// [`DataError::BatchSize`] if the batch size is 0, [`DataError::Setting`] if there are threads and `prefetch` is 0.
    pub fn new(source: impl Source + 'static, settings: LoaderSettings) -> Result<Self> {
        if settings.batch_size == 0 {
            return Err(DataError::BatchSize);
        }
        if settings.threads > 0 && settings.prefetch == 0 {
            return Err(DataError::setting(
                "Loader::new",
                "prefetch",
                0,
                "1 at least where there are threads",
            ));
        }
        Ok(Self { source: Arc::new(source), settings, augment: Arc::new(Augment::new()) })
    }

    /// Changes every sample by `augment` before it comes into its batch.
    pub fn augment(mut self, augment: Augment) -> Self {
        self.augment = Arc::new(augment);
        self
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &LoaderSettings {
        &self.settings
    }

    /// Where the samples come from.
    pub fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// Number of batches in an epoch.
    pub fn len(&self) -> usize {
        let (samples, size) = (self.source.len(), self.settings.batch_size);
        if self.settings.drop_last { samples / size } else { samples.div_ceil(size) }
    }

    /// Whether an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batches of epoch `epoch`, from 0. Dropping the iterator stops its threads.
    pub fn epoch(&self, epoch: u64) -> Epoch {
        self.resume(epoch, 0)
    }

    /// The batches of epoch `epoch` from batch `batch` on, as if the earlier ones had been read: none if there are not
    /// so many.
    pub fn resume(&self, epoch: u64, batch: usize) -> Epoch {
        let order = self.settings.shuffle.then(|| permutation(self.source.len(), self.settings.seed, epoch));
        let work = Work {
            source: Arc::clone(&self.source),
            augment: Arc::clone(&self.augment),
            order,
            batch_size: self.settings.batch_size,
            seed: self.settings.seed,
            epoch,
        };
        Epoch::start(work, batch, self.len(), self.settings.threads, self.settings.prefetch)
    }
}
