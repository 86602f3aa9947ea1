use anygrad_graph::Tensor;

use super::{Optimizer, betas, within};
use crate::error::Result;

/// LAMB (You et al. 2020), Adam whose step is scaled to the size of each parameter, for very large batches:
///
/// ```text
/// m̂, v̂ as in Adam
/// r = m̂ / (√v̂ + ε) + weight_decay·w
/// w = w − lr·(‖w‖ / ‖r‖)·r             the ratio is 1 where ‖w‖ or ‖r‖ is 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamb {
    /// Decay of the average of gradients; 0.9.
    pub beta1: f64,
    /// Decay of the average of their squares; 0.999.
    pub beta2: f64,
    /// Added to the root; 1e-6.
    pub eps: f64,
    /// How fast parameters shrink; 0.01.
    pub weight_decay: f64,
}

impl Default for Lamb {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay: 0.01 }
    }
}

impl Optimizer for Lamb {
    fn state(&self) -> &'static [&'static str] {
        &["exp_avg", "exp_avg_sq"]
    }

    fn update(&self, t: u64, lr: f64, w: &Tensor, g: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [m, v] = state else { return (w.clone(), vec![]) };
        let m = m * self.beta1 + g * (1.0 - self.beta1);
        let v = v * self.beta2 + g.square() * (1.0 - self.beta2);
        let (first, second) = (1.0 - self.beta1.powf(t as f64), 1.0 - self.beta2.powf(t as f64));
        let step = &m * (1.0 / first) / (v.sqrt() * (1.0 / second.sqrt()) + self.eps);
        let step = step + w * self.weight_decay;
        let (size, length) = (w.square().sum_all().sqrt(), step.square().sum_all().sqrt());
        let both = size.gt(0.0).logical_and(length.gt(0.0));
        let ratio = both.select(size / &length, 1.0);
        (w - step * (ratio * lr), vec![m, v])
    }

    fn check(&self) -> Result<()> {
        betas("Lamb", self.beta1, self.beta2)?;
        within("Lamb", "eps", self.eps, 0.0, f64::INFINITY)?;
        within("Lamb", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }
}
