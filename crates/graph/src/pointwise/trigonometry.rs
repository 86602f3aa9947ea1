//! Sines, their inverses, and the functions made of exponentials that resemble them.

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types, special};
use crate::Tensor;

const FLOAT: Types = Types::Same(Class::Float);

pointwise! {
    /// Sine of `x` in radians.
    sin(x) FLOAT => {
        cpu: block [F32 F64] special::sin,
        wgsl: [_ => "ag_sin($0)"],
        vjp: { |g, _y| [g * x.cos()] },
        probe: (-3.0, 3.0),
    }
    /// Cosine of `x` in radians.
    cos(x) FLOAT => {
        cpu: block [F32 F64] special::cos,
        wgsl: [_ => "ag_cos($0)"],
        vjp: { |g, _y| [-(g * x.sin())] },
        probe: (-3.0, 3.0),
    }
    /// Tangent of `x` in radians.
    tan(x) FLOAT => {
        cpu: block [F32 F64] special::tan,
        wgsl: [_ => "ag_tan($0)"],
        // dy/dx = 1 + y²
        vjp: { |g, y| [g * (y * y + 1.0)] },
        probe: (-1.2, 1.2),
    }
    /// Arc sine, in [−π/2, π/2]; NaN beyond ±1.
    asin(x) FLOAT => {
        cpu: same [F32 F64] x.asin(),
        wgsl: [_ => "ag_asin($0)"],
        // dy/dx = 1 / √(1 − x²)
        vjp: { |g, _y| [g * ((x + 1.0) * (1.0 - x)).rsqrt()] },
        probe: (-0.8, 0.8),
    }
    /// Arc cosine, in [0, π]; NaN beyond ±1.
    acos(x) FLOAT => {
        cpu: same [F32 F64] x.acos(),
        wgsl: [_ => "ag_acos($0)"],
        // dy/dx = −1 / √(1 − x²)
        vjp: { |g, _y| [-(g * ((x + 1.0) * (1.0 - x)).rsqrt())] },
        probe: (-0.8, 0.8),
    }
    /// Arc tangent, in [−π/2, π/2].
    atan(x) FLOAT => {
        cpu: same [F32 F64] x.atan(),
        wgsl: [_ => "ag_atan($0)"],
        // dy/dx = 1 / (1 + x²)
        vjp: { |g, _y| [g / (x * x + 1.0)] },
        probe: (-4.0, 4.0),
    }
    /// The angle of the point (`x`, `self`) in radians, in [−π, π], as C's `atan2` for zeros and infinities. The gradient at
    /// the origin is NaN.
    atan2(y, x) FLOAT => {
        cpu: same [F32 F64] y.atan2(x),
        wgsl: [_ => "ag_atan2($0, $1)"],
        // with r² = x² + y²: d/dy = x / r², d/dx = −y / r²
        vjp: { |g, _out| [g * x / (x * x + y * y), -(g * y / (x * x + y * y))] },
        probe: (0.4, 3.0),
    }
    /// Hyperbolic sine.
    sinh(x) FLOAT => {
        cpu: same [F32 F64] special::sinh(x),
        wgsl: [_ => "ag_sinh($0)"],
        vjp: { |g, _y| [g * x.cosh()] },
        probe: (-3.0, 3.0),
    }
    /// Hyperbolic cosine.
    cosh(x) FLOAT => {
        cpu: same [F32 F64] special::cosh(x),
        wgsl: [_ => "ag_cosh($0)"],
        vjp: { |g, _y| [g * x.sinh()] },
        probe: (-3.0, 3.0),
    }
    /// Hyperbolic tangent, in (−1, 1).
    tanh(x) FLOAT => {
        cpu: same [F32 F64] special::tanh(x),
        wgsl: [_ => "ag_tanh($0)"],
        // dy/dx = 1 − y²
        vjp: { |g, y| [g * (1.0 - y * y)] },
        probe: (-4.0, 4.0),
    }
    /// Inverse hyperbolic sine.
    asinh(x) FLOAT => {
        cpu: same [F32 F64] special::asinh(x),
        wgsl: [_ => "ag_asinh($0)"],
        // dy/dx = 1 / √(x² + 1)
        vjp: { |g, _y| [g * (x * x + 1.0).rsqrt()] },
        probe: (-4.0, 4.0),
    }
    /// Inverse hyperbolic cosine; NaN below 1.
    acosh(x) FLOAT => {
        cpu: same [F32 F64] special::acosh(x),
        wgsl: [_ => "ag_acosh($0)"],
        // dy/dx = 1 / √(x² − 1)
        vjp: { |g, _y| [g * ((x - 1.0) * (x + 1.0)).rsqrt()] },
        probe: (1.3, 6.0),
    }
    /// Inverse hyperbolic tangent; ±∞ at ±1, NaN beyond.
    atanh(x) FLOAT => {
        cpu: same [F32 F64] special::atanh(x),
        wgsl: [_ => "ag_atanh($0)"],
        // dy/dx = 1 / (1 − x²)
        vjp: { |g, _y| [g / ((1.0 - x) * (x + 1.0))] },
        probe: (-0.8, 0.8),
    }
    /// The logistic function `1 / (1 + e^−x)`, in (0, 1).
    sigmoid(x) FLOAT => {
        cpu: same [F32 F64] special::sigmoid(x),
        wgsl: [_ => "ag_sigmoid($0)"],
        // dy/dx = y·(1 − y)
        vjp: { |g, y| [g * y * (1.0 - y)] },
        probe: (-6.0, 6.0),
    }
    /// `ln(1 + eˣ)`, as `max(x, 0) + ln(1 + e^−|x|)`, which does not overflow. Its derivative is the sigmoid.
    log1p_exp(x) FLOAT => {
        cpu: same [F32 F64] special::log1p_exp(x),
        wgsl: [_ => "ag_log1p_exp($0)"],
        vjp: { |g, _y| [g * x.sigmoid()] },
        probe: (-6.0, 6.0),
    }
    /// The error function `2/√π · ∫₀ˣ e^(−t²) dt`, in [−1, 1].
    erf(x) FLOAT => {
        cpu: same [F32 F64] special::erf(x),
        wgsl: [_ => "ag_erf($0)"],
        // dy/dx = 2/√π·e^(−x²)
        vjp: { |g, _y| [g * std::f64::consts::FRAC_2_SQRT_PI * (-(x * x)).exp()] },
        probe: (-3.0, 3.0),
    }
}
