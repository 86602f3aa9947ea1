use anygrad_graph::Tensor;

use crate::{Ctx, Init, Param, ParamPath};

/// Layer normalisation over the last axis.
#[derive(Debug)]
pub(super) struct LayerNorm {
    weight: Param,
    bias: Param,
}

impl LayerNorm {
    pub fn new(path: ParamPath, features: [usize; 1]) -> Self {
        Self {
            weight: path.parameter("weight", features, Init::Ones),
            bias: path.parameter("bias", features, Init::Zeros),
        }
    }

    #[track_caller]
    pub fn forward(&self, x: &Tensor, _: &mut Ctx) -> Tensor {
        let centred = x - x.mean_keep(&[-1]);
        let variance = centred.square().mean_keep(&[-1]);
        centred / (variance + 1e-5).sqrt() * self.weight.tensor() + self.bias.tensor()
    }
}
