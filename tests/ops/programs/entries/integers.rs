//! Integers, truth values, and the ways between dtypes.

use anygrad_graph::{DType, Tensor};

use crate::programs::entry::entries;

entries! { ENTRIES;
    add(x: Int, y: Beside) => x + y,
    sub(x: Int, y: Beside) => x - y,
    mul(x: Int, y: Beside) => x.remainder(50) * y.remainder(50),
    div(x: Int, y: Beside) => x.remainder(1000) / (y.remainder(30) * y.remainder(30) + 1),
    remainder(x: Int, y: Beside) => x.remainder(y.remainder(30) * y.remainder(30) + 1),
    maximum(x: Int, y: Beside) => x.maximum(y),
    chain(x: Int) => (x.remainder(97) * 3 + 7).remainder(41),
    lt(x: Int, y: Beside) => x.lt(y),
    ge(x: Int, y: Beside) => x.ge(y),
    sum(x: Int) [axes: axes(x)] => x.remainder(100).sum(&axes),
    max(x: Int) [axes: filled_axes(x)] => x.max(&axes),
    argmax(x: Int) [axis: filled_axis(x)] => x.argmax(axis),
    logical_and(x: Bool, y: Beside) => x.logical_and(y),
    logical_or(x: Bool, y: Beside) => x.logical_or(y),
    logical_not(x: Bool) => x.logical_not(),
    to_i32(x: Any) if !x.dtype().is_float() => x.to_dtype(DType::I32),
    to_u32(x: Any) if x.dtype() == DType::Bool => x.to_dtype(DType::U32),
    to_bool(x: Int) => x.to_dtype(DType::Bool),
    #[exact] cut(x: Exact) => (x * 4.0).clamp(-100.0, 100.0).to_dtype(DType::I32),
    #[exact] to_float(x: Int) [float: float()] => x.remainder(100).to_dtype(float) * 0.125,
    #[exact] mask(x: Bool) [float: float()] => x.to_dtype(float),
    #[exact] one_hot(x: Int) [classes: within(1, 7), float: float()]
        if x.dtype() == DType::U32
        => x.remainder(classes as u32).one_hot(classes).to_dtype(float),
    scatter_add(x: Int) [axis: axis(x), size: within(1, 6)] => x.scatter_add(
        axis,
        &Tensor::iota(x.numel(), x.device()).remainder(size as u32).reshape(x.shape()),
        size
    ),
    mean_of_integers(x: Int) [axes: filled_axes(x), float: float()]
        => x.remainder(1000).to_dtype(float).mean(&axes) * 0.01,
    // f16 is computed in f32 and rounded once, so it is the same everywhere
    #[exact] half(x: Exact) [float: float()] => x.clamp(-100.0, 100.0).to_dtype(DType::F16).to_dtype(float),
    #[exact] half_sum(x: Exact, y: ExactBeside) [float: float()] => (x.clamp(-100.0, 100.0).to_dtype(DType::F16)
        + y.clamp(-100.0, 100.0).to_dtype(DType::F16)).to_dtype(float),
    #[exact] half_chain(x: Exact) [axis: axis(x), float: float()]
        => (x.clamp(-100.0, 100.0).to_dtype(DType::F16).flip(&[axis]).relu() * 0.5).to_dtype(float),
}
