use std::panic::Location;

use anygrad_graph::{Tensor, recorded_at};

use super::axes::Axes;
use super::kernels::{Kernels, geometry_methods, kernels_layer, parameter_methods};
use crate::{Conv2d, Ctx, Init, Layer, ParamPath};

/// 2-D convolution of each channel by itself: `[N, C, H, W]` becomes `[N, C·multiplier, H', W']`, sizes as for
/// [`Conv2d`]; Keras' `DepthwiseConv2D`. Output channel `c·multiplier + m` is made of input channel `c` alone.
///
/// Entries: `weight` `[C·multiplier, 1, kernel, kernel]` and `bias` `[C·multiplier]`. Both start uniform in ±1/kernel, as
/// those of PyTorch's `Conv2d(groups=C)`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, DepthwiseConv2d, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let conv = DepthwiseConv2d::new(params.at("conv"), 8, 3).multiplier(2).same();
/// assert_eq!(conv.forward(&Tensor::zeros([1, 8, 5, 5], &device), &mut Ctx::eval()).shape()[..], [1, 16, 5, 5]);
/// ```
#[derive(Debug)]
pub struct DepthwiseConv2d(Kernels<2>, usize);

impl DepthwiseConv2d {
    /// One kernel of the size `kernel`, `3` or `[3, 5]`, for each of `channels` channels, with a bias, stride 1 and no
    /// padding.
    pub fn new(path: ParamPath, channels: usize, kernel: impl Into<Axes<2>>) -> Self {
        Self(Kernels::new(path, [channels, channels], kernel.into().sizes(), channels), channels)
    }

    /// Number of kernels, and of outputs, for each channel; 1 without this.
    #[must_use]
    pub fn multiplier(mut self, multiplier: usize) -> Self {
        self.0.set_outputs(self.1.saturating_mul(multiplier));
        self
    }

    geometry_methods!(2);
    parameter_methods!();
}

kernels_layer!(DepthwiseConv2d);

/// A [`DepthwiseConv2d`] without a bias and then a 1×1 [`Conv2d`], which mixes the channels (Chollet 2017): Keras'
/// `SeparableConv2D`, about `kernel²` times cheaper than a `Conv2d`. `[N, inputs, H, W]` becomes `[N, outputs, H', W']`.
///
/// Entries: `depthwise.weight` `[inputs·multiplier, 1, kernel, kernel]`, `pointwise.weight`
/// `[outputs, inputs·multiplier, 1, 1]` and `pointwise.bias` `[outputs]`, with the initial values of those layers.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Params, SeparableConv2d};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let conv = SeparableConv2d::new(params.at("conv"), 16, 32, 3).same();
/// assert_eq!(conv.forward(&Tensor::zeros([1, 16, 8, 8], &device), &mut Ctx::eval()).shape()[..], [1, 32, 8, 8]);
/// assert_eq!(params.count(), 16 * 9 + 32 * 16 + 32); // a Conv2d has 4640
/// ```
#[derive(Debug)]
pub struct SeparableConv2d {
    depthwise: DepthwiseConv2d,
    pointwise: Conv2d,
}

impl SeparableConv2d {
    /// Kernels of the size `kernel`, `3` or `[3, 5]`, from `inputs` to `outputs` channels, with a bias, stride 1 and no
    /// padding.
    pub fn new(path: ParamPath, inputs: usize, outputs: usize, kernel: impl Into<Axes<2>>) -> Self {
        let depthwise = DepthwiseConv2d::new(path.at("depthwise"), inputs, kernel).bias(false);
        Self { depthwise, pointwise: Conv2d::new(path.at("pointwise"), inputs, outputs, 1) }
    }

    /// Number of channels between the two for each input; 1 without this.
    #[must_use]
    pub fn multiplier(mut self, multiplier: usize) -> Self {
        self.depthwise = self.depthwise.multiplier(multiplier);
        self.pointwise = self.pointwise.inputs(self.depthwise.1.saturating_mul(multiplier));
        self
    }

    /// Step between windows; 1 without this.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<Axes<2>>) -> Self {
        self.depthwise = self.depthwise.stride(stride);
        self
    }

    /// Zeros added on each side of each axis; 0 without this.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Axes<2>>) -> Self {
        self.depthwise = self.depthwise.padding(padding);
        self
    }

    /// As much padding as makes the output `⌈n / stride⌉`; see [`Conv2d::same`].
    #[must_use]
    pub fn same(mut self) -> Self {
        self.depthwise = self.depthwise.same();
        self
    }

    /// Distance between the taps of the kernel; 1 without this.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<Axes<2>>) -> Self {
        self.depthwise = self.depthwise.dilation(dilation);
        self
    }

    /// Whether a bias is added at the end; it is unless this says no.
    #[must_use]
    pub fn bias(mut self, on: bool) -> Self {
        self.pointwise = self.pointwise.bias(on);
        self
    }

    /// Other initial values for both weights.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.depthwise = self.depthwise.init(init);
        self.pointwise = self.pointwise.init(init);
        self
    }
}

impl Layer for SeparableConv2d {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        recorded_at(Location::caller(), || {
            let filtered = self.depthwise.forward(x, ctx);
            self.pointwise.forward(&filtered, ctx)
        })
    }

    fn kind(&self) -> &str {
        "SeparableConv2d"
    }
}
