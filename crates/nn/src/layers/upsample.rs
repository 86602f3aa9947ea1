use anygrad_graph::{Resize, Tensor};

use crate::{Ctx, Layer};

#[derive(Clone, Debug)]
enum Target {
    Size(Vec<usize>),
    Factor(f64),
}

/// Makes `[N, C, *]` larger, or smaller, along the one to three axes behind: `torch.nn.Upsample`, Keras' `UpSampling`.
///
/// What lies between elements is the nearest one without further calls; [`mode`](Upsample::mode) takes what
/// [`Resize`] lists: nearest, linear (bilinear, trilinear) and cubic, with either convention for corners.
///
/// ```
/// use anygrad_graph::{Device, Resize, Tensor};
/// use anygrad_nn::{Ctx, Layer, Upsample};
/// let x = Tensor::from_slice(&[1.0f32, 3.0], [1, 1, 2], &Device::cpu());
/// assert_eq!(Upsample::by(2.0).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [1.0, 1.0, 3.0, 3.0]);
/// let corners = Upsample::to([3]).mode(Resize::LinearCorners);
/// assert_eq!(corners.forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [1.0, 2.0, 3.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Upsample {
    target: Target,
    mode: Resize,
}

impl Upsample {
    /// To `⌊n·factor⌋` along each axis; the factor is positive. Positions follow from the sizes, as with PyTorch's
    /// `recompute_scale_factor=True`, which matters where `n·factor` is not whole.
    pub fn by(factor: f64) -> Self {
        Self { target: Target::Factor(factor), mode: Resize::Nearest }
    }

    /// To these sizes, one for each axis.
    pub fn to(size: impl Into<Vec<usize>>) -> Self {
        Self { target: Target::Size(size.into()), mode: Resize::Nearest }
    }

    /// Which elements an output is made of.
    #[must_use]
    pub fn mode(mut self, mode: Resize) -> Self {
        self.mode = mode;
        self
    }
}

impl Layer for Upsample {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| match &self.target {
            Target::Size(size) => x.resize(size, self.mode),
            Target::Factor(factor) => x.resize_by(*factor, self.mode),
        })
    }

    fn kind(&self) -> &str {
        "Upsample"
    }
}
