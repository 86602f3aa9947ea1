//! Arithmetic, extremes and choice.

use anygrad_layout::DType;

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

/// Arithmetic that is defined for every number: integers wrap, and an integer divided by 0 is 0.
pub(super) trait Arithmetic: Copy {
    fn plus(self, y: Self) -> Self;
    fn minus(self, y: Self) -> Self;
    fn times(self, y: Self) -> Self;
    fn over(self, y: Self) -> Self;
    fn modulo(self, y: Self) -> Self;
    fn lesser(self, y: Self) -> Self;
    fn greater(self, y: Self) -> Self;
}

macro_rules! float_arithmetic {
    ($($float:ident)+) => {$(
        impl Arithmetic for $float {
            #[inline(always)]
            fn plus(self, y: Self) -> Self { self + y }
            #[inline(always)]
            fn minus(self, y: Self) -> Self { self - y }
            #[inline(always)]
            fn times(self, y: Self) -> Self { self * y }
            #[inline(always)]
            fn over(self, y: Self) -> Self { self / y }
            #[inline(always)]
            fn modulo(self, y: Self) -> Self {
                let r = self % y;
                if r != 0.0 && ((r < 0.0) != (y < 0.0)) { r + y } else { r }
            }
            // a NaN on either side wins, as in IEEE 754-2019 `minimum`
            #[inline(always)]
            fn lesser(self, y: Self) -> Self { if self < y || self.is_nan() { self } else { y } }
            #[inline(always)]
            fn greater(self, y: Self) -> Self { if self > y || self.is_nan() { self } else { y } }
        }
    )+};
}

macro_rules! int_arithmetic {
    ($($int:ident)+) => {$(
        impl Arithmetic for $int {
            #[inline(always)]
            fn plus(self, y: Self) -> Self { self.wrapping_add(y) }
            #[inline(always)]
            fn minus(self, y: Self) -> Self { self.wrapping_sub(y) }
            #[inline(always)]
            fn times(self, y: Self) -> Self { self.wrapping_mul(y) }
            #[inline(always)]
            fn over(self, y: Self) -> Self { if y == 0 { 0 } else { self.wrapping_div(y) } }
            #[allow(unused_comparisons)]
            #[inline(always)]
            fn modulo(self, y: Self) -> Self {
                if y == 0 { return 0; }
                let r = self.wrapping_rem(y);
                if r != 0 && ((r < 0) != (y < 0)) { r.wrapping_add(y) } else { r }
            }
            #[inline(always)]
            fn lesser(self, y: Self) -> Self { self.min(y) }
            #[inline(always)]
            fn greater(self, y: Self) -> Self { self.max(y) }
        }
    )+};
}

float_arithmetic!(f32 f64);
int_arithmetic!(i32 u32);

const NUMBER: Types = Types::Same(Class::Number);
const SIGNED: Types = Types::Same(Class::Signed);

