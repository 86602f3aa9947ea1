use super::study::{State, TrialRecord};

/// Stops trials that are worse than most others were at the same step (the median rule of Google Vizier, Golovin et
/// al. 2017, in the form of Optuna's `MedianPruner`): a trial stops if its best reported value so far is worse than
/// the median of the values that finished trials reported at this step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MedianRule {
    /// Trials that have to be finished first.
    pub warm_trials: usize,
    /// Steps below this one stop no trial.
    pub warm_steps: u64,
}

impl Default for MedianRule {
    /// After 5 finished trials, at any step.
    fn default() -> Self {
        Self { warm_trials: 5, warm_steps: 0 }
    }
}

impl MedianRule {
    /// Whether trial `number` is to stop at `step`. Values are such that less is better.
    pub(crate) fn stops(&self, trials: &[TrialRecord], number: usize, step: u64, sign: f64) -> bool {
        let finished: Vec<_> = trials.iter().filter(|trial| trial.state == State::Complete).collect();
        if finished.len() < self.warm_trials.max(1) || step < self.warm_steps {
            return false;
        }
        let at_step = |trial: &&TrialRecord| {
            trial.reports.iter().find(|(known, _)| *known == step).map(|(_, value)| sign * value)
        };
        let mut others: Vec<f64> =
            finished.iter().filter_map(at_step).filter(|value| !value.is_nan()).collect();
        let own = trials.get(number).map(|trial| trial.reports.as_slice()).unwrap_or_default();
        let best = own.iter().map(|(_, value)| sign * value).fold(f64::INFINITY, f64::min);
        others.sort_by(f64::total_cmp);
        let middle = others.len() / 2;
        let median = match (others.get(middle.wrapping_sub(1)), others.get(middle)) {
            (Some(below), Some(above)) if others.len().is_multiple_of(2) => (below + above) / 2.0,
            (_, Some(middle)) => *middle,
            _ => return false,
        };
        best > median
    }
}
