//! Where one call of `fit` is.

use std::time::Instant;

use anygrad_nn::schedule::Schedule;

use crate::{Fit, Result, TrainError, TrainState};

/// The position of a run, and its learning rate.
pub(crate) struct Position {
    pub(crate) epochs: usize,
    pub(crate) first_epoch: usize,
    pub(crate) epoch: usize,
    pub(crate) step: usize,
    pub(crate) steps_in_epoch: Option<usize>,
    /// Whether all steps of the epoch are made and it has its row.
    pub(crate) epoch_is_over: bool,
    pub(crate) run_steps: u64,
    pub(crate) steps: u64,
    pub(crate) seed: u64,
    pub(crate) batch_size: usize,
    pub(crate) accumulate: usize,
    pub(crate) shuffle: bool,
    pub(crate) samples: Option<usize>,
    /// The learning rate without a schedule.
    pub(crate) constant: f64,
    /// What the schedule says of the next step.
    scheduled: Option<f64>,
    /// What a schedule is multiplied by.
    pub(crate) factor: f64,
    /// The learning rate of the last step.
    pub(crate) rate_used: f64,
    began: Instant,
    seconds_before: f64,
}

impl Position {
    pub(crate) fn new(fit: &Fit<'_>, seed: u64, steps: u64, samples: Option<usize>) -> Self {
        let mut position = Self {
            scheduled: None,
            epochs: fit.epochs,
            first_epoch: fit.initial_epoch.saturating_add(1),
            epoch: 0,
            step: 0,
            steps_in_epoch: None,
            epoch_is_over: false,
            run_steps: 0,
            steps,
            seed,
            batch_size: fit.batch_size,
            accumulate: fit.accumulate,
            shuffle: fit.shuffle,
            samples,
            constant: fit.learning_rate,
            factor: 1.0,
            rate_used: 0.0,
            began: Instant::now(),
            seconds_before: 0.0,
        };
        position.plan_rate(fit.schedule);
        position.rate_used = position.rate();
        position
    }

    /// Where a run that goes on begins.
    pub(crate) fn resume(&mut self, state: &TrainState, schedule: Option<&dyn Schedule>) {
        (self.first_epoch, self.epoch, self.step) = (state.epoch, state.epoch, state.step);
        (self.run_steps, self.steps) = (state.run_steps, state.steps);
        (self.constant, self.factor) = (state.learning_rate, state.rate_factor);
        self.rate_used = state.last_rate;
        self.plan_rate(schedule);
        self.began = Instant::now();
        self.seconds_before = state.seconds;
    }

    pub(crate) fn begin_epoch(&mut self, epoch: usize) {
        (self.epoch, self.step, self.epoch_is_over) = (epoch, 0, false);
        self.began = Instant::now();
        self.seconds_before = 0.0;
    }

    /// Seconds since the epoch began.
    pub(crate) fn seconds(&self) -> f64 {
        self.seconds_before + self.began.elapsed().as_secs_f64()
    }

    /// The learning rate of the next step.
    pub(crate) fn rate(&self) -> f64 {
        self.scheduled.map_or(self.constant, |scheduled| scheduled * self.factor)
    }

    /// Looks up what the schedule says of the next step.
    pub(crate) fn plan_rate(&mut self, schedule: Option<&dyn Schedule>) {
        self.scheduled = schedule.map(|schedule| schedule.at(self.run_steps));
    }

    pub(crate) fn set_rate(&mut self, rate: f64) -> Result<()> {
        if !(rate.is_finite() && rate >= 0.0) {
            let message = format!("the learning rate is {rate}; it must be finite and not below 0");
            return Err(TrainError::Setting { message });
        }
        match self.scheduled {
            None => self.constant = rate,
            Some(scheduled) => {
                if scheduled == 0.0 && rate != 0.0 {
                    let message = format!("no factor makes the learning rate {rate}: the schedule is at 0");
                    return Err(TrainError::Setting { message });
                }
                self.factor = if scheduled == 0.0 { self.factor } else { rate / scheduled };
            }
        }
        Ok(())
    }

    /// One more step is made.
    pub(crate) fn advance(&mut self, schedule: Option<&dyn Schedule>) {
        self.rate_used = self.rate();
        self.step += 1;
        self.steps += 1;
        self.run_steps += 1;
        self.plan_rate(schedule);
    }
}
