//! Numbers from PyTorch in float64, checked on the CPU in f64 and f32 and on every GPU in f32.

use anygrad_graph::{DType, Device, Tensor, grad};
use anygrad_nn::{Ctx, Gradients, Kind, Layer, Params};
use safetensors::SafeTensors;

use super::devices::gpu;
use super::{close, values};

/// A file of golden numbers, to be met on one device in one dtype.
pub struct Golden {
    pub file: &'static [u8],
    pub device: Device,
    pub dtype: DType,
    pub tolerance: f64,
}

/// Runs `test` on the CPU in f64 and f32, and on the GPU in f32. `file` is what `golden/*.py` has written.
pub fn everywhere(file: &'static [u8], test: impl Fn(&Golden)) {
    let of = |device, dtype, tolerance| test(&Golden { file, device, dtype, tolerance });
    of(Device::cpu(), DType::F64, 1e-12);
    of(Device::cpu(), DType::F32, 3e-5);
    if let Some(gpu) = gpu() {
        of(gpu, DType::F32, 3e-5);
    }
}

impl Golden {
    /// The numbers called `name`, and their shape.
    #[track_caller]
    pub fn numbers(&self, name: &str) -> (Vec<f64>, Vec<usize>) {
        let file = SafeTensors::deserialize(self.file).unwrap();
        let view = file.tensor(name).unwrap_or_else(|_| panic!("there are no golden numbers {name}"));
        let words = view.data().as_chunks::<8>().0;
        let values = match view.dtype() {
            safetensors::Dtype::F64 => words.iter().map(|&w| f64::from_le_bytes(w)).collect(),
            _ => words.iter().map(|&w| i64::from_le_bytes(w) as f64).collect(),
        };
        (values, view.shape().to_vec())
    }

    /// The numbers called `name`, of this dtype on this device.
    #[track_caller]
    pub fn tensor(&self, name: &str) -> Tensor {
        let (values, shape) = self.numbers(name);
        Tensor::from_slice(&values, shape, &Device::cpu()).to_dtype(self.dtype).to(&self.device)
    }

    /// The integers called `name`, as u32.
    #[track_caller]
    pub fn labels(&self, name: &str) -> Tensor {
        let (values, shape) = self.numbers(name);
        let labels: Vec<u32> = values.iter().map(|&label| label as u32).collect();
        Tensor::from_slice(&labels, shape, &self.device)
    }

    /// An empty store of this dtype on this device.
    pub fn params(&self) -> Params {
        Params::with_dtype(&self.device, 0, self.dtype)
    }

    /// That `found` has the shape and the values of the numbers called `name`.
    #[track_caller]
    pub fn check(&self, name: &str, found: &Tensor) {
        let (expected, shape) = self.numbers(name);
        assert_eq!(found.shape()[..], shape, "{name}");
        let what = format!("{name} in {} on {}", self.dtype, self.device);
        close(&what, &values(found), &expected, self.tolerance);
    }

    /// Sets every parameter of the store to the golden `{name}.{path}`.
    #[track_caller]
    pub fn set(&self, name: &str, params: &Params) {
        for entry in params.iter().filter(|entry| entry.kind == Kind::Parameter) {
            params.set(&entry.path, &self.tensor(&format!("{name}.{}", entry.path))).unwrap();
        }
    }

    /// Checks gradients, one for each parameter, against the golden `{name}.d{path}`. Record them before any value is
    /// checked: what is evaluated has let go of its history.
    #[track_caller]
    pub fn check_gradients(&self, name: &str, params: &Params, gradients: &Gradients) {
        assert_eq!(gradients.len(), params.iter().filter(|e| e.kind == Kind::Parameter).count());
        for (path, g) in gradients.iter() {
            self.check(&format!("{name}.d{path}"), g);
        }
    }

    /// Output and gradients of `sum(y · c)` for a layer of one input, with the parameters of the golden module.
    #[track_caller]
    pub fn layer(&self, name: &str, params: &Params, layer: &impl Layer, ctx: &mut Ctx) {
        self.set(name, params);
        let x = self.tensor(&format!("{name}.x"));
        let y = layer.forward(&x, ctx);
        let loss = (&y * self.tensor(&format!("{name}.c"))).sum_all();
        let (dx, gradients) = (grad(&loss, &[&x]).remove(0), params.grad(&loss));
        self.check(&format!("{name}.y"), &y);
        self.check(&format!("{name}.dx"), &dx);
        self.check_gradients(name, params, &gradients);
    }
}
