use super::cosine::half_cosine;
use super::cyclic::momenta;
use super::{Schedule, count, ensure, factor, rate};
use crate::error::Result;

/// The way of [`OneCycle`] from one rate to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anneal {
    /// Along half a cosine.
    #[default]
    Cosine,
    /// In a straight line.
    Linear,
}

/// One rise to a high rate and a long fall to almost nothing (Smith & Topin 2018). PyTorch's `OneCycleLR`:
///
/// ```text
/// low = max / div,  last = low / final_div,  top = rise·steps − 1
/// two phases:    low → max until step top,  max → last until step steps − 1
/// three phases:  low → max until step top,  max → low until 2·rise·steps − 2,  low → last until steps − 1
/// ```
///
/// After its last step the rate stays at `last`. It is one rate for each batch, not for each epoch.
///
/// ```
/// use anygrad_nn::schedule::{OneCycle, Schedule};
/// let schedule = OneCycle::new(0.5, 100);
/// assert!((schedule.at(0) - 0.02).abs() < 1e-12);
/// assert!((schedule.at(29) - 0.5).abs() < 1e-12);
/// assert!((schedule.at(99) - 0.02 / 1e4).abs() < 1e-12);
/// ```
#[doc(alias = "OneCycleLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// The highest rate.
    pub max: f64,
    /// The number of steps of the whole training.
    pub steps: u64,
    /// The part of the steps in which the rate rises, in (0, 1); 0.3.
    pub rise: f64,
    /// The way from one rate to the next; a cosine.
    pub anneal: Anneal,
    /// Whether the rate falls to where it was before it falls to almost nothing; false.
    pub three_phase: bool,
    /// How many times smaller the first rate is than the highest; 25.
    pub div: f64,
    /// How many times smaller the last rate is than the first; 1e4.
    pub final_div: f64,
    /// The momentum at the highest rate, see [`momentum`](OneCycle::momentum); 0.85.
    pub base_momentum: f64,
    /// The momentum at the first and the last rate; 0.95.
    pub max_momentum: f64,
}

impl OneCycle {
    /// Up to the rate `max` and down again within `steps` steps.
    pub fn new(max: f64, steps: u64) -> Self {
        Self {
            max,
            steps,
            rise: 0.3,
            anneal: Anneal::Cosine,
            three_phase: false,
            div: 25.0,
            final_div: 1e4,
            base_momentum: 0.85,
            max_momentum: 0.95,
        }
    }

    /// The momentum of step `step`, which falls where the rate rises, for those who cycle it as well:
    /// `Sgd { momentum: schedule.momentum(step), ..Sgd::default() }`.
    pub fn momentum(&self, step: u64) -> f64 {
        let (base, max) = (self.base_momentum, self.max_momentum);
        self.between(step, [max, base, max, max])
    }

    /// `values` are those at the start, at the top, at the end of the second of three phases and at the end.
    fn between(&self, step: u64, [low, top, middle, last]: [f64; 4]) -> f64 {
        let steps = self.steps as f64;
        let (peak, end) = (self.rise * steps - 1.0, steps - 1.0);
        let phases = match self.three_phase {
            true => [(peak, low, top), (2.0 * self.rise * steps - 2.0, top, middle), (end, middle, last)],
            false => [(peak, low, top), (end, top, last), (end, last, last)],
        };
        let (step, mut start) = (step as f64, 0.0);
        for (end, from, to) in phases {
            if step <= end {
                let part = if end > start { (step - start) / (end - start) } else { 1.0 };
                return match self.anneal {
                    Anneal::Cosine => half_cosine(from, to, part),
                    Anneal::Linear => from + (to - from) * part,
                };
            }
            start = end;
        }
        last
    }
}

impl Schedule for OneCycle {
    fn at(&self, step: u64) -> f64 {
        let low = self.max / self.div;
        self.between(step, [low, self.max, low, low / self.final_div])
    }

    fn check(&self) -> Result<()> {
        rate("OneCycle", "max", self.max)?;
        count("OneCycle", "steps", self.steps)?;
        ensure(self.rise > 0.0 && self.rise < 1.0, "OneCycle", "rise", self.rise, "in (0, 1)")?;
        if self.three_phase {
            ensure(self.rise <= 0.5, "OneCycle", "rise", self.rise, "at most 0.5 with three phases")?;
        }
        factor("OneCycle", "div", self.div)?;
        factor("OneCycle", "final_div", self.final_div)?;
        momenta("OneCycle", self.base_momentum, self.max_momentum)
    }
}
