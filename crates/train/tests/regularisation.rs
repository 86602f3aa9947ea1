//! Penalties, averages and groups of parameters in the loop.
#![allow(clippy::unwrap_used)]

use anygrad_data::{Dataset, synthetic};
use anygrad_graph::{Device, Tensor};
use anygrad_nn::{
    ActivityPenalty, AdamW, Constrained, Constraint, Ctx, Ema, Groups, Layer, Linear, Optimizer, Params,
    Penalty, Sequential, Sgd, cross_entropy, relu,
};
use anygrad_train::{Fit, Progress, Trainer};

fn quiet<'a>() -> Fit<'a> {
    Fit { progress: Progress::hidden(), ..Fit::default() }
}

fn blobs() -> Dataset {
    synthetic::blobs(96, 3, 0.2, 3).unwrap()
}

fn model(params: &Params, weights: f64, activities: f64) -> Sequential {
    let first = Linear::new(params.at("fc1"), 2, 8);
    Sequential::new()
        .then(Penalty::l2("fc1.weight", weights).on(first, params))
        .then(ActivityPenalty::l1(relu, activities))
        .then(Linear::new(params.at("fc2"), 8, 3))
}

fn values(params: &Params, path: &str) -> Vec<f32> {
    params.get(path).unwrap().to_vec::<f32>().unwrap()
}

/// One step on all samples by hand, with everything added to the loss.
fn by_hand(data: &Dataset) -> (f32, Vec<f32>) {
    let device = Device::cpu();
    let params = Params::new(&device, 5);
    let (fc1, fc2) = (Linear::new(params.at("fc1"), 2, 8), Linear::new(params.at("fc2"), 8, 3));
    let batch = data.batches(96).unwrap().into_iter().next().unwrap();
    let x = Tensor::from_slice(&batch.inputs, &batch.input_shape[..], &device);
    let labels = Tensor::from_slice(batch.targets.labels().unwrap(), [96], &device);
    let mut ctx = Ctx::train(0);
    let hidden = relu(&fc1.forward(&x, &mut ctx));
    let loss = cross_entropy(&fc2.forward(&hidden, &mut ctx), &labels);
    let w = params.get("fc1.weight").unwrap();
    let loss = loss + w.square().sum_all() * 0.25 + hidden.abs().sum_all() * 0.1 / 96.0;
    drop(w);
    Sgd::default().step(&params, params.grad(&loss), 0.1).unwrap();
    (loss.item().unwrap(), values(&params, "fc1.weight"))
}

#[test]
fn penalties_are_part_of_the_loss_that_is_trained_and_reported() {
    let data = blobs();
    let (expected, weights) = by_hand(&data);
    for (accumulate, tolerance) in [(1, 1e-6), (4, 1e-5)] {
        let params = Params::new(&Device::cpu(), 5);
        let mut trainer =
            Trainer::new(model(&params, 0.5, 0.1), params.clone(), cross_entropy, Sgd::default());
        let fit = Fit {
            epochs: 1,
            batch_size: 96 / accumulate,
            accumulate,
            learning_rate: 0.1,
            shuffle: false,
            ..quiet()
        };
        let history = trainer.fit(&data, fit).unwrap();
        let loss = history.rows()[0].train.loss;
        assert!((loss - expected).abs() < 10.0 * tolerance, "{loss} instead of {expected}");
        let found = values(&params, "fc1.weight");
        assert!(found.iter().zip(&weights).all(|(a, b)| (a - b).abs() < tolerance), "{found:?} {weights:?}");
        // what is evaluated is the loss alone
        let evaluated = trainer.evaluate(&data).unwrap().loss;
        assert!(expected - evaluated > 0.3, "{evaluated}");
    }
}

#[test]
fn groups_constraints_and_averages_train_in_the_loop() {
    let data = blobs();
    let params = Params::new(&Device::cpu(), 5);
    let groups = Groups::new(AdamW::default())
        .with("*.bias", |o| AdamW { weight_decay: 0.0, ..*o })
        .freeze("fc1.bias");
    let constrained = Constrained::new(groups).with("fc2.weight", Constraint::max_norm(0.5));
    let trained = model(&params, 1e-3, 1e-3);
    let ema = Ema::new(&params, 0.9).unwrap();
    let mut trainer = Trainer::new(trained, params.clone(), cross_entropy, ema.around(constrained));
    let fixed = values(&params, "fc1.bias");
    let fit = Fit { epochs: 12, batch_size: 16, learning_rate: 0.05, ..quiet() };
    let history = trainer.fit(&data, fit).unwrap();
    assert!(history.last().unwrap().train.loss < 0.8 * history.rows()[0].train.loss);
    assert_eq!(values(&params, "fc1.bias"), fixed);
    for unit in values(&params, "fc2.weight").chunks(8) {
        assert!(unit.iter().map(|w| w * w).sum::<f32>().sqrt() < 0.5001, "{unit:?}");
    }
    let last = trainer.evaluate(&data).unwrap().loss;
    let average = ema.evaluate(|| trainer.evaluate(&data).unwrap().loss).unwrap();
    assert!(average != last && average < 0.5 * history.rows()[0].train.loss, "{average} {last}");
    assert_eq!(trainer.evaluate(&data).unwrap().loss, last);
}
