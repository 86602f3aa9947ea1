use anygrad_graph::Tensor;

use super::axes::Axes;
use super::kernels::{Kernels, geometry_methods, kernels_layer, parameter_methods};
use crate::{Ctx, Init, Layer, ParamPath};

macro_rules! conv {
    ($(#[$doc:meta])* $name:ident $n:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Kernels<$n>);

        impl $name {
            /// Kernels of the size `kernel`, `3` or one number for each axis, from `inputs` to `outputs` channels, with
            /// a bias, stride 1 and no padding.
            pub fn new(path: ParamPath, inputs: usize, outputs: usize, kernel: impl Into<Axes<$n>>) -> Self {
                Self(Kernels::new(path, [inputs, outputs], kernel.into().sizes(), 1))
            }

            geometry_methods!($n);

            /// Number of groups of channels that do not mix; it divides `inputs` and `outputs`. `groups = inputs` is a
            /// depthwise convolution.
            #[must_use]
            pub fn groups(mut self, groups: usize) -> Self {
                self.0.set_groups(groups);
                self
            }

            parameter_methods!();
        }

        kernels_layer!($name);
    };
}

impl Conv2d {
    /// For another number of input channels; for builders of layers.
    pub(crate) fn inputs(mut self, inputs: usize) -> Self {
        self.0.set_inputs(inputs);
        self
    }
}

conv! {
    /// 1-D convolution (cross-correlation, as in PyTorch) over time: `[N, inputs, L]` becomes `[N, outputs, L']` with
    /// `L' = ⌊(L + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`. It is blind to order beyond its window.
    ///
    /// Keras has the channels last, `[N, L, inputs]`: put [`Tensor::to_channels_first`] before it.
    ///
    /// Entries: `weight` `[outputs, inputs / groups, kernel]` and `bias` `[outputs]`. Both start uniform in ±1/√fan_in
    /// with `fan_in = inputs / groups · kernel`, PyTorch's default.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Conv1d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let x = Tensor::zeros([2, 8, 100], &device);
    /// let conv = Conv1d::new(params.at("conv"), 8, 16, 5);
    /// assert_eq!(conv.forward(&x, &mut Ctx::eval()).shape()[..], [2, 16, 96]);
    /// // causal: an output sees nothing behind its own place
    /// let causal = Conv1d::new(params.at("causal"), 8, 16, 3).dilation(4).padding_sides([(8, 0)]);
    /// assert_eq!(causal.forward(&x, &mut Ctx::eval()).shape()[..], [2, 16, 100]);
    /// ```
    Conv1d 1
}

conv! {
    /// 2-D convolution (cross-correlation, as in PyTorch): `[N, inputs, H, W]` becomes `[N, outputs, H', W']` with
    /// `H' = ⌊(H + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`, and so for W.
    ///
    /// Entries: `weight` `[outputs, inputs / groups, kernel, kernel]` and `bias` `[outputs]`. Both start uniform in
    /// ±1/√fan_in with `fan_in = inputs / groups · kernel²`, PyTorch's default.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Conv2d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let x = Tensor::zeros([1, 3, 32, 32], &device);
    /// let conv = Conv2d::new(params.at("conv"), 3, 16, 3).padding(1).stride(2);
    /// assert_eq!(conv.forward(&x, &mut Ctx::eval()).shape()[..], [1, 16, 16, 16]);
    /// let flat = Conv2d::new(params.at("flat"), 3, 16, [1, 7]).same();
    /// assert_eq!(flat.forward(&x, &mut Ctx::eval()).shape()[..], [1, 16, 32, 32]);
    /// ```
    Conv2d 2
}

conv! {
    /// 3-D convolution (cross-correlation, as in PyTorch) over volumes or videos: `[N, inputs, D, H, W]` becomes
    /// `[N, outputs, D', H', W']` with `D' = ⌊(D + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1`, and so for H
    /// and W.
    ///
    /// Entries: `weight` `[outputs, inputs / groups, kernel, kernel, kernel]` and `bias` `[outputs]`. Both start uniform
    /// in ±1/√fan_in with `fan_in = inputs / groups · kernel³`, PyTorch's default.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Conv3d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let conv = Conv3d::new(params.at("conv"), 3, 8, [3, 5, 5]).padding([1, 2, 2]).stride([1, 2, 2]);
    /// let video = Tensor::zeros([1, 3, 4, 16, 16], &device);
    /// assert_eq!(conv.forward(&video, &mut Ctx::eval()).shape()[..], [1, 8, 4, 8, 8]);
    /// ```
    Conv3d 3
}
