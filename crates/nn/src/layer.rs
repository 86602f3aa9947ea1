use std::panic::Location;

use anygrad_graph::{Tensor, recorded_at};

use crate::ctx::Ctx;

/// Something that turns a tensor into a tensor. Functions and closures from a tensor to a tensor are layers.
///
/// A model of your own is a struct whose fields are layers:
///
/// ```
/// use anygrad_graph::Tensor;
/// use anygrad_nn::{Ctx, Layer, Linear, ParamPath, relu};
///
/// struct Residual(Linear);
///
/// impl Layer for Residual {
///     fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
///         x + relu(&self.0.forward(x, ctx))
///     }
/// }
///
/// fn residual(path: ParamPath) -> Residual {
///     Residual(Linear::new(path.at("fc"), 16, 16))
/// }
/// ```
pub trait Layer: Send + Sync {
    /// Records the output for input `x`. Runs nothing.
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor;

    /// What it is called in a summary: `Linear`, `relu`.
    fn kind(&self) -> &str {
        short_name(std::any::type_name::<Self>())
    }

    /// Where its parameters are in the store, for messages; none for a layer without parameters or one that is
    /// made of other layers.
    fn path(&self) -> Option<&str> {
        None
    }

    /// Number of scalars in its own parameters.
    fn parameters(&self) -> usize {
        0
    }
}

/// `crate::module::Name<crate::T>` as `Name`.
fn short_name(full: &str) -> &str {
    let path = full.split('<').next().unwrap_or(full);
    match path.rsplit("::").next() {
        Some("{{closure}}") | None => "closure",
        Some(name) => name,
    }
}

impl<F: Fn(&Tensor) -> Tensor + Send + Sync> Layer for F {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| self(x))
    }
}

impl Layer for Box<dyn Layer> {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        (**self).forward(x, ctx)
    }

    fn kind(&self) -> &str {
        (**self).kind()
    }

    fn path(&self) -> Option<&str> {
        (**self).path()
    }

    fn parameters(&self) -> usize {
        (**self).parameters()
    }
}

/// Layers one after the other.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Linear, Params, Sequential, relu};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let model = Sequential::new()
///     .then(Linear::new(params.at("fc1"), 4, 8))
///     .then(relu)
///     .then(Linear::new(params.at("fc2"), 8, 3));
/// let y = model.forward(&Tensor::ones([5, 4], &device), &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [5, 3]);
/// ```
#[derive(Default)]
pub struct Sequential {
    layers: Vec<Box<dyn Layer>>,
}

impl Sequential {
    /// The identity, to which layers are added.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `layer` at the end.
    #[must_use]
    pub fn then(mut self, layer: impl Layer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// Adds `layer` at the end; for loops.
    pub fn push(&mut self, layer: impl Layer + 'static) {
        self.layers.push(Box::new(layer));
    }

    /// The layers, first to last.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Layer> {
        self.layers.iter().map(|layer| &**layer)
    }

    /// Number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is no layer.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Layer for Sequential {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        recorded_at(Location::caller(), || {
            self.layers.iter().fold(x.clone(), |x, layer| layer.forward(&x, ctx))
        })
    }
}

impl std::fmt::Debug for Sequential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names =
            self.layers.iter().map(|layer| format!("{} {}", layer.kind(), layer.path().unwrap_or("")));
        f.debug_list().entries(names.map(|name| name.trim_end().to_owned())).finish()
    }
}
