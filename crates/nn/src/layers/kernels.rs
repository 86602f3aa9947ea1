//! What all convolution layers are made of: kernels, a bias and a geometry.

use anygrad_graph::{ConvOptions, Shape, Tensor};

use super::linear::around;
use crate::{Init, Param, ParamPath};

/// Kernels over `N` spatial axes.
#[derive(Debug)]
pub(crate) struct Kernels<const N: usize> {
    pub path: ParamPath,
    inputs: usize,
    outputs: usize,
    size: [usize; N],
    groups: usize,
    transposed: bool,
    pub options: ConvOptions,
    weight_init: Init,
    weight: Param,
    bias: Option<Param>,
}

impl<const N: usize> Kernels<N> {
    /// Of a convolution; the weight is `[outputs, inputs / groups, *size]`.
    pub fn new(path: ParamPath, [inputs, outputs]: [usize; 2], size: [usize; N], groups: usize) -> Self {
        Self::build(path, [inputs, outputs], size, groups, false)
    }

    /// Of a transposed convolution; the weight is `[inputs, outputs / groups, *size]`.
    pub fn transposed(path: ParamPath, channels: [usize; 2], size: [usize; N]) -> Self {
        Self::build(path, channels, size, 1, true)
    }

    fn build(
        path: ParamPath,
        [inputs, outputs]: [usize; 2],
        size: [usize; N],
        groups: usize,
        transposed: bool,
    ) -> Self {
        let weight_init = Init::FanInUniform;
        let channels = [inputs, outputs];
        let weight = path.parameter("weight", weight_shape(channels, size, groups, transposed), weight_init);
        let bias = path.parameter(
            "bias",
            [outputs],
            around(fan_in(&weight_shape(channels, size, groups, transposed))),
        );
        let options = ConvOptions::new().groups(groups);
        Self {
            path,
            inputs,
            outputs,
            size,
            groups,
            transposed,
            options,
            weight_init,
            weight,
            bias: Some(bias),
        }
    }

    /// Changes the geometry.
    pub fn set(&mut self, change: impl FnOnce(ConvOptions) -> ConvOptions) {
        self.options = change(std::mem::take(&mut self.options));
    }

    pub fn set_groups(&mut self, groups: usize) {
        self.groups = groups;
        self.set(|options| options.groups(groups));
        self.remake();
    }

    pub fn set_inputs(&mut self, inputs: usize) {
        self.inputs = inputs;
        self.remake();
    }

    pub fn set_outputs(&mut self, outputs: usize) {
        self.outputs = outputs;
        self.remake();
    }

    pub fn set_init(&mut self, init: Init) {
        self.weight_init = init;
        self.remake();
    }

    pub fn set_bias(&mut self, on: bool) {
        match (on, self.bias.take()) {
            (true, None) => {
                self.bias = Some(self.path.parameter("bias", [self.outputs], around(fan_in(&self.shape()))))
            }
            (true, bias) => self.bias = bias,
            (false, Some(bias)) => bias.remove(),
            (false, None) => {}
        }
    }

    pub fn set_bias_init(&mut self, init: Init) {
        if let Some(bias) = &self.bias {
            bias.remake(&Shape::from([self.outputs]), init);
        }
    }

    fn shape(&self) -> Shape {
        weight_shape([self.inputs, self.outputs], self.size, self.groups, self.transposed)
    }

    fn remake(&self) {
        self.weight.remake(&self.shape(), self.weight_init);
        if let Some(bias) = &self.bias {
            bias.remake(&Shape::from([self.outputs]), around(fan_in(&self.shape())));
        }
    }

    #[track_caller]
    pub fn forward(&self, x: &Tensor) -> Tensor {
        let weight = self.weight.tensor();
        let y = match self.transposed {
            true => x.conv_transpose_with(&weight, &self.options),
            false => x.conv_with(&weight, &self.options),
        };
        match &self.bias {
            Some(bias) => {
                let mut beside = vec![1; N + 2];
                beside[1] = self.outputs;
                y + bias.tensor().reshape(beside)
            }
            None => y,
        }
    }

