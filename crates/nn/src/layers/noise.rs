use anygrad_graph::Tensor;

use super::rate::{Rate, rate_methods};
use crate::random::normal_like;
use crate::{Ctx, Layer};

/// What SELU tends to far below 0: −1.0507·1.6733.
const SELU_FLOOR: f64 = -1.758_099_340_847_376_6;

/// Dropout for [`selu`](crate::selu) networks, which keeps mean 0 and variance 1 (Klambauer et al. 2017). In training
/// each element becomes α′ = −1.7581 with probability p, and then all of them `a·x + b` with
/// `a = 1/√((1 − p)·(1 + p·α′²))` and `b = −a·p·α′`; in evaluation it is the identity. p is a run-time number that clones
/// share.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{AlphaDropout, Init, Linear, Params, Sequential, selu};
/// let params = Params::new(&Device::cpu(), 42);
/// let fc = Linear::new(params.at("fc"), 64, 64).init(Init::LeCunNormal);
/// let block = Sequential::new().then(fc).then(selu).then(AlphaDropout::new(0.1));
/// # drop(block);
/// ```
#[derive(Clone, Debug)]
pub struct AlphaDropout(Rate);

impl AlphaDropout {
    rate_methods!();
}

impl Layer for AlphaDropout {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| match self.0.checked("alpha_dropout", x) {
            Err(wrong) => wrong,
            Ok(_) if !ctx.training => x.clone(),
            Ok(p) => {
                let keep = ctx.rng.bernoulli(1.0 - p, x.shape(), x.device());
                let scale = ((1.0 - p) * (1.0 + p * SELU_FLOOR * SELU_FLOOR)).powf(-0.5);
                keep.select(x, SELU_FLOOR) * scale - scale * p * SELU_FLOOR
            }
        })
    }

    fn kind(&self) -> &str {
        "AlphaDropout"
    }
}

/// Multiplies by normal numbers with mean 1 and variance p / (1 − p) in training, as many as there are elements; in
/// evaluation it is the identity (Srivastava et al. 2014, section 10). Keras' layer. p is a run-time number that clones
/// share.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, GaussianDropout, Layer};
/// let x = Tensor::ones([2, 3], &Device::cpu());
/// assert_eq!(GaussianDropout::new(0.2).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [1.0; 6]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GaussianDropout(Rate);

impl GaussianDropout {
    rate_methods!();
}

impl Layer for GaussianDropout {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| match self.0.checked("gaussian_dropout", x) {
            Err(wrong) => wrong,
            Ok(_) if !ctx.training => x.clone(),
            Ok(p) => x * (normal_like(&mut ctx.rng, x) * (p / (1.0 - p)).sqrt() + 1.0),
        })
    }

    fn kind(&self) -> &str {
        "GaussianDropout"
    }
}

/// Adds normal numbers with mean 0 and this deviation in training; in evaluation it is the identity. Keras' layer.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{GaussianNoise, Linear, Params, Sequential};
/// let params = Params::new(&Device::cpu(), 42);
/// let model = Sequential::new().then(GaussianNoise::new(0.1)).then(Linear::new(params.at("fc"), 8, 2));
/// # drop(model);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GaussianNoise(f64);

impl GaussianNoise {
    /// Noise with standard deviation `deviation`, which is at least 0.
    pub fn new(deviation: f64) -> Self {
        Self(deviation)
    }
}

impl Layer for GaussianNoise {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| {
            if !(self.0.is_finite() && self.0 >= 0.0) {
                let message = format!("the deviation is {}; it must be finite and at least 0", self.0);
                return Tensor::wrong("gaussian_noise", message, &[("input", x)]);
            }
            if !ctx.training {
                return x.clone();
            }
            x + normal_like(&mut ctx.rng, x) * self.0
        })
    }

    fn kind(&self) -> &str {
        "GaussianNoise"
    }
}
