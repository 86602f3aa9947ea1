use anygrad_graph::Tensor;

use super::Optimizer;
use super::adadelta::AdaDelta;
use super::adagrad::AdaGrad;
use super::adam::{Adam, AdamW};
use super::adamax::AdaMax;
use super::forward::forward;
use super::ftrl::Ftrl;
use super::lamb::Lamb;
use super::lion::Lion;
use super::nadam::Nadam;
use super::radam::RAdam;
use super::rmsprop::RmsProp;
use super::sgd::Sgd;
use crate::error::{Error, Result};
use crate::params::Params;

/// Any of this crate's rules, for programs whose user chooses one; see [`optimizer`]. Printing it with `{:?}` shows
/// its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum AnyOptimizer {
    Sgd(Sgd),
    AdaDelta(AdaDelta),
    AdaGrad(AdaGrad),
    Adam(Adam),
    AdamW(AdamW),
    AdaMax(AdaMax),
    Ftrl(Ftrl),
    Lamb(Lamb),
    Lion(Lion),
    Nadam(Nadam),
    RAdam(RAdam),
    RmsProp(RmsProp),
}

impl AnyOptimizer {
    fn rule(&self) -> &dyn Optimizer {
        match self {
            Self::Sgd(rule) => rule,
            Self::AdaDelta(rule) => rule,
            Self::AdaGrad(rule) => rule,
            Self::Adam(rule) => rule,
            Self::AdamW(rule) => rule,
            Self::AdaMax(rule) => rule,
            Self::Ftrl(rule) => rule,
            Self::Lamb(rule) => rule,
            Self::Lion(rule) => rule,
            Self::Nadam(rule) => rule,
            Self::RAdam(rule) => rule,
            Self::RmsProp(rule) => rule,
        }
    }
}

impl Optimizer for AnyOptimizer {
    forward!(self => self.rule());
}

const NAMES: &str = "sgd, momentum, nesterov, adadelta, adagrad, adam, amsgrad, adamw, adamax, ftrl, lamb, lion, \
                     nadam, radam, rmsprop";

/// The optimizer called `name`, with its default settings: `"sgd"`, `"adam"`, `"rmsprop"` and so on, in lower case.
/// `"momentum"` and `"nesterov"` are [`Sgd`] with a momentum of 0.9, `"amsgrad"` is [`Adam`] with `amsgrad`.
///
/// ```
/// use anygrad_nn::{AnyOptimizer, Optimizer, RmsProp, optimizer};
/// let rule = optimizer("rmsprop")?;
/// assert_eq!(rule, AnyOptimizer::RmsProp(RmsProp::default()));
/// assert_eq!(rule.default_rate(), 1e-3);
/// let shown = format!("{:?}", optimizer("adagrad")?);
/// assert_eq!(shown, "AdaGrad(AdaGrad { eps: 1e-10, initial: 0.0, weight_decay: 0.0 })");
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
///
/// # Errors
/// There is no such optimizer; the message lists those there are.
pub fn optimizer(name: &str) -> Result<AnyOptimizer> {
    Ok(match name {
        "sgd" => AnyOptimizer::Sgd(Sgd::default()),
        "momentum" => AnyOptimizer::Sgd(Sgd { momentum: 0.9, ..Sgd::default() }),
        "nesterov" => AnyOptimizer::Sgd(Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() }),
        "adadelta" => AnyOptimizer::AdaDelta(AdaDelta::default()),
        "adagrad" => AnyOptimizer::AdaGrad(AdaGrad::default()),
        "adam" => AnyOptimizer::Adam(Adam::default()),
        "amsgrad" => AnyOptimizer::Adam(Adam { amsgrad: true, ..Adam::default() }),
        "adamw" => AnyOptimizer::AdamW(AdamW::default()),
        "adamax" => AnyOptimizer::AdaMax(AdaMax::default()),
        "ftrl" => AnyOptimizer::Ftrl(Ftrl::default()),
        "lamb" => AnyOptimizer::Lamb(Lamb::default()),
        "lion" => AnyOptimizer::Lion(Lion::default()),
        "nadam" => AnyOptimizer::Nadam(Nadam::default()),
        "radam" => AnyOptimizer::RAdam(RAdam::default()),
        "rmsprop" => AnyOptimizer::RmsProp(RmsProp::default()),
        _ => {
            let message = format!("there is no \"{name}\"; there are {NAMES}");
            return Err(Error::Setting { what: "optimizer", message });
        }
    })
}
