//! What the theory of descent says, on problems whose answers are known.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::*;
use common::golden::everywhere;
use common::regression::GOLDEN;
use common::{close, float, tensor, values};

/// A store with one parameter `w` in f64.
fn weights(start: &[f64]) -> (Params, Param) {
    let params = Params::with_dtype(&Device::cpu(), 0, DType::F64);
    let w = params.at("").parameter("w", [start.len()], Init::Zeros);
    params.set("w", &float(start, [start.len()], DType::F64)).unwrap();
    (params, w)
}

/// The losses of `count` steps, and where they lead.
fn run(
    optimizer: &dyn Optimizer,
    start: &[f64],
    rate: f64,
    count: usize,
    loss: impl Fn(&Tensor) -> Tensor,
) -> (Vec<f64>, Vec<f64>) {
    let (params, w) = weights(start);
    let step = |_| {
        let loss = loss(&w.tensor());
        optimizer.step(&params, params.grad(&loss), rate).unwrap();
        loss.item_f64().unwrap()
    };
    ((0..count).map(step).collect(), values(&w.tensor()))
}

/// `½·(x² + 10·y²)`, whose second derivatives are at most L = 10.
fn bowl(w: &Tensor) -> Tensor {
    (w.square() * float(&[0.5, 5.0], [2], DType::F64)).sum_all()
}

/// `x² − y²`.
fn saddle(w: &Tensor) -> Tensor {
    (w.square() * float(&[1.0, -1.0], [2], DType::F64)).sum_all()
}

#[test]
fn the_whole_batch_descends_monotonically_below_the_critical_rate() {
    // 2 / L = 0.2
    let (losses, end) = run(&Sgd::default(), &[3.0, 1.0], 0.19, 300, bowl);
    assert!(losses.is_sorted_by(|a, b| a > b));
    close("minimum", &end, &[0.0, 0.0], 1e-10);
    let (losses, _) = run(&Sgd::default(), &[3.0, 1.0], 0.21, 300, bowl);
    assert!(losses[299] > losses[0]);
}

#[test]
fn descent_escapes_saddles_and_newton_goes_to_them() {
    for optimizer in [Sgd::default(), Sgd { momentum: 0.9, ..Sgd::default() }] {
        let (_, end) = run(&optimizer, &[1.0, 1e-3], 0.1, 60, saddle);
        assert!(end[1].abs() > 1.0, "{end:?}");
    }
    let (params, w) = weights(&[1.0, 1e-3]);
    let found = Newton::default().minimize(&params, || saddle(&w.tensor())).unwrap();
    assert!(found.converged);
    close("the saddle", &values(&w.tensor()), &[0.0, 0.0], 1e-12);
    // the most negative eigenvalue is −2
    let (params, w) = weights(&[1.0, 1e-3]);
    let damped = Newton { damping: 3.0, max_iter: 8, ..Newton::default() };
    let found = damped.minimize(&params, || saddle(&w.tensor())).unwrap();
    assert!(found.losses.is_sorted_by(|a, b| a > b) && found.loss() < 0.0, "{found:?}");
}

#[test]
fn newton_solves_a_quadratic_in_one_step() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let (a, b) =
            (params.at("").parameter("a", [2], Init::Ones), params.at("").parameter("b", [1], Init::Ones));
        let free = params.at("").parameter("free", [3], Init::Ones);
        params.freeze("free").unwrap();
        // (a₀ + b)² + 2·(a₁ − 1)² + b² + b: least at b = −½, a = (½, 1)
        let loss = || {
            let (first, second) = (a.tensor().slice(0, 0, 1), a.tensor().slice(0, 1, 1));
            let all = (first + b.tensor()).square() + (second - 1.0).square() * 2.0;
            (all + b.tensor().square() + b.tensor()).sum_all() * free.tensor().mean_all()
        };
        let found = Newton { max_iter: 1, tolerance_grad: 1e-5, ..Newton::default() };
        let found = found.minimize(&params, loss).unwrap();
        assert!(found.converged, "{found:?}");
        close("losses", &found.losses, &[6.0, -0.25], golden.tolerance);
        close("a", &values(&a.tensor()), &[0.5, 1.0], golden.tolerance);
        close("b", &values(&b.tensor()), &[-0.5], golden.tolerance);
    });
    // of a loss that is no quadratic: e^w − 2w is least at ln 2, and convergence is quadratic
    let (params, w) = weights(&[0.0, 3.0]);
    let found =
        Newton::default().minimize(&params, || (w.tensor().exp() - w.tensor() * 2.0).sum_all()).unwrap();
    assert!(found.converged && found.losses.len() < 9, "{found:?}");
    close("ln 2", &values(&w.tensor()), &[2f64.ln(); 2], 1e-7);
}

