//! Conversions between dtypes, called through [`Tensor::to_dtype`].

use anygrad_layout::DType;

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

pointwise! {
    /// As f32: integers are rounded to nearest, true is 1.
    to_f32(x) Types::To(Class::Any, DType::F32) => {
        cpu: to_f32 [F32 F64 I32 U32] x as f32,
        wgsl: [DType::Bool => "select(0.0, 1.0, $0)", _ => "f32($0)"],
        vjp: { |g, _y| [g.to_dtype(x.dtype())] },
        probe: (-3.0, 3.0),
    }
    /// As f64, on the CPU only.
    to_f64(x) Types::To(Class::Any, DType::F64) => {
        cpu: to_f64 [F32 F64 I32 U32] x as f64,
        wgsl: [_ => "f64($0)"],
        vjp: { |g, _y| [g.to_dtype(x.dtype())] },
        probe: (-3.0, 3.0),
    }
    /// As i32: floats are cut towards zero and held in range, NaN is 0.
    to_i32(x) Types::To(Class::Any, DType::I32) => {
        cpu: to_i32 [F32 F64 I32 U32] x as i32,
        wgsl: [DType::F32 => "ag_f32_to_i32($0)", DType::Bool => "select(0i, 1i, $0)", _ => "i32($0)"],
        vjp: none,
        probe: (-3.0, 3.0),
    }
    /// As u32: floats are cut towards zero and held in range, NaN is 0; negative integers wrap.
    to_u32(x) Types::To(Class::Any, DType::U32) => {
        cpu: to_u32 [F32 F64 I32 U32] x as u32,
        wgsl: [DType::F32 => "ag_f32_to_u32($0)", DType::Bool => "select(0u, 1u, $0)", _ => "u32($0)"],
        vjp: none,
        probe: (-3.0, 3.0),
    }
}

impl Tensor {
    /// Converted to `dtype`. Floats become integers by cutting towards zero, held in range, NaN as 0; everything
    /// but 0 is true. The gradient passes between floats, and stops at integers.
    #[track_caller]
    pub fn to_dtype(&self, dtype: DType) -> Tensor {
        match dtype {
            _ if dtype == self.dtype() => self.clone(),
            DType::F32 => self.to_f32(),
            DType::F64 => self.to_f64(),
            DType::I32 => self.to_i32(),
            DType::U32 => self.to_u32(),
            DType::Bool => self.ne(0.0),
            _ => Tensor::wrong("to_dtype", format!("no conversion to {dtype}"), &[("input", self)]),
        }
    }
}
