use anygrad_graph::Tensor;

use super::{Optimizer, penalised, within};
use crate::error::Result;

/// AdaGrad (Duchi et al. 2011), with PyTorch's formula and default:
///
/// ```text
/// g = grad + weight_decay·w
/// s = s + g²                          at first s is `initial`
/// w = w − lr·g / (√s + ε)
/// ```
///
/// PyTorch's `lr_decay` is the schedule [`InverseTime::new(lr, lr_decay)`](crate::schedule::InverseTime).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaGrad {
    /// Added to the root; 1e-10.
    pub eps: f64,
    /// What the sum of squares starts from; 0. Keras has 0.1, which holds the first steps back.
    pub initial: f64,
    /// L2 penalty: adds `weight_decay·w` to the gradient; 0.
    pub weight_decay: f64,
}

impl Default for AdaGrad {
    fn default() -> Self {
        Self { eps: 1e-10, initial: 0.0, weight_decay: 0.0 }
    }
}

impl Optimizer for AdaGrad {
    fn state(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [s] = state else { return (w.clone(), vec![]) };
        let g = &penalised(grad, w, self.weight_decay);
        let s = s + g.square();
        // state starts at 0, so the start is added where the sum is used
        let sum = if self.initial == 0.0 { s.clone() } else { &s + self.initial };
        (w - g * lr / (sum.sqrt() + self.eps), vec![s])
    }

    fn check(&self) -> Result<()> {
        within("AdaGrad", "eps", self.eps, 0.0, f64::INFINITY)?;
        within("AdaGrad", "initial", self.initial, 0.0, f64::INFINITY)?;
        within("AdaGrad", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }

    /// 0.01, as in PyTorch.
    fn default_rate(&self) -> f64 {
        1e-2
    }
}
