//! What surrounds the optimizers' rules: decay, groups, constraints, clipping, accumulation, names. Numbers from PyTorch;
//! `golden/optimizers.py` makes them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::Device;
use anygrad_graph::Tensor;
use anygrad_nn::*;
use common::golden::everywhere;
use common::regression::{GOLDEN, model, plain, steps};
use common::{close, tensor, values};

#[test]
fn every_rule_decays_as_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let weight_decay = 0.1;
        plain(golden, "adadelta", 1.0, &AdaDelta { weight_decay, ..AdaDelta::default() });
        plain(golden, "adagrad", 0.1, &AdaGrad { weight_decay, ..AdaGrad::default() });
        plain(golden, "adamax", 0.1, &AdaMax { weight_decay, ..AdaMax::default() });
        let nadam = Nadam { weight_decay, ..Nadam::default() };
        plain(golden, "nadam", 0.1, &nadam);
        plain(golden, "nadam decoupled", 0.1, &Nadam { decoupled: true, ..nadam });
        let radam = RAdam { weight_decay, ..RAdam::default() };
        plain(golden, "radam", 0.1, &radam);
        plain(golden, "radam decoupled", 0.1, &RAdam { decoupled: true, ..radam });
        plain(golden, "rmsprop", 0.1, &RmsProp { weight_decay, momentum: 0.5, ..RmsProp::default() });
    });
}

#[test]
fn groups_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let base = AdamW { weight_decay: 0.2, ..AdamW::default() };
        let bias = |o: &AdamW| AdamW { weight_decay: 0.0, beta1: 0.5, beta2: 0.9, ..*o };
        // of several patterns that fit the last counts
        let groups = Groups::new(base).with("*", |_| AdamW::default()).with("weight", |o| *o).rate("*", 7.0);
        let groups = groups.with("bias", bias).rate("bias", 0.2).rate("weight", 1.0);
        plain(golden, "groups", 0.1, &groups);
        // a box is an optimizer, also within another
        let boxed: Box<dyn Optimizer> = Box::new(Constrained::new(groups));
        plain(golden, "groups", 0.1, &Constrained::new(boxed));
    });
}

#[test]
fn groups_freeze_and_keep_their_own_state() {
    let params = Params::new(&Device::cpu(), 1);
    let fc1 = Linear::new(params.at("fc1"), 2, 3);
    let fc2 = Linear::new(params.at("fc2"), 3, 1);
    let x = tensor(&[1.0, 2.0], [1, 2]);
    let before: Vec<Vec<f64>> = params.iter().map(|entry| values(&entry.tensor)).collect();
    let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
    let groups = Groups::new(momentum)
        .with("fc2.weight", |o| Sgd { momentum: 0.0, ..*o })
        .rate("*.bias", 0.0)
        .freeze("fc1.w*");
    for _ in 0..3 {
        let loss = fc2.forward(&fc1.forward(&x, &mut Ctx::train(0)), &mut Ctx::train(0)).square().sum_all();
        groups.step(&params, params.grad(&loss), 0.01).unwrap();
    }
    let after: Vec<Vec<f64>> = params.iter().map(|entry| values(&entry.tensor)).collect();
    let moved: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a != b).collect();
    assert_eq!(moved, [false, false, true, false]);
    let state: Vec<String> = params.state().map(|entry| entry.path.to_string()).collect();
    assert_eq!(state, ["optimizer.fc1.bias.momentum_buffer", "optimizer.fc2.bias.momentum_buffer"]);
    assert_eq!(groups.settings("fc2.weight").momentum, 0.0);

    let text = |optimizer: &dyn Optimizer| {
        let loss = fc2.forward(&fc1.forward(&x, &mut Ctx::train(0)), &mut Ctx::train(0)).square().sum_all();
        optimizer.step(&params, params.grad(&loss), 0.01).unwrap_err().to_string()
    };
    let unknown = "params: no parameter's path fits the pattern \"fc3*\"";
    assert_eq!(text(&Groups::new(momentum).freeze("fc3*")), unknown);
    assert_eq!(text(&Groups::new(momentum).rate("fc3*", 0.1)), unknown);
    assert_eq!(text(&Groups::new(momentum).with("fc3*", |o| *o)), unknown);
    assert_eq!(text(&Constrained::new(momentum).with("fc3*", Constraint::unit_norm())), unknown);
    let error = text(&Groups::new(momentum).rate("fc1*", -1.0));
    assert_eq!(error, "Groups: a rate's factor is -1; it must be at least 0");
    let error = text(&Groups::new(momentum).with("fc1*", |o| Sgd { momentum: 2.0, ..*o }));
    assert_eq!(error, "Sgd: momentum is 2; it must be in [0, 1)");
    assert_eq!(params.iter().map(|entry| values(&entry.tensor)).collect::<Vec<_>>(), after);
}

#[test]
fn constraints_are_kerass() {
    everywhere(GOLDEN, |golden| {
        let sgd = Sgd { momentum: 0.5, ..Sgd::default() };
        let constrained = |name: &str, constraint: Constraint| {
            plain(golden, name, 0.3, &Constrained::new(sgd).with("weight", constraint));
        };
        constrained("max norm", Constraint::max_norm(0.4));
        constrained("max norm", Constraint::max_norm(0.4).axes(&[-1]));
        constrained("unit norm", Constraint::unit_norm());
        constrained("min max norm", Constraint::min_max_norm(0.5, 0.6, 0.7));
        constrained("non negative", Constraint::non_negative());
    });
}

