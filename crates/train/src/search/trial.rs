use std::cell::Cell;

use super::choices::Choices;
use super::desk::Desk;
use crate::Result;

/// Whether a trial is to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may become good.
    Continue,
    /// Most others were better at this step: return, with any value.
    Stop,
}

/// A trial that runs: its hyper-parameters, its budget, and where it reports how it goes.
pub struct Trial<'a> {
    pub(crate) desk: &'a Desk<'a>,
    pub(crate) number: usize,
    pub(crate) choices: Choices,
    pub(crate) budget: Option<u64>,
    pub(crate) previous: Option<usize>,
    pub(crate) last: Cell<Option<f64>>,
    pub(crate) stopped: Cell<bool>,
}

impl std::fmt::Debug for Trial<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Trial");
        text.field("index", &self.number)
            .field("choices", &self.choices)
            .field("budget", &self.budget)
            .finish()
    }
}

impl Trial<'_> {
    /// The number of the trial, from 0; the same when it is run again after an interruption.
    pub fn index(&self) -> usize {
        self.number
    }

    /// All hyper-parameters.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// A number among them; see [`Choices::number`].
    ///
    /// # Errors
    /// Those of [`Choices::number`].
    pub fn number(&self, name: &str) -> Result<f64> {
        self.choices.number(name)
    }

    /// A whole number among them; see [`Choices::integer`].
    ///
    /// # Errors
    /// Those of [`Choices::integer`].
    pub fn integer(&self, name: &str) -> Result<i64> {
        self.choices.integer(name)
    }

    /// A count among them; see [`Choices::count`].
    ///
    /// # Errors
    /// Those of [`Choices::count`].
    pub fn count(&self, name: &str) -> Result<usize> {
        self.choices.count(name)
    }

    /// A name among them; see [`Choices::name`].
    ///
    /// # Errors
    /// Those of [`Choices::name`].
    pub fn name(&self, name: &str) -> Result<&str> {
        self.choices.name(name)
    }

    /// What the trial may spend (epochs, for example), from halving and Hyperband; `None` from other methods.
    pub fn budget(&self) -> Option<u64> {
        self.budget
    }

    /// The trial with the same hyper-parameters and the next smaller budget, whose checkpoint this one may go on from.
    pub fn previous(&self) -> Option<usize> {
        self.previous
    }

    /// Tells what the trial has reached after `step` steps (epochs, for example), in the unit of its final value, and
    /// hears whether to go on: it is, unless [`Search::pruning`](super::Search::pruning) says otherwise.
    ///
    /// # Errors
    /// Steps that do not ascend; the journal cannot be written.
    pub fn report(&self, step: u64, value: f64) -> Result<Verdict> {
        let verdict = self.desk.report(self.number, step, value)?;
        self.last.set(Some(value));
        self.stopped.set(verdict == Verdict::Stop);
        Ok(verdict)
    }
}
