//! Writing by index, and picking by index in other words.

use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Input, Lies, case, float, given, int, truth, uint};

fn three(op: &'static str, name: &str, inputs: [Input; 3], build: fn(&[Tensor]) -> Tensor) -> Case {
    case(op, name, inputs, build)
}

fn scatter(name: &str, inputs: [Input; 3], axis: isize) -> Case {
    case("scatter", name, inputs, move |x: &[Tensor]| x[0].scatter(axis, &x[1], &x[2]))
}

fn add(name: &str, inputs: [Input; 3], axis: isize) -> Case {
    case("scatter_add_into", name, inputs, move |x: &[Tensor]| x[0].scatter_add_into(axis, &x[1], &x[2]))
}

fn last(name: &str, index: Input, axis: usize, size: usize) -> Case {
    case("last_match", name, [index], move |x: &[Tensor]| {
        Tensor::record(anygrad_graph::ops::scatter::LastMatch { axis, size }, &[&x[0]])
    })
    .order(0)
}

pub fn cases() -> Vec<Case> {
    [written(), added(), lines(), picked(), last_matches()].concat()
}

fn last_matches() -> Vec<Case> {
    vec![
        last("first axis", uint([7, 3], 4), 0, 5),
        last("middle axis", int([2, 6, 3], -2.0, 5.0).lies(Lies::SlicedPermuted), 1, 3),
        last("last axis", int([3, 5], -1.0, 4.0).lies(Lies::Flipped), 1, 4),
        last("repeats", uint([4, 3], 3).lies(Lies::Expanded), 0, 3),
        last("of nothing", uint([0, 2], 3), 0, 3),
        last("to nothing", uint([2, 3], 3), 1, 0),
        // many threads for each place
        last(
            "of many",
            given(DType::U32, &[40_000], (0..40_000).map(|i| (i % 7_919) as f64).collect()),
            0,
            9,
        ),
        last(
            "early and late",
            given(DType::U32, &[40_000], (0..40_000).map(|i| f64::from(u8::from(i > 9))).collect()),
            0,
            3,
        ),
    ]
}

fn written() -> Vec<Case> {
    vec![
        scatter("first axis", [float([5, 3]), uint([4, 3], 5), float([4, 3])], 0),
        scatter("last axis", [float([2, 6]), int([2, 5], 0.0, 6.0), float([2, 5])], -1),
        scatter("middle axis", [float([2, 4, 3]), uint([2, 5, 3], 4), float([2, 5, 3])], 1),
        scatter("a smaller index", [float([4, 5, 3]), uint([2, 3, 3], 4), float([3, 3, 5])], 0),
        scatter("all in one place", [float([3, 2]), uint([9, 2], 1), float([9, 2])], 0),
        scatter("nothing", [float([3, 2]), uint([0, 2], 3), float([0, 2])], 0),
        scatter("into nothing", [float([3, 0]), uint([2, 0], 3), float([2, 0])], 0),
        scatter(
            "of layouts",
            [
                float([5, 4]).lies(Lies::SlicedPermuted),
                uint([6, 4], 5).lies(Lies::Permuted),
                float([6, 4]).lies(Lies::Flipped),
            ],
            0,
        ),
        scatter("i32", [int([5], -9.0, 9.0), uint([4], 5), int([4], -9.0, 9.0)], 0).order(0),
        scatter("u32", [uint([5], 9), uint([4], 5), uint([4], 9)], 0).order(0),
        scatter("bool", [truth([5]), uint([4], 5), truth([4])], 0).order(0),
        case("scatter", "out of range is dropped", [float([4]), float([9])], |x: &[Tensor]| {
            let index = Tensor::iota(9, x[0].device()).to_dtype(DType::I32) - 3;
            x[0].scatter(0, &index, &x[1])
        }),
        three("scatter", "squared", [float([4, 2]), uint([3, 2], 4), float([3, 2])], |x| {
            (x[0].exp().scatter(0, &x[1], &(&x[2] * &x[2]))).square()
        }),
    ]
}

fn added() -> Vec<Case> {
    vec![
        add("first axis", [float([5, 3]), uint([4, 3], 5), float([4, 3])], 0),
        add("a smaller index", [float([4, 5, 3]), uint([2, 3, 3], 4), float([3, 3, 5])], 0),
        add("last axis, smaller", [float([4, 5]), uint([3, 2], 5), float([4, 3])], 1),
        add("nothing", [float([3, 2]), uint([0, 2], 3), float([0, 2])], 0),
        add("i32", [int([5], -9.0, 9.0), uint([4], 5), int([4], -9.0, 9.0)], 0).order(0),
        add("u32", [uint([5], 9), uint([4], 5), uint([4], 9)], 0).order(0),
    ]
}

fn lines() -> Vec<Case> {
    vec![
        three("index_add", "rows", [float([5, 3]), uint([7], 5), float([7, 3])], |x| {
            x[0].index_add(0, &x[1], &x[2])
        }),
        three("index_add", "columns", [float([2, 4]), int([3], 0.0, 4.0), float([2, 3])], |x| {
            x[0].index_add(-1, &x[1], &x[2]).square()
        }),
        three("index_copy", "rows", [float([5, 3]), uint([7], 5), float([7, 3])], |x| {
            x[0].index_copy(0, &x[1], &x[2])
        }),
        three("index_copy", "columns", [float([2, 4, 3]), int([3], 0.0, 4.0), float([2, 3, 3])], |x| {
            x[0].index_copy(1, &x[1], &x[2]).square()
        }),
        three("index_copy", "nothing", [float([2, 4]), uint([0], 4), float([0, 4])], |x| {
            x[0].index_copy(0, &x[1], &x[2])
        }),
        three("index_copy", "bool", [truth([5]), uint([3], 5), truth([3])], |x| {
            x[0].index_copy(0, &x[1], &x[2])
        })
        .order(0),
    ]
}

fn picked() -> Vec<Case> {
    let two =
        |op, name: &str, inputs: [Input; 2], build: fn(&[Tensor]) -> Tensor| case(op, name, inputs, build);
    vec![
        two("gather", "a smaller index", [float([4, 5, 3]), uint([2, 7, 2], 5)], |x| x[0].gather(1, &x[1])),
        two("take_along_axis", "broadcast", [float([4, 1, 5]), uint([3, 2], 5)], |x| {
            x[0].take_along_axis(&x[1].unsqueeze(0), -1)
        }),
        two("take_along_axis", "the largest", [float([4, 5]), float([1])], |x| {
            x[0].take_along_axis(&x[0].argmax(1).unsqueeze(1), 1) * &x[1]
        }),
        two("embedding", "of a batch", [float([6, 3]), uint([2, 4], 6)], |x| x[0].embedding(&x[1])),
        two("embedding", "of numbers", [float([6]), int([3], 0.0, 6.0)], |x| x[0].embedding(&x[1]).square()),
        two("embedding", "of one", [float([6, 2, 2]), uint([], 6)], |x| x[0].embedding(&x[1])),
        two("embedding", "nothing", [float([6, 2]), uint([0, 3], 6)], |x| x[0].embedding(&x[1])),
        two("embedding", "out of range", [float([3, 2]), float([1])], |x| {
            x[0].embedding(&Tensor::iota(5, x[0].device())) * &x[1]
        }),
    ]
}
