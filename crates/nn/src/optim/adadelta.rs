use anygrad_graph::Tensor;

use super::{Optimizer, penalised, within};
use crate::error::Result;

/// AdaDelta (Zeiler 2012), with PyTorch's formulas and defaults; its learning rate is usually 1:
///
/// ```text
/// g = grad + weight_decay·w
/// s = ρ·s + (1 − ρ)·g²
/// Δ = g·√(d + ε) / √(s + ε)
/// d = ρ·d + (1 − ρ)·Δ²
/// w = w − lr·Δ
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaDelta {
    /// Decay of both averages; 0.9. The paper has 0.95.
    pub rho: f64,
    /// Added under both roots; 1e-6.
    pub eps: f64,
    /// L2 penalty: adds `weight_decay·w` to the gradient; 0.
    pub weight_decay: f64,
}

impl Default for AdaDelta {
    fn default() -> Self {
        Self { rho: 0.9, eps: 1e-6, weight_decay: 0.0 }
    }
}

impl Optimizer for AdaDelta {
    fn state(&self) -> &'static [&'static str] {
        &["square_avg", "acc_delta"]
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [s, d] = state else { return (w.clone(), vec![]) };
        let g = &penalised(grad, w, self.weight_decay);
        let s = s * self.rho + g.square() * (1.0 - self.rho);
        let delta = g * ((d + self.eps).sqrt() / (&s + self.eps).sqrt());
        let d = d * self.rho + delta.square() * (1.0 - self.rho);
        (w - delta * lr, vec![s, d])
    }

    fn check(&self) -> Result<()> {
        within("AdaDelta", "rho", self.rho, 0.0, 1.0)?;
        within("AdaDelta", "eps", self.eps, 0.0, f64::INFINITY)?;
        within("AdaDelta", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }

    /// 1, as in PyTorch and in the paper, which has no rate.
    fn default_rate(&self) -> f64 {
        1.0
    }
}