#[test]
fn newton_says_what_is_wrong() {
    let (params, w) = weights(&[1.0, 2.0]);
    let text =
        |newton: Newton, loss: &dyn Fn() -> Tensor| newton.minimize(&params, loss).unwrap_err().to_string();
    let newton = Newton::default();
    let error = text(newton, &|| w.tensor().slice(0, 0, 1).square().sum_all());
    assert!(error.contains("singular"), "{error}");
    assert_eq!(values(&w.tensor()), [1.0, 2.0]);
    let error = text(newton, &|| w.tensor());
    assert!(error.starts_with("grad: the loss has shape [2]"), "{error}");
    let error = text(Newton { damping: -1.0, ..newton }, &|| bowl(&w.tensor()));
    assert_eq!(error, "Newton: damping is -1; it must be at least 0");
    let large = Params::new(&Device::cpu(), 0);
    let v = large.at("").parameter("v", [513], Init::Ones);
    let error = newton.minimize(&large, || v.tensor().square().sum_all()).unwrap_err().to_string();
    assert_eq!(error, "Newton: there are 513 scalars to train; at most 512 can be");
}

#[test]
fn adam_scales_coupled_decay_and_adamw_does_not() {
    let loss = |w: &Tensor| (w * float(&[1.0, 100.0], [2], DType::F64)).sum_all();
    let end = |optimizer: &dyn Optimizer| run(optimizer, &[1.0, 1.0], 0.1, 20, loss).1;
    let coupled = end(&Adam { weight_decay: 0.5, ..Adam::default() });
    let decoupled = end(&AdamW { weight_decay: 0.5, ..AdamW::default() });
    // Adam divides the decay by the size of the gradient, so the two weights shrink differently
    assert!((coupled[0] - coupled[1]).abs() > 1e-4, "{coupled:?}");
    assert!((decoupled[0] - decoupled[1]).abs() < 1e-6, "{decoupled:?}");
}

#[test]
fn a_larger_penalty_makes_smaller_weights() {
    let x = tensor(&[1.0, 0.5, -1.0, 2.0, 0.3, -0.7, 1.5, 1.0], [4, 2]);
    let t = tensor(&[2.0, -1.0, 0.5, 3.0], [4, 1]);
    let norm = |factor: f64| {
        let params = Params::new(&Device::cpu(), 0);
        let fc = Linear::new(params.at("fc"), 2, 1);
        for _ in 0..200 {
            let loss = mse(&fc.forward(&x, &mut Ctx::train(0)), &t);
            let loss = loss + Penalty::l2("*.weight", factor).of(&params);
            Sgd::default().step(&params, params.grad(&loss), 0.1).unwrap();
        }
        let w = values(&params.get("fc.weight").unwrap());
        w.iter().map(|w| w * w).sum::<f64>().sqrt()
    };
    let norms = [0.0, 0.01, 0.1, 1.0, 10.0].map(norm);
    assert!(norms.is_sorted_by(|a, b| a > b) && norms[0] > 4.0 * norms[4], "{norms:?}");
}

#[test]
fn an_l1_penalty_finds_the_weights_that_do_not_matter() {
    let mut rng = anygrad_graph::Rng::new(5);
    let x = (rng.uniform([64, 6], &Device::cpu()) - 0.5).detached().unwrap();
    let t = (x.slice(1, 2, 1) * 3.0).detached().unwrap();
    let params = Params::new(&Device::cpu(), 0);
    let fc = Linear::new(params.at("fc"), 6, 1);
    for step in 0..600 {
        let loss = mse(&fc.forward(&x, &mut Ctx::train(0)), &t) + Penalty::l1("fc.weight", 0.01).of(&params);
        Sgd::default().step(&params, params.grad(&loss), 0.3 / f64::from(1 + step / 100)).unwrap();
    }
    let w = values(&params.get("fc.weight").unwrap());
    // steps of lr·λ to and fro remain
    assert!(w[2] > 2.5 && w.iter().enumerate().all(|(i, w)| i == 2 || w.abs() < 1e-3), "{w:?}");
}

#[test]
fn rmsprop_learns_with_all_its_defaults() {
    let params = Params::new(&Device::cpu(), 7);
    let model = Sequential::new().then(Linear::new(params.at("fc1"), 2, 16)).then(tanh).then(Linear::new(
        params.at("fc2"),
        16,
        2,
    ));
    let x = tensor(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2]);
    let labels = Tensor::from_slice(&[0u32, 1, 1, 0], [4], &Device::cpu());
    let rule = optimizer("rmsprop").unwrap();
    for _ in 0..1500 {
        let loss = cross_entropy(&model.forward(&x, &mut Ctx::train(0)), &labels);
        rule.step(&params, params.grad(&loss), rule.default_rate()).unwrap();
    }
    let chosen = model.forward(&x, &mut Ctx::eval()).argmax(1).to_vec::<u32>().unwrap();
    assert_eq!(chosen, [0, 1, 1, 0]);
}

#[test]
fn a_small_gradient_shows_where_epsilon_stands() {
    let first = |eps_inside: bool| {
        let rule = RmsProp { alpha: 0.9, eps: 1e-8, eps_inside, ..RmsProp::default() };
        -run(&rule, &[0.0], 0.01, 1, |w| (w * 1e-9).sum_all()).1[0]
    };
    close("outside", &[first(false)], &[9.69e-4], 1e-6);
    close("inside", &[first(true) * 1e7], &[1.0], 1e-3);
}

