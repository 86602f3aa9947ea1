//! Training: gradients, clipping, steps that are wrong, and a network that learns.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor};
use anygrad_nn::*;
use common::{close, tensor, values};

/// A store with one scalar-like parameter `w` of the given values.
fn weights(start: &[f32]) -> (Params, Param) {
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("").parameter("w", [start.len()], Init::Zeros);
    params.set("w", &tensor(start, [start.len()])).unwrap();
    (params, w)
}

/// The parameter after each of `count` steps on a loss.
fn run(
    optimizer: &dyn Optimizer,
    start: f32,
    lr: f64,
    count: usize,
    loss: impl Fn(&Tensor) -> Tensor,
) -> Vec<f64> {
    let (params, w) = weights(&[start]);
    let step = |_| {
        let loss = loss(&w.tensor()).sum_all();
        optimizer.step(&params, params.grad(&loss), lr).unwrap();
        w.tensor().to_vec::<f32>().unwrap().first().copied().map_or(f64::NAN, f64::from)
    };
    (0..count).map(step).collect()
}

#[test]
fn hand_tables_of_the_optimizers() {
    let plain = run(&Sgd::default(), 1.0, 0.1, 3, |w| w.square());
    close("sgd", &plain, &[0.8, 0.64, 0.512], 1e-6);
    // a gradient of 1 throughout: distances of each step
    let steps = |optimizer: &dyn Optimizer, lr: f64, gradient: f64, count: usize| -> Vec<f64> {
        let at = run(optimizer, 0.0, lr, count, |w| w * gradient);
        std::iter::once(&0.0).chain(&at).zip(&at).map(|(before, after)| before - after).collect()
    };
    let classic = Sgd { momentum: 0.9, ..Sgd::default() };
    close("momentum", &steps(&classic, 0.1, 1.0, 3), &[0.1, 0.19, 0.271], 1e-6);
    let average = Sgd { momentum: 0.9, dampening: 0.9, ..Sgd::default() };
    close("dampened", &steps(&average, 0.1, 1.0, 3), &[0.01, 0.019, 0.0271], 1e-6);
    let nesterov = Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() };
    close("nesterov", &run(&nesterov, 1.0, 0.1, 3, |w| w.square() * 0.5), &[0.81, 0.5751, 0.32732], 1e-4);
    close("adam", &steps(&Adam::default(), 1e-3, 2.0, 3), &[1e-3, 1e-3, 1e-3], 1e-7);
    let rms = RmsProp { alpha: 0.9, ..RmsProp::default() };
    close("rmsprop", &steps(&rms, 0.01, 1.0, 1), &[0.0316228], 1e-6);
    close("rmsprop, small", &steps(&rms, 0.01, 1e-9, 1), &[9.69e-4], 1e-5);
    close("adagrad", &steps(&AdaGrad::default(), 0.1, 1.0, 3), &[0.1, 0.0707107, 0.0577350], 1e-6);
    // decoupled decay shrinks a parameter whose gradient is 0
    close("adamw", &run(&AdamW::default(), 1.0, 0.1, 2, |w| w * 0.0), &[0.999, 0.998001], 1e-6);
}

#[test]
fn clipping_scales_or_cuts() {
    let (params, w) = weights(&[0.0, 0.0]);
    let loss = |factor: f64| (w.tensor() * tensor(&[3.0, 4.0], [2]) * factor).sum_all();
    let clipped = |factor: f64, max: f64| {
        let (gradients, norm) = clip_global_norm(params.grad(&loss(factor)), max);
        (values(gradients.get("w").unwrap()), norm.item().unwrap())
    };
    let (g, norm) = clipped(1.0, 1.0);
    close("clipped", &g, &[0.6, 0.8], 1e-5);
    assert_eq!(norm, 5.0);
    assert_eq!(clipped(1.0, 10.0), (vec![3.0, 4.0], 5.0));
    assert_eq!(clipped(0.0, 1.0), (vec![0.0, 0.0], 0.0));
    let cut = clip_value(params.grad(&loss(-1.0)), 3.5);
    assert_eq!(values(cut.get("w").unwrap()), [-3.0, -3.5]);
    for limit in [0.0, -1.0, f64::NAN] {
        let (gradients, _) = clip_global_norm(params.grad(&loss(1.0)), limit);
        let text = Sgd::default().step(&params, gradients, 0.1).unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("clip_global_norm: the limit is {limit}; it must be above 0")),
            "{text}"
        );
        let text = Sgd::default().step(&params, clip_value(params.grad(&loss(1.0)), limit), 0.1).unwrap_err();
        assert!(text.to_string().starts_with("clip_value: the limit is"), "{text}");
    }
}

