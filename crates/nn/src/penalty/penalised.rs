use anygrad_graph::Tensor;

use super::Penalty;
use crate::ctx::Ctx;
use crate::layer::Layer;
use crate::params::Params;

/// A layer that adds a [`Penalty`] on weights to the loss of every forward pass in training; see [`Penalty::on`].
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Linear, Params, Penalty, Sequential, relu};
/// let params = Params::new(&Device::cpu(), 42);
/// let first = Linear::new(params.at("fc1"), 4, 8);
/// let model = Sequential::new()
///     .then(Penalty::l2("fc1.weight", 1e-3).on(first, &params)) // this layer's weights only
///     .then(relu)
///     .then(Linear::new(params.at("fc2"), 8, 2));
/// let mut ctx = Ctx::train(42);
/// let y = model.forward(&Tensor::ones([2, 4], &Device::cpu()), &mut ctx);
/// assert_eq!(ctx.take_losses().len(), 1);
/// # y.check()?;
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[doc(alias = "kernel_regularizer")]
#[derive(Clone, Debug)]
pub struct Penalised<L> {
    pub(super) layer: L,
    pub(super) penalty: Penalty,
    pub(super) params: Params,
}

impl<L: Layer> Layer for Penalised<L> {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let y = self.layer.forward(x, ctx);
        if ctx.training {
            ctx.add_loss(self.penalty.of(&self.params));
        }
        y
    }

    fn kind(&self) -> &str {
        self.layer.kind()
    }

    fn path(&self) -> Option<&str> {
        self.layer.path()
    }

    fn parameters(&self) -> usize {
        self.layer.parameters()
    }
}
