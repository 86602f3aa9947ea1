use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::augment::Augment;
use crate::loader::threads::Threads;
use crate::source::Collector;
use crate::{Batch, DataError, Result, Source};

/// What every batch of one epoch is made of.
pub(super) struct Work {
    pub(super) source: Arc<dyn Source>,
    pub(super) augment: Arc<Augment>,
    /// The order of the samples; as they are if `None`.
    pub(super) order: Option<Vec<usize>>,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
    pub(super) epoch: u64,
}

impl Work {
    /// Batch `number`. A panic of the source or of a transform is an error of the batch.
    pub(super) fn batch(&self, number: usize) -> Result<Batch> {
        // what a panic leaves half done is this batch, which nobody sees
        catch_unwind(AssertUnwindSafe(|| self.make(number))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(DataError::Panicked { message: message.unwrap_or_else(|| "no message".to_owned()) })
        })
    }

    fn make(&self, number: usize) -> Result<Batch> {
        let len = self.source.len();
        let begin = number.saturating_mul(self.batch_size).min(len);
        let end = begin.saturating_add(self.batch_size).min(len);
        let place = |position: usize| match &self.order {
            Some(order) => order.get(position).copied().unwrap_or(position),
            None => position,
        };
        let indices: Vec<usize> = (begin..end).map(place).collect();
        let mut shape = self.source.input_shape();
        let mut samples = Vec::with_capacity(indices.len());
        for &index in &indices {
            let mut sample = self.source.sample(index)?;
            let input = std::mem::take(&mut sample.input);
            let (input, changed) = self.augment.sample(
                input,
                &self.source.input_shape(),
                self.seed,
                self.epoch,
                index as u64,
            )?;
            sample.input = input;
            if samples.is_empty() {
                shape = changed;
            } else if shape != changed {
                let wanted = format!("samples of one shape, {shape:?} as the first of the batch");
                let found = format!("{changed:?} after the transforms of sample {index}");
                return Err(DataError::needs("a batch", wanted, found));
            }
            samples.push(sample);
        }
        let mut collector = Collector::new(shape, self.source.target_kind())?;
        samples.into_iter().try_for_each(|sample| collector.push(sample))?;
        self.augment.mix_batch(collector.into_batch(), self.seed, self.epoch, &indices)
    }
}

/// The batches of one epoch, in order: made by [`Loader::epoch`](crate::Loader::epoch).
///
/// After an error there is no further batch. Dropping it stops its threads and waits for the batches at work.
pub struct Epoch {
    work: Arc<Work>,
    threads: Option<Threads>,
    next: usize,
    end: usize,
}

impl Epoch {
    pub(super) fn start(work: Work, first: usize, end: usize, threads: usize, prefetch: usize) -> Self {
        let work = Arc::new(work);
        let next = first.min(end);
        let threads = (threads > 0 && next < end)
            .then(|| Threads::start(&work, next, end, threads.min(end - next), prefetch));
        Self { work, threads, next, end }
    }

    /// The number of the batch that comes next: what [`Loader::resume`](crate::Loader::resume) takes to go on here.
    pub fn position(&self) -> usize {
        self.next
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Result<Batch>> {
        if self.next >= self.end {
            self.threads = None;
            return None;
        }
        let number = self.next;
        self.next += 1;
        // where the system gave no thread the batch is made here
        let batch = match self.threads.as_ref().and_then(|threads| threads.take(number)) {
            Some(batch) => batch,
            None => self.work.batch(number),
        };
        if batch.is_err() {
            self.end = self.next;
            self.threads = None;
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // an error ends the epoch early
        (usize::from(self.next < self.end), Some(self.end - self.next))
    }
}

impl std::iter::FusedIterator for Epoch {}