    pub fn parameters(&self) -> usize {
        self.weight.numel() + self.bias.as_ref().map_or(0, Param::numel)
    }
}

/// With groups that do not divide the channels, which the forward pass reports, as if there were one.
fn weight_shape<const N: usize>(
    [inputs, outputs]: [usize; 2],
    size: [usize; N],
    groups: usize,
    transposed: bool,
) -> Shape {
    let each = |channels: usize| match channels.checked_rem(groups) {
        Some(0) => channels / groups,
        _ => channels,
    };
    let front = if transposed { [inputs, each(outputs)] } else { [outputs, each(inputs)] };
    front.into_iter().chain(size).collect()
}

/// As PyTorch counts it, for transposed convolutions too.
fn fan_in(weight: &Shape) -> usize {
    weight.iter().skip(1).fold(1, |product, &size| product.saturating_mul(size))
}

/// The methods of layers whose field `0` is [`Kernels`].
macro_rules! geometry_methods {
    ($n:literal) => {
        /// Step between windows, `2` or one number for each axis; 1 without this.
        #[must_use]
        pub fn stride(mut self, stride: impl Into<Axes<$n>>) -> Self {
            let stride = stride.into().sizes();
            self.0.set(|options| options.stride(stride));
            self
        }

        /// Zeros added on each side of each axis; 0 without this.
        #[must_use]
        pub fn padding(mut self, padding: impl Into<Axes<$n>>) -> Self {
            let padding = padding.into().sizes();
            self.0.set(|options| options.padding(padding));
            self
        }

        /// Zeros before and behind, for each axis.
        #[must_use]
        pub fn padding_sides(mut self, sides: [(usize, usize); $n]) -> Self {
            self.0.set(|options| options.padding_sides(&sides));
            self
        }

        /// As much padding as makes the output `⌈n / stride⌉`, the odd zero behind, as in TensorFlow and Keras. With
        /// stride 1 it is PyTorch's `padding="same"`, which keeps the size.
        #[must_use]
        pub fn same(mut self) -> Self {
            self.0.set(anygrad_graph::ConvOptions::same);
            self
        }

        /// Distance between the taps of the kernel; 1 without this.
        #[must_use]
        pub fn dilation(mut self, dilation: impl Into<Axes<$n>>) -> Self {
            let dilation = dilation.into().sizes();
            self.0.set(|options| options.dilation(dilation));
            self
        }

        /// The kernel reversed: convolution as mathematics has it instead of cross-correlation.
        #[must_use]
        pub fn flip(mut self) -> Self {
            self.0.set(anygrad_graph::ConvOptions::flip);
            self
        }
    };
}

/// The methods for parameters of layers whose field `0` is [`Kernels`].
macro_rules! parameter_methods {
    () => {
        /// Whether a bias is added; it is unless this says no.
        #[must_use]
        pub fn bias(mut self, on: bool) -> Self {
            self.0.set_bias(on);
            self
        }

        /// Other initial values for the weight.
        #[must_use]
        pub fn init(mut self, init: Init) -> Self {
            self.0.set_init(init);
            self
        }

        /// Other initial values for the bias, if there is one.
        #[must_use]
        pub fn bias_init(mut self, init: Init) -> Self {
            self.0.set_bias_init(init);
            self
        }
    };
}

/// The layer whose field `0` is [`Kernels`].
macro_rules! kernels_layer {
    ($name:ident) => {
        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                ctx.within(self, |_| self.0.forward(x))
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }

            fn path(&self) -> Option<&str> {
                Some(self.0.path.as_str())
            }

            fn parameters(&self) -> usize {
                self.0.parameters()
            }
        }
    };
}

pub(crate) use {geometry_methods, kernels_layer, parameter_methods};
