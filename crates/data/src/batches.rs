use crate::shuffle::permutation;
use crate::targets::{BatchTargets, batch_shape};
use crate::{DataError, Dataset, Result, Targets};

/// Some samples together: what one training step sees.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The inputs of the b samples, one after the other.
    pub inputs: Vec<f32>,
    /// The shape `[b, ..]` of the inputs.
    pub input_shape: Vec<usize>,
    /// The targets of the b samples.
    pub targets: BatchTargets,
}

impl Batch {
    /// Number of samples, b.
    pub fn len(&self) -> usize {
        self.input_shape.first().copied().unwrap_or(0)
    }

    /// The same samples as a data set.
    ///
    /// # Errors
    /// As [`Dataset::new`]: none for a batch that this crate has made.
    pub fn into_dataset(self) -> Result<Dataset> {
        let rest = |shape: Vec<usize>| shape.get(1..).unwrap_or_default().to_vec();
        let targets = match self.targets {
            BatchTargets::Classes { labels, classes } => Targets::Classes { labels, classes },
            BatchTargets::Values { values, shape } => Targets::Values { values, shape: rest(shape) },
        };
        Dataset::new(self.inputs, rest(self.input_shape), targets)
    }

    /// Whether it holds no sample; batches that a data set gives hold one at least.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How to go through a data set once: made by [`Dataset::batches`], and run by a `for` loop.
///
/// Only the batch at hand is copied; the memory used does not grow with the number of samples, but for the order.
///
/// ```
/// use anygrad_data::digits;
/// let data = digits::load()?;
/// let sizes: Vec<usize> = data.batches(500)?.shuffled(3).into_iter().map(|batch| batch.len()).collect();
/// assert_eq!(sizes, [500, 500, 500, 297]);
/// assert_eq!(data.batches(500)?.drop_last().len(), 3);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    data: &'a Dataset,
    batch_size: usize,
    shuffle: Option<(u64, u64)>,
    drop_last: bool,
}

impl<'a> Batches<'a> {
    pub(crate) fn new(data: &'a Dataset, batch_size: usize) -> Result<Self> {
        if batch_size == 0 {
            return Err(DataError::BatchSize);
        }
        Ok(Self { data, batch_size, shuffle: None, drop_last: false })
    }

    /// In the random order that `seed` names, the same on every machine. For another order in every epoch, see
    /// [`Batches::shuffled_epoch`].
    pub fn shuffled(self, seed: u64) -> Self {
        self.shuffled_epoch(seed, 0)
    }

    /// In the random order that `seed` and `epoch` name: one seed gives each epoch its own order, the same on every
    /// machine, and training can go on at any epoch without running the earlier ones.
    pub fn shuffled_epoch(self, seed: u64, epoch: u64) -> Self {
        Self { shuffle: Some((seed, epoch)), ..self }
    }

    /// Leaves out the last batch if it is not full.
    pub fn drop_last(self) -> Self {
        Self { drop_last: true, ..self }
    }

    /// Number of batches: samples / batch size, rounded up, or down with [`Batches::drop_last`].
    pub fn len(&self) -> usize {
        if self.drop_last {
            self.data.len() / self.batch_size
        } else {
            self.data.len().div_ceil(self.batch_size)
        }
    }

    /// Whether there is no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batches, without giving up the description of them.
    pub fn iter(&self) -> BatchIter<'a> {
        BatchIter {
            data: self.data,
            order: self.shuffle.map(|(seed, epoch)| permutation(self.data.len(), seed, epoch)),
            batch_size: self.batch_size,
            next: 0,
            end: self.len(),
        }
    }
}

impl<'a> IntoIterator for Batches<'a> {
    type Item = Batch;
    type IntoIter = BatchIter<'a>;
    fn into_iter(self) -> BatchIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Batches<'a> {
    type Item = Batch;
    type IntoIter = BatchIter<'a>;
    fn into_iter(self) -> BatchIter<'a> {
        self.iter()
    }
}

/// The batches of one way through a data set.
#[derive(Clone, Debug)]
pub struct BatchIter<'a> {
    data: &'a Dataset,
    order: Option<Vec<usize>>,
    batch_size: usize,
    next: usize,
    end: usize,
}

impl Iterator for BatchIter<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next == self.end {
            return None;
        }
        let begin = self.next * self.batch_size;
        let end = begin.saturating_add(self.batch_size).min(self.data.len());
        self.next += 1;
        let part = match &self.order {
            Some(order) => self.data.gather(&order[begin..end]),
            None => self.data.gather(&(begin..end).collect::<Vec<_>>()),
        };
        let (inputs, shape, targets) = part.into_parts();
        Some(Batch {
            inputs,
            input_shape: batch_shape(end - begin, &shape),
            targets: BatchTargets::new(targets, end - begin),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.end - self.next, Some(self.end - self.next))
    }
}

impl ExactSizeIterator for BatchIter<'_> {}
impl std::iter::FusedIterator for BatchIter<'_> {}
