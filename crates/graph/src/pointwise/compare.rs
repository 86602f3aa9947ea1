//! Comparisons and logic. None has a derivative: gradients stop here.

use anygrad_layout::DType;

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

const NUMBER: Types = Types::Truth(Class::Number);
const LOGIC: Types = Types::Same(Class::Bool);

pointwise! {
    /// Whether `x = y`, as bool. NaN equals nothing.
    eq(x, y) Types::Truth(Class::Any) => {
        cpu: truth [F32 F64 I32 U32] x == y,
        wgsl: [_ => "$0 == $1"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether `x ≠ y`, as bool. NaN differs from everything.
    ne(x, y) Types::Truth(Class::Any) => {
        cpu: truth [F32 F64 I32 U32] x != y,
        // naga's != is ordered in SPIR-V, which makes it false for NaN
        wgsl: [DType::F32 => "!($0 == $1)", _ => "$0 != $1"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether `x < y`, as bool.
    lt(x, y) NUMBER => {
        cpu: truth [F32 F64 I32 U32] x < y,
        wgsl: [_ => "$0 < $1"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether `x ≤ y`, as bool.
    le(x, y) NUMBER => {
        cpu: truth [F32 F64 I32 U32] x <= y,
        wgsl: [_ => "$0 <= $1"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether `x > y`, as bool.
    gt(x, y) NUMBER => {
        cpu: truth [F32 F64 I32 U32] x > y,
        wgsl: [_ => "$0 > $1"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether `x ≥ y`, as bool.
    ge(x, y) NUMBER => {
        cpu: truth [F32 F64 I32 U32] x >= y,
        wgsl: [_ => "$0 >= $1"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether both are true.
    logical_and(x, y) LOGIC => {
        cpu: same [U32] x & y,
        wgsl: [_ => "$0 && $1"],
        vjp: none,
        probe: (0.0, 1.0),
    }
    /// Whether either is true.
    logical_or(x, y) LOGIC => {
        cpu: same [U32] x | y,
        wgsl: [_ => "$0 || $1"],
        vjp: none,
        probe: (0.0, 1.0),
    }
    /// Whether one of the two is true.
    logical_xor(x, y) LOGIC => {
        cpu: same [U32] x ^ y,
        wgsl: [_ => "!($0 == $1)"],
        vjp: none,
        probe: (0.0, 1.0),
    }
    /// Whether it is false.
    logical_not(x) LOGIC => {
        cpu: same [U32] x ^ 1,
        wgsl: [_ => "!$0"],
        vjp: none,
        probe: (0.0, 1.0),
    }
    /// Whether it is NaN. Tested on the bits, since shading languages may assume that there are no NaNs.
    is_nan(x) Types::Truth(Class::Float) => {
        cpu: truth [F32 F64] x.is_nan(),
        wgsl: [_ => "ag_is_nan($0)"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether it is +∞ or −∞. Tested on the bits.
    is_inf(x) Types::Truth(Class::Float) => {
        cpu: truth [F32 F64] x.is_infinite(),
        wgsl: [_ => "ag_is_inf($0)"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
    /// Whether it is neither infinite nor NaN. Tested on the bits.
    is_finite(x) Types::Truth(Class::Float) => {
        cpu: truth [F32 F64] x.is_finite(),
        wgsl: [_ => "ag_is_finite($0)"],
        vjp: none,
        probe: (-2.0, 2.0),
    }
}
