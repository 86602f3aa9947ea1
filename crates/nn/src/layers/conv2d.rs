use anygrad_graph::{Conv, Shape, Tensor};

use super::linear::around;
use crate::{Ctx, Init, Layer, Param, ParamPath};

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
/// let conv = Conv2d::new(params.at("conv"), 3, 16, 3).padding(1).stride(2);
/// assert_eq!(conv.forward(&Tensor::zeros([1, 3, 32, 32], &device), &mut Ctx::eval()).shape()[..], [1, 16, 16, 16]);
/// ```
#[derive(Debug)]
pub struct Conv2d {
    path: ParamPath,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    geometry: Conv,
    weight_init: Init,
    weight: Param,
    bias: Option<Param>,
}

impl Conv2d {
    /// A square `kernel` from `inputs` to `outputs` channels with a bias, stride 1 and no padding.
    pub fn new(path: ParamPath, inputs: usize, outputs: usize, kernel: usize) -> Self {
        let weight = path.parameter("weight", [outputs, inputs, kernel, kernel], Init::FanInUniform);
        let bias = path.parameter("bias", [outputs], around(inputs * kernel * kernel));
        let geometry = Conv::new(2);
        Self {
            path,
            inputs,
            outputs,
            kernel,
            geometry,
            weight_init: Init::FanInUniform,
            weight,
            bias: Some(bias),
        }
    }

    /// Step between windows.
    #[must_use]
    pub fn stride(mut self, stride: usize) -> Self {
        self.geometry.stride = [1, stride, stride];
        self
    }

    /// Zeros added on each side.
    #[must_use]
    pub fn padding(mut self, padding: usize) -> Self {
        let padding = isize::try_from(padding).unwrap_or(isize::MAX / 4);
        self.geometry.pad_lo = [0, padding, padding];
        self.geometry.pad_hi = [0, padding, padding];
        self
    }

    /// Distance between the taps of the kernel.
    #[must_use]
    pub fn dilation(mut self, dilation: usize) -> Self {
        self.geometry.dilation = [1, dilation, dilation];
        self
    }

    /// Number of groups of channels that do not mix; it divides `inputs` and `outputs`. `groups = inputs` is a
    /// depthwise convolution.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Self {
        self.geometry.groups = groups;
        self.remake();
        self
    }

    /// Whether a bias is added; it is unless this says no.
    #[must_use]
    pub fn bias(mut self, on: bool) -> Self {
        match (on, self.bias.take()) {
            (true, None) => {
                self.bias = Some(self.path.parameter("bias", [self.outputs], around(self.fan_in())))
            }
            (true, bias) => self.bias = bias,
            (false, Some(bias)) => bias.remove(),
            (false, None) => {}
        }
        self
    }

    /// Other initial values for the weight.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.weight_init = init;
        self.remake();
        self
    }

    /// Input channels of a group; of wrong groups, which the forward pass reports, all.
    fn group_inputs(&self) -> usize {
        match self.inputs.checked_rem(self.geometry.groups) {
            Some(0) => self.inputs / self.geometry.groups,
            _ => self.inputs,
        }
    }

    fn fan_in(&self) -> usize {
        self.group_inputs() * self.kernel * self.kernel
    }

    fn remake(&self) {
        let shape = Shape::from([self.outputs, self.group_inputs(), self.kernel, self.kernel]);
        self.weight.remake(&shape, self.weight_init);
        if let Some(bias) = &self.bias {
            bias.remake(&Shape::from([self.outputs]), around(self.fan_in()));
        }
    }
}

impl Layer for Conv2d {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| {
            let y = x.conv(&self.weight.tensor(), &self.geometry);
            match &self.bias {
                Some(bias) => y + bias.tensor().reshape([1, self.outputs, 1, 1]),
                None => y,
            }
        })
    }

    fn kind(&self) -> &str {
        "Conv2d"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.weight.numel() + self.bias.as_ref().map_or(0, Param::numel)
    }
}
