//! Real functions, activations, bits.

use anygrad_graph::{DType, Tensor};

use crate::programs::entry::entries;

entries! { ENTRIES;
    exp2(x: Float) => x.clamp(-3.0, 3.0).exp2() * 0.25,
    expm1(x: Float) => x.clamp(-3.0, 2.0).expm1() * 0.5,
    log2(x: Float) => (x.abs() + 0.5).log2(),
    log1p(x: Float) => x.abs().log1p(),
    tan(x: Float) => x.tanh().tan(),
    asin(x: Float) => (x.tanh() * 0.8).asin(),
    acos(x: Float) => (x.tanh() * 0.8).acos(),
    atan(x: Float) => x.atan(),
    atan2(x: Float, y: Beside) => x.atan2(y.abs() + 0.5),
    sinh(x: Float) => x.clamp(-2.0, 2.0).sinh() * 0.3,
    cosh(x: Float) => x.clamp(-2.0, 2.0).cosh() * 0.3,
    asinh(x: Float) => x.asinh(),
    acosh(x: Float) => (x.abs() + 1.5).acosh(),
    atanh(x: Float) => (x.tanh() * 0.8).atanh(),
    erf(x: Float) => x.erf(),
    #[exact] trunc(x: Exact) => x.trunc(),
    #[exact] frac(x: Exact) => x.frac(),
    #[exact] relu6(x: Float) => x.relu6(),
    leaky_relu(x: Float) => x.leaky_relu(0.1),
    elu(x: Float) [alpha: number(0.5, 1.5)] => x.elu(alpha),
    selu(x: Float) => x.selu(),
    celu(x: Float) => x.celu(0.75),
    gelu(x: Float) => x.gelu(),
    gelu_tanh(x: Float) => x.gelu_tanh(),
    silu(x: Float) => x.silu(),
    mish(x: Float) => x.mish(),
    softplus(x: Float) => x.softplus(1.0, 20.0),
    log_sigmoid(x: Float) => x.log_sigmoid(),
    softsign(x: Float) => x.softsign(),
    hard_sigmoid(x: Float) => x.hard_sigmoid(),
    hard_swish(x: Float) => x.hard_swish(),
    #[exact] hard_tanh(x: Float) => x.hard_tanh(-1.0, 1.0),
    #[exact] threshold(x: Exact) => x.threshold(0.25, -1.0),
    #[exact] step(x: Exact) => x.step(),
    glu(x: Float) [axis: filled_axis(x)] if x.size(axis).is_multiple_of(2) => x.glu(axis),
    logaddexp(x: Float, y: Beside) => x.logaddexp(y),
    bitwise_and(x: Int, y: Beside) => x.bitwise_and(y),
    bitwise_or(x: Int, y: Beside) => x.bitwise_or(y),
    bitwise_xor(x: Int, y: Beside) => x.bitwise_xor(y),
    bitwise_not(x: Int) => x.bitwise_not(),
    shift_left(x: Int, y: Beside) => x.shift_left(y.remainder(8)),
    shift_right(x: Int, y: Beside) => x.shift_right(y.remainder(8)),
    logical_xor(x: Bool, y: Beside) => x.logical_xor(y),
    is_inf(x: Float) => x.is_inf(),
    #[exact] masked_fill(x: Exact, y: ExactBeside)
        if anygrad_layout::broadcast(x.shape(), y.shape()).as_ref() == Some(x.shape())
        => x.masked_fill(&y.gt(0.25), -0.5),
    embedding(x: Float, i: Any) if x.rank() == 2 && x.size(0) > 0 && i.dtype() == DType::U32
        => x.embedding(&i.remainder(x.size(0) as u32)) + Tensor::scalar(0.0f32, x.device()).to_dtype(x.dtype()),
}
