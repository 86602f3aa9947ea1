//! Compositions: lines of ordinary code over the ops.

use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Lies, case, float, int, truth};

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("softmax", "rows", [float([5, 7])], |x: &[Tensor]| x[0].softmax(-1)),
        case("softmax", "columns", [float([5, 7])], |x: &[Tensor]| x[0].softmax(0)),
        case("softmax", "large logits", [float([3, 4]).range(80.0, 100.0)], |x: &[Tensor]| x[0].softmax(1))
            .loose(20.0),
        case("softmax", "one class", [float([3, 1])], |x: &[Tensor]| x[0].softmax(1)),
        case("softmax", "other layouts", [float([3, 4, 5]).lies(Lies::SlicedPermuted)], |x: &[Tensor]| {
            x[0].softmax(1)
        }),
        case("log_softmax", "rows", [float([5, 7])], |x: &[Tensor]| x[0].log_softmax(-1)),
        case("log_softmax", "large logits", [float([3, 4]).range(500.0, 600.0)], |x: &[Tensor]| {
            x[0].log_softmax(1)
        })
        .loose(20.0),
        case(
            "log_softmax",
            "cross entropy",
            [float([4, 5]), crate::case::uint([4, 1], 5)],
            |x: &[Tensor]| -x[0].log_softmax(1).gather(1, &x[1]).mean_all(),
        ),
        case("var", "all axes", [float([5, 7])], |x: &[Tensor]| x[0].var(&[0, 1])),
        case("var", "some axes", [float([4, 5, 6])], |x: &[Tensor]| x[0].var(&[0, 2])),
        case("var", "far from 0", [float([4, 9]).range(100.0, 101.0)], |x: &[Tensor]| x[0].var(&[1]))
            .loose(300.0),
        case("var", "normalised rows", [float([4, 9])], |x: &[Tensor]| {
            (&x[0] - x[0].mean_keep(&[1])) * (x[0].var(&[1]) + 1e-5).rsqrt().unsqueeze(1)
        }),
        case("select", "numbers", [truth([3, 4]), float([3, 4])], |x: &[Tensor]| x[0].select(&x[1], -1.5)),
        case("select", "by comparison", [float([5, 5]), float([5])], |x: &[Tensor]| {
            x[0].gt(&x[1]).select(x[0].square(), x[1].exp())
        }),
        case("clamp", "to numbers", [float([5, 7])], |x: &[Tensor]| x[0].clamp(-0.5, 1.0)),
        case("stack", "of bool and i32", [truth([4]), int([4], -3.0, 3.0)], |x: &[Tensor]| {
            x[0].to_dtype(DType::I32) * &x[1]
        })
        .order(0),
        case("to_bool", "f32", [float([4])], |x: &[Tensor]| x[0].to_dtype(DType::Bool)).order(0),
        case(
            "network",
            "two layers",
            [float([6, 4]), float([4, 5]), float([5]), float([5, 3])],
            |x: &[Tensor]| (x[0].matmul(&x[1]) + &x[2]).tanh().matmul(&x[3]).log_softmax(1),
        ),
        case(
            "network",
            "attention",
            [float([2, 4, 3]), float([2, 5, 3]), float([2, 5, 3])],
            |x: &[Tensor]| (x[0].matmul(&x[1].t()) * 0.5).softmax(-1).matmul(&x[2]),
        ),
    ];
    for power in [-3, -1, 0, 1, 2, 3, 6, 7] {
        let input = if power < 0 { float([4, 3]).range(0.5, 2.0) } else { float([4, 3]) };
        let order = if power == 0 { 0 } else { 2 };
        cases.push(
            case("powi", power.to_string(), [input], move |x: &[Tensor]| x[0].powi(power)).order(order),
        );
    }
    cases
}
