use anygrad_graph::{Shape, Tensor};

use crate::{Ctx, Init, Layer, Param, ParamPath};

/// `x` above 0, `weight·x` elsewhere, with a learned slope for all channels or one for each (He et al. 2015). Channels are
/// axis 1, as in PyTorch.
///
/// Entries: `weight` `[slopes]`, 0.25 at first.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Params, PRelu};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let prelu = PRelu::new(params.at("prelu"), 1);
/// let x = Tensor::from_slice(&[-2.0f32, 3.0], [1, 2], &device);
/// assert_eq!(prelu.forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [-0.5, 3.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Debug)]
pub struct PRelu {
    path: ParamPath,
    weight: Param,
}

impl PRelu {
    /// With 1 slope for all channels, or as many slopes as there are channels.
    pub fn new(path: ParamPath, slopes: usize) -> Self {
        let weight = path.parameter("weight", [slopes], Init::Constant(0.25));
        Self { path, weight }
    }

    /// Other initial slopes.
    #[must_use]
    pub fn init(self, init: Init) -> Self {
        self.weight.remake(&Shape::from([self.weight.numel()]), init);
        self
    }
}

impl Layer for PRelu {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| x.prelu(&self.weight.tensor()))
    }

    fn kind(&self) -> &str {
        "PRelu"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.weight.numel()
    }
}
