use std::panic::Location;

use anygrad_graph::{Tensor, recorded_at};

use crate::{Ctx, Init, Layer, Linear, ParamPath};

/// The largest of `pieces` linear functions for each output (Goodfellow et al. 2013):
/// `y_o = max_p (w_{o·pieces + p}·x + b_{o·pieces + p})`, `[.., inputs]` to `[.., outputs]`. A learned convex activation
/// function. Pieces that tie share the gradient.
///
/// Entries: those of a [`Linear`] layer with `outputs·pieces` outputs.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Maxout, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let maxout = Maxout::new(params.at("maxout"), 8, 4, 3);
/// assert_eq!(maxout.forward(&Tensor::ones([2, 8], &device), &mut Ctx::eval()).shape()[..], [2, 4]);
/// assert_eq!(params.count(), 8 * 12 + 12);
/// ```
#[derive(Debug)]
pub struct Maxout {
    linear: Linear,
    pieces: usize,
}

impl Maxout {
    /// From `inputs` to `outputs` features by `pieces` functions for each, with biases.
    pub fn new(path: ParamPath, inputs: usize, outputs: usize, pieces: usize) -> Self {
        Self { linear: Linear::new(path, inputs, outputs.saturating_mul(pieces)), pieces }
    }

    /// Other initial values for the weight.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.linear = self.linear.init(init);
        self
    }
}

impl Layer for Maxout {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        recorded_at(Location::caller(), || {
            let pieces = self.linear.forward(x, ctx);
            pieces.maxout(-1, self.pieces)
        })
    }

    fn kind(&self) -> &str {
        "Maxout"
    }
}