#[test]
fn constraints_take_units_of_any_rank_and_check_their_settings() {
    // each output channel of a convolution, and a vector as a whole
    let w = Tensor::full([2, 2, 2, 2], 1.0, anygrad_graph::DType::F64, &Device::cpu());
    close("conv", &values(&Constraint::unit_norm().apply(&w)), &[1.0 / 8f64.sqrt(); 16], 1e-6);
    let b = tensor(&[3.0, 4.0], [2]);
    close("vector", &values(&Constraint::max_norm(1.0).apply(&b)), &[0.6, 0.8], 1e-6);
    close("zero", &values(&Constraint::unit_norm().apply(&(b * 0.0))), &[0.0, 0.0], 0.0);

    let params = Params::new(&Device::cpu(), 0);
    let fc = Linear::new(params.at("fc"), 2, 2);
    let text = |constraint: Constraint| {
        let loss = fc.forward(&tensor(&[1.0, 2.0], [1, 2]), &mut Ctx::train(0)).sum_all();
        let optimizer = Constrained::new(Sgd::default()).with("fc.weight", constraint);
        optimizer.step(&params, params.grad(&loss), 0.1).unwrap_err().to_string()
    };
    assert_eq!(text(Constraint::max_norm(-1.0)).split_once(';').unwrap().0, "max_norm: max is -1");
    let error = text(Constraint::min_max_norm(-1.0, 1.0, 1.0));
    assert_eq!(error, "min_max_norm: min is -1; it must be at least 0");
    assert_eq!(
        text(Constraint::min_max_norm(2.0, 1.0, 1.0)),
        "min_max_norm: max is 1; it must be at least 2"
    );
    let error = text(Constraint::min_max_norm(0.5, 1.0, 1.5));
    assert_eq!(error, "min_max_norm: rate is 1.5; it must be in [0, 1]");
    let error = text(Constraint::unit_norm().axes(&[2]));
    assert!(error.starts_with("sum: axis 2 is out of range for 2 axes"), "{error}");
}

#[test]
fn clipping_is_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let sgd = Sgd::default();
        steps(golden, "clip norm", 0.5, &sgd, |g| clip_norm(g, 0.3), None);
        steps(golden, "clip value", 0.5, &sgd, |g| clip_value(g, 0.2), None);
        steps(golden, "clip global", 0.5, &sgd, |g| clip_global_norm(g, 0.3).0, None);
    });
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("").parameter("w", [1], Init::Ones);
    let gradients = clip_norm(params.grad(&w.tensor().sum_all()), 0.0);
    let error = Sgd::default().step(&params, gradients, 0.1).unwrap_err().to_string();
    assert!(error.starts_with("clip_norm: the limit is 0; it must be above 0"), "{error}");
    // a gradient of 0 stays 0
    let gradients = clip_norm(params.grad(&(w.tensor() * 0.0).sum_all()), 1.0);
    assert_eq!(values(gradients.get("w").unwrap()), [0.0]);
}

#[test]
fn micro_batches_add_up_to_the_batch() {
    everywhere(GOLDEN, |golden| {
        let (x, t) = (golden.tensor("x"), golden.tensor("t"));
        let (params, fc) = model(golden);
        for step in 0..10 {
            for part in 0..3 {
                let y = fc.forward(&x.slice(0, part * 2, 2), &mut Ctx::train(0));
                params.backward(&(mse(&y, &t.slice(0, part * 2, 2)) / 3.0));
                params.eval(&[]).unwrap();
            }
            Sgd::default().step(&params, params.take_gradients(), 0.1 * 0.8f64.powi(step)).unwrap();
        }
        let all: Vec<f64> = params.iter().flat_map(|entry| values(&entry.tensor)).collect();
        let (path, _) = golden.numbers("steps.sgd");
        close("accumulated", &all, &path[72..], golden.tolerance);
    });
}

#[test]
fn names_give_the_optimizers_of_the_constructors() {
    assert_eq!(optimizer("sgd").unwrap(), AnyOptimizer::Sgd(Sgd::default()));
    let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
    assert_eq!(optimizer("momentum").unwrap(), AnyOptimizer::Sgd(momentum));
    assert_eq!(optimizer("rmsprop").unwrap(), AnyOptimizer::RmsProp(RmsProp::default()));
    let error = optimizer("moment").unwrap_err().to_string();
    let (message, names) = error.split_once("there are ").unwrap();
    assert_eq!(message, "optimizer: there is no \"moment\"; ");
    let shown: Vec<String> =
        names.split(", ").map(|name| format!("{:?}", optimizer(name).unwrap())).collect();
    assert_eq!(shown.len(), 15);
    assert!(shown.iter().all(|shown| shown.contains('{')), "the settings show: {shown:?}");
    everywhere(GOLDEN, |golden| plain(golden, "sgd", 0.1, &optimizer("sgd").unwrap()));
    let defaults = ["sgd", "rmsprop", "adadelta", "adam"].map(|name| optimizer(name).unwrap().default_rate());
    assert_eq!(defaults, [0.01, 0.001, 1.0, 0.001]);
}