#[test]
fn one_sample_at_a_time_is_repeatable() {
    let run = || {
        let params = Params::new(&Device::cpu(), 3);
        let fc = Linear::new(params.at("fc"), 2, 1);
        let mut path = Vec::new();
        for sample in [2, 0, 3, 1, 2, 0] {
            let x = tensor(&[0.1 * sample as f32, 1.0 - 0.3 * sample as f32], [1, 2]);
            let loss = fc.forward(&x, &mut Ctx::train(0)).square().mean_all();
            Sgd::default().step(&params, params.grad(&loss), 0.1).unwrap();
            path.extend(
                params.get("fc.weight").unwrap().to_vec::<f32>().unwrap().into_iter().map(f32::to_bits),
            );
        }
        path
    };
    assert_eq!(run(), run());
}

/// Rosenblatt's rule is no gradient of a smooth loss, but its corrections are gradients to an optimizer.
#[test]
fn the_perceptron_rule_learns_and_and_or() {
    let x = tensor(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2]);
    for targets in [[0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0]] {
        let params = Params::new(&Device::cpu(), 0);
        let fc = Linear::new(params.at(""), 2, 1);
        let (t, mut epochs) = (tensor(&targets, [4, 1]), 0);
        loop {
            let wrong = &t - step(&fc.forward(&x, &mut Ctx::train(0)));
            let corrections: Vec<_> = vec![
                ("weight".into(), -(wrong.transpose(0, 1).matmul(&x))),
                ("bias".into(), -wrong.sum(&[0])),
            ];
            let mistakes = wrong.abs().sum_all();
            Sgd::default().step(&params, Gradients::new(mistakes.clone(), corrections), 0.5).unwrap();
            if mistakes.item().unwrap() == 0.0 {
                break;
            }
            epochs += 1;
            assert!(epochs < 50, "{targets:?}");
        }
    }
}

#[test]
fn ftrl_leaves_exact_zeros() {
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("").parameter("w", [1], Init::Zeros);
    let ftrl = Ftrl { l1: 1.0, ..Ftrl::default() };
    let mut path = Vec::new();
    for _ in 0..4 {
        ftrl.step(&params, params.grad(&(w.tensor() * 0.5).sum_all()), 0.1).unwrap();
        path.extend(values(&w.tensor()));
    }
    close("hand table", &path, &[0.0, 0.0, -0.026795, -0.051795], 1e-6);

    // two of a hundred features decide; L1 by descent comes close to 0, FTRL gets there
    let mut rng = anygrad_graph::Rng::new(3);
    let x = rng.uniform([200, 100], &Device::cpu()).detached().unwrap() - 0.5;
    let x = x.detached().unwrap();
    let t =
        (x.slice(1, 0, 1) * 3.0 - x.slice(1, 1, 1) * 2.0).gt(0.0).to_dtype(DType::F32).detached().unwrap();
    let zeros = |optimizer: &dyn Optimizer, rate: f64, penalty: f64| {
        let params = Params::new(&Device::cpu(), 0);
        let fc = Linear::new(params.at(""), 100, 1).bias(false);
        for _ in 0..150 {
            let loss = binary_cross_entropy_with_logits(&fc.forward(&x, &mut Ctx::train(0)), &t);
            let loss = loss + Penalty::l1("weight", penalty).of(&params);
            optimizer.step(&params, params.grad(&loss), rate).unwrap();
        }
        let w = values(&params.get("weight").unwrap());
        assert!(w[0] > 0.3 && w[1] < -0.2, "{:?}", &w[..2]);
        w.iter().filter(|&&w| w == 0.0).count()
    };
    let sparse = zeros(&Ftrl { l1: 3.0, ..Ftrl::default() }, 0.5, 0.0);
    assert!(sparse >= 90, "{sparse}");
    let dense = zeros(&Sgd::default(), 0.5, 0.02);
    assert!(dense < 5, "{dense}");
}

#[test]
fn tables_of_the_textbook() {
    let distances = |optimizer: &dyn Optimizer, rate: f64, count: usize| {
        let params = Params::with_dtype(&Device::cpu(), 0, DType::F64);
        let w = params.at("").parameter("w", [1], Init::Zeros);
        let mut last = 0.0;
        let step = |_| {
            optimizer.step(&params, params.grad(&w.tensor().sum_all()), rate).unwrap();
            let (before, now) = (last, values(&w.tensor())[0]);
            last = now;
            before - now
        };
        (0..count).map(step).collect::<Vec<f64>>()
    };
    let delta = AdaDelta { rho: 0.95, ..AdaDelta::default() };
    close("adadelta", &distances(&delta, 1.0, 2), &[0.004472, 0.004529], 1e-6);
    let inside = RmsProp { alpha: 0.9, eps: 1e-8, eps_inside: true, ..RmsProp::default() };
    close("rmsprop", &distances(&inside, 0.01, 1), &[0.0316228], 1e-7);
}
