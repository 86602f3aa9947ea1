use anygrad_graph::Tensor;

use crate::{Ctx, Init, Layer, Linear, ParamPath, sigmoid};

/// A gate between a function and its input (Srivastava et al. 2015): `y = g·f(x) + (1 − g)·x` with the gate
/// `g = sigmoid(x·Wᵀ + b)`; `[.., features]` to `[.., features]`. Where the gate is shut, the input passes unchanged,
/// and so do gradients: deep stacks of it can be trained.
///
/// Entries: `gate.weight` `[features, features]` and `gate.bias` `[features]`, which starts at −2, so that the input
/// passes at first; and those of the function.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Highway, Layer, Linear, Params, Sequential, relu};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let f = Sequential::new().then(Linear::new(params.at("f"), 8, 8)).then(relu);
/// let highway = Highway::new(params.at("highway"), 8, f);
/// assert_eq!(highway.forward(&Tensor::ones([2, 8], &device), &mut Ctx::eval()).shape()[..], [2, 8]);
/// ```
pub struct Highway {
    path: ParamPath,
    gate: Linear,
    function: Box<dyn Layer>,
}

impl Highway {
    /// A gate of `features` features around `function`, which keeps the shape.
    pub fn new(path: ParamPath, features: usize, function: impl Layer + 'static) -> Self {
        let gate = Linear::new(path.at("gate"), features, features).bias_init(Init::Constant(-2.0));
        Self { path, gate, function: Box::new(function) }
    }
}

impl Layer for Highway {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let (gate, changed) = (sigmoid(&self.gate.forward(x, ctx)), self.function.forward(x, ctx));
        // an addition would broadcast
        if changed.shape() != x.shape() {
            let message = format!("shapes differ: function {}, input {}", changed.shape(), x.shape());
            return Tensor::wrong("highway", message, &[("function", &changed), ("input", x)]);
        }
        x + gate * (changed - x)
    }

    fn kind(&self) -> &str {
        "Highway"
    }
}

impl std::fmt::Debug for Highway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Highway")
            .field("path", &self.path.as_str())
            .field("function", &self.function.kind())
            .finish()
    }
}
