//! Orders along an axis.

use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Lies, case, float, given, int, truth, uint};

const VIEWS: [Lies; 5] = [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::Expanded, Lies::SlicedPermuted];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for descending in [false, true] {
        let way = if descending { "descending" } else { "ascending" };
        let mut add = |name: &str, axis: isize, input: crate::case::Input| {
            let build = move |x: &[Tensor]| x[0].argsort(axis, descending);
            cases.push(case("argsort", format!("{name}, {way}"), [input.clone()], build).order(0));
        };
        add("last axis", 2, float([3, 2, 5]));
        add("middle axis", 1, float([3, 5, 2]));
        add("first axis", 0, float([5, 3]));
        add("one element", 0, float([1]));
        add("no elements", 1, float([3, 0]));
        add("no lines", 0, float([3, 0]));
        add("ties", 1, int([4, 33], 0.0, 3.0));
        add("i32", 0, int([9, 3], -99.0, 100.0));
        add("u32", 1, uint([3, 9], 100));
        add("truth values", 1, truth([3, 9]));
        add("rows beyond a block", 1, float([3, 65]));
        add("many blocks with ties", 0, int([1000], -50.0, 50.0));
        add("columns beyond a block", 0, float([130, 3]));
        for lies in VIEWS {
            add(&format!("{lies:?}"), 1, float([3, 5, 4]).lies(lies));
        }
        let special = [3.0, f64::NAN, -0.0, f64::INFINITY, 0.0, f64::NEG_INFINITY, -1.0, f64::NAN, 1e-40];
        let input = given(DType::F32, &[9], special.to_vec());
        let build = move |x: &[Tensor]| x[0].argsort(0, descending);
        cases.push(case("argsort", format!("special numbers, {way}"), [input.clone()], build).special());
        let build = move |x: &[Tensor]| x[0].sort(0, descending).0;
        cases.push(case("reorder", format!("special numbers, {way}"), [input], build).special());
        let sorted = move |x: &[Tensor]| x[0].sort(1, descending).0;
        cases.push(case("reorder", format!("rows, {way}"), [float([3, 7])], sorted));
        cases.push(
            case("reorder", format!("long rows, {way}"), [float([2, 130]).range(-300.0, 300.0)], sorted)
                .order(1),
        );
        cases.push(case("reorder", format!("i32, {way}"), [int([3, 9], -9.0, 10.0)], sorted).order(0));
        let permuted = float([3, 5]).lies(Lies::SlicedPermuted);
        cases.push(case("reorder", format!("of a view, {way}"), [permuted], sorted));
    }
    cases.extend(selections());
    cases
}

fn selections() -> Vec<Case> {
    let special = [1.0, f64::NAN, 2.0, 4.0, 1.0, 3.0, f64::INFINITY, f64::NEG_INFINITY, 0.0];
    let special = || given(DType::F32, &[3, 3], special.to_vec());
    vec![
        case("topk", "largest", [float([3, 7])], |x: &[Tensor]| x[0].topk(3, 1, true).0),
        case("topk", "smallest of columns", [float([7, 3])], |x: &[Tensor]| x[0].topk(2, 0, false).0),
        case("topk", "positions of ties", [int([4, 20], 0.0, 4.0)], |x: &[Tensor]| x[0].topk(7, 1, true).1)
            .order(0),
        case("topk", "none", [float([3, 7])], |x: &[Tensor]| x[0].topk(0, 1, true).0),
        case("topk", "all", [float([4])], |x: &[Tensor]| x[0].topk(4, -1, true).0),
        case("topk", "special numbers", [special()], |x: &[Tensor]| x[0].topk(2, 1, true).0).special(),
        case("kth_value", "value", [float([3, 7])], |x: &[Tensor]| x[0].kth_value(3, 1).0),
        case("kth_value", "position", [float([7, 3])], |x: &[Tensor]| x[0].kth_value(7, 0).1).order(0),
        case("median", "odd", [float([3, 7])], |x: &[Tensor]| x[0].median(1)),
        case("median", "even", [float([6, 3])], |x: &[Tensor]| x[0].median(0)),
        case("median", "i32", [int([3, 6], -9.0, 10.0)], |x: &[Tensor]| x[0].median(1)).order(0),
        case("median", "special numbers", [special()], |x: &[Tensor]| x[0].median(1)).special(),
        case("quantile", "between", [float([3, 7])], |x: &[Tensor]| x[0].quantile(0.3, 1)),
        case("quantile", "at an element", [float([5, 3])], |x: &[Tensor]| x[0].quantile(0.25, 0)),
        case("quantile", "lowest", [float([5])], |x: &[Tensor]| x[0].quantile(0.0, 0)),
        case("quantile", "highest", [float([5])], |x: &[Tensor]| x[0].quantile(1.0, 0)),
        case("quantile", "of one", [float([3, 1])], |x: &[Tensor]| x[0].quantile(0.7, 1)),
        case("quantile", "special numbers", [special()], |x: &[Tensor]| x[0].quantile(0.5, 1)).special(),
    ]
}
