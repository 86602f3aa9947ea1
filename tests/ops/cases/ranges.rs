//! Numbers in a row and grids of them. The inputs here only carry the device.

use anygrad_graph::{DType, Device, Tensor};

use crate::case::{Case, case, float};

fn source(op: &'static str, name: &str, build: fn(&Device) -> Tensor) -> Case {
    case(op, name, [float([1])], move |x: &[Tensor]| build(x[0].device())).order(0)
}

pub fn cases() -> Vec<Case> {
    vec![
        source("arange", "f32", |d| Tensor::arange(-1.0, 2.0, 0.1, DType::F32, d)),
        source("arange", "falling", |d| Tensor::arange(5.0, -5.0, -0.75, DType::F32, d)),
        source("arange", "i32", |d| Tensor::arange(-7.0, 20.0, 3.0, DType::I32, d)),
        source("arange", "i32, falling", |d| Tensor::arange(7.0, -20.0, -3.0, DType::I32, d)),
        source("arange", "u32, falling", |d| Tensor::arange(9.0, 0.0, -2.0, DType::U32, d)),
        source("arange", "of nothing", |d| Tensor::arange(3.0, 3.0, 1.0, DType::F32, d)),
        source("linspace", "odd", |d| Tensor::linspace(-1.0, 3.0, 7, DType::F32, d)),
        source("linspace", "even", |d| Tensor::linspace(0.1, 0.3, 10, DType::F32, d)),
        source("linspace", "one", |d| Tensor::linspace(2.0, 3.0, 1, DType::F32, d)),
        source("linspace", "two", |d| Tensor::linspace(2.0, 3.3, 2, DType::F32, d)),
        source("linspace", "none", |d| Tensor::linspace(2.0, 3.0, 0, DType::F32, d)),
        source("logspace", "of ten", |d| Tensor::logspace(-1.0, 2.0, 7, 10.0, DType::F32, d)).loose(4.0),
        case("meshgrid", "both", [float([3]), float([2]), float([4])], |x: &[Tensor]| {
            let grid = Tensor::meshgrid(&[&x[0], &x[1], &x[2]]);
            &grid[0] * &grid[1] + grid[2].square()
        }),
        case("meshgrid", "xy", [float([3]), float([2])], |x: &[Tensor]| {
            let grid = Tensor::meshgrid_xy(&[&x[0], &x[1]]);
            &grid[0] - grid[1].exp()
        }),
        case("full_like", "beside", [float([3, 2])], |x: &[Tensor]| &x[0] * x[0].full_like(2.5)),
    ]
}
