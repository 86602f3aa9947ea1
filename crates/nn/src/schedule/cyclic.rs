use super::{Schedule, count, ensure, factor, rate};
use crate::error::Result;

/// How the height of the triangles of [`Cyclic`] changes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum CyclicMode {
    /// All are as high.
    #[default]
    Triangular,
    /// Each is half as high as the one before.
    Triangular2,
    /// The height falls by this factor with every step, in (0, 1].
    ExpRange(f64),
}

/// Up and down between two rates in straight lines (Smith 2017). PyTorch's `CyclicLR`:
///
/// ```text
/// cycle = ⌊step / (up + down)⌋,  p = step mod (up + down)
/// x     = p / up  while it rises,  1 − (p − up) / down  while it falls
/// rate  = base + (max − base) · x · (1, 1 / 2^cycle or γ^step)
/// ```
///
/// ```
/// use anygrad_nn::schedule::{Cyclic, Schedule};
/// let schedule = Cyclic::new(0.25, 0.75, 4);
/// assert_eq!([0, 2, 4, 8, 12].map(|step| schedule.at(step)), [0.25, 0.5, 0.75, 0.25, 0.75]);
/// ```
#[doc(alias = "CyclicLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cyclic {
    /// The low rate.
    pub base: f64,
    /// The high rate.
    pub max: f64,
    /// How many steps it rises.
    pub up: u64,
    /// How many steps it falls; as many as it rises.
    pub down: u64,
    /// What becomes of later triangles; all are as high.
    pub mode: CyclicMode,
    /// The momentum at the high rate, see [`momentum`](Cyclic::momentum); 0.8.
    pub base_momentum: f64,
    /// The momentum at the low rate; 0.9.
    pub max_momentum: f64,
}

impl Cyclic {
    /// From `base` to `max` within `steps` steps, and back in as many.
    pub fn new(base: f64, max: f64, steps: u64) -> Self {
        let mode = CyclicMode::default();
        Self { base, max, up: steps, down: steps, mode, base_momentum: 0.8, max_momentum: 0.9 }
    }

    /// The momentum of step `step`, which falls where the rate rises, for those who cycle it as well:
    /// `Sgd { momentum: schedule.momentum(step), ..Sgd::default() }`.
    pub fn momentum(&self, step: u64) -> f64 {
        self.max_momentum - (self.max_momentum - self.base_momentum) * self.height(step)
    }

    /// How far up it is, from 0 to 1.
    fn height(&self, step: u64) -> f64 {
        let (up, down) = (self.up.max(1), self.down.max(1));
        let whole = up.saturating_add(down);
        let (cycle, place) = (step / whole, step % whole);
        let x = if place <= up { place as f64 / up as f64 } else { (whole - place) as f64 / down as f64 };
        x * match self.mode {
            CyclicMode::Triangular => 1.0,
            CyclicMode::Triangular2 => 0.5f64.powf(cycle as f64),
            CyclicMode::ExpRange(gamma) => gamma.powf(step as f64),
        }
    }
}

impl Schedule for Cyclic {
    fn at(&self, step: u64) -> f64 {
        self.base + (self.max - self.base) * self.height(step)
    }

    fn check(&self) -> Result<()> {
        rate("Cyclic", "base", self.base)?;
        rate("Cyclic", "max", self.max)?;
        count("Cyclic", "up", self.up)?;
        count("Cyclic", "down", self.down)?;
        momenta("Cyclic", self.base_momentum, self.max_momentum)?;
        match self.mode {
            CyclicMode::ExpRange(gamma) if gamma > 1.0 => {
                ensure(false, "Cyclic", "the factor of ExpRange", gamma, "in (0, 1]")
            }
            CyclicMode::ExpRange(gamma) => factor("Cyclic", "the factor of ExpRange", gamma),
            CyclicMode::Triangular | CyclicMode::Triangular2 => Ok(()),
        }
    }
}

/// An error unless both are momenta.
pub(super) fn momenta(what: &'static str, base: f64, max: f64) -> Result<()> {
    for (name, value) in [("base_momentum", base), ("max_momentum", max)] {
        ensure((0.0..1.0).contains(&value), what, name, value, "in [0, 1)")?;
    }
    Ok(())
}
