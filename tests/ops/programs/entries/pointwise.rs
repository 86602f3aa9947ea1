//! Elementwise ops.

use crate::programs::entry::entries;

entries! { UNARY;
    tanh(x: Float) => x.tanh(),
    sigmoid(x: Float) => x.sigmoid(),
    exp(x: Float) => x.clamp(-2.0, 2.0).exp() * 0.3,
    sin(x: Float) => x.sin(),
    cos(x: Float) => x.cos(),
    sqrt(x: Float) => (x.square() + 0.5).sqrt(),
    rsqrt(x: Float) => (x.square() + 0.5).rsqrt(),
    reciprocal(x: Float) => (x.abs() + 0.5).reciprocal(),
    log(x: Float) => (x.abs() + 0.5).log(),
    pow(x: Float) => (x.abs() + 0.5).pow(0.7),
    powi(x: Float) [power: signed(-2, 4)] => (x.tanh().abs() + 0.5).powi(power),
    affine(x: Float) [by: number(-1.0, 1.0), and: number(-1.0, 1.0)] => x * by + and,
    scaled(x: Number) => x.clamp(0, 4) * 2,
    long_chain(x: Float) => (x.tanh().square() - x.sin() * 0.5).sigmoid().cos() + x.tanh(),
    stop_gradient(x: Float) => x.stop_gradient() + x * 0.5,
    #[exact] neg(x: Float) => -x,
    #[exact] abs(x: Float) => x.abs(),
    #[exact] relu(x: Float) => x.relu(),
    #[exact] clamp(x: Float) [low: number(-1.0, 0.0), high: number(0.0, 1.0)] => x.clamp(low, high),
    #[exact] sign(x: Exact) => x.sign(),
    #[exact] floor(x: Exact) => x.floor(),
    #[exact] ceil(x: Exact) => x.ceil(),
    #[exact] round(x: Exact) => x.round(),
    #[exact] is_finite(x: Float) => x.is_finite(),
    #[exact] is_nan(x: Float) => x.is_nan(),
}

entries! { BINARY;
    add(x: Float, y: Beside) => x + y,
    sub(x: Float, y: Beside) => x - y,
    mul(x: Float, y: Beside) => x.tanh() * y,
    div(x: Float, y: Beside) => x / (y.abs() + 0.7),
    mixed(x: Float, y: Beside) => (x + y) * (x - y) * 0.25,
    pow_by(x: Float, y: Beside) => (x.abs() + 0.5).pow(y.clamp(-2.0, 2.0)),
    #[exact] maximum(x: Float, y: Beside) => x.maximum(y),
    #[exact] minimum(x: Float, y: Beside) => x.minimum(y),
    #[exact] gt(x: Exact, y: ExactBeside) => x.gt(y),
    #[exact] le(x: Exact, y: ExactBeside) => x.le(y),
    #[exact] eq(x: Exact, y: ExactBeside) => x.eq(y),
    #[exact] ne(x: Exact, y: ExactBeside) => x.ne(y),
    select_by(c: Exact, x: ExactBeside, y: Like) => c.gt(0.125).select(x.sin(), y),
    #[exact] select_any(x: Any, y: Like, c: Any)
        if c.dtype() == anygrad_graph::DType::Bool
            && anygrad_layout::broadcast(c.shape(), x.shape()).is_some()
        => c.select(x, y),
}
