use std::panic::Location;

use anygrad_graph::{Tensor, recorded_at};

use crate::{Ctx, Layer};

/// `block(x) + x`, or `block(x) + shortcut(x)` (He et al. 2016): gradients reach what is in front of the block unchanged.
/// Both have the same shape; a shortcut is a 1×1 convolution, say, where the block changes it.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Conv2d, Ctx, Layer, Params, Residual, Sequential, relu};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let block = Sequential::new()
///     .then(Conv2d::new(params.at("conv1"), 8, 16, 3).stride(2).padding(1))
///     .then(relu)
///     .then(Conv2d::new(params.at("conv2"), 16, 16, 3).padding(1));
/// let residual = Residual::new(block).shortcut(Conv2d::new(params.at("shortcut"), 8, 16, 1).stride(2));
/// assert_eq!(residual.forward(&Tensor::ones([1, 8, 8, 8], &device), &mut Ctx::eval()).shape()[..], [1, 16, 4, 4]);
/// ```
pub struct Residual {
    block: Box<dyn Layer>,
    shortcut: Option<Box<dyn Layer>>,
}

impl Residual {
    /// `block(x) + x`.
    pub fn new(block: impl Layer + 'static) -> Self {
        Self { block: Box::new(block), shortcut: None }
    }

    /// With `shortcut(x)` in place of `x`.
    #[must_use]
    pub fn shortcut(mut self, shortcut: impl Layer + 'static) -> Self {
        self.shortcut = Some(Box::new(shortcut));
        self
    }
}

impl Layer for Residual {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        recorded_at(Location::caller(), || {
            let block = self.block.forward(x, ctx);
            let beside = match &self.shortcut {
                Some(shortcut) => shortcut.forward(x, ctx),
                None => x.clone(),
            };
            // an addition would broadcast
            if block.shape() != beside.shape() {
                let message = format!("shapes differ: block {}, shortcut {}", block.shape(), beside.shape());
                return Tensor::wrong("residual", message, &[("block", &block), ("shortcut", &beside)]);
            }
            block + beside
        })
    }

    fn kind(&self) -> &str {
        "Residual"
    }
}

impl std::fmt::Debug for Residual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shortcut = self.shortcut.as_ref().map(|shortcut| shortcut.kind().to_owned());
        f.debug_struct("Residual").field("block", &self.block.kind()).field("shortcut", &shortcut).finish()
    }
}

/// Several branches over the same input, their outputs one behind the other along an axis: the block of an Inception
/// network (Szegedy et al. 2015), with axis 1.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Concat, Conv2d, Ctx, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let block = Concat::new(1)
///     .branch(Conv2d::new(params.at("one"), 3, 8, 1))
///     .branch(Conv2d::new(params.at("three"), 3, 16, 3).same())
///     .branch(Conv2d::new(params.at("five"), 3, 4, 5).same());
/// assert_eq!(block.forward(&Tensor::ones([1, 3, 9, 9], &device), &mut Ctx::eval()).shape()[..], [1, 28, 9, 9]);
/// ```
pub struct Concat {
    axis: isize,
    branches: Vec<Box<dyn Layer>>,
}

impl Concat {
    /// No branches yet; their outputs will differ in size along `axis`, which may be negative, alone.
    pub fn new(axis: isize) -> Self {
        Self { axis, branches: Vec::new() }
    }

    /// With one more branch.
    #[must_use]
    pub fn branch(mut self, layer: impl Layer + 'static) -> Self {
        self.branches.push(Box::new(layer));
        self
    }
}

impl Layer for Concat {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        recorded_at(Location::caller(), || {
            if self.branches.is_empty() {
                return Tensor::wrong("concat", "there are no branches", &[("input", x)]);
            }
            let outputs: Vec<Tensor> = self.branches.iter().map(|branch| branch.forward(x, ctx)).collect();
            Tensor::concat(&outputs.iter().collect::<Vec<_>>(), self.axis)
        })
    }

    fn kind(&self) -> &str {
        "Concat"
    }
}

impl std::fmt::Debug for Concat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<&str> = self.branches.iter().map(|branch| branch.kind()).collect();
        f.debug_struct("Concat").field("axis", &self.axis).field("branches", &kinds).finish()
    }
}
