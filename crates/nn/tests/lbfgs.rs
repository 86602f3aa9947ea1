//! L-BFGS against the losses of PyTorch's; `golden/optimizers.py` makes the numbers.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::regression::GOLDEN;
use common::{close, values};

/// Runs until the losses of PyTorch end.
fn minimize(
    golden: &Golden,
    name: &str,
    params: &Params,
    lbfgs: Lbfgs,
    loss: impl FnMut() -> Tensor,
) -> LbfgsReport {
    let (expected, _) = golden.numbers(&format!("lbfgs.{name}"));
    let lbfgs = Lbfgs { max_iter: expected.len() - 1, max_eval: Some(1000), ..lbfgs };
    let found = lbfgs.minimize(params, loss).unwrap();
    // rounding grows along a curved valley: f32 follows the first steps only
    let (count, tolerance) = if golden.dtype == DType::F64 { (expected.len(), 1e-7) } else { (11, 2e-3) };
    let count = count.min(found.losses.len());
    assert!(count > 8, "{found:?}");
    close(name, &found.losses[..count], &expected[..count], tolerance);
    if golden.dtype == DType::F64 {
        close(name, &found.losses[..9], &expected[..9], 1e-11);
    }
    found
}

fn rosenbrock(w: &Tensor, steep: f64) -> Tensor {
    let (a, b) = (w.slice(0, 0, 1), w.slice(0, 1, 1));
    ((&a - 1.0).square() + (b - a.square()).square() * steep).sum_all()
}

#[test]
fn rosenbrocks_valley_is_followed_as_by_pytorch() {
    everywhere(GOLDEN, |golden| {
        for (name, steep, history) in [("rosenbrock", 100.0, 100), ("short", 10.0, 2)] {
            let params = golden.params();
            let w = params.at("").parameter("w", [2], Init::Zeros);
            let start = common::float(&[-1.2, 1.0], [2], golden.dtype).to(&golden.device);
            params.set("w", &start).unwrap();
            let lbfgs = Lbfgs { history, ..Lbfgs::default() };
            let found = minimize(golden, name, &params, lbfgs, || rosenbrock(&w.tensor(), steep));
            let loss = rosenbrock(&w.tensor(), steep).item_f64().unwrap();
            close("where it ends", &[loss], &[found.loss()], 1e-6);
            // on to the minimum
            let more = Lbfgs { max_iter: 200, tolerance_change: 1e-14, ..Lbfgs::default() };
            let found = more.minimize(&params, || rosenbrock(&w.tensor(), steep)).unwrap();
            assert_ne!(found.stop, LbfgsStop::Iterations);
            close(
                "minimum",
                &values(&w.tensor()),
                &[1.0, 1.0],
                if golden.dtype == DType::F64 { 1e-6 } else { 2e-3 },
            );
        }
    });
}

#[test]
fn logistic_regression_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let fc = Linear::new(params.at(""), 3, 1);
        for (path, shape) in [("weight", vec![1, 3]), ("bias", vec![1])] {
            params.set(path, &Tensor::full(shape, 0.0, golden.dtype, &golden.device)).unwrap();
        }
        let (x, t) = (golden.tensor("logistic.x"), golden.tensor("logistic.t"));
        let penalty = Penalty::l2("weight", 0.01);
        minimize(golden, "logistic", &params, Lbfgs::default(), || {
            binary_cross_entropy_with_logits(&fc.forward(&x, &mut Ctx::train(0)), &t) + penalty.of(&params)
        });
        if golden.dtype == DType::F64 {
            close(
                "weight",
                &values(&params.get("weight").unwrap()),
                &golden.numbers("logistic.weight").0,
                1e-5,
            );
            close("bias", &values(&params.get("bias").unwrap()), &golden.numbers("logistic.bias").0, 1e-5);
        }
    });
}

#[test]
fn it_stops_for_a_reason() {
    let params = Params::with_dtype(&Device::cpu(), 0, DType::F64);
    let w = params.at("").parameter("w", [2], Init::Ones);
    let frozen = params.at("").parameter("frozen", [2], Init::Ones);
    params.freeze("frozen").unwrap();
    let bowl = || (w.tensor() - frozen.tensor() * 3.0).square().sum_all();
    let lbfgs = Lbfgs::default();
    let one = Lbfgs { max_iter: 1, ..lbfgs }.minimize(&params, bowl).unwrap();
    assert_eq!((one.stop, one.losses.len()), (LbfgsStop::Iterations, 2));
    let few = Lbfgs { max_eval: Some(1), ..lbfgs };
    params.set("w", &common::float(&[0.0, 1.0], [2], DType::F64)).unwrap();
    assert_eq!(few.minimize(&params, bowl).unwrap().stop, LbfgsStop::Evaluations);
    let whole = lbfgs.minimize(&params, bowl).unwrap();
    assert_eq!(whole.stop, LbfgsStop::Gradient);
    assert!(whole.losses.is_sorted_by(|a, b| a >= b));
    close("w", &values(&w.tensor()), &[3.0, 3.0], 1e-7);
    assert_eq!(values(&frozen.tensor()), [1.0, 1.0]);
    assert_eq!(lbfgs.minimize(&params, bowl).unwrap().evaluations, 1);
    // a loss that is NaN far away is not gone to
    params.set("w", &common::float(&[0.5, 0.5], [2], DType::F64)).unwrap();
    let wall = || (w.tensor() * 4.0 - w.tensor().log() - (-w.tensor() + 1.0).log()).sum_all();
    let found = Lbfgs { rate: 100.0, ..lbfgs }.minimize(&params, wall).unwrap();
    assert!(found.loss().is_finite() && found.losses.is_sorted_by(|a, b| a >= b), "{found:?}");
    let best = (6.0 - 20f64.sqrt()) / 8.0;
    close("in front of the wall", &values(&w.tensor()), &[best, best], 1e-5);
}

#[test]
fn an_error_leaves_the_parameters_where_they_were() {
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("").parameter("w", [2], Init::Ones);
    let mut calls = 0;
    let error = Lbfgs::default().minimize(&params, || {
        calls += 1;
        let loss = w.tensor().square().sum_all();
        if calls < 2 { loss } else { loss.reshape([2]) }
    });
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("reshape"), "{error}");
    assert_eq!(values(&w.tensor()), [1.0, 1.0]);
    let text = |lbfgs: Lbfgs| lbfgs.minimize(&params, || w.tensor().sum_all()).unwrap_err().to_string();
    assert_eq!(text(Lbfgs { history: 0, ..Lbfgs::default() }), "Lbfgs: history is 0; it must be at least 1");
    assert_eq!(
        text(Lbfgs { max_iter: 0, ..Lbfgs::default() }),
        "Lbfgs: max_iter is 0; it must be at least 1"
    );
    let error = text(Lbfgs { tolerance_grad: -1.0, ..Lbfgs::default() });
    assert_eq!(error, "Lbfgs: tolerance_grad is -1; it must be at least 0");
    params.freeze("w").unwrap();
    assert_eq!(text(Lbfgs::default()), "Lbfgs: there is no parameter to train");
}
