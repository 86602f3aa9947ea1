//! Views, padding and concatenation.

use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Input, Lies, case, float, int, truth, uint};

fn inputs(shape: [usize; 3]) -> Vec<Input> {
    vec![float(shape), int(shape, -9.0, 9.0), uint(shape, 9), truth(shape)]
}

/// One case a dtype; derivatives for floats.
fn each_dtype(op: &'static str, name: &str, shape: [usize; 3], build: fn(&Tensor) -> Tensor) -> Vec<Case> {
    let of = |input: Input| {
        let order = if input.dtype == DType::F32 { 2 } else { 0 };
        case(op, format!("{name} {}", input.dtype), [input], move |x: &[Tensor]| build(&x[0])).order(order)
    };
    inputs(shape).into_iter().map(of).collect()
}

fn one(op: &'static str, name: &str, input: Input, build: fn(&Tensor) -> Tensor) -> Case {
    case(op, name, [input], move |x: &[Tensor]| build(&x[0]))
}

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        each_dtype("reshape", "merging", [2, 3, 4], |x| x.reshape([6, 4])),
        each_dtype("permute", "turning", [2, 3, 4], |x| x.permute(&[2, 0, 1])),
        each_dtype("expand", "in front", [2, 1, 4], |x| x.expand([3, 2, 5, 4])),
        each_dtype("slice", "inside", [2, 5, 4], |x| x.slice(1, 1, 3)),
        each_dtype("flip", "two axes", [2, 3, 4], |x| x.flip(&[0, -1])),
        each_dtype("pad", "around", [2, 3, 4], |x| x.pad(&[(1, 0), (0, 2), (2, 1)])),
        each_dtype("concat", "with itself", [2, 3, 4], |x| Tensor::concat(&[x, &x.flip(&[1])], 1)),
    ]
    .concat();
    cases.extend(views());
    cases.extend(paddings());
    cases
}

fn views() -> Vec<Case> {
    vec![
        one("reshape", "after a permutation", float([3, 4, 5]), |x| x.permute(&[1, 2, 0]).reshape([4, 15])),
        one("reshape", "to a scalar", float([1, 1]), |x| x.reshape([0usize; 0])),
        one("reshape", "of nothing", float([0, 3]), |x| x.reshape([3, 0, 2])),
        one("reshape", "flatten", float([2, 3, 4]), |x| x.flatten(1)),
        one("reshape", "squeeze and unsqueeze", float([2, 1, 4]), |x| x.squeeze(1).unsqueeze(-1)),
        one("reshape", "of a part", float([4, 6]).lies(Lies::Sliced), |x| x.reshape([2, 12])),
        one("reshape", "of repeats", float([3, 1]), |x| x.expand([3, 4]).reshape([12])),
        one("permute", "twice", float([2, 3, 4]), |x| x.permute(&[1, 2, 0]).transpose(0, -1)),
        one("permute", "then arithmetic", float([3, 4]), |x| x.t().exp() + x.t()),
        one("expand", "of a scalar", float([]), |x| x.expand([2, 3])),
        one("expand", "to nothing", float([1, 3]), |x| x.expand([0, 3])),
        one("expand", "then a product", float([3, 1]), |x| x.expand([3, 4]) * x),
        one("slice", "to nothing", float([4, 3]), |x| x.slice(0, 2, 0)),
        one("slice", "of a permutation", float([4, 5]), |x| x.t().slice(0, 1, 3).slice(1, 2, 2)),
        one("slice", "neighbours multiplied", float([6, 3]), |x| x.slice(0, 0, 5) * x.slice(0, 1, 5)),
        one("flip", "a part", float([5, 4]).lies(Lies::SlicedPermuted), |x| x.flip(&[1])),
        one("flip", "of nothing", float([0, 2]), |x| x.flip(&[0, 1])),
        one("flip", "times itself", float([5]), |x| x.flip(&[0]) * x),
    ]
}

fn paddings() -> Vec<Case> {
    vec![
        one("pad", "by nothing", float([2, 3]), |x| x.pad(&[(0, 0), (0, 0)])),
        one("pad", "of nothing", float([0, 2]), |x| x.pad(&[(1, 2), (0, 1)])),
        one("pad", "of a scalar", float([]), |x| x.pad(&[])),
        one("pad", "of a permutation", float([3, 4]).lies(Lies::SlicedPermuted), |x| {
            x.pad(&[(1, 1), (2, 0)])
        }),
        one("pad", "of a fused producer", float([3, 4]), |x| {
            (x.tanh() + 1.0).pad(&[(1, 1), (0, 2)]).square()
        }),
        case("concat", "of three sizes", [float([2, 3]), float([1, 3]), float([4, 3])], |x: &[Tensor]| {
            Tensor::concat(&x.iter().collect::<Vec<_>>(), 0)
        }),
        case(
            "concat",
            "with an empty part",
            [float([2, 3]), float([2, 0]), float([2, 2])],
            |x: &[Tensor]| Tensor::concat(&x.iter().collect::<Vec<_>>(), -1),
        ),
        case("concat", "of one", [float([2, 3])], |x: &[Tensor]| Tensor::concat(&[&x[0]], 0)),
        case(
            "concat",
            "of layouts",
            [float([3, 4]).lies(Lies::SlicedPermuted), float([3, 4]).lies(Lies::Flipped)],
            |x: &[Tensor]| Tensor::concat(&[&x[0], &x[1], &(&x[0] * &x[1])], 1),
        ),
        case("concat", "of many", [float([2, 2])], |x: &[Tensor]| {
            let parts: Vec<Tensor> = (0..40).map(|i| &x[0] * f64::from(i)).collect();
            Tensor::concat(&parts.iter().collect::<Vec<_>>(), 0)
        }),
    ]
}
