//! References and boxes of optimizers are optimizers.

use anygrad_graph::Tensor;

use super::Optimizer;
use crate::error::Result;
use crate::gradients::Gradients;
use crate::params::Params;

/// The methods of [`Optimizer`] that rules and wrappers differ in, each of them that of `$inner`, an expression of `$this`.
macro_rules! forward {
    ($this:ident => $inner:expr) => {
        fn state(&$this) -> &'static [&'static str] {
            $inner.state()
        }

        fn update(
            &$this,
            step: u64,
            lr: f64,
            param: &Tensor,
            grad: &Tensor,
            state: &[Tensor],
        ) -> (Tensor, Vec<Tensor>) {
            $inner.update(step, lr, param, grad, state)
        }

        fn check(&$this) -> Result<()> {
            $inner.check()
        }

        fn default_rate(&$this) -> f64 {
            $inner.default_rate()
        }

        fn state_at(&$this, path: &str) -> &'static [&'static str] {
            $inner.state_at(path)
        }

        fn update_at(
            &$this,
            path: &str,
            step: u64,
            lr: f64,
            param: &Tensor,
            grad: &Tensor,
            state: &[Tensor],
        ) -> (Tensor, Vec<Tensor>) {
            $inner.update_at(path, step, lr, param, grad, state)
        }

        fn trains(&$this, path: &str) -> bool {
            $inner.trains(path)
        }

        fn check_for(&$this, params: &Params) -> Result<()> {
            $inner.check_for(params)
        }
    };
}
pub(super) use forward;

impl<O: Optimizer + ?Sized> Optimizer for &O {
    forward!(self => (**self));

    fn apply(&self, params: &Params, gradients: Gradients, lr: f64) -> Result<()> {
        (**self).apply(params, gradients, lr)
    }
}

impl<O: Optimizer + ?Sized> Optimizer for Box<O> {
    forward!(self => (**self));

    fn apply(&self, params: &Params, gradients: Gradients, lr: f64) -> Result<()> {
        (**self).apply(params, gradients, lr)
    }
}
