//! Conversions between dtypes, called through [`Tensor::to_dtype`].

use anygrad_layout::DType;

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

pointwise! {
    /// As f32: integers are rounded to nearest, true is 1.
    to_f32(x) Types::To(Class::Any, DType::F32) => {
        cpu: convert [F32 F64 F16 I32 U32] x,
        wgsl: [DType::Bool => "select(0.0, 1.0, $0)", _ => "f32($0)"],
        vjp: { |g, _y| [g.to_dtype(x.dtype())] },
        probe: (-3.0, 3.0),
    }
    /// As f64, on the CPU only.
    to_f64(x) Types::To(Class::Any, DType::F64) => {
        cpu: convert [F32 F64 F16 I32 U32] x,
        wgsl: [_ => "f64($0)"],
        vjp: { |g, _y| [g.to_dtype(x.dtype())] },
        probe: (-3.0, 3.0),
    }
    /// As f16: rounded to nearest, ties to even, beyond ±65504 infinite; true is 1.
    to_f16(x) Types::To(Class::Any, DType::F16) => {
        cpu: convert [F32 F64 F16 I32 U32] x,
        // a half in registers is an f32 that has been rounded
        wgsl: [DType::F32 => "ag_round_half($0)", DType::Bool => "select(0.0, 1.0, $0)", _ => "ag_round_half(f32($0))"],
        vjp: { |g, _y| [g.to_dtype(x.dtype())] },
        probe: (-3.0, 3.0),
    }
    /// As i32: floats are cut towards zero and held in range, NaN is 0.
    to_i32(x) Types::To(Class::Any, DType::I32) => {
        cpu: convert [F32 F64 F16 I32 U32] x,
        wgsl: [DType::F32 => "ag_f32_to_i32($0)", DType::Bool => "select(0i, 1i, $0)", _ => "i32($0)"],
        vjp: none,
        probe: (-3.0, 3.0),
    }
    /// As u32: floats are cut towards zero and held in range, NaN is 0; negative integers wrap.
    to_u32(x) Types::To(Class::Any, DType::U32) => {
        cpu: convert [F32 F64 F16 I32 U32] x,
        wgsl: [DType::F32 => "ag_f32_to_u32($0)", DType::Bool => "select(0u, 1u, $0)", _ => "u32($0)"],
        vjp: none,
        probe: (-3.0, 3.0),
    }
}

impl Tensor {
    /// Converted to `dtype`. Between floats the nearest value is taken, ties to even (f64 goes to f16 by way of f32, as
    /// in PyTorch); what is too large becomes infinite (for f16 from 65520 on), and a NaN stays one. Floats become integers by cutting towards zero, held
    /// in range, NaN as 0; everything but 0 is true, also NaN. The gradient passes between floats, in the dtype of
    /// each, and stops at integers.
    ///
    /// An f16 tensor takes two bytes an element. Its arithmetic is that of f32, rounded to f16 after each op; a number
    /// beside it, as in `x * 0.1`, is used in f32. A product or a reduction is summed in f32 and rounded once.
    ///
    /// ```
    /// # use anygrad_graph::{DType, Device, Tensor};
    /// let x = Tensor::from_slice(&[0.1f32, 2049.0, 65520.0], [3], &Device::cpu());
    /// let half = x.to_dtype(DType::F16);
    /// assert_eq!(half.bytes(), 6);
    /// assert_eq!(half.to_dtype(DType::F32).to_vec::<f32>()?, [0.099975586, 2048.0, f32::INFINITY]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn to_dtype(&self, dtype: DType) -> Tensor {
        match dtype {
            _ if dtype == self.dtype() => self.clone(),
            DType::F32 => self.to_f32(),
            DType::F64 => self.to_f64(),
            DType::F16 => self.to_f16(),
            DType::I32 => self.to_i32(),
            DType::U32 => self.to_u32(),
            DType::Bool => self.ne(0.0),
            _ => Tensor::wrong("to_dtype", format!("no conversion to {dtype}"), &[("input", self)]),
        }
    }
}
