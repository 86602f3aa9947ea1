use anygrad_graph::Tensor;

use super::{Optimizer, betas, penalised, within};
use crate::error::Result;

/// Adam (Kingma & Ba 2015), with PyTorch's formulas and defaults:
///
/// ```text
/// g = grad + weight_decay·w
/// m = β₁·m + (1 − β₁)·g        m̂ = m / (1 − β₁ᵗ)
/// v = β₂·v + (1 − β₂)·g²       v̂ = v / (1 − β₂ᵗ)
/// w = w − lr·m̂ / (√v̂ + ε)
/// ```
///
/// With `amsgrad` (Reddi et al. 2018) the largest v so far takes the place of v in v̂.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the average of gradients; 0.9.
    pub beta1: f64,
    /// Decay of the average of their squares; 0.999.
    pub beta2: f64,
    /// Added to the root; 1e-8.
    pub eps: f64,
    /// L2 penalty: adds `weight_decay·w` to the gradient; 0. See [`AdamW`] for decay that is not rescaled.
    pub weight_decay: f64,
    /// Whether steps are scaled by the largest average of squares so far; false.
    pub amsgrad: bool,
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0, amsgrad: false }
    }
}

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019), with PyTorch's formulas and defaults: as [`Adam`],
/// but the parameter itself shrinks, `w = (1 − lr·weight_decay)·w` before the update, and the gradient is as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Decay of the average of gradients; 0.9.
    pub beta1: f64,
    /// Decay of the average of their squares; 0.999.
    pub beta2: f64,
    /// Added to the root; 1e-8.
    pub eps: f64,
    /// How fast parameters shrink; 0.01.
    pub weight_decay: f64,
    /// Whether steps are scaled by the largest average of squares so far; false.
    pub amsgrad: bool,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, amsgrad: false }
    }
}

fn state(amsgrad: bool) -> &'static [&'static str] {
    if amsgrad { &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] } else { &["exp_avg", "exp_avg_sq"] }
}

/// `w − lr·m̂ / (√v̂ + ε)`. The corrections are worked out in f64 on the host: 1 − β₂ᵗ loses half its digits in f32.
fn adam(
    [beta1, beta2, eps]: [f64; 3],
    t: u64,
    lr: f64,
    w: &Tensor,
    g: &Tensor,
    state: &[Tensor],
) -> (Tensor, Vec<Tensor>) {
    let [m, v, largest @ ..] = state else { return (w.clone(), vec![]) };
    let m = m * beta1 + g * (1.0 - beta1);
    let v = v * beta2 + g.square() * (1.0 - beta2);
    let (correction1, correction2) = (1.0 - beta1.powf(t as f64), 1.0 - beta2.powf(t as f64));
    let largest: Vec<Tensor> = largest.iter().map(|largest| largest.maximum(&v)).collect();
    let root = largest.first().unwrap_or(&v).sqrt() * (1.0 / correction2.sqrt());
    let next = w - &m * (lr / correction1) / (root + eps);
    (next, [m, v].into_iter().chain(largest).collect())
}

fn check(what: &'static str, beta1: f64, beta2: f64, eps: f64, weight_decay: f64) -> Result<()> {
    betas(what, beta1, beta2)?;
    within(what, "eps", eps, 0.0, f64::INFINITY)?;
    within(what, "weight_decay", weight_decay, 0.0, f64::INFINITY)
}

impl Optimizer for Adam {
    fn state(&self) -> &'static [&'static str] {
        state(self.amsgrad)
    }

    fn update(&self, t: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let g = penalised(grad, w, self.weight_decay);
        adam([self.beta1, self.beta2, self.eps], t, lr, w, &g, state)
    }

    fn check(&self) -> Result<()> {
        check("Adam", self.beta1, self.beta2, self.eps, self.weight_decay)
    }
}

impl Optimizer for AdamW {
    fn state(&self) -> &'static [&'static str] {
        state(self.amsgrad)
    }

    fn update(&self, t: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let w = w * (1.0 - lr * self.weight_decay);
        adam([self.beta1, self.beta2, self.eps], t, lr, &w, grad, state)
    }

    fn check(&self) -> Result<()> {
        check("AdamW", self.beta1, self.beta2, self.eps, self.weight_decay)
    }
}
