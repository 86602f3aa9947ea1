//! What encoder and decoder layers share.

use anygrad_graph::Tensor;

use crate::{Ctx, Dropout, Layer, LayerNorm, Linear, ParamPath, relu};

/// `linear2(dropout(f(linear1(x))))`, and the settings of the layer around it.
#[derive(Debug)]
pub(super) struct FeedForward {
    linear1: Linear,
    linear2: Linear,
    pub activation: fn(&Tensor) -> Tensor,
    pub dropout: Dropout,
    pub norm_first: bool,
}

impl FeedForward {
    /// From `features` to `width` and back; the dropout is PyTorch's 0.1.
    pub fn new(path: &ParamPath, features: usize, width: usize) -> Self {
        Self {
            linear1: Linear::new(path.at("linear1"), features, width),
            linear2: Linear::new(path.at("linear2"), width, features),
            activation: relu,
            dropout: Dropout::new(0.1),
            norm_first: false,
        }
    }

    #[track_caller]
    pub fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let inside = (self.activation)(&self.linear1.forward(x, ctx));
        self.linear2.forward(&self.dropout.forward(&inside, ctx), ctx)
    }

    /// `x` with the output of a part of the layer added to it, normalised after, or before the part.
    #[track_caller]
    pub fn residual(
        &self,
        norm: &LayerNorm,
        x: &Tensor,
        ctx: &mut Ctx,
        part: impl FnOnce(&Tensor, &mut Ctx) -> Tensor,
    ) -> Tensor {
        if self.norm_first {
            let normal = norm.forward(x, ctx);
            let inside = part(&normal, ctx);
            return x + self.dropout.forward(&inside, ctx);
        }
        let inside = part(x, ctx);
        let sum = x + self.dropout.forward(&inside, ctx);
        norm.forward(&sum, ctx)
    }
}