#[test]
fn the_norm_is_that_of_all_gradients_together() {
    let params = Params::new(&Device::cpu(), 0);
    let (a, b) =
        (params.at("a").parameter("w", [2], Init::Ones), params.at("b").parameter("w", [1], Init::Ones));
    let loss = (a.tensor() * tensor(&[1.0, 2.0], [2])).sum_all() + (b.tensor() * 2.0).sum_all();
    assert_eq!(params.grad(&loss).norm().item().unwrap(), 3.0);
    let doubled = params.grad(&loss).map(|path, g| if path == "b.w" { g * 2.0 } else { g.clone() });
    assert_eq!(values(doubled.get("b.w").unwrap()), [4.0]);
}

#[test]
fn a_wrong_step_changes_nothing() {
    let params = Params::new(&Device::cpu(), 0);
    let fc = Linear::new(params.at("fc"), 2, 1);
    let unused = Linear::new(params.at("unused"), 2, 1);
    let x = tensor(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    let all = || params.iter().flat_map(|entry| values(&entry.tensor)).collect::<Vec<_>>();
    let before = all();
    let optimizer = AdamW::default();
    let loss = || fc.forward(&x, &mut Ctx::train(0)).square().mean_all();
    let text = |gradients: Gradients, lr: f64| {
        let text = optimizer.step(&params, gradients, lr).unwrap_err().to_string();
        assert_eq!(all(), before);
        assert_eq!(params.state().count(), 0);
        text
    };

    // the loss does not reach one layer
    let error = text(params.grad(&loss()), 0.1);
    assert!(error.starts_with("grad: the loss does not depend on parameter unused.weight"), "{error}");
    let reached = || loss() + unused.forward(&x, &mut Ctx::train(0)).mean_all();
    for (lr, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-0.1, "-0.1")] {
        let error = text(params.grad(&reached()), lr);
        assert_eq!(error, format!("step: the learning rate is {shown}; it must be finite and not below 0"));
    }
    let error = text(params.grad(&(reached() + loss().reshape([2]))), 0.1);
    assert!(error.starts_with("reshape: "), "{error}");
    let error = text(params.grad(&fc.forward(&x, &mut Ctx::train(0))), 0.1);
    assert!(error.starts_with("grad: the loss has shape [2, 1]; reduce it to a scalar first"), "{error}");
    let error = text(params.grad(&reached()).map(|_, g| g.sum_all()), 0.1);
    assert_eq!(error, "gradient: fc.weight is f32 [1, 2], not f32 []");
    let error = text(Gradients::new(loss(), vec![("fc.gone".into(), x.clone())]), 0.1);
    assert_eq!(error, "params: there is no fc.gone");
    let bad = Adam { beta2: 1.0, ..Adam::default() };
    let error = bad.step(&params, params.grad(&reached()), 0.1).unwrap_err().to_string();
    assert_eq!(error, "Adam: beta2 is 1; it must be in [0, 1)");
    let bad = Sgd { nesterov: true, ..Sgd::default() };
    let error = bad.step(&params, params.grad(&reached()), 0.1).unwrap_err().to_string();
    assert_eq!(error, "Sgd: nesterov needs a momentum above 0 and no dampening");
    assert_eq!(all(), before);
    optimizer.step(&params, params.grad(&reached()), 0.1).unwrap();
    assert_ne!(all(), before);
}

