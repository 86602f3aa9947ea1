//! Counting, numbers and random bits: what has no tensor input of its own. The inputs here only carry the device.

use anygrad_graph::{DType, Device, Rng, Tensor};

use crate::case::{Case, case, float};

fn source(op: &'static str, name: &str, build: impl Fn(&Device) -> Tensor + Send + Sync + 'static) -> Case {
    case(op, name, [float([1])], move |x: &[Tensor]| build(x[0].device())).order(0)
}

pub fn cases() -> Vec<Case> {
    vec![
        source("iota", "plain", |d| Tensor::iota(1000, d)),
        source("iota", "of nothing", |d| Tensor::iota(0, d)),
        source("iota", "as a matrix, turned", |d| Tensor::iota(24, d).reshape([4, 6]).t()),
        source("iota", "a part, backwards", |d| Tensor::iota(20, d).slice(0, 3, 11).flip(&[0])),
        source("iota", "copied by a reshape", |d| Tensor::iota(24, d).reshape([4, 6]).t().reshape([24])),
        source("iota", "in arithmetic", |d| Tensor::iota(9, d).to_dtype(DType::F32) * 0.5 - 1.0),
        source("iota", "into a product", |d| {
            let x = Tensor::iota(12, d).reshape([3, 4]);
            x.matmul(&x.t())
        }),
        source("iota", "into a sum", |d| Tensor::iota(12, d).reshape([3, 4]).sum(&[1])),
        source("number", "f32", |d| Tensor::full([3, 2], 1.5, DType::F32, d)),
        source("number", "i32", |d| Tensor::full([3], -7.0, DType::I32, d)),
        source("number", "u32", |d| Tensor::full([3], 4_000_000_000.0, DType::U32, d)),
        source("number", "bool", |d| Tensor::full([3], 1.0, DType::Bool, d)),
        source("number", "of nothing", |d| Tensor::full([0, 2], 1.0, DType::F32, d)),
        source("number", "into a sum", |d| Tensor::ones([6, 7], d).sum(&[0])),
        source("number", "into a product", |d| {
            Tensor::ones([3, 5], d).matmul(&Tensor::full([5, 2], 2.0, DType::F32, d))
        }),
        source("number", "several", |d| (Tensor::ones([3], d) * 2.0 + 3.0) / 4.0),
        case("leaf", "as it is", [float([3, 4])], |x: &[Tensor]| x[0].clone()),
        case("stop_gradient", "value", [float([3, 4])], |x: &[Tensor]| x[0].stop_gradient()).order(0),
        case(
            "stop_gradient",
            "beside what is differentiated",
            [float([3]), float([3]).constant()],
            |x: &[Tensor]| &x[0] * x[1].stop_gradient().square(),
        ),
        source("threefry", "bits", |d| Rng::new(7).bits([1001], d)),
        source("threefry", "of a matrix, the second draw", |d| {
            let mut rng = Rng::new(u64::MAX);
            rng.next_key();
            rng.bits([13, 17], d)
        }),
        source("unit_float", "uniform", |d| Rng::new(7).uniform([1001], d)),
        source("unit_float", "a mask", |d| Rng::new(3).bernoulli(0.3, [40, 5], d)),
        source("unit_float", "dropout", |d| {
            let keep = Rng::new(3).bernoulli(0.5, [40, 5], d);
            keep.select(Tensor::ones([40, 5], d) * 2.0, 0.0)
        }),
    ]
}
