use super::choices::Choices;

/// How a trial ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs, or did when the study was read.
    Running,
    /// It has a value.
    Complete,
    /// It was stopped early; its value is the last one that it reported.
    Pruned,
    /// The objective failed, for this reason.
    Failed(String),
}

/// What is known of one trial.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialRecord {
    /// The number of the trial, from 0.
    pub number: usize,
    /// Its hyper-parameters.
    pub choices: Choices,
    /// What it may spend, if the method has budgets.
    pub budget: Option<u64>,
    /// The trial of the same choices with a smaller budget, if there is one.
    pub previous: Option<usize>,
    /// What it reported: steps and values, in that order.
    pub reports: Vec<(u64, f64)>,
    /// How it ended.
    pub state: State,
    /// The value that judges it.
    pub value: Option<f64>,
}

/// The trials of a search. `Display` draws a table, [`Study::best`] names the best trial, and
/// [`Study::parallel_coordinates`] and [`Study::scatter`] are pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    pub(crate) space: super::Space,
    pub(crate) trials: Vec<TrialRecord>,
    pub(crate) maximise: bool,
}

impl Study {
    /// All trials, by number.
    pub fn trials(&self) -> &[TrialRecord] {
        &self.trials
    }

    /// The complete trial of the least value (or the greatest, where that was searched); the first of equals. Where
    /// trials have budgets, only those of the largest budget among the complete ones are compared: a value that was
    /// reached with more is not better for that.
    pub fn best(&self) -> Option<&TrialRecord> {
        let complete = || self.trials.iter().filter(|trial| trial.state == State::Complete);
        let largest = complete().map(|trial| trial.budget).max()?;
        let judged = complete().filter(|trial| trial.budget == largest);
        let key = |trial: &TrialRecord| sign(self.maximise) * trial.value.unwrap_or(f64::NAN);
        judged.min_by(|a, b| key(a).total_cmp(&key(b)))
    }
}

/// The factor that makes less better.
pub(crate) fn sign(maximise: bool) -> f64 {
    if maximise { -1.0 } else { 1.0 }
}
