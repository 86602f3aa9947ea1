use anygrad_graph::Tensor;

use super::{Optimizer, penalised, within};
use crate::error::{Error, Result};

/// Gradient descent, with momentum if asked for:
///
/// ```text
/// g = grad + weight_decay·w
/// v = momentum·v + (1 − dampening)·g
/// w = w − lr·v                          with nesterov: w − lr·(g + momentum·v)
/// ```
///
/// As in PyTorch, but that the first `v` is dampened like all others: `dampening = momentum` makes `v` an
/// exponential average of the gradients.
///
/// Nesterov's momentum is the form that all libraries have, with the gradient at the weights as they are stored; what
/// textbooks call the weights is `w + lr·momentum·v` in it, so the numbers of the first steps differ from theirs.
///
/// ```
/// use anygrad_nn::Sgd;
/// let sgd = Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// How much of the last direction is kept, in [0, 1). 0, the default, keeps none and needs no state.
    pub momentum: f64,
    /// How much of the gradient is left out of the direction; 0 by default.
    pub dampening: f64,
    /// Nesterov's momentum, which looks one step ahead.
    pub nesterov: bool,
    /// L2 penalty: adds `weight_decay·w` to the gradient. 0 by default.
    pub weight_decay: f64,
}

impl Optimizer for Sgd {
    fn state(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["momentum_buffer"] }
    }

    fn update(&self, _: u64, lr: f64, w: &Tensor, grad: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        let g = penalised(grad, w, self.weight_decay);
        let [v] = state else { return (w - g * lr, vec![]) };
        let v = v * self.momentum + &g * (1.0 - self.dampening);
        let direction = if self.nesterov { g + &v * self.momentum } else { v.clone() };
        (w - direction * lr, vec![v])
    }

    fn check(&self) -> Result<()> {
        within("Sgd", "momentum", self.momentum, 0.0, 1.0)?;
        within("Sgd", "dampening", self.dampening, 0.0, 1.0)?;
        within("Sgd", "weight_decay", self.weight_decay, 0.0, f64::INFINITY)?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let message = "nesterov needs a momentum above 0 and no dampening".into();
            return Err(Error::Setting { what: "Sgd", message });
        }
        Ok(())
    }

    /// 0.01, as in Keras.
    fn default_rate(&self) -> f64 {
        1e-2
    }
}
