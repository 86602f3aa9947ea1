//! Running results along an axis.

use anygrad_graph::ops::scan::{Scan, Scanned};
use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Input, Lies, case, float, given, int, uint};

const ALL: [(&str, Scanned); 5] = [
    ("cumsum", Scanned::Sum),
    ("cumprod", Scanned::Prod),
    ("linear_scan", Scanned::Linear),
    ("cummax_index", Scanned::MaxIndex),
    ("cummin_index", Scanned::MinIndex),
];

const VIEWS: [Lies; 5] = [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::Expanded, Lies::SlicedPermuted];

fn scan(op: &'static str, kind: Scanned, name: &str, axis: usize, exclusive: bool, input: Input) -> Case {
    let index = matches!(kind, Scanned::MaxIndex | Scanned::MinIndex);
    let inputs = vec![input.clone(); if kind == Scanned::Linear { 2 } else { 1 }];
    let order = if index || input.dtype != DType::F32 { 0 } else { 2 };
    let build =
        move |x: &[Tensor]| Tensor::record(Scan { kind, axis, exclusive }, &x.iter().collect::<Vec<_>>());
    case(op, name, inputs, build).order(order).loose_slopes(2.0)
}

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ALL.into_iter().flat_map(|(op, kind)| of_kind(op, kind)).collect();
    let zeros = || given(DType::F32, &[2, 5], vec![2.0, 0.0, 3.0, 0.0, 4.0, 0.0, -1.5, 2.5, 0.5, 3.0]);
    cases.extend([
        case("cumprod", "with zeros", [zeros()], |x: &[Tensor]| x[0].cumprod(1)),
        case("cumprod", "of columns with zeros", [zeros()], |x: &[Tensor]| x[0].cumprod(0)),
        case("linear_scan", "with zero factors", [zeros(), float([2, 5])], |x: &[Tensor]| {
            x[0].linear_scan(&x[1], -1)
        }),
        case("linear_scan", "broadcast", [float([1]), float([3, 4])], |x: &[Tensor]| {
            x[0].linear_scan(&x[1], 1)
        }),
        case("cummax", "values", [float([3, 9])], |x: &[Tensor]| x[0].cummax(1).0),
        case("cummax", "a view", [float([3, 4, 5]).lies(Lies::SlicedPermuted)], |x: &[Tensor]| {
            x[0].cummax(-2).0.tanh()
        }),
        case("cummax", "of one", [float([3, 1])], |x: &[Tensor]| x[0].cummax(1).0),
        case("cummax", "of nothing", [float([3, 0])], |x: &[Tensor]| x[0].cummax(1).0),
        case(
            "linear_scan",
            "starts anew after NaN",
            [
                given(DType::F32, &[9], vec![2.0, 1.0, 0.0, 3.0, 0.0, 2.0, 1e30, 1e30, 2.0]),
                given(DType::F32, &[9], vec![1.0, f64::NAN, 3.0, f64::INFINITY, 2.0, 1.0, 0.0, 0.0, 0.0]),
            ],
            |x: &[Tensor]| x[0].linear_scan(&x[1], 0),
        )
        .special(),
        case("cummin", "values", [float([9, 3])], |x: &[Tensor]| x[0].cummin(0).0),
        case("logcumsumexp", "rows", [float([3, 9])], |x: &[Tensor]| x[0].logcumsumexp(1)).loose_slopes(2.0),
        case("logcumsumexp", "columns", [float([4, 3])], |x: &[Tensor]| x[0].logcumsumexp(0)),
        case("logcumsumexp", "of nothing", [float([0, 3])], |x: &[Tensor]| x[0].logcumsumexp(0)),
        case("cumsum", "of a fused producer", [float([4, 5])], |x: &[Tensor]| {
            (&x[0] * 2.0).tanh().cumsum(0).exp()
        }),
        case("cumsum", "of a long list", [float([100_003])], |x: &[Tensor]| x[0].cumsum(0)).order(0),
        case("cumsum", "of long columns", [float([20_001, 3])], |x: &[Tensor]| x[0].cumsum(0)).order(0),
        case("cumsum", "of a repeated number", [float([])], |x: &[Tensor]| x[0].expand([40]).cumsum(0)),
        case("cumsum", "of a long list, sloped", [float([3000])], |x: &[Tensor]| x[0].cumsum(0)).order(1),
    ]);
    cases
}

fn of_kind(op: &'static str, kind: Scanned) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, axis, input| cases.push(scan(op, kind, name, axis, false, input));
    add("last axis", 2, float([3, 2, 5]));
    add("middle axis", 1, float([3, 5, 2]));
    add("first axis", 0, float([5, 3, 2]));
    add("axis of size 1", 1, float([3, 1, 4]));
    add("one element", 0, float([1]));
    add("no elements", 0, float([0, 3]));
    add("no lines", 0, float([3, 0]));
    let near_1 = |shape| float(shape).range(0.9, 1.05);
    add("rows beyond a thread", 1, near_1([2, 70]));
    for lies in VIEWS {
        add(&format!("{lies:?}"), 1, float([3, 5, 4]).lies(lies));
        add(&format!("first axis, {lies:?}"), 0, float([3, 5]).lies(lies));
    }
    if kind != Scanned::Linear {
        add("i32", 1, int([3, 9], -9.0, 10.0));
        add("u32", 0, uint([9, 2], 100));
    }
    if matches!(kind, Scanned::MaxIndex | Scanned::MinIndex) {
        add("ties", 0, int([40], 0.0, 3.0));
    } else {
        cases.push(scan(op, kind, "exclusive", 1, true, float([3, 5, 2])));
        cases.push(scan(op, kind, "exclusive, one element", 0, true, float([1, 2])));
        cases.push(scan(op, kind, "exclusive, flipped", 0, true, float([6]).lies(Lies::Flipped)));
    }
    let special = [
        [1.0, f64::NAN, 2.0, f64::NAN],
        [f64::INFINITY, 1.0, f64::NEG_INFINITY, 3.0],
        [2.0, 2.0, -1.0, -1.0],
        [f64::NEG_INFINITY; 4],
        [0.0, -0.0, 0.0, -0.0],
    ];
    let input = given(DType::F32, &[5, 4], special.concat());
    cases.push(scan(op, kind, "special numbers", 1, false, input).special());
    cases
}
