//! What surrounds the optimizers' rules: decay, groups, constraints, clipping, penalties, averages of weights. Numbers
//! from PyTorch; `golden/optimizers.py` makes them.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{Device, Tensor};
use anygrad_nn::*;
use common::golden::{Golden, everywhere};
use common::{close, tensor, values};

const GOLDEN: &[u8] = include_bytes!("golden/optimizers.safetensors");

/// The linear model of the script, at its start.
fn model(golden: &Golden) -> (Params, Linear) {
    let params = golden.params();
    let fc = Linear::new(params.at(""), 3, 2);
    golden.set("start", &params);
    (params, fc)
}

fn error_of(golden: &Golden, fc: &Linear) -> Tensor {
    mse(&fc.forward(&golden.tensor("x"), &mut Ctx::train(0)), &golden.tensor("t"))
}

/// Ten steps with a rate that falls from `rate`.
fn steps(
    golden: &Golden,
    name: &str,
    rate: f64,
    optimizer: &dyn Optimizer,
    clip: impl Fn(Gradients) -> Gradients,
    penalty: Option<&Penalty>,
) {
    let (params, fc) = model(golden);
    let mut path = Vec::new();
    for step in 0..10 {
        let mut loss = error_of(golden, &fc);
        if let Some(penalty) = penalty {
            loss = loss + penalty.of(&params);
        }
        let gradients = clip(params.grad(&loss));
        optimizer.step(&params, gradients, rate * 0.8f64.powi(step)).unwrap();
        path.extend(params.iter().flat_map(|entry| values(&entry.tensor)));
    }
    close(name, &path, &golden.numbers(&format!("steps.{name}")).0, golden.tolerance);
}

fn plain(golden: &Golden, name: &str, rate: f64, optimizer: &dyn Optimizer) {
    steps(golden, name, rate, optimizer, |gradients| gradients, None);
}

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
fn penalties_add_to_loss_and_gradient() {
    everywhere(GOLDEN, |golden| {
        let penalty = Penalty::l1_l2("weight", 0.05, 0.2).and(Penalty::l1("bias", 0.02));
        let (params, fc) = model(golden);
        let loss = error_of(golden, &fc) + penalty.of(&params);
        let gradients = params.grad(&loss);
        golden.check("penalty.loss", &loss);
        golden.check_gradients("penalty", &params, &gradients);
        steps(golden, "penalty", 0.2, &Sgd::default(), |g| g, Some(&penalty));
        // SGD's decay is the L2 penalty, and biases are left alone
        let decay = Groups::new(Sgd { weight_decay: 0.2, ..Sgd::default() }).with("bias", |_| Sgd::default());
        let trained = |optimizer: &dyn Optimizer, penalty: Option<&Penalty>| {
            let (params, fc) = model(golden);
            for _ in 0..3 {
                let loss = error_of(golden, &fc);
                let loss = penalty.map_or(loss.clone(), |penalty| &loss + penalty.of(&params));
                optimizer.step(&params, params.grad(&loss), 0.1).unwrap();
            }
            params.iter().flat_map(|entry| values(&entry.tensor)).collect::<Vec<_>>()
        };
        let penalised = trained(&Sgd::default(), Some(&Penalty::l2("weight", 0.2)));
        close("decay", &trained(&decay, None), &penalised, golden.tolerance);
    });
}

#[test]
fn penalties_that_are_none_are_errors() {
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("fc").parameter("weight", [2], Init::Zeros);
    // |w| has the gradient 0 at 0
    let gradients = params.grad(&Penalty::l1("*", 1.0).of(&params));
    assert_eq!(values(gradients.get("fc.weight").unwrap()), [0.0, 0.0]);
    let text = |penalty: Penalty| {
        let loss = w.tensor().sum_all() + penalty.of(&params);
        Sgd::default().step(&params, params.grad(&loss), 0.1).unwrap_err().to_string()
    };
    let error = text(Penalty::l2("fc1.weight", 1.0));
    assert!(
        error.starts_with("penalty: params: no parameter's path fits the pattern \"fc1.weight\""),
        "{error}"
    );
    assert!(error.contains("optimizers.rs"), "{error}");
    let error = text(Penalty::l1("*", f64::NAN));
    assert!(
        error.starts_with("penalty: the factor of l1 is NaN; it must be finite and not below 0"),
        "{error}"
    );
    let error = text(Penalty::l1_l2("*", 0.0, -2.0));
    assert!(error.starts_with("penalty: the factor of l2 is -2;"), "{error}");
}

