use std::time::{Duration, Instant};

use super::{Callback, Flow, Training};
use crate::Result;

/// Ends the training after some time: at the first step that is over then.
///
/// ```
/// use anygrad_train::callbacks::TimeLimit;
/// let limit = TimeLimit::new(std::time::Duration::from_secs(3600));
/// ```
///
/// A run that is [resumed](crate::Fit::resume) counts the time before as well.
#[derive(Clone, Debug)]
pub struct TimeLimit {
    limit: Duration,
    before: Duration,
    began: Option<Instant>,
}

impl TimeLimit {
    /// Ends the training after `limit`.
    pub fn new(limit: Duration) -> Self {
        Self { limit, before: Duration::ZERO, began: None }
    }

    fn spent(&self) -> Duration {
        self.before.saturating_add(self.began.map_or(Duration::ZERO, |began| began.elapsed()))
    }
}

impl Callback for TimeLimit {
    fn begin(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.began = Some(Instant::now());
        Ok(())
    }

    fn end_step(&mut self, _: &mut Training<'_>) -> Result<Flow> {
        match self.spent() >= self.limit {
            true => Ok(Flow::Stop(format!("the time limit of {:?} is reached", self.limit))),
            false => Ok(Flow::Continue),
        }
    }

    fn state(&self) -> Vec<f64> {
        vec![self.spent().as_secs_f64()]
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let spent = state.first().and_then(|&seconds| Duration::try_from_secs_f64(seconds).ok());
        self.before = spent.unwrap_or(Duration::ZERO);
        Ok(())
    }
}
