//! Where workers fetch trials and hand in what came of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::choices::Choices;
use super::event::Event;
use super::journal::Journal;
use super::plan::{Next, Plan};
use super::run::Search;
use super::study::{State, TrialRecord};
use super::{Verdict, wrong};
use crate::Result;

/// The worker of trials that no journal knows.
const HERE: &str = "here";

pub(crate) struct Desk<'a> {
    search: &'a Search,
    plan: Plan<'a>,
    books: Mutex<Books>,
    stopped: AtomicBool,
}

#[derive(Default)]
struct Books {
    trials: Vec<TrialRecord>,
    /// Who runs or ran each trial.
    workers: Vec<String>,
    journal: Option<Journal>,
    begun: bool,
}

/// What a worker is to do.
pub(crate) enum Task {
    Run { number: usize, choices: Choices, budget: Option<u64>, previous: Option<usize> },
    Wait,
    End,
}

impl<'a> Desk<'a> {
    pub(crate) fn open(search: &'a Search) -> Result<Self> {
        let plan = Plan::new(search)?;
        let journal = search.journal.as_deref().map(Journal::open).transpose()?;
        let books = Mutex::new(Books { journal, ..Books::default() });
        let desk = Self { search, plan, books, stopped: AtomicBool::new(false) };
        // mistakes about the journal are told before a worker begins
        desk.with_books(|_| Ok(()))?;
        Ok(desk)
    }

    /// Makes all workers end after their trials.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        // what a thread that panicked has left is whole: events are applied after they are written
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` with the journal locked and read to its end.
    fn with_books<T>(&self, work: impl FnOnce(&mut Books) -> Result<T>) -> Result<T> {
        let mut books = self.lock();
        if let Some(journal) = &books.journal {
            journal.lock()?;
        }
        let result = books.read_news(self.search).and_then(|()| work(&mut books));
        if let Some(journal) = &books.journal {
            journal.unlock()?;
        }
        result
    }

    /// The next trial: one whose worker was killed, or a new one.
    pub(crate) fn fetch(&self) -> Result<Task> {
        if self.stopped.load(Ordering::Relaxed) {
            return Ok(Task::End);
        }
        self.with_books(|books| {
            let mut others = false;
            for number in 0..books.trials.len() {
                match books.is_left_behind(number)? {
                    Some(true) => return books.start_again(number),
                    Some(false) => others = true,
                    None => {}
                }
            }
            match self.plan.next(&books.trials)? {
                Next::Trial(proposal) => {
                    let trial = books.trials.len();
                    let super::plan::Proposal { choices, budget, previous } = proposal;
                    books.start(trial, choices, budget, previous)
                }
                Next::Done if !others => Ok(Task::End),
                // a trial of another worker may yet be left behind
                Next::Done | Next::Wait => Ok(Task::Wait),
            }
        })
    }

    /// Notes what a trial has reached so far, and judges whether it is to go on.
    pub(crate) fn report(&self, trial: usize, step: u64, value: f64) -> Result<Verdict> {
        self.with_books(|books| {
            let reported = books.trials.get(trial).map(|trial| trial.reports.as_slice()).unwrap_or_default();
            if let Some((last, _)) = reported.last().filter(|(last, _)| *last >= step) {
                return Err(wrong(format!(
                    "trial {trial} reports step {step} after step {last}: steps ascend"
                )));
            }
            books.note(Event::Report { trial, step, value })?;
            let sign = super::study::sign(self.search.maximise);
            let stops =
                self.search.pruning.as_ref().is_some_and(|rule| rule.stops(&books.trials, trial, step, sign));
            Ok(if stops { Verdict::Stop } else { Verdict::Continue })
        })
    }

    pub(crate) fn finish(&self, trial: usize, state: State, value: Option<f64>) -> Result<()> {
        self.with_books(|books| books.note(Event::Finish { trial, state, value }))
    }

    pub(crate) fn into_trials(self) -> Vec<TrialRecord> {
        self.books.into_inner().unwrap_or_else(PoisonError::into_inner).trials
    }
}

impl Books {
    fn read_news(&mut self, search: &Search) -> Result<()> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let first = Event::Search { settings: search.settings() };
        for (line, event) in journal.news()? {
            match (&event, self.begun) {
                (Event::Search { settings }, false) => compare(journal, line, settings, &search.settings())?,
                (Event::Search { .. }, true) | (_, false) => {
                    return Err(journal.broken(line, "is out of place"));
                }
                _ => {}
            }
            self.begun = true;
            let applied = event.apply(&mut self.trials, &mut self.workers);
            applied.ok_or_else(|| journal.broken(line, "names a trial that was not started"))?;
        }
        if !self.begun {
            journal.append(&first)?;
            self.begun = true;
        }
        Ok(())
    }

    /// Writes an event down before anything depends on it.
    fn note(&mut self, event: Event) -> Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(&event)?;
        }
        let applied = event.apply(&mut self.trials, &mut self.workers);
        applied.ok_or_else(|| wrong("a trial was reported that was not started"))
    }

    /// Whether a running trial's process has been killed; `None` for trials that do not run.
    fn is_left_behind(&self, number: usize) -> Result<Option<bool>> {
        match (self.trials.get(number), self.workers.get(number), &self.journal) {
            (Some(trial), Some(worker), Some(journal)) if trial.state == State::Running => {
                Ok(Some(!journal.lives(worker)?))
            }
            (Some(trial), ..) if trial.state == State::Running => Ok(Some(false)),
            _ => Ok(None),
        }
    }

    fn start(
        &mut self,
        number: usize,
        choices: Choices,
        budget: Option<u64>,
        previous: Option<usize>,
    ) -> Result<Task> {
        let worker = self.journal.as_ref().map_or(HERE, |journal| journal.worker()).to_owned();
        let given = choices.clone();
        self.note(Event::Start { trial: number, worker, choices: given, budget, previous })?;
        Ok(Task::Run { number, choices, budget, previous })
    }

    fn start_again(&mut self, number: usize) -> Result<Task> {
        match self.trials.get(number).cloned() {
            Some(trial) => self.start(number, trial.choices, trial.budget, trial.previous),
            None => Ok(Task::Wait),
        }
    }
}

/// Two searches of one journal have to be the same.
fn compare(
    journal: &Journal,
    line: usize,
    noted: &[(String, String)],
    own: &[(String, String)],
) -> Result<()> {
    for (name, value) in own {
        let other = noted.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if other != Some(value.as_str()) {
            let other = other.unwrap_or("missing");
            let what = format!("it is of another search: {name} is {other} there, and {value} here");
            return Err(journal.broken(line, &what));
        }
    }
    Ok(())
}
