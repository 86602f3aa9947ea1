use anygrad_graph::Tensor;

use crate::{Ctx, Layer};

/// All axes but the first as one: `[N, C, H, W]` becomes `[N, C·H·W]`.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

impl Layer for Flatten {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| x.flatten(1))
    }

    fn kind(&self) -> &str {
        "Flatten"
    }
}
