use anygrad_graph::Tensor;

use super::{Optimizer, betas, penalised, within};
use crate::error::Result;

/// AdaMax (Kingma & Ba 2015, section 7.1), Adam by the infinity norm, with PyTorch's formulas and defaults:
///
/// ```text
/// g = grad + weight_decay·w
/// m = β₁·m + (1 − β₁)·g
/// u = max(β₂·u, |g| + ε)
/// w = w − lr / (1 − β₁ᵗ)·m / u
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaMax {
    /// Decay of the average of gradients; 0.9.
    pub beta1: f64,
    /// Decay of the largest size; 0.999.
    pub beta2: f64,
    /// Added to the size of the gradient; 1e-8.
    pub eps: f64,
    /// L2 penalty: adds `weight_decay·w` to the gradient; 0.
    pub weight_decay: f64,
}

impl Default for AdaMax {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 }
    }
}

impl Optimizer for AdaMax {
    fn state(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_inf"]
    }

    fn update(&self, t: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [m, u] = state else { return (w.clone(), vec![]) };
        let g = &penalised(grad, w, self.weight_decay);
        let m = m * self.beta1 + g * (1.0 - self.beta1);
        let u = (u * self.beta2).maximum(g.abs() + self.eps);
        let rate = lr / (1.0 - self.beta1.powf(t as f64));
        (w - &m / &u * rate, vec![m, u])
    }

    fn check(&self) -> Result<()> {
        betas("AdaMax", self.beta1, self.beta2)?;
        within("AdaMax", "eps", self.eps, 0.0, f64::INFINITY)?;
        within("AdaMax", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }

    /// 0.002, as in PyTorch and in the paper.
    fn default_rate(&self) -> f64 {
        2e-3
    }
}
