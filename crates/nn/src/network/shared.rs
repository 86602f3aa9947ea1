use std::sync::Arc;

use anygrad_graph::Tensor;

use crate::{Ctx, Layer};

/// A layer that is used in several places with the same parameters; a clone is another handle to it.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params, Sequential, Shared, relu};
/// let params = Params::new(&Device::cpu(), 0);
/// let fc = Shared::new(Linear::new(params.at("fc"), 4, 4));
/// let twice = Sequential::new().then(fc.clone()).then(relu).then(fc);
/// # let _ = twice;
/// ```
#[derive(Clone)]
pub struct Shared(Arc<dyn Layer>);

impl Shared {
    /// `layer`, to be used more than once.
    pub fn new(layer: impl Layer + 'static) -> Self {
        Self(Arc::new(layer))
    }
}

impl Layer for Shared {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.0.forward(x, ctx)
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

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shared({} {})", self.kind(), self.path().unwrap_or(""))
    }
}
