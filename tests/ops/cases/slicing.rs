//! Slices with a step, parts, and what is made of them by joining and repeating.

use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Input, Lies, case, float, int, truth, uint};

fn one(op: &'static str, name: &str, input: Input, build: fn(&Tensor) -> Tensor) -> Case {
    case(op, name, [input], move |x: &[Tensor]| build(&x[0]))
}

/// One case a way to lie in memory, and one a dtype.
fn everywhere(op: &'static str, name: &str, shape: [usize; 3], build: fn(&Tensor) -> Tensor) -> Vec<Case> {
    use Lies::{Dense, Expanded, Flipped, Permuted, Sliced, SlicedPermuted};
    let lies = [Dense, Permuted, Sliced, Flipped, Expanded, SlicedPermuted];
    let floats = lies.map(|lies| one(op, &format!("{name} {lies:?}"), float(shape).lies(lies), build));
    let others = [int(shape, -9.0, 9.0), uint(shape, 9), truth(shape)];
    let others = others.map(|input| one(op, &format!("{name} {}", input.dtype), input, build).order(0));
    floats.into_iter().chain(others).collect()
}

pub fn cases() -> Vec<Case> {
    [
        everywhere("slice_step", "forwards", [3, 7, 4], |x| x.slice_step(1, 1, 6, 2)),
        everywhere("slice_step", "backwards", [3, 7, 4], |x| x.slice_step(1, -2, None, -2)),
        everywhere("pad", "between", [2, 3, 4], |x| x.pad_interior(&[(0, 1, 0), (2, 0, 1), (1, 1, 2)])),
        everywhere("roll", "two axes", [3, 4, 5], |x| x.roll(&[1, -7], &[0, 2])),
        everywhere("tile", "three axes", [2, 3, 2], |x| x.tile(&[2, 1, 3])),
        everywhere("repeat_interleave", "middle axis", [2, 3, 2], |x| x.repeat_interleave(1, 3)),
        everywhere("stack", "with itself", [2, 3, 2], |x| Tensor::stack(&[x, &x.flip(&[1]), x], -2)),
        steps(),
        paddings(),
        parts(),
        repeats(),
    ]
    .concat()
}

fn steps() -> Vec<Case> {
    vec![
        one("slice_step", "a step as long as the axis", float([5]), |x| x.slice_step(0, None, None, 4)),
        one("slice", "a step beyond the axis", float([5]), |x| x.slice_step(0, 1, None, 99)),
        one("slice", "a step, to nothing", float([5, 2]), |x| x.slice_step(0, 4, 1, 1)),
        one("slice_step", "of nothing", float([0, 3]), |x| x.slice_step(1, None, None, 2)),
        one("slice_step", "clamped", float([7]), |x| x.slice_step(0, -100, 100, 3)),
        one("slice_step", "backwards, clamped", float([7]), |x| x.slice_step(0, 100, -100, -3)),
        one("slice_step", "twice", float([9, 4]), |x| x.slice_step(0, 1, None, 2).slice_step(0, None, -1, 2)),
        one("slice_step", "then a product", float([6, 6]), |x| {
            x.slice_step(0, None, None, 2).matmul(&x.slice_step(1, None, None, -2))
        }),
        one("slice_step", "neighbours multiplied", float([8]), |x| {
            x.slice_step(0, None, None, 2) * x.slice_step(0, 1, None, 2).square()
        }),
        one("slice_step", "then reshaped", float([6, 4]), |x| x.slice_step(0, None, None, 2).reshape([-1])),
        one("reshape", "with a size left open", float([4, 6]), |x| x.reshape([3, -1, 2])),
        one("reshape", "of nothing with a size left open", float([0, 6]), |x| x.reshape([3, -1])),
        one("reshape", "unflatten", float([3, 8]), |x| x.unflatten(-1, [2, -1]).square()),
        one("reshape", "squeeze all", float([1, 3, 1, 2]), |x| x.squeeze_all()),
        one("permute", "movedim", float([2, 3, 4]), |x| x.movedim(0, -1)),
        one("permute", "channels first", float([2, 3, 4, 5]), |x| x.to_channels_first()),
        one("permute", "channels last", float([2, 3, 4, 5]), |x| x.to_channels_last().exp()),
        one("slice", "at", float([3, 4]).lies(Lies::Permuted), |x| x.at(1, -2)),
    ]
}

