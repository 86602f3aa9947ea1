//! Penalties on weights and on activities; `golden/optimizers.py` makes the numbers.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::Device;
use anygrad_nn::*;
use common::golden::everywhere;
use common::regression::{GOLDEN, error_of, model, steps};
use common::{close, tensor, values};

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
    assert!(error.contains("penalties.rs"), "{error}");
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