#[test]
fn a_penalty_on_activities_is_a_mean_over_the_batch() {
    everywhere(GOLDEN, |golden| {
        let params = golden.params();
        let model = Sequential::new()
            .then(Linear::new(params.at(""), 3, 2))
            .then(ActivityPenalty::l1_l2(relu, 0.3, 0.2));
        golden.set("start", &params);
        let mut ctx = Ctx::train(0);
        let loss = mse(&model.forward(&golden.tensor("x"), &mut ctx), &golden.tensor("t"));
        let losses = ctx.take_losses();
        assert_eq!(losses.len(), 2);
        assert!(ctx.take_losses().is_empty());
        let loss = losses.into_iter().fold(loss, |sum, penalty| sum + penalty);
        let gradients = params.grad(&loss);
        golden.check("activity.loss", &loss);
        golden.check_gradients("activity", &params, &gradients);
        let mut ctx = Ctx::eval();
        model.forward(&golden.tensor("x"), &mut ctx).check().unwrap();
        assert!(ctx.take_losses().is_empty());
    });
    let layer = ActivityPenalty::l2(relu, -1.0);
    let error = layer.forward(&tensor(&[1.0], [1, 1]), &mut Ctx::train(0)).check().unwrap_err().to_string();
    assert!(error.contains("activity penalty: the factor of l2 is -1;"), "{error}");
}

#[test]
fn averages_of_weights_are_pytorchs() {
    everywhere(GOLDEN, |golden| {
        let (expected, _) = golden.numbers("ema");
        for corrected in [false, true] {
            let (params, fc) = model(golden);
            let mut ema = Ema::new(&params, 0.9).unwrap();
            if corrected {
                ema = ema.corrected();
            }
            for step in 0..10 {
                let loss = error_of(golden, &fc);
                Sgd::default().apply(&params, params.grad(&loss), 0.3).unwrap();
                ema.update().unwrap();
                params.eval(&[&loss]).unwrap();
                let at = step * 12 + if corrected { 6 } else { 0 };
                let average = values(&ema.get("weight").unwrap());
                close("average", &average, &expected[at..at + 6], golden.tolerance);
            }
        }
    });
}

#[test]
fn averages_take_the_place_of_weights_and_back() {
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("").parameter("w", [1], Init::Ones);
    let still = params.at("").parameter("still", [1], Init::Ones);
    params.freeze("still").unwrap();
    let ema = Ema::new(&params, 0.5).unwrap();
    let step = |ema: &Ema| {
        let loss = (w.tensor() * still.tensor()).sum_all();
        Sgd::default().apply(&params, params.grad(&loss), 1.0).unwrap();
        ema.update().unwrap();
        params.eval(&[]).unwrap();
    };
    step(&ema);
    step(&ema);
    // 1, 0, −1: averages 1, 0.5, −0.25
    assert_eq!(values(&w.tensor()), [-1.0]);
    assert_eq!(ema.evaluate(|| values(&w.tensor())).unwrap(), [-0.25]);
    assert_eq!(values(&w.tensor()), [-1.0]);
    assert!(ema.get("still").is_none());
    ema.swap().unwrap();
    assert_eq!(values(&w.tensor()), [-0.25]);
    let error = ema.update().unwrap_err().to_string();
    assert_eq!(error, "Ema: the averages are in the place of the weights; swap them back first");
    assert!(ema.evaluate(|| ()).is_err());
    ema.swap().unwrap();
    step(&ema);
    assert_eq!((values(&w.tensor()), values(&ema.get("w").unwrap())), (vec![-2.0], vec![-1.125]));
    for decay in [1.0, -0.1, f64::NAN] {
        let error = Ema::new(&params, decay).unwrap_err().to_string();
        assert_eq!(error, format!("Ema: decay is {decay}; it must be in [0, 1)"));
    }
}

