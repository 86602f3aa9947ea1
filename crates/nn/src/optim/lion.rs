use anygrad_graph::Tensor;

use super::{Optimizer, betas, within};
use crate::error::Result;

/// Lion (Chen et al. 2023), which moves by signs alone; its learning rate is three to ten times smaller than
/// Adam's, and its decay as much larger:
///
/// ```text
/// u = sign(β₁·m + (1 − β₁)·g)
/// w = (1 − lr·weight_decay)·w − lr·u
/// m = β₂·m + (1 − β₂)·g
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// Share of the momentum in the direction; 0.9.
    pub beta1: f64,
    /// Decay of the momentum; 0.99.
    pub beta2: f64,
    /// How fast parameters shrink, decoupled from the gradient; 0.
    pub weight_decay: f64,
}

impl Default for Lion {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, weight_decay: 0.0 }
    }
}

impl Optimizer for Lion {
    fn state(&self) -> &'static [&'static str] {
        &["exp_avg"]
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, g: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [m] = state else { return (w.clone(), vec![]) };
        let direction = (m * self.beta1 + g * (1.0 - self.beta1)).sign();
        let m = m * self.beta2 + g * (1.0 - self.beta2);
        (w * (1.0 - lr * self.weight_decay) - direction * lr, vec![m])
    }

    fn check(&self) -> Result<()> {
        betas("Lion", self.beta1, self.beta2)?;
        within("Lion", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }

    /// 1e-4, as in the paper.
    fn default_rate(&self) -> f64 {
        1e-4
    }
}
