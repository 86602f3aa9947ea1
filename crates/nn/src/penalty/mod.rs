//! Penalties on weights and on activities, which are added to a loss.

mod activity;
mod penalised;

pub use activity::ActivityPenalty;
pub use penalised::Penalised;

use anygrad_graph::{DType, Tensor};

use crate::error::Error;
use crate::glob::fits;
use crate::layer::Layer;
use crate::params::Params;
use crate::store::{Kind, Slot};

/// Penalties on the parameters whose paths fit a pattern, in which `*` stands for any characters and `?` for one:
///
/// ```text
/// l1:  λ · Σ |w|          gradient λ·sign(w), 0 at 0
/// l2:  λ/2 · Σ w²         gradient λ·w
/// ```
///
/// The ½ makes λ the `weight_decay` of plain SGD; Keras' `l2(k)` has none, so it is `l2(2k)` here. As the patterns say,
/// biases are left out by `"*.weight"`; `"fc1.weight"` is one layer's kernel, `"fc1.*"` one layer. A penalty is part
/// of the loss: reported with it, and seen by clipping and by adaptive rules, unlike the decoupled decay of
/// [`AdamW`](crate::AdamW).
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Linear, Optimizer, Params, Penalty, Sgd, mse};
/// let params = Params::new(&Device::cpu(), 42);
/// let fc = Linear::new(params.at("fc"), 2, 1);
/// let penalty = Penalty::l2("*.weight", 1e-2).and(Penalty::l1("fc.bias", 1e-3));
///
/// let x = Tensor::ones([4, 2], &Device::cpu());
/// let y = fc.forward(&x, &mut Ctx::train(0));
/// let loss = mse(&y, &Tensor::zeros([4, 1], &Device::cpu())) + penalty.of(&params);
/// Sgd::default().step(&params, params.grad(&loss), 0.1)?;
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
///
/// Factors are run-time numbers: other ones need no new plan.
#[doc(alias = "regularizer")]
#[derive(Clone, Debug, PartialEq)]
pub struct Penalty {
    terms: Vec<(String, Size)>,
}

/// How large something is, times a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Size {
    L1(f64),
    L2(f64),
}

impl Size {
    fn of(self, w: &Tensor) -> Tensor {
        // a sum of halves may leave their range
        let wide = (w.dtype() == DType::F16).then(|| w.to_dtype(DType::F32));
        let w = wide.as_ref().unwrap_or(w);
        match self {
            Self::L1(factor) => w.abs().sum_all() * factor,
            Self::L2(factor) => w.square().sum_all() * (factor / 2.0),
        }
    }

    /// What is wrong with the factor, if anything.
    fn wrong(self) -> Option<String> {
        let (name, factor) = match self {
            Self::L1(factor) => ("l1", factor),
            Self::L2(factor) => ("l2", factor),
        };
        let good = factor.is_finite() && factor >= 0.0;
        (!good).then(|| format!("the factor of {name} is {factor}; it must be finite and not below 0"))
    }
}

impl Penalty {
    /// `factor · Σ |w|` over the parameters that fit `pattern`. It draws weights that do not matter towards 0.
    pub fn l1(pattern: impl Into<String>, factor: f64) -> Self {
        Self { terms: vec![(pattern.into(), Size::L1(factor))] }
    }

    /// `factor/2 · Σ w²` over the parameters that fit `pattern`.
    pub fn l2(pattern: impl Into<String>, factor: f64) -> Self {
        Self { terms: vec![(pattern.into(), Size::L2(factor))] }
    }

    /// The elastic net (Zou & Hastie 2005), the sum of both.
    pub fn l1_l2(pattern: impl Into<String>, l1: f64, l2: f64) -> Self {
        let pattern = pattern.into();
        Self::l1(pattern.clone(), l1).and(Self::l2(pattern, l2))
    }

    /// This penalty and another.
    #[must_use]
    pub fn and(mut self, other: Penalty) -> Self {
        self.terms.extend(other.terms);
        self
    }

    /// `layer`, which adds this penalty of the parameters in `params` to the loss of every forward pass in training, as
    /// Keras' `kernel_regularizer` does; for a training loop that [takes](crate::Ctx::take_losses) such losses, as
    /// `anygrad_train`'s does.
    pub fn on<L: Layer>(self, layer: L, params: &Params) -> Penalised<L> {
        Penalised { layer, penalty: self, params: params.clone() }
    }

    /// The penalty of the parameters of a store as they are now: a scalar, to be added to a loss. Frozen parameters
    /// count, without a gradient. A factor that is none, and a pattern that fits no parameter, are errors of the loss.
    #[track_caller]
    pub fn of(&self, params: &Params) -> Tensor {
        let mut sum: Option<Tensor> = None;
        for (pattern, size) in &self.terms {
            let values: Vec<Tensor> = {
                let store = params.lock();
                let chosen = |slot: &&Slot| slot.kind == Kind::Parameter && fits(pattern, &slot.path);
                store.slots().iter().filter(chosen).map(|slot| slot.value.clone()).collect()
            };
            let none = || Error::NoMatch { pattern: pattern.clone() }.to_string();
            if let Some(message) = size.wrong().or_else(|| values.is_empty().then(none)) {
                return Tensor::wrong("penalty", message, &[]);
            }
            for value in &values {
                let term = size.of(value);
                sum = Some(sum.map_or_else(|| term.clone(), |sum| sum + &term));
            }
        }
        sum.unwrap_or_else(|| Tensor::zeros([], params.device()))
    }
}
