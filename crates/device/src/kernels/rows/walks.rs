//! What is computed in which walk over a row.

use super::{RowWork, Rows};

/// The walks that a program takes.
#[derive(Clone, Debug)]
pub(super) struct Walks {
    /// By value: whether it is one number a row.
    pub per_row: Vec<bool>,
    /// By value: how many walks have to be over before it can be computed.
    pub round: Vec<usize>,
    /// The walks that reduce; one more writes elements.
    pub count: usize,
}

/// What one walk over the elements of a row computes.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// Inputs that it loads at every element.
    pub loads: Vec<usize>,
    /// Values a row that it uses, in the order in which they are arguments.
    pub given: Vec<usize>,
    /// Steps, ascending.
    pub steps: Vec<usize>,
}

impl Walks {
    pub fn new(program: &Rows) -> Self {
        let mut per_row: Vec<bool> = program.inputs.iter().map(|s| program.repeats(&s.layout)).collect();
        per_row.extend(program.numbers.iter().map(|_| true));
        let mut round = vec![0; per_row.len()];
        for step in &program.steps {
            let args = || step.args.iter().map(|&arg| arg as usize);
            let after = args().filter_map(|arg| round.get(arg)).max().copied().unwrap_or(0);
            let fold = matches!(step.work, RowWork::Fold(_));
            let same = args().all(|arg| per_row.get(arg) != Some(&false));
            round.push(after + usize::from(fold));
            per_row.push(fold || same);
        }
        let count = round.iter().max().copied().unwrap_or(0);
        Self { per_row, round, count }
    }

    /// The reductions of walk `n`: their steps.
    pub fn folds(&self, program: &Rows, n: usize) -> Vec<usize> {
        let first = program.inputs.len() + program.numbers.len();
        let here = |&step: &usize| {
            matches!(program.steps[step].work, RowWork::Fold(_)) && self.round[first + step] == n + 1
        };
        (0..program.steps.len()).filter(here).collect()
    }

    /// The pointwise steps on values a row that can be computed once `n` walks are over.
    pub fn between(&self, program: &Rows, n: usize) -> Vec<usize> {
        let first = program.inputs.len() + program.numbers.len();
        let here = |&step: &usize| {
            let each = matches!(program.steps[step].work, RowWork::Each(_));
            each && self.per_row[first + step] && self.round[first + step] == n
        };
        (0..program.steps.len()).filter(here).collect()
    }

    /// What a walk has to compute at each element to know `wanted`.
    pub fn walk(&self, program: &Rows, wanted: impl Iterator<Item = usize>) -> Walk {
        let (inputs, first) = (program.inputs.len(), program.inputs.len() + program.numbers.len());
        let mut seen = vec![false; self.per_row.len()];
        let mut open: Vec<usize> = wanted.collect();
        let mut walk = Walk::default();
        while let Some(value) = open.pop() {
            if std::mem::replace(&mut seen[value], true) {
                continue;
            }
            if self.per_row[value] {
                walk.given.push(value);
            } else if value < inputs {
                walk.loads.push(value);
            } else {
                let step = value - first;
                walk.steps.push(step);
                open.extend(program.steps[step].args.iter().map(|&arg| arg as usize));
            }
        }
        walk.loads.sort_unstable();
        walk.given.sort_unstable();
        walk.steps.sort_unstable();
        walk
    }
}