#[test]
fn a_rule_that_breaks_its_promise_is_an_error() {
    struct Broken;
    impl Optimizer for Broken {
        fn update(&self, _: u64, _: f64, w: &Tensor, _: &Tensor, _: &[Tensor]) -> (Tensor, Vec<Tensor>) {
            (w.sum_all(), vec![])
        }
    }
    let (params, w) = weights(&[1.0, 2.0]);
    let error = Broken.step(&params, params.grad(&w.tensor().sum_all()), 0.1).unwrap_err().to_string();
    assert_eq!(error, "update: w is f32 [2], not f32 []");
    assert_eq!(values(&w.tensor()), [1.0, 2.0]);
}

#[test]
fn apply_records_and_eval_runs() {
    let (params, w) = weights(&[1.0, 2.0]);
    let loss = w.tensor().square().sum_all();
    Sgd::default().apply(&params, params.grad(&loss), 0.25).unwrap();
    assert!(!loss.is_evaluated() && !w.tensor().is_evaluated());
    let more = &loss * 2.0;
    params.eval(&[&more]).unwrap();
    assert!(more.is_evaluated() && w.tensor().is_evaluated());
    assert_eq!(more.item().unwrap(), 10.0);
    assert_eq!(values(&w.tensor()), [0.5, 1.0]);
}

#[test]
fn tensors_held_across_a_step_keep_their_values() {
    let (params, w) = weights(&[1.0, 2.0]);
    let held = w.tensor();
    let before = &held * 10.0;
    for _ in 0..3 {
        let loss = w.tensor().square().sum_all();
        Adam::default().step(&params, params.grad(&loss), 0.1).unwrap();
    }
    assert_eq!(values(&held), [1.0, 2.0]);
    assert_eq!(values(&before), [10.0, 20.0]);
    assert_ne!(values(&w.tensor()), [1.0, 2.0]);
}

#[test]
fn a_small_network_learns_xor() {
    let device = Device::cpu();
    let params = Params::new(&device, 7);
    let model = Sequential::new().then(Linear::new(params.at("fc1"), 2, 8)).then(tanh).then(Linear::new(
        params.at("fc2"),
        8,
        2,
    ));
    let x = tensor(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [4, 2]);
    let labels = Tensor::from_slice(&[0u32, 1, 1, 0], [4], &device);
    let mut ctx = Ctx::train(7);
    let optimizer = Adam::default();
    let mut last = f32::NAN;
    for _ in 0..200 {
        let loss = cross_entropy(&model.forward(&x, &mut ctx), &labels);
        optimizer.step(&params, params.grad(&loss), 0.05).unwrap();
        last = loss.item().unwrap();
    }
    assert!(last < 0.01, "the loss is {last}");
    let chosen = model.forward(&x, &mut Ctx::eval()).argmax(1).to_vec::<u32>().unwrap();
    assert_eq!(chosen, [0, 1, 1, 0]);
}

#[test]
fn a_step_overwrites_parameters_and_state_in_place() {
    let params = Params::new(&Device::cpu(), 0);
    let fc = Linear::new(params.at("fc"), 2, 3);
    let x = tensor(&[1.0, 2.0], [1, 2]);
    let loss = fc.forward(&x, &mut Ctx::train(0)).square().mean_all();
    Adam::default().apply(&params, params.grad(&loss), 0.1).unwrap();
    let pending: Vec<Tensor> = params.iter().chain(params.state()).map(|entry| entry.tensor).collect();
    let roots: Vec<&Tensor> = pending.iter().chain([&loss]).collect();
    let plan = anygrad_graph::explain(&roots).unwrap().to_string();
    // two parameters with two moments each; the input is held
    assert_eq!(plan.matches(", overwritten").count(), 6, "{plan}");
}
