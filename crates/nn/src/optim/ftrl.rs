use anygrad_graph::Tensor;

use super::{Optimizer, within};
use crate::error::Result;

/// Follow the regularised leader, FTRL-Proximal (McMahan et al. 2013, algorithm 1), for sparse linear models: an
/// L1 penalty that makes weights exactly 0. Per coordinate, with α the learning rate:
///
/// ```text
/// σ = (√(n + g²) − √n) / α            n = n + g²
/// z = z + g − σ·w
/// w = 0                                            where |z| ≤ λ₁
///     (sign(z)·λ₁ − z) / ((β + √n)/α + λ₂)         elsewhere
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ftrl {
    /// β, which holds the first steps back; 1.
    pub beta: f64,
    /// λ₁: weights whose gradients have not added up to more are 0; 0.
    pub l1: f64,
    /// λ₂: shrinks the others; 0.
    pub l2: f64,
}

impl Default for Ftrl {
    fn default() -> Self {
        Self { beta: 1.0, l1: 0.0, l2: 0.0 }
    }
}

impl Optimizer for Ftrl {
    fn state(&self) -> &'static [&'static str] {
        &["linear", "accumulator"]
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, g: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [z, n] = state else { return (w.clone(), vec![]) };
        // at a rate of 0 nothing moves: the quotients below have no meaning then
        let still = Tensor::number(lr, w.dtype(), w.device()).eq(0.0);
        let alpha = if lr == 0.0 { 1.0 } else { lr };
        let sum = n + g.square();
        let root = sum.sqrt();
        let sigma = (&root - n.sqrt()) * (1.0 / alpha);
        let linear = z + g - sigma * w;
        let rate = (root + self.beta) * (1.0 / alpha) + self.l2;
        let moved = (linear.sign() * self.l1 - &linear) / rate;
        let next = linear.abs().le(self.l1).select(0.0, moved);
        let keep = |old: &Tensor, new: Tensor| still.select(old, new);
        (keep(w, next), vec![keep(z, linear), keep(n, sum)])
    }

    fn check(&self) -> Result<()> {
        // the first step divides by β/α + λ₂ where the gradient is 0
        within("Ftrl", "beta", self.beta, f64::MIN_POSITIVE, f64::INFINITY)?;
        within("Ftrl", "l1", self.l1, 0.0, f64::INFINITY)?;
        within("Ftrl", "l2", self.l2, 0.0, f64::INFINITY)
    }
}
