//! Picking by index, and its adjoint.

use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Input, Lies, case, float, given, int, uint};

fn gather(name: &str, axis: isize, x: Input, index: Input) -> Case {
    case("gather", name, [x, index], move |t: &[Tensor]| t[0].gather(axis, &t[1]))
}

fn scatter(name: &str, axis: isize, size: usize, x: Input, index: Input) -> Case {
    case("scatter_add", name, [x, index], move |t: &[Tensor]| t[0].scatter_add(axis, &t[1], size))
}

pub fn cases() -> Vec<Case> {
    let classes = |n: usize| (0..n).map(|i| (i * 7 % 5) as f64).collect::<Vec<_>>();
    vec![
        gather("first axis", 0, float([5, 3]), uint([4, 3], 5)),
        gather("last axis", -1, float([3, 5]), uint([3, 8], 5)),
        gather("middle axis", 1, float([2, 5, 3]), int([2, 4, 3], 0.0, 5.0)),
        gather("one axis", 0, float([6]), uint([9], 6)),
        gather("one position", 0, float([1, 3]), uint([4, 3], 1)),
        gather("nothing", 0, float([5, 3]), uint([0, 3], 5)),
        gather(
            "of layouts",
            1,
            float([4, 5]).lies(Lies::SlicedPermuted),
            uint([4, 6], 5).lies(Lies::Permuted),
        ),
        gather("i32", 0, int([5, 3], -9.0, 9.0), uint([4, 3], 5)).order(0),
        gather("u32", 0, uint([5, 3], 9), int([4, 3], 0.0, 5.0)).order(0),
        gather("bool", 0, crate::case::truth([5, 3]), int([4, 3], 0.0, 5.0)).order(0),
        scatter("first axis", 0, 4, float([7, 3]), uint([7, 3], 4)),
        scatter("last axis", -1, 6, float([3, 5]), int([3, 5], 0.0, 6.0)),
        scatter("middle axis", 1, 3, float([2, 5, 3]), uint([2, 5, 3], 3)),
        scatter("all in one place", 0, 3, float([50, 2]), uint([50, 2], 1)),
        scatter("nothing", 0, 3, float([0, 2]), uint([0, 2], 3)),
        scatter("to a large axis", 0, 40, float([3, 2]), uint([3, 2], 40)),
        scatter(
            "of layouts",
            0,
            5,
            float([6, 4]).lies(Lies::SlicedPermuted),
            uint([6, 4], 5).lies(Lies::Sliced),
        ),
        scatter("i32", 0, 4, int([7, 3], -9.0, 9.0), uint([7, 3], 4)).order(0),
        scatter("u32", 0, 4, uint([7, 3], 9), uint([7, 3], 4)).order(0),
        case("gather", "out of range reads 0", [float([4])], |t: &[Tensor]| {
            // computed on the device, so not known when it is recorded
            t[0].gather(0, &Tensor::iota(8, t[0].device()))
        }),
        case("gather", "negative reads 0", [float([4])], |t: &[Tensor]| {
            let index = Tensor::iota(8, t[0].device()).to_dtype(DType::I32) - 3;
            t[0].gather(0, &index)
        }),
        case("scatter_add", "out of range is dropped", [float([8])], |t: &[Tensor]| {
            let index = Tensor::iota(8, t[0].device()).to_dtype(DType::I32) - 3;
            t[0].scatter_add(0, &index, 4)
        }),
        case("index_select", "rows of a table", [float([5, 3]), uint([7], 5)], |t: &[Tensor]| {
            t[0].index_select(0, &t[1])
        }),
        case("index_select", "columns", [float([2, 5, 3]), int([4], 0.0, 5.0)], |t: &[Tensor]| {
            t[0].index_select(1, &t[1])
        }),
        case("one_hot", "u32", [given(DType::U32, &[2, 3], classes(6))], |t: &[Tensor]| t[0].one_hot(5))
            .order(0),
        case("one_hot", "i32", [given(DType::I32, &[4], classes(4))], |t: &[Tensor]| t[0].one_hot(7))
            .order(0),
        case("one_hot", "out of range", [float([1])], |t: &[Tensor]| {
            Tensor::iota(5, t[0].device()).one_hot(3)
        })
        .order(0),
    ]
}
