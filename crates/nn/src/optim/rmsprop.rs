use anygrad_graph::Tensor;

use super::{Optimizer, within};
use crate::error::Result;

/// RMSProp (Tieleman & Hinton 2012), with ε outside the root as in PyTorch:
///
/// ```text
/// s = α·s + (1 − α)·g²
/// w = w − lr·g / (√s + ε)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Decay of the average of squares; 0.99.
    pub alpha: f64,
    /// Added to the root; 1e-8.
    pub eps: f64,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { alpha: 0.99, eps: 1e-8 }
    }
}

impl Optimizer for RmsProp {
    fn state(&self) -> &'static [&'static str] {
        &["square_avg"]
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, g: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [s] = state else { return (w.clone(), vec![]) };
        let s = s * self.alpha + g.square() * (1.0 - self.alpha);
        (w - g * lr / (s.sqrt() + self.eps), vec![s])
    }

    fn check(&self) -> Result<()> {
        within("RmsProp", "alpha", self.alpha, 0.0, 1.0)?;
        within("RmsProp", "eps", self.eps, 0.0, f64::INFINITY)
    }
}
