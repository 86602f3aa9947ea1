//! Exponentials, logarithms, roots and powers.

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types, special};
use crate::Tensor;

const FLOAT: Types = Types::Same(Class::Float);

pointwise! {
    /// `eˣ`.
    exp(x) FLOAT => {
        cpu: same [F32 F64] special::exp(x),
        wgsl: [_ => "ag_exp($0)"],
        // y = eˣ, dy/dx = y
        vjp: { |g, y| [g * y] },
        probe: (-4.0, 4.0),
    }
    /// `2ˣ`.
    exp2(x) FLOAT => {
        cpu: same [F32 F64] special::exp2(x),
        wgsl: [_ => "ag_exp2($0)"],
        // dy/dx = y·ln 2
        vjp: { |g, y| [g * y * std::f64::consts::LN_2] },
        probe: (-4.0, 4.0),
    }
    /// `eˣ − 1`, with all digits near 0.
    expm1(x) FLOAT => {
        cpu: same [F32 F64] special::expm1(x),
        wgsl: [_ => "ag_expm1($0)"],
        // dy/dx = eˣ = y + 1
        vjp: { |g, y| [g * (y + 1.0)] },
        probe: (-3.0, 3.0),
    }
    /// Natural logarithm; −∞ at 0, NaN below.
    log(x) FLOAT => {
        cpu: same [F32 F64] special::log(x),
        wgsl: [_ => "ag_log($0)"],
        // dy/dx = 1 / x
        vjp: { |g, _y| [g / x] },
        probe: (0.1, 8.0),
    }
    /// Logarithm to base 2; −∞ at 0, NaN below.
    log2(x) FLOAT => {
        cpu: same [F32 F64] special::log2(x),
        wgsl: [_ => "ag_log2($0)"],
        // dy/dx = 1 / (x·ln 2)
        vjp: { |g, _y| [g * std::f64::consts::LOG2_E / x] },
        probe: (0.1, 8.0),
    }
    /// `ln(1 + x)`, with all digits near 0; −∞ at −1, NaN below.
    log1p(x) FLOAT => {
        cpu: same [F32 F64] special::log1p(x),
        wgsl: [_ => "ag_log1p($0)"],
        // dy/dx = 1 / (1 + x)
        vjp: { |g, _y| [g / (x + 1.0)] },
        probe: (-0.7, 4.0),
    }
    /// Square root; NaN below 0.
    sqrt(x) FLOAT => {
        cpu: same [F32 F64] x.sqrt(),
        wgsl: [_ => "sqrt($0)"],
        // dy/dx = 1 / (2·√x)
        vjp: { |g, y| [g * 0.5 / y] },
        probe: (0.1, 8.0),
    }
    /// `1 / √x`.
    rsqrt(x) FLOAT => {
        cpu: same [F32 F64] x.sqrt().recip(),
        wgsl: [_ => "1.0 / sqrt($0)"],
        // y = x^(−1/2), dy/dx = −y³ / 2
        vjp: { |g, y| [g * -0.5 * y * y * y] },
        probe: (0.1, 8.0),
    }
    /// `1 / x`.
    reciprocal(x) FLOAT => {
        cpu: same [F32 F64] x.recip(),
        wgsl: [_ => "1.0 / $0"],
        // dy/dx = −1 / x² = −y²
        vjp: { |g, y| [-(g * y * y)] },
        probe: (0.3, 4.0),
    }
    /// `x²`.
    square(x) Types::Same(Class::Number) => {
        cpu: same [F32 F64 I32 U32] crate::pointwise::arithmetic::Arithmetic::times(x, x),
        wgsl: [_ => "$0 * $0"],
        vjp: { |g, _y| [g * 2.0 * x] },
        probe: (-3.0, 3.0),
    }
    /// `xʸ` with the rules of C's `pow`: a negative base has a value for whole exponents only, `x⁰` is 1.
    pow(x, y) FLOAT => {
        cpu: same [F32 F64] special::pow(x, y),
        wgsl: [_ => "ag_pow($0, $1)"],
        // d/dx = y·x^(y−1), and 0 for y = 0; d/dy = xʸ·ln x, and 0 at x = 0 for y ≥ 0
        vjp: { |g, out| [
            y.eq(0.0).select(0.0, g * y * x.pow(y - 1.0)),
            x.eq(0.0).logical_and(y.ge(0.0)).select(0.0, g * out * x.log()),
        ] },
        probe: (0.3, 3.0),
    }
}
