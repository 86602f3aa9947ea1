use anygrad_graph::{Shape, Tensor};

use crate::{Ctx, Init, Layer, Param, ParamPath};

/// `y = x·Wᵀ + b` on the last axis: `[.., inputs]` becomes `[.., outputs]`. Known as a dense or fully connected
/// layer.
///
/// Entries: `weight` `[outputs, inputs]` and `bias` `[outputs]`, as in PyTorch. Both start uniform in
/// ±1/√inputs, PyTorch's default.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Linear, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let fc = Linear::new(params.at("fc"), 784, 128);
/// assert_eq!(fc.forward(&Tensor::zeros([32, 784], &device), &mut Ctx::eval()).shape()[..], [32, 128]);
/// ```
#[derive(Debug)]
pub struct Linear {
    path: ParamPath,
    inputs: usize,
    outputs: usize,
    weight: Param,
    bias: Option<Param>,
}

impl Linear {
    /// A layer from `inputs` to `outputs` features, with a bias.
    pub fn new(path: ParamPath, inputs: usize, outputs: usize) -> Self {
        let weight = path.parameter("weight", [outputs, inputs], Init::FanInUniform);
        let bias = path.parameter("bias", [outputs], around(inputs));
        Self { path, inputs, outputs, weight, bias: Some(bias) }
    }

    /// Whether a bias is added; it is unless this says no.
    #[must_use]
    pub fn bias(mut self, on: bool) -> Self {
        match (on, self.bias.take()) {
            (true, None) => {
                self.bias = Some(self.path.parameter("bias", [self.outputs], around(self.inputs)))
            }
            (true, bias) => self.bias = bias,
            (false, Some(bias)) => bias.remove(),
            (false, None) => {}
        }
        self
    }

    /// Other initial values for the weight.
    #[must_use]
    pub fn init(self, init: Init) -> Self {
        self.weight.remake(&Shape::from([self.outputs, self.inputs]), init);
        self
    }

    /// Other initial values for the bias, if there is one.
    #[must_use]
    pub fn bias_init(self, init: Init) -> Self {
        if let Some(bias) = &self.bias {
            bias.remake(&Shape::from([self.outputs]), init);
        }
        self
    }
}

/// PyTorch's default for a bias: uniform in ±1/√fan_in of the weight beside it.
pub(crate) fn around(fan_in: usize) -> Init {
    let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
    Init::Uniform { low: -bound, high: bound }
}

impl Layer for Linear {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| {
            let weight = self.weight.tensor();
            if x.rank() == 0 || x.size(-1) != self.inputs {
                let message = format!(
                    "takes {} features: input {}, weight {}",
                    self.inputs,
                    x.shape(),
                    Shape::from([self.outputs, self.inputs])
                );
                return Tensor::wrong("linear", message, &[("input", x), ("weight", &weight)]);
            }
            let y = x.matmul(&weight.t());
            match &self.bias {
                Some(bias) => y + bias.tensor(),
                None => y,
            }
        })
    }

    fn kind(&self) -> &str {
        "Linear"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.weight.numel() + self.bias.as_ref().map_or(0, Param::numel)
    }
}
