//! Functions of one real variable, and powers.

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

const FLOAT: Types = Types::Same(Class::Float);

pointwise! {
    /// `eˣ`.
    exp(x) FLOAT => {
        cpu: same [F32 F64] x.exp(),
        wgsl: [_ => "ag_exp($0)"],
        // y = eˣ, dy/dx = y
        vjp: { |g, y| [g * y] },
        probe: (-4.0, 4.0),
    }
    /// Natural logarithm; −∞ at 0, NaN below.
    log(x) FLOAT => {
        cpu: same [F32 F64] x.ln(),
        wgsl: [_ => "ag_log($0)"],
        // dy/dx = 1 / x
        vjp: { |g, _y| [g / x] },
        probe: (0.1, 8.0),
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
        cpu: same [F32 F64] x.powf(y),
        wgsl: [_ => "ag_pow($0, $1)"],
        // d/dx = y·x^(y−1), and 0 for y = 0; d/dy = xʸ·ln x, and 0 at x = 0 for y ≥ 0
        vjp: { |g, out| [
            y.eq(0.0).select(0.0, g * y * x.pow(y - 1.0)),
            x.eq(0.0).logical_and(y.ge(0.0)).select(0.0, g * out * x.log()),
        ] },
        probe: (0.3, 3.0),
    }
    /// Sine of `x` in radians.
    sin(x) FLOAT => {
        cpu: same [F32 F64] x.sin(),
        wgsl: [_ => "sin($0)"],
        vjp: { |g, _y| [g * x.cos()] },
        probe: (-3.0, 3.0),
    }
    /// Cosine of `x` in radians.
    cos(x) FLOAT => {
        cpu: same [F32 F64] x.cos(),
        wgsl: [_ => "cos($0)"],
        vjp: { |g, _y| [-(g * x.sin())] },
        probe: (-3.0, 3.0),
    }
    /// Hyperbolic tangent, in (−1, 1).
    tanh(x) FLOAT => {
        cpu: same [F32 F64] x.tanh(),
        wgsl: [_ => "ag_tanh($0)"],
        // dy/dx = 1 − y²
        vjp: { |g, y| [g * (1.0 - y * y)] },
        probe: (-4.0, 4.0),
    }
    /// The logistic function `1 / (1 + e^−x)`, in (0, 1).
    sigmoid(x) FLOAT => {
        // through e^−|x|, which cannot overflow
        cpu: same [F32 F64] { let e = (-x.abs()).exp(); if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) } },
        wgsl: [_ => "ag_sigmoid($0)"],
        // dy/dx = y·(1 − y)
        vjp: { |g, y| [g * y * (1.0 - y)] },
        probe: (-6.0, 6.0),
    }
    /// Rectified linear unit `max(x, 0)`; NaN stays. The gradient at 0 is 0.
    relu(x) FLOAT => {
        cpu: same [F32 F64] if x > 0.0 || x.is_nan() { x } else { 0.0 },
        wgsl: [_ => "ag_max($0, 0.0)"],
        vjp: { |g, y| [y.gt(0.0).select(g, 0.0)] },
        probe: (-3.0, 3.0),
    }
    /// The largest integer not above `x`. The gradient is 0.
    floor(x) FLOAT => {
        cpu: same [F32 F64] x.floor(),
        wgsl: [_ => "floor($0)"],
        vjp: { |g, _y| [g * 0.0] },
        probe: (0.1, 0.9),
    }
    /// The smallest integer not below `x`. The gradient is 0.
    ceil(x) FLOAT => {
        cpu: same [F32 F64] x.ceil(),
        wgsl: [_ => "ceil($0)"],
        vjp: { |g, _y| [g * 0.0] },
        probe: (0.1, 0.9),
    }
    /// The nearest integer, halves to even. The gradient is 0.
    round(x) FLOAT => {
        cpu: same [F32 F64] x.round_ties_even(),
        wgsl: [_ => "ag_round($0)"],
        vjp: { |g, _y| [g * 0.0] },
        probe: (0.1, 0.4),
    }
}
