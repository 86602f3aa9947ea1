use anygrad_graph::Tensor;

use super::{Optimizer, within};
use crate::error::Result;

/// AdaGrad (Duchi et al. 2011), with PyTorch's formula and default:
///
/// ```text
/// s = s + g²
/// w = w − lr·g / (√s + ε)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaGrad {
    /// Added to the root; 1e-10.
    pub eps: f64,
}

impl Default for AdaGrad {
    fn default() -> Self {
        Self { eps: 1e-10 }
    }
}

impl Optimizer for AdaGrad {
    fn state(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, g: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [s] = state else { return (w.clone(), vec![]) };
        let s = s + g.square();
        (w - g * lr / (s.sqrt() + self.eps), vec![s])
    }

    fn check(&self) -> Result<()> {
        within("AdaGrad", "eps", self.eps, 0.0, f64::INFINITY)
    }
}
