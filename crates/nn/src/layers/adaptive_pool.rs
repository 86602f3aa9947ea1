use anygrad_graph::Tensor;

use super::axes::Axes;
use super::pool::wrong_rank;
use crate::{Ctx, Layer};

macro_rules! adaptive {
    ($(#[$doc:meta])* $name:ident $n:literal $method:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(Axes<$n>);

        impl $name {
            /// Outputs of the size `size`, `7` or one number for each axis.
            pub fn new(size: impl Into<Axes<$n>>) -> Self {
                Self(size.into())
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                ctx.within(self, |_| match wrong_rank(stringify!($method), x, $n) {
                    Some(wrong) => wrong,
                    None => x.$method(&self.0.sizes()),
                })
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }
        }
    };
}

adaptive! {
    /// Means of `[N, C, L]` over windows that give the size asked for: output `o` of `m` covers the inputs from `⌊o·L / m⌋`
    /// to before `⌈(o + 1)·L / m⌉`, as in PyTorch.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AdaptiveAvgPool1d, Ctx, Layer};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 6.0], [1, 1, 5], &Device::cpu());
    /// assert_eq!(AdaptiveAvgPool1d::new(3).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [1.5, 3.0, 5.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    AdaptiveAvgPool1d 1 adaptive_avg_pool
}

adaptive! {
    /// Means of `[N, C, H, W]` over windows that give the sizes asked for; see [`AdaptiveAvgPool1d`].
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AdaptiveAvgPool2d, Ctx, Layer};
    /// let features = Tensor::zeros([2, 8, 13, 9], &Device::cpu());
    /// assert_eq!(AdaptiveAvgPool2d::new(7).forward(&features, &mut Ctx::eval()).shape()[..], [2, 8, 7, 7]);
    /// ```
    AdaptiveAvgPool2d 2 adaptive_avg_pool
}

adaptive! {
    /// Means of `[N, C, D, H, W]` over windows that give the sizes asked for; see [`AdaptiveAvgPool1d`].
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AdaptiveAvgPool3d, Ctx, Layer};
    /// let video = Tensor::zeros([1, 2, 5, 6, 7], &Device::cpu());
    /// assert_eq!(AdaptiveAvgPool3d::new([1, 2, 3]).forward(&video, &mut Ctx::eval()).shape()[..], [1, 2, 1, 2, 3]);
    /// ```
    AdaptiveAvgPool3d 3 adaptive_avg_pool
}

adaptive! {
    /// The largest elements of `[N, C, L]` over the windows of [`AdaptiveAvgPool1d`]. The first of ties gets the gradient.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AdaptiveMaxPool1d, Ctx, Layer};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0, 6.0], [1, 1, 5], &Device::cpu());
    /// assert_eq!(AdaptiveMaxPool1d::new(2).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [3.0, 6.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    AdaptiveMaxPool1d 1 adaptive_max_pool
}

adaptive! {
    /// The largest elements of `[N, C, H, W]` over the windows of [`AdaptiveAvgPool2d`]. The first of ties gets the
    /// gradient.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AdaptiveMaxPool2d, Ctx, Layer};
    /// let features = Tensor::zeros([2, 8, 13, 9], &Device::cpu());
    /// assert_eq!(AdaptiveMaxPool2d::new([4, 3]).forward(&features, &mut Ctx::eval()).shape()[..], [2, 8, 4, 3]);
    /// ```
    AdaptiveMaxPool2d 2 adaptive_max_pool
}

adaptive! {
    /// The largest elements of `[N, C, D, H, W]` over the windows of [`AdaptiveAvgPool3d`]. The first of ties gets the
    /// gradient.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AdaptiveMaxPool3d, Ctx, Layer};
    /// let video = Tensor::zeros([1, 2, 5, 6, 7], &Device::cpu());
    /// assert_eq!(AdaptiveMaxPool3d::new(2).forward(&video, &mut Ctx::eval()).shape()[..], [1, 2, 2, 2, 2]);
    /// ```
    AdaptiveMaxPool3d 3 adaptive_max_pool
}

macro_rules! global {
    ($(#[$doc:meta])* $name:ident $method:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                ctx.within(self, |_| x.$method())
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }
        }
    };
}

global! {
    /// The mean of each channel of each sample: `[N, C, *]`, with one to three axes behind, becomes `[N, C]` (Lin et al.
    /// 2013). Keras' `GlobalAveragePooling1D` to `3D`; an [`AdaptiveAvgPool2d`] of size 1 keeps the axes.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, GlobalAvgPool, Layer};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 6.0], [1, 1, 2, 2], &Device::cpu());
    /// assert_eq!(GlobalAvgPool.forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [3.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    GlobalAvgPool global_avg_pool
}

global! {
    /// The largest element of each channel of each sample, the first of ties: `[N, C, *]`, with one to three axes behind,
    /// becomes `[N, C]`. Keras' `GlobalMaxPooling1D` to `3D`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, GlobalMaxPool, Layer};
    /// let x = Tensor::from_slice(&[1.0f32, 7.0, 3.0, 6.0], [1, 2, 2], &Device::cpu());
    /// assert_eq!(GlobalMaxPool.forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [7.0, 6.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    GlobalMaxPool global_max_pool
}
