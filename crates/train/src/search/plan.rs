//! Which trial comes next.

use super::choices::Choices;
use super::halving::Rung;
use super::method::Method;
use super::run::Search;
use super::study::{State, TrialRecord, sign};
use crate::Result;

#[derive(Debug, PartialEq)]
pub(crate) struct Proposal {
    pub(crate) choices: Choices,
    pub(crate) budget: Option<u64>,
    pub(crate) previous: Option<usize>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Next {
    Trial(Proposal),
    /// Others have to finish before it is known.
    Wait,
    Done,
}

/// The parts of a search that need to be worked out once.
pub(crate) struct Plan<'a> {
    search: &'a Search,
    grid: Vec<Choices>,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(search: &'a Search) -> Result<Self> {
        search.space.check()?;
        search.method.check(&search.space)?;
        let grid = match &search.method {
            Method::Grid { points } => search.space.grid(*points)?,
            Method::Mixed { grid, points, .. } => {
                search.space.grid_of(*points, |name| grid.iter().any(|chosen| chosen == name))?
            }
            _ => Vec::new(),
        };
        Ok(Self { search, grid })
    }

    /// What comes after these trials: a function of them and of the seed alone.
    pub(crate) fn next(&self, trials: &[TrialRecord]) -> Result<Next> {
        let number = trials.len();
        let (space, seed) = (&self.search.space, self.search.seed);
        let plain = |choices| Next::Trial(Proposal { choices, budget: None, previous: None });
        Ok(match &self.search.method {
            Method::Grid { .. } => self.grid.get(number).cloned().map_or(Next::Done, plain),
            Method::Random { trials } if number >= *trials => Next::Done,
            Method::Random { .. } => plain(space.sample(seed, number as u64)?),
            Method::Mixed { draws, .. } => match self.grid.get(number / draws) {
                Some(point) => plain(self.completed(point, number)?),
                None => Next::Done,
            },
            Method::Tpe(tpe) if number >= tpe.trials => Next::Done,
            Method::Tpe(tpe) => plain(tpe.propose(space, trials, seed, sign(self.search.maximise))?),
            Method::Halving(halving) => self.brackets(&[halving.rungs()], trials)?,
            Method::Hyperband(hyperband) => self.brackets(&hyperband.brackets(), trials)?,
        })
    }

    /// A point of the grid with random values for the other parameters.
    fn completed(&self, point: &Choices, number: usize) -> Result<Choices> {
        let drawn = self.search.space.sample(self.search.seed, number as u64)?;
        // a parameter that depends on a choice of the grid is drawn anew, as the draw may lack it
        let random = crate::random::Random::new(self.search.seed, number as u64);
        Ok(self.search.space.choose(|index, entry| {
            let known = point.get(&entry.name).or_else(|| drawn.get(&entry.name)).cloned();
            known.unwrap_or_else(|| entry.dimension.at(random.uniform(index as u64)))
        }))
    }

    /// The brackets one after the other, each a ladder of rungs.
    fn brackets(&self, brackets: &[Vec<Rung>], trials: &[TrialRecord]) -> Result<Next> {
        let mut rest = trials;
        for rungs in brackets {
            let mut candidates: Option<Vec<&TrialRecord>> = None;
            for rung in rungs {
                // where trials failed, fewer than planned go on
                let size = candidates.as_ref().map_or(rung.trials, |known| known.len().min(rung.trials));
                let done = rest.get(..size.min(rest.len())).unwrap_or_default();
                if done.len() < size {
                    return self.on_rung(rung.budget, candidates.as_deref(), done.len(), trials.len());
                }
                rest = rest.get(size..).unwrap_or_default();
                if done.iter().any(|trial| trial.state == State::Running) {
                    return Ok(Next::Wait);
                }
                candidates = Some(self.ranked(done));
            }
        }
        Ok(Next::Done)
    }

    fn on_rung(
        &self,
        budget: u64,
        candidates: Option<&[&TrialRecord]>,
        index: usize,
        number: usize,
    ) -> Result<Next> {
        let (choices, previous) = match candidates {
            None => (self.search.space.sample(self.search.seed, number as u64)?, None),
            Some(candidates) => match candidates.get(index) {
                Some(trial) => (trial.choices.clone(), Some(trial.number)),
                None => return Ok(Next::Done),
            },
        };
        Ok(Next::Trial(Proposal { choices, budget: Some(budget), previous }))
    }

    /// The complete trials, best first.
    fn ranked<'t>(&self, trials: &'t [TrialRecord]) -> Vec<&'t TrialRecord> {
        let key = |trial: &TrialRecord| sign(self.search.maximise) * trial.value.unwrap_or(f64::NAN);
        let mut complete: Vec<_> = trials.iter().filter(|trial| trial.state == State::Complete).collect();
        complete.sort_by(|a, b| key(a).total_cmp(&key(b)).then(a.number.cmp(&b.number)));
        complete
    }
}
