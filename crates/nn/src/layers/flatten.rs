use anygrad_graph::{Sizes, Tensor};

use crate::{Ctx, Layer};

/// All axes but the first as one: `[N, C, H, W]` becomes `[N, C·H·W]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Flatten, Layer};
/// let x = Tensor::zeros([2, 4, 4, 16], &Device::cpu());
/// assert_eq!(Flatten.forward(&x, &mut Ctx::eval()).shape()[..], [2, 256]);
/// ```
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

/// One axis as several: the inverse of [`Flatten`], and of flattening other axes. One of the sizes may be −1, what is left.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Unflatten};
/// let x = Tensor::zeros([2, 256], &Device::cpu());
/// assert_eq!(Unflatten::new(1, [16, 4, -1]).forward(&x, &mut Ctx::eval()).shape()[..], [2, 16, 4, 4]);
/// ```
#[derive(Clone, Debug)]
pub struct Unflatten {
    axis: isize,
    sizes: Sizes,
}

impl Unflatten {
    /// `axis`, which may be negative, as axes of these sizes, whose product is its size.
    pub fn new(axis: isize, sizes: impl Into<Sizes>) -> Self {
        Self { axis, sizes: sizes.into() }
    }
}

impl Layer for Unflatten {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| x.unflatten(self.axis, self.sizes.clone()))
    }

    fn kind(&self) -> &str {
        "Unflatten"
    }
}
