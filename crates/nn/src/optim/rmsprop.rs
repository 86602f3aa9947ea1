use anygrad_graph::Tensor;

use super::{Optimizer, penalised, within};
use crate::error::Result;

/// RMSProp (Tieleman & Hinton 2012), with PyTorch's formulas and defaults:
///
/// ```text
/// g = grad + weight_decay·w
/// s = α·s + (1 − α)·g²
/// a = α·a + (1 − α)·g                 centred only: the variance s − a² takes the place of s
/// d = g / (√s + ε)                    ε outside the root; with eps_inside: g / √(s + ε), as Keras
/// v = momentum·v + d                  with a momentum; without, v is d
/// w = w − lr·v
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Decay of the average of squares; 0.99. Keras has 0.9.
    pub alpha: f64,
    /// Added to the root, or below it; 1e-8. Keras has 1e-7.
    pub eps: f64,
    /// Whether ε stands inside the root, as in Keras and TensorFlow.js; false.
    pub eps_inside: bool,
    /// How much of the last direction is kept; 0.
    pub momentum: f64,
    /// Whether the square of the average gradient is taken off (Graves 2013); false.
    pub centred: bool,
    /// L2 penalty: adds `weight_decay·w` to the gradient; 0.
    pub weight_decay: f64,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { alpha: 0.99, eps: 1e-8, eps_inside: false, momentum: 0.0, centred: false, weight_decay: 0.0 }
    }
}

impl Optimizer for RmsProp {
    fn state(&self) -> &'static [&'static str] {
        match (self.centred, self.momentum != 0.0) {
            (false, false) => &["square_avg"],
            (true, false) => &["square_avg", "grad_avg"],
            (false, true) => &["square_avg", "momentum_buffer"],
            (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
        }
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let [s, rest @ ..] = state else { return (w.clone(), vec![]) };
        let g = &penalised(grad, w, self.weight_decay);
        let s = s * self.alpha + g.square() * (1.0 - self.alpha);
        let mut next = vec![s.clone()];
        let (size, rest) = match rest {
            [a, rest @ ..] if self.centred => {
                let a = a * self.alpha + g * (1.0 - self.alpha);
                next.push(a.clone());
                // rounding can leave a variance just below 0
                ((s - a.square()).maximum(0.0), rest)
            }
            _ => (s, rest),
        };
        let root = if self.eps_inside { (size + self.eps).sqrt() } else { size.sqrt() + self.eps };
        let direction = match rest {
            [v] => {
                let v = v * self.momentum + g / root;
                next.push(v.clone());
                v
            }
            _ => g / root,
        };
        (w - direction * lr, next)
    }

    fn check(&self) -> Result<()> {
        within("RmsProp", "alpha", self.alpha, 0.0, 1.0)?;
        within("RmsProp", "eps", self.eps, 0.0, f64::INFINITY)?;
        within("RmsProp", "momentum", self.momentum, 0.0, 1.0)?;
        within("RmsProp", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)
    }
}