#[test]
fn an_optimizer_with_averages_around_it_updates_them_in_its_step() {
    let run = |around: bool| {
        let params = Params::new(&Device::cpu(), 0);
        let fc = Linear::new(params.at("fc"), 2, 1);
        let ema = Ema::new(&params, 0.9).unwrap();
        let adam = Adam::default();
        let optimizer: Box<dyn Optimizer> = if around { Box::new(ema.around(adam)) } else { Box::new(adam) };
        for step in 0..4u8 {
            let x = tensor(&[1.0, f32::from(step)], [1, 2]);
            let loss = fc.forward(&x, &mut Ctx::train(0)).square().sum_all();
            optimizer.apply(&params, params.grad(&loss), 0.1).unwrap();
            if !around {
                ema.update().unwrap();
            }
            params.eval(&[&loss]).unwrap();
        }
        values(&ema.get("fc.weight").unwrap())
    };
    assert_eq!(run(true), run(false));

    let (params, other) = (Params::new(&Device::cpu(), 0), Params::new(&Device::cpu(), 0));
    let w = params.at("").parameter("w", [1], Init::Ones);
    let ema = Ema::new(&params, 0.5).unwrap();
    let text = |optimizer: &dyn Optimizer| {
        optimizer.step(&params, params.grad(&w.tensor().sum_all()), 0.1).unwrap_err().to_string()
    };
    // it would be silent otherwise
    let error = text(&Groups::new(ema.around(Sgd::default())));
    assert!(error.starts_with("Ema::around: goes around all other wrappers"), "{error}");
    let error = text(&Ema::new(&other, 0.5).unwrap().around(Sgd::default()));
    assert_eq!(error, "Ema: the averages are of other parameters than those of the step");
    let around = ema.around(Groups::new(Sgd::default()));
    ema.swap().unwrap();
    assert!(text(&around).starts_with("Ema: the averages are in the place of the weights"));
    ema.swap().unwrap();
    assert_eq!(values(&w.tensor()), [1.0]);
    around.step(&params, params.grad(&w.tensor().sum_all()), 0.5).unwrap();
    assert_eq!((values(&w.tensor()), values(&ema.get("w").unwrap())), (vec![0.5], vec![0.75]));
}

#[test]
fn checkpoints_hold_the_averages() {
    let file = std::env::temp_dir().join(format!("anygrad-ema-{}.safetensors", std::process::id()));
    let run = |from: Option<&std::path::Path>, steps: std::ops::Range<u64>| {
        let params = Params::new(&Device::cpu(), 0);
        let fc = Linear::new(params.at("fc"), 2, 1);
        if let Some(file) = from {
            params.load(file).unwrap();
        }
        let ema = Ema::new(&params, 0.9).unwrap().corrected();
        for step in steps {
            let loss =
                fc.forward(&tensor(&[1.0, step as f32], [1, 2]), &mut Ctx::train(0)).square().sum_all();
            Adam::default().apply(&params, params.grad(&loss), 0.1).unwrap();
            ema.update().unwrap();
            params.eval(&[&loss]).unwrap();
        }
        (params, ema)
    };
    let (_, whole) = run(None, 0..6);
    run(None, 0..3).0.save_with_state(&file).unwrap();
    let (_, resumed) = run(Some(&file), 3..6);
    std::fs::remove_file(&file).unwrap();
    let bits = |ema: &Ema| ema.get("fc.weight").unwrap().to_vec::<f32>().unwrap();
    assert_eq!(bits(&whole), bits(&resumed));
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

#[test]
fn a_layer_brings_its_penalties_along() {
    let trained = |layer: bool, recompute: bool| {
        let params = Params::new(&Device::cpu(), 1);
        let (fc1, fc2) = (Linear::new(params.at("fc1"), 2, 3), Linear::new(params.at("fc2"), 3, 1));
        let penalty = Penalty::l2("fc1.weight", 0.5);
        let hidden = ActivityPenalty::l1(tanh, 0.1);
        let model = match (layer, recompute) {
            (false, _) => Sequential::new().then(fc1).then(hidden),
            (true, false) => Sequential::new().then(penalty.clone().on(fc1, &params)).then(hidden),
            (true, true) => {
                let inside = Sequential::new().then(penalty.clone().on(fc1, &params)).then(hidden);
                Sequential::new().then(Recompute::new(inside))
            }
        };
        let model = model.then(fc2);
        for _ in 0..3 {
            let mut ctx = Ctx::train(0);
            let loss = model.forward(&tensor(&[1.0, 2.0, -1.0, 0.5], [2, 2]), &mut ctx).square().mean_all();
            let loss = ctx.take_losses().into_iter().fold(loss, |sum, more| sum + more);
            let loss = if layer { loss } else { loss + penalty.of(&params) };
            Sgd::default().step(&params, params.grad(&loss), 0.1).unwrap();
        }
        params.iter().flat_map(|entry| values(&entry.tensor)).collect::<Vec<_>>()
    };
    let by_hand = trained(false, false);
    close("layer", &trained(true, false), &by_hand, 1e-6);
    close("recomputed", &trained(true, true), &by_hand, 1e-6);
}
