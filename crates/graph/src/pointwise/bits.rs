//! Bitwise arithmetic of integers; none has a derivative.

use anygrad_layout::DType;

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

const INTEGER: Types = Types::Same(Class::Integer);
const BITS: Types = Types::Same(Class::Bits);

/// Shifts that are defined for every count: all bits are out from 32 on, and for negative counts.
trait Shift: Copy {
    fn left(self, count: Self) -> Self;
    fn right(self, count: Self) -> Self;
}

impl Shift for u32 {
    #[inline(always)]
    fn left(self, count: Self) -> Self {
        self.checked_shl(count).unwrap_or(0)
    }
    #[inline(always)]
    fn right(self, count: Self) -> Self {
        self.checked_shr(count).unwrap_or(0)
    }
}

impl Shift for i32 {
    #[inline(always)]
    fn left(self, count: Self) -> Self {
        self.checked_shl(count as u32).unwrap_or(0)
    }
    #[inline(always)]
    fn right(self, count: Self) -> Self {
        self >> (count as u32).min(31)
    }
}

pointwise! {
    /// Bits that are set in both; for bool, whether both are true.
    bitwise_and(x, y) BITS => {
        cpu: same [I32 U32] x & y,
        wgsl: [_ => "($0 & $1)"],
        vjp: none,
        probe: (0.0, 9.0),
    }
    /// Bits that are set in either; for bool, whether either is true.
    bitwise_or(x, y) BITS => {
        cpu: same [I32 U32] x | y,
        wgsl: [_ => "($0 | $1)"],
        vjp: none,
        probe: (0.0, 9.0),
    }
    /// Bits that are set in one of the two; for bool, whether they differ.
    bitwise_xor(x, y) BITS => {
        cpu: same [I32 U32] x ^ y,
        wgsl: [DType::Bool => "!($0 == $1)", _ => "($0 ^ $1)"],
        vjp: none,
        probe: (0.0, 9.0),
    }
    /// Every bit of an integer turned round. For bool see [`logical_not`](Tensor::logical_not).
    bitwise_not(x) INTEGER => {
        cpu: same [I32 U32] !x,
        wgsl: [_ => "~$0"],
        vjp: none,
        probe: (0.0, 9.0),
    }
    /// Bits moved up by `count` places. A count from 32 on, or a negative one, gives 0.
    shift_left(x, count) INTEGER => {
        cpu: same [I32 U32] x.left(count),
        wgsl: [DType::I32 => "ag_shl_i32($0, $1)", _ => "ag_shl_u32($0, $1)"],
        vjp: none,
        probe: (0.0, 9.0),
    }
    /// Bits moved down by `count` places, with the sign of i32 filled in. A count from 32 on, or a negative one,
    /// leaves 0, or −1 for a negative i32.
    shift_right(x, count) INTEGER => {
        cpu: same [I32 U32] x.right(count),
        wgsl: [DType::I32 => "ag_shr_i32($0, $1)", _ => "ag_shr_u32($0, $1)"],
        vjp: none,
        probe: (0.0, 9.0),
    }
}
