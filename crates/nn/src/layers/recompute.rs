use anygrad_graph::{Tensor, checkpoint};

use crate::{Ctx, Layer};

/// A layer whose inside is computed again in the backward pass instead of being kept: less memory for about one more
/// forward pass of it; see [`anygrad_graph::checkpoint`]. Values, gradients, dropout masks and running averages are
/// those of the layer alone.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params, Recompute, Sequential, tanh};
/// let params = Params::new(&Device::cpu(), 42);
/// let block = |i: usize| {
///     let path = params.at(format!("block{i}"));
///     let inside = Sequential::new().then(Linear::new(path.at("up"), 8, 32)).then(tanh);
///     Recompute::new(inside.then(Linear::new(path.at("down"), 32, 8)))
/// };
/// let model = (0..12).fold(Sequential::new(), |model, i| model.then(block(i)));
/// # drop(model);
/// ```
#[derive(Clone, Debug)]
pub struct Recompute<L>(L);

impl<L: Layer> Recompute<L> {
    /// `layer`, recomputed.
    pub fn new(layer: L) -> Self {
        Self(layer)
    }
}

impl<L: Layer> Layer for Recompute<L> {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        // a closure does not pass the caller on
        let caller = std::panic::Location::caller();
        anygrad_graph::recorded_at(caller, || checkpoint(|| self.0.forward(x, ctx)))
    }

    fn kind(&self) -> &str {
        self.0.kind()
    }

    fn path(&self) -> Option<&str> {
        self.0.path()
    }

    fn parameters(&self) -> usize {
        self.0.parameters()
    }
}
