//! Where a training run is, in numbers.

use crate::{Fit, History, Result, TrainError};

/// Where a training run is: with the parameters, buffers and optimizer state of its [`Params`](anygrad_nn::Params)
/// all that [`Fit::resume`] needs to go on as if nothing had happened, also in the middle of an epoch.
///
/// [`Training::state`](crate::Training::state) gives it to a callback. The order of the samples and the masks of
/// dropout are functions of `seed`, `epoch` and `steps`, so nothing else of a random generator is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainState {
    /// The epoch at hand, counted from 1.
    pub epoch: usize,
    /// How many steps of it are made; it goes on with the next.
    pub step: usize,
    /// How many steps the run has made: the position of a schedule.
    pub run_steps: u64,
    /// How many steps the trainer has made over all its runs: what the masks of dropout are drawn by.
    pub steps: u64,
    /// The seed of the order of the samples and of dropout.
    pub seed: u64,
    /// Samples a batch.
    pub batch_size: usize,
    /// Batches a step.
    pub accumulate: usize,
    /// Whether every epoch has an order of its own.
    pub shuffle: bool,
    /// Samples in the training set; `None` if the batches came from elsewhere.
    pub samples: Option<usize>,
    /// The type of the optimizer, as [`std::any::type_name`] gives it.
    pub optimizer: String,
    /// The learning rate without a schedule.
    pub learning_rate: f64,
    /// The learning rate of the last step.
    pub last_rate: f64,
    /// What callbacks have made the factor of a schedule; 1 at first.
    pub rate_factor: f64,
    /// Seconds that the epoch at hand has taken.
    pub seconds: f64,
    /// The sums of the epoch at hand.
    pub sums: SumsState,
    /// The metrics of the epoch at hand, each with its [`state`](crate::Metric::state).
    pub metrics: Vec<(String, Vec<f64>)>,
    /// Of mixed precision: the scale, and the steps since it changed.
    pub loss_scale: Option<[f64; 2]>,
    /// Of each callback, its [`state`](crate::Callback::state); empty for the one that asked.
    pub callbacks: Vec<Vec<f64>>,
    /// The epochs that are over.
    pub history: History,
}

/// The sums of an epoch at hand, of which its row in the history will be made; see [`TrainState`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SumsState {
    /// The sum of loss times samples.
    pub loss: f32,
    /// Right answers.
    pub correct: u32,
    /// Batches up to which the sum of losses was finite.
    pub finite: u32,
    /// Whether right answers are counted.
    pub labelled: bool,
    /// Number of samples.
    pub samples: usize,
    /// Number of batches.
    pub batches: usize,
}

impl TrainState {
    /// Whether a run with these settings goes on where this one was.
    pub(crate) fn check(
        &self,
        fit: &Fit<'_>,
        seed: u64,
        samples: Option<usize>,
        optimizer: &str,
    ) -> Result<()> {
        let differs = |what: &str, was: String, is: String| {
            let message = format!("resume: {what} was {was} and is {is}; it has to be the same to go on");
            Err(TrainError::Setting { message })
        };
        let count = |samples: Option<usize>| samples.map_or("unknown".to_owned(), |n| n.to_string());
        if self.seed != seed {
            return differs("the seed", self.seed.to_string(), seed.to_string());
        }
        if self.batch_size != fit.batch_size {
            return differs("batch_size", self.batch_size.to_string(), fit.batch_size.to_string());
        }
        if self.accumulate != fit.accumulate {
            return differs("accumulate", self.accumulate.to_string(), fit.accumulate.to_string());
        }
        if self.shuffle != fit.shuffle {
            return differs("shuffle", self.shuffle.to_string(), fit.shuffle.to_string());
        }
        if self.samples != samples {
            return differs("the number of training samples", count(self.samples), count(samples));
        }
        if self.optimizer != optimizer {
            return differs("the optimizer", self.optimizer.clone(), optimizer.to_owned());
        }
        let counts = [
            ("epoch", self.epoch as u64),
            ("step", self.step as u64),
            ("run_steps", self.run_steps),
            ("steps", self.steps),
            ("number of samples", self.sums.samples as u64),
            ("number of batches", self.sums.batches as u64),
        ];
        // no run gets there, and no sum below wraps around
        if let Some((name, value)) = counts.into_iter().find(|(_, value)| *value > 1 << 48) {
            let message = format!("resume: the {name} is {value}; it must be at most 2^48");
            return Err(TrainError::Setting { message });
        }
        if self.epoch == 0 {
            let message = "resume: the epoch is 0; epochs are counted from 1".to_owned();
            return Err(TrainError::Setting { message });
        }
        Ok(())
    }
}
