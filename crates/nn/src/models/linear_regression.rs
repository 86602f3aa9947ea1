use anygrad_graph::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::{Ctx, Layer, Linear, ParamPath};

/// Linear regression in closed form: a [`Linear`] layer whose weights minimise the squared error,
/// `‖X·Wᵀ + b − Y‖² + ridge·‖W‖²`, by the normal equations of the centred data, in f64 on the CPU.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::Params;
/// use anygrad_nn::models::LinearRegression;
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let x = Tensor::from_slice(&[0.0f32, 1.0, 2.0, 3.0], [4, 1], &device);
/// let y = Tensor::from_slice(&[1.0f32, 3.0, 5.0, 7.0], [4, 1], &device);
/// let model = LinearRegression::new(params.at("line"), 1, 1);
/// model.fit(&x, &y, 0.0)?;
/// assert!((params.get("line.weight").unwrap().item()? - 2.0).abs() < 1e-6);
/// assert!((params.get("line.bias").unwrap().item()? - 1.0).abs() < 1e-6);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Debug)]
pub struct LinearRegression {
    path: ParamPath,
    sizes: [usize; 2],
    layer: Linear,
}

impl LinearRegression {
    /// From `inputs` to `outputs` numbers.
    pub fn new(path: ParamPath, inputs: usize, outputs: usize) -> Self {
        let layer = Linear::new(path.clone(), inputs, outputs);
        Self { path, sizes: [inputs, outputs], layer }
    }

    /// Sets the weights to the best ones for `x` `[n, inputs]` and `y` `[n, outputs]`. A `ridge` above 0 keeps weights
    /// small, and makes the answer unique where inputs depend on each other.
    ///
    /// # Errors
    /// Shapes do not fit; the ridge is below 0; the inputs depend on each other (a singular matrix) and there is no
    /// ridge.
    pub fn fit(&self, x: &Tensor, y: &Tensor, ridge: f64) -> Result<()> {
        let wrong = |message: String| Error::Setting { what: "linear_regression", message };
        let [inputs, outputs] = self.sizes;
        if !(ridge.is_finite() && ridge >= 0.0) {
            return Err(wrong(format!("the ridge is {ridge}; it must be at least 0")));
        }
        let n = x.shape().first().copied().unwrap_or(0);
        if n == 0 || x.shape()[..] != [n, inputs] || y.shape()[..] != [n, outputs] {
            let shapes = format!("input {}, targets {}", x.shape(), y.shape());
            return Err(wrong(format!("takes [n, {inputs}] and [n, {outputs}]: {shapes}")));
        }
        let cpu = Device::cpu();
        let host = |t: &Tensor| t.to(&cpu).to_dtype(DType::F64);
        let (x, y) = (host(x), host(y));
        let (mean_x, mean_y) = (x.mean(&[0]), y.mean(&[0]));
        let (x, y) = (x - &mean_x, y - &mean_y);
        let identity = Tensor::eye(inputs, inputs, DType::F64, &cpu);
        let square = x.t().matmul(&x) + identity * ridge;
        let weight = square.solve(&x.t().matmul(&y)).t();
        let bias = mean_y - weight.matmul(&mean_x);
        let params = self.path.params();
        for (name, value) in [("weight", weight), ("bias", bias)] {
            let back = value.to_dtype(params.dtype()).to(params.device());
            params.set(self.path.at(name).as_str(), &back)?;
        }
        Ok(())
    }
}

impl Layer for LinearRegression {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.layer.forward(x, ctx)
    }

    fn kind(&self) -> &str {
        "LinearRegression"
    }
}
