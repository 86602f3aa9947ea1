use anygrad_graph::{Shape, Tensor};

use super::rate::{Rate, rate_methods};
use crate::{Ctx, Layer};

/// Zeros with probability p, and the others divided by 1 − p, in training; one draw for each element of `mask`, which
/// broadcasts to `x`.
#[track_caller]
fn drop(x: &Tensor, rate: &Rate, mask: impl FnOnce(&Shape) -> Shape, ctx: &mut Ctx) -> Tensor {
    match rate.checked("dropout", x) {
        Err(wrong) => wrong,
        Ok(_) if !ctx.training => x.clone(),
        // also for p = 0, so that p can change without a new plan
        Ok(p) => {
            let keep = ctx.rng.bernoulli(1.0 - p, mask(x.shape()), x.device());
            keep.select(x / (1.0 - p), 0.0)
        }
    }
}

/// Sets each element to 0 with probability p in training and divides the others by 1 − p, so that the mean stays;
/// in evaluation it is the identity (Srivastava et al. 2014, in the inverted form).
///
/// p is a run-time number: changing it needs no new plan. A clone shares it, so one handle can go into a model and
/// another steer it.
///
/// ```
/// use anygrad_nn::{Dropout, Sequential};
/// let dropout = Dropout::new(0.5);
/// let model = Sequential::new().then(dropout.clone());
/// dropout.set(0.1);
/// ```
#[derive(Clone, Debug)]
pub struct Dropout(Rate);

impl Dropout {
    rate_methods!();
}

impl Layer for Dropout {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| drop(x, &self.0, Shape::clone, ctx))
    }

    fn kind(&self) -> &str {
        "Dropout"
    }
}

macro_rules! channel_dropout {
    ($(#[$doc:meta])* $name:ident $rank:literal, $layout:literal) => {
        $(#[$doc])*
        ///
        /// In training it sets whole channels of a sample to 0 with probability p and divides the others by 1 − p; in
        /// evaluation it is the identity (Tompson et al. 2015). For convolutions, where neighbours are so alike that
        /// dropping one of them drops nothing; Keras' `SpatialDropout`. p is a run-time number that clones share.
        #[derive(Clone, Debug)]
        pub struct $name(Rate);

        impl $name {
            rate_methods!();
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                ctx.within(self, |ctx| {
                    if x.rank() != $rank {
                        let message = format!("takes {}: input {}", $layout, x.shape());
                        return Tensor::wrong("dropout", message, &[("input", x)]);
                    }
                    let channels = |shape: &Shape| {
                        shape.iter().enumerate().map(|(axis, &size)| if axis < 2 { size } else { 1 }).collect()
                    };
                    drop(x, &self.0, channels, ctx)
                })
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }
        }
    };
}

channel_dropout! {
    /// Dropout of channels of sequences `[N, C, L]`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Dropout1d, Layer};
    /// let x = Tensor::ones([1, 2, 3], &Device::cpu());
    /// let y = Dropout1d::new(0.5).forward(&x, &mut Ctx::train(1)).to_vec::<f32>()?;
    /// assert!(y[0] == y[1] && y[1] == y[2]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    Dropout1d 3, "[N, C, L]"
}

channel_dropout! {
    /// Dropout of channels of images `[N, C, H, W]`.
    ///
    /// ```
    /// use anygrad_graph::Device;
    /// use anygrad_nn::{Conv2d, Dropout2d, Params, Sequential, relu};
    /// let params = Params::new(&Device::cpu(), 42);
    /// let block = Sequential::new().then(Conv2d::new(params.at("conv"), 3, 16, 3)).then(relu).then(Dropout2d::new(0.2));
    /// # drop(block);
    /// ```
    Dropout2d 4, "[N, C, H, W]"
}

channel_dropout! {
    /// Dropout of channels of volumes or videos `[N, C, D, H, W]`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Dropout3d, Layer};
    /// let x = Tensor::ones([1, 2, 3, 4, 5], &Device::cpu());
    /// assert_eq!(Dropout3d::new(0.5).forward(&x, &mut Ctx::train(1)).shape(), x.shape());
    /// ```
    Dropout3d 5, "[N, C, D, H, W]"
}