fn paddings() -> Vec<Case> {
    vec![
        one("pad", "between one", float([1]), |x| x.pad_interior(&[(1, 1, usize::MAX)])),
        one("pad", "between none", float([0, 2]), |x| x.pad_interior(&[(2, 1, 7), (0, 0, 1)])),
        one("pad", "between, a fused producer", float([3, 5]), |x| {
            x.tanh().pad_interior(&[(0, 0, 3), (1, 0, 0)]).square()
        }),
        one("pad", "between, of a reversed part", float([6, 5]).lies(Lies::SlicedPermuted), |x| {
            x.flip(&[0]).pad_interior(&[(0, 2, 1), (3, 0, 2)])
        }),
    ]
}

fn parts() -> Vec<Case> {
    vec![
        one("split", "joined in another order", float([3, 7]), |x| {
            let parts = x.split(&[2, 0, 4, 1], 1);
            Tensor::concat(&[&parts[2], &parts[3], &parts[1], &parts[0]], 1)
        }),
        one("split_every", "multiplied", float([7, 2]), |x| {
            let parts = x.split_every(3, 0);
            &parts[0] * &parts[1] + &parts[2]
        }),
        one("chunk", "fewer than asked for", float([5]), |x| {
            let parts = x.chunk(4, 0);
            Tensor::stack(&[&parts[0], &parts[1]], 0).sum(&[0]) * &parts[2]
        }),
        one("unbind", "rows", float([3, 4]), |x| {
            let rows = x.unbind(0);
            &rows[0] * &rows[1] - &rows[2]
        }),
        case("concat", "with what is nothing", [float([2, 3]), float([0])], |x: &[Tensor]| {
            Tensor::concat(&[&x[1], &x[0], &x[1], &x[0]], -1) + x[1].sum_all()
        }),
        case("concat", "of nothing alone", [float([0]), float([0])], |x: &[Tensor]| {
            Tensor::concat(&[&x[0], &x[1]], 0)
        }),
        case("stack", "of scalars", [float([]), float([])], |x: &[Tensor]| Tensor::stack(&[&x[0], &x[1]], 0)),
        one("stack", "of one", float([3]), |x| Tensor::stack(&[x], 1)),
    ]
}

fn repeats() -> Vec<Case> {
    vec![
        one("roll", "by nothing", float([3]), |x| x.roll(&[6], &[0]) * x),
        one("roll", "of nothing", float([0, 2]), |x| x.roll(&[1, 1], &[0, 1])),
        one("roll", "the same axis twice", float([5, 2]), |x| x.roll(&[1, 1], &[0, 0]) * x),
        one("tile", "fewer counts than axes", float([2, 3]), |x| x.tile(&[2])),
        one("tile", "more counts than axes", float([3]), |x| x.tile(&[2, 1, 2])),
        one("tile", "to nothing", float([3]), |x| x.tile(&[0])),
        one("tile", "a scalar", float([]), |x| x.tile(&[3, 2])),
        one("tile", "then a product", float([2, 3]), |x| x.tile(&[1, 2]).matmul(&x.tile(&[3, 1]))),
        one("repeat_interleave", "to nothing", float([3]), |x| x.repeat_interleave(0, 0)),
        one("repeat_interleave", "of a half", float([4, 2]), |x| {
            x.slice_step(0, None, None, 2).repeat_interleave(0, 2) * x
        }),
        one("roll", "of integers", int([5], -3.0, 3.0), |x| x.roll(&[-1], &[0]).to_dtype(DType::F32))
            .order(0),
    ]
}
