//! Rounding, and the rectifier.

use super::row::{gradient, lanes, pointwise};
use super::{Class, Types};
use crate::Tensor;

const FLOAT: Types = Types::Same(Class::Float);

pointwise! {
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
        vjp: { |_g, _y| [x.zeros_like()] },
        probe: (0.1, 0.9),
    }
    /// The smallest integer not below `x`. The gradient is 0.
    ceil(x) FLOAT => {
        cpu: same [F32 F64] x.ceil(),
        wgsl: [_ => "ceil($0)"],
        vjp: { |_g, _y| [x.zeros_like()] },
        probe: (0.1, 0.9),
    }
    /// The nearest integer, halves to even. The gradient is 0.
    round(x) FLOAT => {
        cpu: same [F32 F64] x.round_ties_even(),
        wgsl: [_ => "ag_round($0)"],
        vjp: { |_g, _y| [x.zeros_like()] },
        probe: (0.1, 0.4),
    }
    /// The whole part: `x` cut towards 0. The gradient is 0.
    trunc(x) FLOAT => {
        cpu: same [F32 F64] x.trunc(),
        wgsl: [_ => "trunc($0)"],
        vjp: { |_g, _y| [x.zeros_like()] },
        probe: (0.1, 0.9),
    }
    /// What `trunc` cuts off, `x − trunc(x)`, with the sign of `x`, as `torch.frac`; NaN for infinities.
    frac(x) FLOAT => {
        cpu: same [F32 F64] x - x.trunc(),
        wgsl: [_ => "($0 - trunc($0))"],
        vjp: { |g, _y| [g.clone()] },
        probe: (0.1, 0.9),
    }
}