pointwise! {
    /// `x + y`. Integers wrap.
    add(x, y) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.plus(y),
        wgsl: [_ => "$0 + $1"],
        vjp: { |g, _out| [g.clone(), g.clone()] },
        probe: (-3.0, 3.0),
    }
    /// `x − y`. Integers wrap.
    sub(x, y) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.minus(y),
        wgsl: [_ => "$0 - $1"],
        vjp: { |g, _out| [g.clone(), -g] },
        probe: (-3.0, 3.0),
    }
    /// `x · y`, element by element. Integers wrap.
    mul(x, y) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.times(y),
        wgsl: [_ => "$0 * $1"],
        vjp: { |g, _out| [g * y, g * x] },
        probe: (-3.0, 3.0),
    }
    /// `x / y`. Integers are divided towards zero, and an integer divided by 0 is 0 on every device.
    div(x, y) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.over(y),
        wgsl: [DType::I32 => "ag_idiv_i32($0, $1)", DType::U32 => "ag_idiv_u32($0, $1)", _ => "$0 / $1"],
        // d(x/y)/dy = −(x/y)/y
        vjp: { |g, out| [g / y, -(g * out / y)] },
        probe: (0.5, 3.0),
    }
    /// The remainder of `x / y` with the sign of `y`, as `torch.remainder`: `x − y·⌊x / y⌋`. For integers a
    /// divisor of 0 gives 0.
    remainder(x, y) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.modulo(y),
        wgsl: [DType::I32 => "ag_rem_i32($0, $1)", DType::U32 => "ag_rem_u32($0, $1)", _ => "ag_rem($0, $1)"],
        // d/dy (x − y·⌊x/y⌋) = −⌊x/y⌋, almost everywhere
        vjp: { |g, _out| [g.clone(), -(g * (x / y).floor())] },
        probe: (0.6, 3.0),
    }
    /// The smaller of `x` and `y`; NaN if either is. Equal inputs share the gradient.
    minimum(x, y) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.lesser(y),
        wgsl: [DType::I32 | DType::U32 => "min($0, $1)", _ => "ag_min($0, $1)"],
        vjp: { |g, _out| [share(g, &x.lt(y), &x.eq(y)), share(g, &y.lt(x), &x.eq(y))] },
        probe: (-3.0, 3.0),
    }
    /// The larger of `x` and `y`; NaN if either is. Equal inputs share the gradient.
    maximum(x, y) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.greater(y),
        wgsl: [DType::I32 | DType::U32 => "max($0, $1)", _ => "ag_max($0, $1)"],
        vjp: { |g, _out| [share(g, &x.gt(y), &x.eq(y)), share(g, &y.gt(x), &x.eq(y))] },
        probe: (-3.0, 3.0),
    }
    /// `x` held between `low` and `high`: `min(max(x, low), high)`; NaN stays. The gradient passes where
    /// `low ≤ x ≤ high`, also at the limits; the limits get the gradient of what they replaced. Where `low > high` every
    /// element is `high`, and so is the gradient.
    clamp(x, low, high) NUMBER => {
        cpu: same [F32 F64 I32 U32] x.greater(low).lesser(high),
        wgsl: [DType::I32 | DType::U32 => "min(max($0, $1), $2)", _ => "ag_min(ag_max($0, $1), $2)"],
        vjp: { |g, _out| [
            x.ge(low).logical_and(x.le(high)).select(g, 0.0),
            x.lt(low).logical_and(low.lt(high)).select(g, 0.0),
            // what neither x nor low gets
            x.ge(low).logical_and(x.le(high)).logical_or(x.lt(low).logical_and(low.lt(high))).select(0.0, g),
        ] },
        probe: (-3.0, 3.0),
    }
    /// `−x`. Integers wrap.
    neg(x) SIGNED => {
        cpu: same [F32 F64 I32] x.signed_neg(),
        wgsl: [_ => "-$0"],
        vjp: { |g, _out| [-g] },
        probe: (-3.0, 3.0),
    }
    /// `|x|`. The gradient at 0 is 0. The absolute value of the smallest i32 is itself.
    abs(x) SIGNED => {
        cpu: same [F32 F64 I32] x.signed_abs(),
        wgsl: [_ => "abs($0)"],
        vjp: { |g, _out| [g * x.sign()] },
        probe: (-3.0, 3.0),
    }
    /// −1, 0 or 1 by the sign of `x`; NaN stays. The gradient is 0.
    sign(x) SIGNED => {
        cpu: same [F32 F64 I32] x.signed_sign(),
        wgsl: [DType::I32 => "sign($0)", _ => "ag_sign($0)"],
        vjp: { |_g, _out| [x.zeros_like()] },
        probe: (0.1, 3.0),
    }
    /// Where `self` (bool) is true, the element of `x`, elsewhere that of `y`: `torch.where`. The gradient flows
    /// only through the chosen branch.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[-1.0f32, 2.0], [2], &Device::cpu());
    /// assert_eq!(x.gt(0.0).select(&x, 0.0).to_vec::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    where_op(c, x, y) Types::Select => {
        cpu: select [F32 F64 I32 U32] if c != 0 { x } else { y },
        wgsl: [_ => "select($2, $1, $0)"],
        vjp: { |g, _out| [g * 0.0, c.select(g, 0.0), c.select(0.0, g)] },
        probe: (-3.0, 3.0),
    }
}

/// `g` where `wins`, half of it where `ties`, else 0.
fn share(g: &Tensor, wins: &Tensor, ties: &Tensor) -> Tensor {
    wins.select(g, ties.select(g * 0.5, 0.0))
}

/// Signed operations under one name for floats and integers.
trait Signed: Copy {
    fn signed_neg(self) -> Self;
    fn signed_abs(self) -> Self;
    fn signed_sign(self) -> Self;
}

macro_rules! signed {
    ($($float:ident)+) => {$(
        impl Signed for $float {
            #[inline(always)]
            fn signed_neg(self) -> Self { -self }
            #[inline(always)]
            fn signed_abs(self) -> Self { self.abs() }
            #[inline(always)]
            fn signed_sign(self) -> Self { if self == 0.0 || self.is_nan() { self + 0.0 } else { self.signum() } }
        }
    )+};
}

signed!(f32 f64);

impl Signed for i32 {
    #[inline(always)]
    fn signed_neg(self) -> Self {
        self.wrapping_neg()
    }
    #[inline(always)]
    fn signed_abs(self) -> Self {
        self.wrapping_abs()
    }
    #[inline(always)]
    fn signed_sign(self) -> Self {
        self.signum()
    }
}
