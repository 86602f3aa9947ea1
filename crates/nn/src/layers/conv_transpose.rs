use anygrad_graph::Tensor;

use super::axes::Axes;
use super::kernels::{Kernels, geometry_methods, kernels_layer, parameter_methods};
use crate::{Ctx, Init, Layer, ParamPath};

macro_rules! conv_transpose {
    ($(#[$doc:meta])* $name:ident $n:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Kernels<$n>);

        impl $name {
            /// Kernels of the size `kernel`, `3` or one number for each axis, from `inputs` to `outputs` channels, with
            /// a bias, stride 1, and nothing cut off.
            pub fn new(path: ParamPath, inputs: usize, outputs: usize, kernel: impl Into<Axes<$n>>) -> Self {
                Self(Kernels::transposed(path, [inputs, outputs], kernel.into().sizes()))
            }

            geometry_methods!($n);

            /// What the output is larger by, behind: which of the `stride` sizes that a convolution takes to the input's
            /// is meant. Below the larger of stride and dilation; 0 without this.
            #[must_use]
            pub fn output_padding(mut self, padding: impl Into<Axes<$n>>) -> Self {
                let padding = padding.into().sizes();
                self.0.set(|options| options.output_padding(padding));
                self
            }

            /// Number of groups of channels that do not mix; it divides `inputs` and `outputs`.
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

conv_transpose! {
    /// 1-D transposed convolution, the adjoint of [`Conv1d`](crate::Conv1d): `[N, inputs, L]` becomes `[N, outputs, L']`
    /// with `L' = (L − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1`. Padding is what is cut off;
    /// with `same` the output is `L·stride`.
    ///
    /// Entries: `weight` `[inputs, outputs / groups, kernel]` and `bias` `[outputs]`. Both start uniform in
    /// ±1/√(outputs / groups · kernel), PyTorch's default.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{ConvTranspose1d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let conv = ConvTranspose1d::new(params.at("conv"), 8, 4, 3).stride(2).padding(1).output_padding(1);
    /// assert_eq!(conv.forward(&Tensor::zeros([1, 8, 10], &device), &mut Ctx::eval()).shape()[..], [1, 4, 20]);
    /// ```
    ConvTranspose1d 1
}

conv_transpose! {
    /// 2-D transposed convolution, the adjoint of [`Conv2d`](crate::Conv2d): `[N, inputs, H, W]` becomes
    /// `[N, outputs, H', W']` with `H' = (H − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1`, and so
    /// for W. Padding is what is cut off; with `same` the output is `H·stride`.
    ///
    /// Entries: `weight` `[inputs, outputs / groups, kernel, kernel]` and `bias` `[outputs]`. Both start uniform in
    /// ±1/√(outputs / groups · kernel²), PyTorch's default.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{ConvTranspose2d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let conv = ConvTranspose2d::new(params.at("conv"), 8, 4, 4).stride(2).padding(1);
    /// assert_eq!(conv.forward(&Tensor::zeros([1, 8, 7, 7], &device), &mut Ctx::eval()).shape()[..], [1, 4, 14, 14]);
    /// ```
    ConvTranspose2d 2
}

conv_transpose! {
    /// 3-D transposed convolution, the adjoint of [`Conv3d`](crate::Conv3d): `[N, inputs, D, H, W]` becomes
    /// `[N, outputs, D', H', W']` with `D' = (D − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1`, and
    /// so for H and W. Padding is what is cut off; with `same` the output is `D·stride`.
    ///
    /// Entries: `weight` `[inputs, outputs / groups, kernel, kernel, kernel]` and `bias` `[outputs]`. Both start uniform
    /// in ±1/√(outputs / groups · kernel³), PyTorch's default.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{ConvTranspose3d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let conv = ConvTranspose3d::new(params.at("conv"), 2, 3, 2).stride(2);
    /// assert_eq!(conv.forward(&Tensor::zeros([1, 2, 2, 3, 4], &device), &mut Ctx::eval()).shape()[..], [1, 3, 4, 6, 8]);
    /// ```
    ConvTranspose3d 3
}
