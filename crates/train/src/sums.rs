//! Running sums over the batches of an epoch, which stay on the device until someone asks.

use anygrad_graph::{DType, Device, Tensor};

use crate::feed::Feed;
use crate::history::Scores;
use crate::{Result, SumsState};

/// The name of the share of right answers in a [`Scores`].
pub(crate) const ACCURACY: &str = "accuracy";

/// Sums of losses and of right answers. Adding a batch records three scalars; evaluated together with the step, they
/// are one small kernel that writes in place.
pub(crate) struct Sums {
    /// Σ loss·b, f32.
    loss: Tensor,
    /// Right answers, u32.
    correct: Tensor,
    /// How many batches went by with a finite sum, u32: the sum never becomes finite again.
    finite: Tensor,
    labelled: bool,
    samples: usize,
    batches: usize,
}

/// What was summed up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Totals {
    /// The mean over the samples; NaN if there is none.
    pub(crate) loss: f32,
    /// The share of right answers, if the targets are labels and the model gives scores for them.
    pub(crate) accuracy: Option<f32>,
    /// The batch, counted from 1, whose loss was NaN or infinite, if there is one.
    pub(crate) broken: Option<usize>,
    /// Number of samples.
    pub(crate) samples: usize,
}

impl Sums {
    pub(crate) fn new(device: &Device) -> Self {
        Self::from_state(&SumsState::default(), device)
    }

    pub(crate) fn from_state(state: &SumsState, device: &Device) -> Self {
        // in memory from the start, so that the first batch has the program of all others
        let count = |count: u32| Tensor::from_slice(&[count], [], device);
        Self {
            loss: Tensor::from_slice(&[state.loss], [], device),
            correct: count(state.correct),
            finite: count(state.finite),
            labelled: state.labelled,
            samples: state.samples,
            batches: state.batches,
        }
    }

    /// Reads the sums as they are, to go on with them later.
    pub(crate) fn state(&self) -> Result<SumsState> {
        Ok(SumsState {
            loss: self.loss.item()?,
            correct: self.correct.item_f64()? as u32,
            finite: self.finite.item_f64()? as u32,
            labelled: self.labelled,
            samples: self.samples,
            batches: self.batches,
        })
    }

    /// Records the sums with one more batch: its mean loss and its right answers.
    #[track_caller]
    pub(crate) fn add(&mut self, feed: &Feed, output: &Tensor, loss: &Tensor) {
        // the old sums are let go of, so that the run may write over them
        self.loss = &self.loss + loss.to_dtype(DType::F32) * feed.len as f64;
        self.finite = &self.finite + self.loss.is_finite().to_dtype(DType::U32);
        if let Some(correct) = feed.correct(output) {
            self.correct = &self.correct + correct;
            self.labelled = true;
        }
        self.samples += feed.len;
        self.batches += 1;
    }

    /// Whether no batch was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// What a step evaluates besides the parameters.
    pub(crate) fn tensors(&self) -> [&Tensor; 3] {
        [&self.loss, &self.correct, &self.finite]
    }

    /// Reads the sums: the only time that anything waits for the device.
    pub(crate) fn read(&self) -> Result<Totals> {
        let samples = self.samples as f64;
        let finite = self.finite.item_f64()? as usize;
        let accuracy = match self.labelled {
            true => Some((self.correct.item_f64()? / samples) as f32),
            false => None,
        };
        Ok(Totals {
            loss: (self.loss.item_f64()? / samples) as f32,
            accuracy,
            broken: (finite < self.batches).then_some(finite + 1),
            samples: self.samples,
        })
    }
}

impl Totals {
    pub(crate) fn scores(&self) -> Scores {
        let accuracy = self.accuracy.map(|accuracy| (ACCURACY.to_owned(), accuracy));
        Scores { loss: self.loss, metrics: accuracy.into_iter().collect() }
    }
}
