use anygrad_graph::Tensor;

use super::{Optimizer, betas, decayed, within};
use crate::error::Result;

/// Nadam (Dozat 2016), Adam with Nesterov's momentum, with PyTorch's formulas and defaults; its learning rate is
/// usually 2e-3:
///
/// ```text
/// g = grad + weight_decay·w
/// μₜ = β₁·(1 − ½·0.96^(t·ψ))          Mₜ = μ₁·μ₂·…·μₜ
/// m = β₁·m + (1 − β₁)·g
/// v = β₂·v + (1 − β₂)·g²              v̂ = v / (1 − β₂ᵗ)
/// w = w − lr·( (1 − μₜ)/(1 − Mₜ)·g + μₜ₊₁/(1 − Mₜ₊₁)·m ) / (√v̂ + ε)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nadam {
    /// Decay of the average of gradients; 0.9.
    pub beta1: f64,
    /// Decay of the average of their squares; 0.999.
    pub beta2: f64,
    /// Added to the root; 1e-8.
    pub eps: f64,
    /// ψ, how fast the momentum reaches β₁; 4e-3.
    pub momentum_decay: f64,
    /// How fast parameters shrink; 0. An L2 penalty, which adds `weight_decay·w` to the gradient, unless `decoupled`.
    pub weight_decay: f64,
    /// Whether the parameter itself shrinks, `w = (1 − lr·weight_decay)·w` before the update, as with AdamW; false.
    pub decoupled: bool,
}

impl Default for Nadam {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            momentum_decay: 4e-3,
            weight_decay: 0.0,
            decoupled: false,
        }
    }
}

impl Nadam {
    fn momentum(&self, t: u64) -> f64 {
        self.beta1 * (1.0 - 0.5 * 0.96f64.powf(t as f64 * self.momentum_decay))
    }

    /// The product of the first `t` momenta. They stay below β₁ < 1, so after some hundred factors it is 0.
    fn product(&self, t: u64) -> f64 {
        let mut product = 1.0;
        for step in 1..=t {
            product *= self.momentum(step);
            // 1 − product is 1 in f64 from here on
            if product.abs() < 1e-18 {
                return 0.0;
            }
        }
        product
    }
}

impl Optimizer for Nadam {
    fn state(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn update(&self, t: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [m, v] = state else { return (w.clone(), vec![]) };
        let (w, g) = &decayed(w, grad, lr, self.weight_decay, self.decoupled);
        let m = m * self.beta1 + g * (1.0 - self.beta1);
        let v = v * self.beta2 + g.square() * (1.0 - self.beta2);
        let (now, next, product) = (self.momentum(t), self.momentum(t + 1), self.product(t));
        let root = v.sqrt() * (1.0 / (1.0 - self.beta2.powf(t as f64)).sqrt()) + self.eps;
        let by_gradient = lr * (1.0 - now) / (1.0 - product);
        let by_momentum = lr * next / (1.0 - product * next);
        (w - (g * by_gradient + &m * by_momentum) / root, vec![m, v])
    }

    fn check(&self) -> Result<()> {
        betas("Nadam", self.beta1, self.beta2)?;
        within("Nadam", "eps", self.eps, 0.0, f64::INFINITY)?;
        within("Nadam", "momentum_decay", self.momentum_decay, 0.0, f64::INFINITY)?;
        within("Nadam", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }

    /// 0.002, as in PyTorch and in the paper.
    fn default_rate(&self) -> f64 {
        2e-3
    }
}
