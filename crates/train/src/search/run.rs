use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use super::desk::{Desk, Task};
use super::method::Method;
use super::pruning::MedianRule;
use super::space::Space;
use super::study::{State, Study};
use super::trial::Trial;
use super::wrong;
use crate::{Result, TrainError};

/// A search for the hyper-parameters of the least loss (or the greatest score).
///
/// With one worker, the trials are a function of the settings and of what the objective returns, whether the search
/// was interrupted or not. Several workers finish in an order that nobody knows, which TPE and pruning see.
///
/// ```
/// use anygrad_train::search::{MedianRule, Method, Search, Space, Tpe, Verdict};
/// let search = Search {
///     space: Space::new().log_uniform("rate", 1e-3, 1.0),
///     method: Method::Tpe(Tpe { trials: 25, ..Tpe::default() }),
///     pruning: Some(MedianRule::default()),
///     ..Search::default()
/// };
/// let study = search.run(|trial| {
///     let mut x = 1.0;
///     for epoch in 1..=10 {
///         x -= trial.number("rate")? * 2.0 * x;
///         if trial.report(epoch, x * x)? == Verdict::Stop {
///             break;
///         }
///     }
///     Ok(x * x)
/// })?;
/// assert!(study.best().unwrap().value.unwrap() < 1e-3);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Search {
    /// What may vary.
    pub space: Space,
    /// How it is looked through.
    pub method: Method,
    /// The seed of all draws. 0 by default.
    pub seed: u64,
    /// Whether the greatest value is the best one, as of an accuracy; by default it is the least, as of a loss.
    pub maximise: bool,
    /// Threads that run trials at the same time, up to 1024. 1 by default.
    pub workers: usize,
    /// A file in which every trial is noted, a line of JSON for each event. A search that finds its own journal goes on
    /// where that ends: finished trials are kept, and those whose process was killed run again with the same
    /// hyper-parameters. Several processes may share one journal on a file system with locks; each
    /// has a file beside it while it lives. None by default.
    pub journal: Option<PathBuf>,
    /// The rule that stops bad trials early. None by default.
    pub pruning: Option<MedianRule>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            space: Space::new(),
            method: Method::default(),
            seed: 0,
            maximise: false,
            workers: 1,
            journal: None,
            pruning: None,
        }
    }
}

impl Search {
    /// Runs `objective` for every trial, and returns when all are done, those of other processes of the same journal
    /// included. A trial whose objective fails, or returns what is not finite, is noted as failed, with the reason,
    /// and the search goes on: a rate that is too high is a result.
    ///
    /// # Errors
    /// Settings that make no sense; a journal that cannot be read or written, or is of another search.
    pub fn run(&self, objective: impl Fn(&mut Trial<'_>) -> Result<f64> + Sync) -> Result<Study> {
        if !(1..=1024).contains(&self.workers) {
            return Err(wrong(format!("workers is {}: it has to be from 1 to 1024", self.workers)));
        }
        let desk = Desk::open(self)?;
        let failure: Mutex<Option<TrainError>> = Mutex::new(None);
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    // where the objective panics, the others must not wait for its trial
                    let _guard = StopOnPanic(&desk);
                    if let Err(error) = work(&desk, &objective) {
                        desk.stop();
                        if let Ok(mut failure) = failure.lock() {
                            failure.get_or_insert(error);
                        }
                    }
                });
            }
        });
        if let Ok(Some(error)) = failure.into_inner() {
            return Err(error);
        }
        Ok(Study { space: self.space.clone(), trials: desk.into_trials(), maximise: self.maximise })
    }

    /// What a journal notes of it.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let text = |name: &str, value: String| (name.to_owned(), value);
        vec![
            text("space", format!("{:?}", self.space)),
            text("method", self.method.identity()),
            text("seed", self.seed.to_string()),
            text("maximise", self.maximise.to_string()),
            text("pruning", format!("{:?}", self.pruning)),
        ]
    }
}

struct StopOnPanic<'a>(&'a Desk<'a>);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Runs trials until there are none.
fn work(desk: &Desk<'_>, objective: &(impl Fn(&mut Trial<'_>) -> Result<f64> + Sync)) -> Result<()> {
    loop {
        let (number, choices, budget, previous) = match desk.fetch()? {
            Task::Run { number, choices, budget, previous } => (number, choices, budget, previous),
            Task::Wait => {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            Task::End => return Ok(()),
        };
        let (last, stopped) = (Cell::new(None), Cell::new(false));
        let mut trial = Trial { desk, number, choices, budget, previous, last, stopped };
        let result = objective(&mut trial);
        let last = trial.last.get();
        let (state, value) = match result {
            _ if trial.stopped.get() => (State::Pruned, last),
            Ok(value) if value.is_finite() => (State::Complete, Some(value)),
            Ok(value) => (State::Failed(format!("the objective returned {value}")), None),
            Err(error) => (State::Failed(error.to_string()), None),
        };
        desk.finish(number, state, value)?;
    }
}
