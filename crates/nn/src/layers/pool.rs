use anygrad_graph::{PoolOptions, Tensor};

use super::axes::Axes;
use crate::{Ctx, Layer};

/// The error of a pooling over `space` axes that is given a tensor of another rank.
#[track_caller]
pub(super) fn wrong_rank(name: &'static str, x: &Tensor, space: usize) -> Option<Tensor> {
    const LAYOUTS: [&str; 3] = ["[N, C, L]", "[N, C, H, W]", "[N, C, D, H, W]"];
    if x.rank() == space + 2 {
        return None;
    }
    let layout = LAYOUTS.get(space.wrapping_sub(1)).copied().unwrap_or("[N, C, ..]");
    Some(Tensor::wrong(name, format!("takes {layout}: input {}", x.shape()), &[("input", x)]))
}

macro_rules! pool {
    ($(#[$doc:meta])* $name:ident $n:literal $method:ident $op:literal { $($own:item)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(PoolOptions);

        impl $name {
            /// Windows of `kernel`, `2` or one number for each axis, side by side.
            pub fn new(kernel: impl Into<Axes<$n>>) -> Self {
                Self(PoolOptions::new(kernel.into().sizes()))
            }

            /// Step between windows; without this, the kernel's size.
            #[must_use]
            pub fn stride(self, stride: impl Into<Axes<$n>>) -> Self {
                Self(self.0.stride(stride.into().sizes()))
            }

            /// Padding on each side, at most half the kernel.
            #[must_use]
            pub fn padding(self, padding: impl Into<Axes<$n>>) -> Self {
                Self(self.0.padding(padding.into().sizes()))
            }

            /// The rest that fills no window gets one that hangs over: sizes are rounded up, PyTorch's `ceil_mode`.
            #[must_use]
            pub fn ceil(self) -> Self {
                Self(self.0.ceil())
            }

            $($own)*
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                ctx.within(self, |_| match wrong_rank($op, x, $n) {
                    Some(wrong) => wrong,
                    None => x.$method(&self.0),
                })
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }
        }
    };
}

macro_rules! max_pool {
    ($(#[$doc:meta])* $name:ident $n:literal $op:literal) => {
        pool! {
            $(#[$doc])*
            $name $n max_pool_with $op {
                /// Distance between the elements of a window; 1 without this.
                #[must_use]
                pub fn dilation(self, dilation: impl Into<Axes<$n>>) -> Self {
                    Self(self.0.dilation(dilation.into().sizes()))
                }
            }
        }
    };
}

macro_rules! avg_pool {
    ($(#[$doc:meta])* $name:ident $n:literal $op:literal) => {
        pool! {
            $(#[$doc])*
            $name $n avg_pool_with $op {
                /// Means divide by the elements that are there, not by the window's size: PyTorch's
                /// `count_include_pad=False`. Without this padding counts as zeros.
                #[must_use]
                pub fn exclude_padding(self) -> Self {
                    Self(self.0.exclude_padding())
                }

                /// Sums are divided by this: PyTorch's `divisor_override`.
                #[must_use]
                pub fn divisor(self, divisor: usize) -> Self {
                    Self(self.0.divisor(divisor))
                }
            }
        }
    };
}

max_pool! {
    /// The largest element of each window of `[N, C, L]`; `L' = ⌊(L + 2·padding − kernel) / stride⌋ + 1`. The first of
    /// ties gets the gradient, padding is never chosen.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Layer, MaxPool1d};
    /// let x = Tensor::from_slice(&[1.0f32, 3.0, 2.0, 0.0, 5.0], [1, 1, 5], &Device::cpu());
    /// assert_eq!(MaxPool1d::new(2).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [3.0, 2.0]);
    /// assert_eq!(MaxPool1d::new(2).ceil().forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [3.0, 2.0, 5.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    MaxPool1d 1 "max_pool1d"
}

max_pool! {
    /// The largest element of each window of `[N, C, H, W]`; `H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1`. The first of
    /// ties gets the gradient, padding is never chosen.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Layer, MaxPool2d};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 1, 2, 2], &Device::cpu());
    /// assert_eq!(MaxPool2d::new(2).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [4.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    MaxPool2d 2 "max_pool2d"
}

max_pool! {
    /// The largest element of each window of `[N, C, D, H, W]`; `D' = ⌊(D + 2·padding − kernel) / stride⌋ + 1`. The first
    /// of ties gets the gradient, padding is never chosen.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, Layer, MaxPool3d};
    /// let video = Tensor::zeros([1, 3, 4, 8, 8], &Device::cpu());
    /// assert_eq!(MaxPool3d::new([1, 2, 2]).forward(&video, &mut Ctx::eval()).shape()[..], [1, 3, 4, 4, 4]);
    /// ```
    MaxPool3d 3 "max_pool3d"
}

avg_pool! {
    /// The mean of each window of `[N, C, L]`; `L' = ⌊(L + 2·padding − kernel) / stride⌋ + 1`. Padding counts as zeros,
    /// as in PyTorch, unless [`exclude_padding`](AvgPool1d::exclude_padding) says otherwise.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AvgPool1d, Ctx, Layer};
    /// let x = Tensor::from_slice(&[1.0f32, 3.0, 2.0, 0.0], [1, 1, 4], &Device::cpu());
    /// assert_eq!(AvgPool1d::new(2).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [2.0, 1.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    AvgPool1d 1 "avg_pool1d"
}

avg_pool! {
    /// The mean of each window of `[N, C, H, W]`; `H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1`. Padding counts as
    /// zeros, as in PyTorch, unless [`exclude_padding`](AvgPool2d::exclude_padding) says otherwise.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AvgPool2d, Ctx, Layer};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 1, 2, 2], &Device::cpu());
    /// assert_eq!(AvgPool2d::new(2).forward(&x, &mut Ctx::eval()).to_vec::<f32>()?, [2.5]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    AvgPool2d 2 "avg_pool2d"
}

avg_pool! {
    /// The mean of each window of `[N, C, D, H, W]`; `D' = ⌊(D + 2·padding − kernel) / stride⌋ + 1`. Padding counts as
    /// zeros, as in PyTorch, unless [`exclude_padding`](AvgPool3d::exclude_padding) says otherwise.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{AvgPool3d, Ctx, Layer};
    /// let video = Tensor::zeros([1, 3, 4, 8, 8], &Device::cpu());
    /// assert_eq!(AvgPool3d::new(2).forward(&video, &mut Ctx::eval()).shape()[..], [1, 3, 2, 4, 4]);
    /// ```
    AvgPool3d 3 "avg_pool3d"
}
