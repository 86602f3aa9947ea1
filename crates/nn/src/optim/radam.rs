use anygrad_graph::Tensor;

use super::{Optimizer, betas, decayed, within};
use crate::error::Result;

/// Rectified Adam (Liu et al. 2020), with PyTorch's formulas and defaults: the adaptive part is left out until the
/// variance of `v` can be told, which takes five or six steps.
///
/// ```text
/// g = grad + weight_decay·w
/// m = β₁·m + (1 − β₁)·g               m̂ = m / (1 − β₁ᵗ)
/// v = β₂·v + (1 − β₂)·g²
/// ρ∞ = 2 / (1 − β₂) − 1               ρₜ = ρ∞ − 2·t·β₂ᵗ / (1 − β₂ᵗ)
/// ρₜ > 5:  w = w − lr·m̂·r·√(1 − β₂ᵗ) / (√v + ε),  r² = (ρₜ−4)(ρₜ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρₜ)
/// else:    w = w − lr·m̂
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdam {
    /// Decay of the average of gradients; 0.9.
    pub beta1: f64,
    /// Decay of the average of their squares; 0.999.
    pub beta2: f64,
    /// Added to the root; 1e-8.
    pub eps: f64,
    /// How fast parameters shrink; 0. An L2 penalty, which adds `weight_decay·w` to the gradient, unless `decoupled`.
    pub weight_decay: f64,
    /// Whether the parameter itself shrinks, `w = (1 − lr·weight_decay)·w` before the update, as with AdamW; false.
    pub decoupled: bool,
}

impl Default for RAdam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

impl RAdam {
    /// The factors of `m̂ / (√v + ε)` and of `m̂` alone in step `t`. Numbers, not branches: every step has one
    /// program.
    fn factors(&self, t: u64) -> (f64, f64) {
        let (t, power) = (t as f64, self.beta2.powf(t as f64));
        let limit = 2.0 / (1.0 - self.beta2) - 1.0;
        let length = limit - 2.0 * t * power / (1.0 - power);
        if length <= 5.0 {
            return (0.0, 1.0);
        }
        let above = (length - 4.0) * (length - 2.0) * limit;
        let below = (limit - 4.0) * (limit - 2.0) * length;
        ((above / below).sqrt() * (1.0 - power).sqrt(), 0.0)
    }
}

impl Optimizer for RAdam {
    fn state(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn update(&self, t: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [m, v] = state else { return (w.clone(), vec![]) };
        let (w, g) = &decayed(w, grad, lr, self.weight_decay, self.decoupled);
        let m = m * self.beta1 + g * (1.0 - self.beta1);
        let v = v * self.beta2 + g.square() * (1.0 - self.beta2);
        let (adaptive, plain) = self.factors(t);
        let rate = lr / (1.0 - self.beta1.powf(t as f64));
        let factor = adaptive / (v.sqrt() + self.eps) + plain;
        (w - &m * factor * rate, vec![m, v])
    }

    fn check(&self) -> Result<()> {
        betas("RAdam", self.beta1, self.beta2)?;
        // 1 / ε has to be a number in f32, for the first steps multiply it by 0
        within("RAdam", "eps", self.eps, 1e-30, f64::INFINITY)?;
        within("RAdam", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }
}
