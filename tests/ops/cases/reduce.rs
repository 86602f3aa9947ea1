//! Reductions over any axes.

use anygrad_graph::ops::reduce::{Reduce, Reduction};
use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Input, Lies, case, float, given, int, uint};

const ALL: [(&str, Reduction); 6] = [
    ("sum", Reduction::Sum),
    ("prod", Reduction::Prod),
    ("max", Reduction::Max),
    ("min", Reduction::Min),
    ("argmax", Reduction::ArgMax),
    ("argmin", Reduction::ArgMin),
];

fn reduce(op: &'static str, kind: Reduction, name: &str, axes: &[usize], input: Input) -> Case {
    let axes = axes.to_vec();
    let whole = input.dtype != DType::F32 || matches!(kind, Reduction::ArgMax | Reduction::ArgMin);
    let build = move |x: &[Tensor]| Tensor::record(Reduce { kind, axes: axes.clone() }, &[&x[0]]);
    // a product has the rounding errors of all its factors
    let loose = if kind == Reduction::Prod { 8.0 } else { 1.0 };
    case(op, name, [input], build).order(if whole { 0 } else { 2 }).loose(loose)
}

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ALL.into_iter().flat_map(|(op, kind)| of_kind(op, kind)).collect();
    cases.extend([
        case("sum", "of nothing", [float([0, 3])], |x: &[Tensor]| x[0].sum(&[0])),
        case("sum", "of nothing, giving nothing", [float([0, 3])], |x: &[Tensor]| x[0].sum(&[1])),
        case("sum", "over no axes", [float([2, 3])], |x: &[Tensor]| x[0].sum(&[])),
        case("sum", "of a scalar", [float([])], |x: &[Tensor]| x[0].sum_all()),
        case("sum", "with axes kept", [float([2, 3, 4])], |x: &[Tensor]| x[0].sum_keep(&[-1, 0]) * &x[0]),
        case("sum", "of a fused producer", [float([4, 5]), float([5])], |x: &[Tensor]| {
            (&x[0] * &x[1] + 1.0).tanh().sum(&[0])
        }),
        case("sum", "of a long list", [float([100_003])], |x: &[Tensor]| x[0].sum_all()).order(1),
        case("sum", "of long rows", [float([5, 20_001])], |x: &[Tensor]| x[0].sum(&[1])).order(1),
        case("sum", "of long columns", [float([20_001, 5])], |x: &[Tensor]| x[0].sum(&[0])).order(1),
        case("max", "of a long list", [float([100_003])], |x: &[Tensor]| x[0].max(&[0])).order(0),
        case("max", "with axes kept", [float([3, 4])], |x: &[Tensor]| &x[0] - x[0].max_keep(&[1])),
        case("argmax", "of a long list", [float([100_003])], |x: &[Tensor]| x[0].argmax(0)).order(0),
        case("prod", "of nothing", [float([0, 3])], |x: &[Tensor]| x[0].prod(&[0])),
        case(
            "prod",
            "with one zero",
            [values(&[2, 3], &[2.0, 0.0, -3.0, 1.5, 4.0, 0.5])],
            |x: &[Tensor]| x[0].prod(&[1]),
        ),
        case("prod", "with two zeros", [values(&[5], &[2.0, 0.0, -3.0, 0.0, 4.0])], |x: &[Tensor]| {
            x[0].prod_all()
        }),
        case("prod", "with three zeros", [values(&[4], &[0.0, 0.0, -3.0, 0.0])], |x: &[Tensor]| {
            x[0].prod_all()
        }),
        case("prod", "with axes kept", [float([2, 3, 4])], |x: &[Tensor]| x[0].prod_keep(&[1, 0]) + &x[0]),
        case("argmax", "of all", [float([3, 5])], |x: &[Tensor]| x[0].argmax_all()).order(0),
        case("argmin", "of all", [float([3, 5])], |x: &[Tensor]| x[0].argmin_all()).order(0),
        case("max", "of all", [float([3, 5])], |x: &[Tensor]| x[0].max_all()),
        case("min", "of all, axes kept", [float([3, 5])], |x: &[Tensor]| {
            x[0].min_keep(&[0]) - x[0].min_all()
        }),
        case("max_with_index", "largest", [float([3, 4, 5])], |x: &[Tensor]| x[0].max_with_index(1).0),
        case("max_with_index", "smallest", [float([3, 5])], |x: &[Tensor]| x[0].min_with_index(-1).0),
        case("max_with_index", "index", [float([3, 5])], |x: &[Tensor]| x[0].max_with_index(0).1).order(0),
        case("mean", "over some axes", [float([3, 4, 5])], |x: &[Tensor]| x[0].mean(&[0, -1])),
        case("mean", "of all", [float([3, 5])], |x: &[Tensor]| x[0].mean_all()),
        case("mean", "with axes kept", [float([3, 5])], |x: &[Tensor]| &x[0] * x[0].mean_keep(&[1])),
        case("mean", "of nothing", [float([0, 3])], |x: &[Tensor]| x[0].mean(&[0])).order(0),
    ]);
    cases
}

/// Numbers that may be moved a little.
fn values(shape: &[usize], numbers: &[f64]) -> Input {
    given(DType::F32, shape, numbers.to_vec())
}

fn of_kind(op: &'static str, kind: Reduction) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, axes: &[usize], input| cases.push(reduce(op, kind, name, axes, input));
    add("last axis", &[2], float([3, 4, 7]));
    add("middle axis", &[1], float([3, 7, 4]));
    add("first axis", &[0], float([7, 3, 4]));
    add("first and last", &[0, 2], float([3, 5, 4]));
    add("all axes", &[0, 1, 2], float([3, 5, 4]));
    add("of four axes", &[1, 3], float([2, 3, 4, 5]));
    add("axis of size 1", &[1], float([3, 1, 4]));
    add("one element", &[0], float([1]));
    add("no results", &[0], float([3, 0]));
    // the product of many numbers is out of range unless they are near 1
    let many = |shape| if kind == Reduction::Prod { float(shape).range(0.99, 1.01) } else { float(shape) };
    add("rows beyond a workgroup", &[1], many([3, 1025]));
    add("columns beyond a workgroup", &[0], many([1025, 3]));
    for lies in [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::SlicedPermuted] {
        add(&format!("{lies:?}"), &[0, 2], float([3, 5, 4]).lies(lies));
    }
    add("repeated", &[1], float([3, 4]).lies(Lies::Expanded));
    if kind == Reduction::Sum {
        add("over repeats", &[0], float([3, 4]).lies(Lies::Expanded));
    }
    add("i32", &[1], int([5, 9], -9.0, 10.0));
    add("u32", &[0], uint([5, 9], 100));
    let special = [
        [1.0, f64::NAN, 2.0, f64::NAN],
        [f64::INFINITY, 1.0, f64::NEG_INFINITY, 3.0],
        [2.0, 2.0, -1.0, -1.0],
        [f64::NEG_INFINITY; 4],
        [0.0, -0.0, 0.0, -0.0],
    ];
    let input = given(DType::F32, &[5, 4], special.concat());
    cases.push(reduce(op, kind, "special numbers", &[1], input).special());
    cases
}
