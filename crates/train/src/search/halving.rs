use super::wrong;
use crate::Result;

/// Trials of one budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// How many trials.
    pub trials: usize,
    /// What each of them may spend: epochs, steps, samples.
    pub budget: u64,
}

/// Successive halving (Jamieson and Talwalkar, 2016): all trials with a small budget, the best of them with one
/// `factor` times as large, until one is left. [`Trial::budget`](super::Trial::budget) tells the budget.
///
/// ```
/// use anygrad_train::search::Halving;
/// let halving = Halving { trials: 16, factor: 2, least_budget: 1 };
/// let sizes: Vec<_> = halving.rungs().iter().map(|rung| (rung.trials, rung.budget)).collect();
/// assert_eq!(sizes, [(16, 1), (8, 2), (4, 4), (2, 8), (1, 16)]);
/// assert_eq!(halving.total_budget(), 80);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halving {
    /// Trials at the beginning.
    pub trials: usize,
    /// One of so many goes on (η), with so many times the budget; at least 2.
    pub factor: usize,
    /// The budget at the beginning.
    pub least_budget: u64,
}

impl Default for Halving {
    /// 16 trials, the better half of which goes on, from a budget of 1.
    fn default() -> Self {
        Self { trials: 16, factor: 2, least_budget: 1 }
    }
}

impl Halving {
    /// The numbers of trials and their budgets, in the order in which they run.
    pub fn rungs(&self) -> Vec<Rung> {
        let mut rungs = Vec::new();
        let (mut trials, mut budget) = (self.trials, self.least_budget);
        while trials > 0 {
            rungs.push(Rung { trials, budget });
            trials /= self.factor.max(2);
            budget = budget.saturating_mul(self.factor as u64);
        }
        rungs
    }

    /// The sum of the budgets of all trials.
    pub fn total_budget(&self) -> u64 {
        total(&self.rungs())
    }

    pub(crate) fn check(&self) -> Result<()> {
        positive(&[("trials", self.trials as u64), ("least_budget", self.least_budget)])?;
        two("factor", self.factor)
    }
}

/// Hyperband (Li et al., 2017): successive halving from several beginnings, from many trials of a small budget to a
/// few of the full one, as nobody knows beforehand how early a good trial can be told.
///
/// Bracket s = S, …, 0 with S = ⌊log_η R⌋ begins with ⌈(S + 1)/(s + 1) · η^s⌉ trials of the budget R/η^s.
///
/// ```
/// use anygrad_train::search::Hyperband;
/// let hyperband = Hyperband { most_budget: 81, factor: 3 };
/// let first: Vec<_> = hyperband.brackets().iter().map(|rungs| (rungs[0].trials, rungs[0].budget)).collect();
/// assert_eq!(first, [(81, 1), (34, 3), (15, 9), (8, 27), (5, 81)]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hyperband {
    /// The largest budget of a trial (R).
    pub most_budget: u64,
    /// One of so many goes on (η), with so many times the budget; at least 2.
    pub factor: usize,
}

impl Default for Hyperband {
    /// Budgets up to 27, of which a third goes on.
    fn default() -> Self {
        Self { most_budget: 27, factor: 3 }
    }
}

impl Hyperband {
    /// The rungs of each bracket, in the order in which they run.
    pub fn brackets(&self) -> Vec<Vec<Rung>> {
        let factor = self.factor.max(2) as u64;
        // η^s for s = 0, …, S
        let powers: Vec<u64> = std::iter::successors(Some(1u64), |power| {
            power.checked_mul(factor).filter(|p| *p <= self.most_budget)
        })
        .collect();
        let bracket = |(s, power): (usize, &u64)| {
            let many = (powers.len() as u64).saturating_mul(*power).div_ceil(s as u64 + 1);
            let rung = |(step, below): (usize, &u64)| Rung {
                trials: (many / below) as usize,
                // R·η^i/η^s, rounded down once
                budget: powers.get(s - step).map_or(1, |share| self.most_budget / share),
            };
            powers.iter().enumerate().take(s + 1).map(rung).filter(|rung| rung.trials > 0).collect()
        };
        powers.iter().enumerate().rev().map(bracket).collect()
    }

    /// The sum of the budgets of all trials.
    pub fn total_budget(&self) -> u64 {
        self.brackets().iter().fold(0, |sum, rungs| sum.saturating_add(total(rungs)))
    }

    pub(crate) fn check(&self) -> Result<()> {
        positive(&[("most_budget", self.most_budget)])?;
        if self.most_budget > 1_000_000 {
            let budget = self.most_budget;
            return Err(wrong(format!(
                "most_budget is {budget}: Hyperband would begin with as many trials; count larger units"
            )));
        }
        two("factor", self.factor)
    }
}

fn total(rungs: &[Rung]) -> u64 {
    rungs.iter().fold(0, |sum, rung| sum.saturating_add(rung.budget.saturating_mul(rung.trials as u64)))
}

fn positive(settings: &[(&str, u64)]) -> Result<()> {
    match settings.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(wrong(format!("{name} is 0: it has to be at least 1"))),
        None => Ok(()),
    }
}

fn two(name: &str, value: usize) -> Result<()> {
    match value {
        0 | 1 => Err(wrong(format!("{name} is {value}: it has to be at least 2"))),
        _ => Ok(()),
    }
}
