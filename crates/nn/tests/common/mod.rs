//! What several test files use.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

pub mod devices;
pub mod golden;
pub mod regression;

use anygrad_graph::{DType, Device, Shape, Tensor};

/// A float tensor of `dtype` on the CPU.
pub fn float(values: &[f64], shape: impl Into<Shape>, dtype: DType) -> Tensor {
    Tensor::from_slice(values, shape, &Device::cpu()).to_dtype(dtype)
}

/// An f32 tensor on the CPU.
pub fn tensor(values: &[f32], shape: impl Into<Shape>) -> Tensor {
    Tensor::from_slice(values, shape, &Device::cpu())
}

/// The elements as f64, whatever float dtype they are.
pub fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.to(&Device::cpu()).to_dtype(DType::F64).to_vec::<f64>().unwrap()
}

/// Asserts that two lists of numbers agree to `tolerance`, relative where they are above 1.
#[track_caller]
pub fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what}[{i}]: {a} instead of {b}");
    }
}
