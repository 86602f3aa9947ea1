use anygrad_graph::{Shape, Tensor};

use super::linear::around;
use crate::{Ctx, Init, Layer, Param, ParamPath};

/// `y_o = leftᵀ·W_o·right + b_o` on the last axes of two inputs: `[.., left]` and `[.., right]`, with equal axes in front,
/// become `[.., outputs]`; `torch.nn.Bilinear`.
///
/// Entries: `weight` `[outputs, left, right]` and `bias` `[outputs]`. Both start uniform in ±1/√left, PyTorch's default.
///
/// [`forward_pair`](Bilinear::forward_pair) takes both inputs. As a [`Layer`], of one input, both are that one.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Bilinear, Ctx, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let bilinear = Bilinear::new(params.at("both"), 3, 4, 2);
/// let (left, right) = (Tensor::ones([5, 3], &device), Tensor::ones([5, 4], &device));
/// assert_eq!(bilinear.forward_pair(&left, &right, &mut Ctx::eval()).shape()[..], [5, 2]);
/// ```
#[derive(Debug)]
pub struct Bilinear {
    path: ParamPath,
    shape: Shape,
    weight: Param,
    bias: Option<Param>,
}

impl Bilinear {
    /// From `left` and `right` to `outputs` features, with a bias.
    pub fn new(path: ParamPath, left: usize, right: usize, outputs: usize) -> Self {
        let shape = Shape::from([outputs, left, right]);
        let weight = path.parameter("weight", &shape, around(left));
        let bias = path.parameter("bias", [outputs], around(left));
        Self { path, shape, weight, bias: Some(bias) }
    }

    /// Whether a bias is added; it is unless this says no.
    #[must_use]
    pub fn bias(mut self, on: bool) -> Self {
        let [outputs, left] = [self.shape[0], self.shape[1]];
        match (on, self.bias.take()) {
            (true, None) => self.bias = Some(self.path.parameter("bias", [outputs], around(left))),
            (true, bias) => self.bias = bias,
            (false, Some(bias)) => bias.remove(),
            (false, None) => {}
        }
        self
    }

    /// Other initial values for the weight.
    #[must_use]
    pub fn init(self, init: Init) -> Self {
        self.weight.remake(&self.shape, init);
        self
    }

    /// The output for two inputs.
    #[track_caller]
    pub fn forward_pair(&self, left: &Tensor, right: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |_| {
            let weight = self.weight.tensor();
            let front = |t: &Tensor| t.shape().split_last().map(|(_, front)| front.to_vec());
            let fits = left.rank() > 0
                && [left.size(-1), right.size(-1)] == [self.shape[1], self.shape[2]]
                && front(left) == front(right);
            if !fits {
                let message = format!(
                    "takes [.., {}] and [.., {}] with equal axes in front: left {}, right {}, weight {}",
                    self.shape[1],
                    self.shape[2],
                    left.shape(),
                    right.shape(),
                    self.shape
                );
                let operands = [("left", left), ("right", right), ("weight", &weight)];
                return Tensor::wrong("bilinear", message, &operands);
            }
            let bias = self.bias.as_ref().map(Param::tensor);
            left.bilinear(right, &weight, bias.as_ref())
        })
    }
}

impl Layer for Bilinear {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.forward_pair(x, x, ctx)
    }

    fn kind(&self) -> &str {
        "Bilinear"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.weight.numel() + self.bias.as_ref().map_or(0, Param::numel)
    }
}
