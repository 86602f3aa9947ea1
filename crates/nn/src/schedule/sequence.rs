use super::Schedule;
use crate::error::{Error, Result};

/// Schedules one after the other, each of which starts at its own step 0. PyTorch's `SequentialLR`.
///
/// ```
/// use anygrad_nn::schedule::{Linear, Schedule, Sequence};
/// // up, level, down
/// let schedule = Sequence::new(Linear::new(0.0, 0.5, 2)).then(2, 0.5).then(4, Linear::new(0.5, 0.25, 2));
/// assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|step| schedule.at(step)), [0.0, 0.25, 0.5, 0.5, 0.5, 0.375, 0.25]);
/// ```
#[doc(alias = "SequentialLR")]
pub struct Sequence {
    first: Box<dyn Schedule>,
    /// The step with which each begins.
    others: Vec<(u64, Box<dyn Schedule>)>,
}

impl Sequence {
    /// `first`, to which others are added.
    pub fn new(first: impl Schedule + 'static) -> Self {
        Self { first: Box::new(first), others: Vec::new() }
    }

    /// With `next` from step `step` on.
    #[must_use]
    pub fn then(mut self, step: u64, next: impl Schedule + 'static) -> Self {
        self.others.push((step, Box::new(next)));
        self
    }
}

impl Schedule for Sequence {
    fn at(&self, step: u64) -> f64 {
        let reached = self.others.iter().rev().find(|(begin, _)| *begin <= step);
        reached.map_or_else(|| self.first.at(step), |(begin, schedule)| schedule.at(step - begin))
    }

    fn check(&self) -> Result<()> {
        let begins: Vec<u64> = self.others.iter().map(|(begin, _)| *begin).collect();
        if !begins.is_sorted() {
            let message = format!("its schedules begin at {begins:?}; they must begin in rising order");
            return Err(Error::Setting { what: "Sequence", message });
        }
        self.first.check()?;
        self.others.iter().try_for_each(|(_, schedule)| schedule.check())
    }
}

impl std::fmt::Debug for Sequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let begins: Vec<u64> = self.others.iter().map(|(begin, _)| *begin).collect();
        f.debug_struct("Sequence").field("begins", &begins).finish_non_exhaustive()
    }
}
