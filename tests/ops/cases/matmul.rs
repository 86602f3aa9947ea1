//! Matrix products of all ranks and layouts.

use anygrad_graph::Tensor;

use crate::case::{Case, Input, Lies, case, float, int, uint};

fn product(name: &str, left: Input, right: Input) -> Case {
    case("matmul", name, [left, right], |x: &[Tensor]| x[0].matmul(&x[1]))
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        product("of vectors", float([5]), float([5])),
        product("of a row and a matrix", float([5]), float([5, 3])),
        product("of a matrix and a column", float([3, 5]), float([5])),
        product("of one element", float([1, 1]), float([1, 1])),
        product("of odd sizes", float([7, 5]), float([5, 3])),
        product("of tall and wide", float([33, 2]), float([2, 31])),
        product("beyond a tile", float([67, 35]), float([35, 70])),
        product("of whole tiles", float([64, 32]), float([32, 64])),
        product("of long rows", float([3, 1500]), float([1500, 2])).order(1).loose(5.0),
        product("of a batch and a matrix", float([2, 3, 4]), float([4, 5])),
        product("of a matrix and a batch", float([3, 4]), float([2, 4, 5])),
        product("of a batch and a vector", float([2, 3, 4]), float([4])),
        product("of a vector and a batch", float([4]), float([2, 4, 3])),
        product("of two batches", float([3, 2, 4]), float([3, 4, 2])),
        product("of broadcast batches", float([2, 1, 3, 4]), float([5, 4, 2])),
        product("of a batch of one", float([1, 3, 4]), float([6, 4, 2])),
        product("without inner elements", float([3, 0]), float([0, 4])),
        product("without rows", float([0, 3]), float([3, 4])),
        product("of an empty batch", float([0, 2, 3]), float([0, 3, 2])),
        product("of an empty batch and a matrix", float([0, 2, 3]), float([3, 2])),
        product("of repeated rows", float([6, 4]).lies(Lies::Expanded), float([4, 3])),
        product("of i32", int([4, 5], -9.0, 9.0), int([5, 3], -9.0, 9.0)).order(0),
        product("of u32", uint([2, 4, 5], 9), uint([2, 5, 3], 9)).order(0),
        case("matmul", "with itself transposed", [float([5, 4])], |x: &[Tensor]| x[0].matmul(&x[0].t())),
        case("matmul", "of fused producers", [float([5, 4]), float([3, 4])], |x: &[Tensor]| {
            (x[0].tanh() * 2.0).matmul(&(&x[1] + 1.0).t()).sigmoid()
        }),
    ];
    for lies in [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::SlicedPermuted] {
        cases.push(product(&format!("left {lies:?}"), float([9, 6]).lies(lies), float([6, 7])));
        cases.push(product(&format!("right {lies:?}"), float([9, 6]), float([6, 7]).lies(lies)));
        cases.push(product(
            &format!("batches {lies:?}"),
            float([2, 5, 6]).lies(lies),
            float([2, 6, 3]).lies(lies),
        ));
    }
    cases
}
