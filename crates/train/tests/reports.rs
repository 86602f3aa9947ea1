//! What can be asked about a training run: gradients, rates, single batches.

#![allow(clippy::unwrap_used)]

mod common;

use anygrad_data::{Batch, Dataset, synthetic};
use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::{
    ActivityPenalty, Adam, BatchNorm1d, Ctx, Dropout, Ema, Init, Layer, Linear, Params, Penalty, Sequential,
    Sgd, cross_entropy, mse, sigmoid, tanh,
};
use anygrad_train::{Diagnosis, Fit, Flaw, History, Progress, RateFinder, Trainer};
use common::devices;

fn quiet<'a>() -> Fit<'a> {
    Fit { epochs: 3, batch_size: 32, learning_rate: 0.03, progress: Progress::hidden(), ..Fit::default() }
}

fn bits(params: &Params) -> Vec<(String, Vec<u64>)> {
    let words = |t: &Tensor| {
        t.to(&Device::cpu())
            .to_dtype(DType::F64)
            .to_vec::<f64>()
            .unwrap()
            .iter()
            .map(|x| x.to_bits())
            .collect()
    };
    params.iter().chain(params.state()).map(|e| (e.path.to_string(), words(&e.tensor))).collect()
}

fn model(params: &Params) -> Sequential {
    Sequential::new()
        .then(Linear::new(params.at("fc1"), 2, 8))
        .then(BatchNorm1d::new(params.at("norm"), 8))
        .then(tanh)
        .then(Dropout::new(0.1))
        .then(Linear::new(params.at("fc2"), 8, 3))
}

fn batch() -> Batch {
    synthetic::blobs(90, 3, 0.2, 3).unwrap().batches(90).unwrap().iter().next().unwrap()
}

/// A layer that is not used.
struct Forgotten(Linear, #[allow(dead_code)] Linear);

impl Layer for Forgotten {
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.0.forward(x, ctx)
    }
}

#[test]
fn a_report_of_gradients_has_the_numbers_and_the_flaws() {
    let params = Params::new(&Device::cpu(), 5);
    let trainer = Trainer::new(model(&params), params.clone(), cross_entropy, Adam::default());
    let before = bits(&params);
    let report = trainer.gradient_report(&batch()).unwrap();
    assert_eq!(bits(&params), before, "running averages as well");
    // against gradients read as they are
    let b = batch();
    let x = Tensor::from_slice(&b.inputs, &b.input_shape[..], &Device::cpu());
    let labels = Tensor::from_slice(b.targets.labels().unwrap(), [90], &Device::cpu());
    let loss = cross_entropy(&trainer.model().forward(&x, &mut Ctx::train_step(5, 0)), &labels);
    let gradients = params.grad(&loss);
    assert_eq!(report.rows.len(), gradients.len());
    for (path, gradient) in gradients.iter() {
        let row = report.get(path).unwrap();
        let g = gradient.to_vec::<f32>().unwrap();
        let size = g.iter().map(|g| f64::from(g.abs()));
        let (mean, max) = (size.clone().sum::<f64>() / g.len() as f64, size.fold(0.0, f64::max));
        let norm = g.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        assert!((row.mean - mean).abs() < 1e-6 && (row.max - max).abs() < 1e-6, "{row:?}");
        assert!((row.norm - norm).abs() < 1e-5, "{row:?}");
        assert_eq!(row.zeros, g.iter().filter(|g| **g == 0.0).count() as f64 / g.len() as f64);
    }
    // what goes through a normalisation does not depend on the bias before it, but for rounding
    let flaws: Vec<_> = report.flawed().map(|row| (&row.path[..], row.flaw.unwrap())).collect();
    assert!(flaws.iter().all(|(path, _)| *path == "fc1.bias"), "{report}");

    let flaw = |model: &dyn Fn(&Params) -> Box<dyn Layer>, path: &str| {
        let params = Params::new(&Device::cpu(), 5);
        let trainer = Trainer::new(model(&params), params, cross_entropy, Adam::default());
        let report = trainer.gradient_report(&batch()).unwrap();
        assert!(report.to_string().contains(path));
        report.get(path).unwrap().flaw
    };
    let forgotten = |params: &Params| -> Box<dyn Layer> {
        Box::new(Forgotten(Linear::new(params.at("fc"), 2, 3), Linear::new(params.at("spare"), 2, 3)))
    };
    assert_eq!(flaw(&forgotten, "spare.weight"), Some(Flaw::Missing));
    assert_eq!(flaw(&forgotten, "fc.weight"), None);
    // a deep stack of sigmoids
    let deep = |params: &Params| -> Box<dyn Layer> {
        let mut model = Sequential::new().then(Linear::new(params.at("first"), 2, 8));
        for i in 0..12 {
            model = model.then(sigmoid).then(Linear::new(params.at(format!("fc{i}")), 8, 8));
        }
        Box::new(model.then(Linear::new(params.at("last"), 8, 3)))
    };
    assert_eq!(flaw(&deep, "first.weight"), Some(Flaw::Vanishing));
    assert_eq!(flaw(&deep, "last.weight"), None);
    let huge = |params: &Params| -> Box<dyn Layer> {
        let wide = Linear::new(params.at("fc1"), 2, 8).init(Init::Normal { mean: 0.0, deviation: 1e5 });
        Box::new(Sequential::new().then(wide).then(Linear::new(params.at("fc2"), 8, 3)))
    };
    assert_eq!(flaw(&huge, "fc2.weight"), Some(Flaw::Exploding));
    let nan = |params: &Params| -> Box<dyn Layer> {
        Box::new(Linear::new(params.at("fc"), 2, 3).init(Init::Constant(f64::INFINITY)))
    };
    assert_eq!(flaw(&nan, "fc.weight"), Some(Flaw::NotFinite));
}

#[test]
fn fit_keeps_a_report_of_its_first_step_and_trains_the_same() {
    let data = synthetic::blobs(90, 3, 0.2, 3).unwrap();
    let train = |report_gradients: bool| {
        let params = Params::new(&Device::cpu(), 5);
        let mut trainer = Trainer::new(model(&params), params, cross_entropy, Adam::default());
        let history = trainer.fit(&data, Fit { report_gradients, ..quiet() }).unwrap();
        (bits(trainer.params()), history)
    };
    let ((plain, none), (reported, some)) = (train(false), train(true));
    assert!(none.gradients().is_none() && some.gradients().unwrap().get("fc2.bias").is_some());
    assert_eq!(plain, reported);
}

#[test]
fn a_search_for_a_rate_puts_every_bit_back() {
    for device in devices() {
        let data = synthetic::blobs(150, 3, 0.2, 3).unwrap();
        let params = Params::new(&device, 5);
        let mut trainer = Trainer::new(model(&params), params, cross_entropy, Adam::default());
        let finder = RateFinder { steps: 60, lowest: 1e-5, batch_size: 32, ..RateFinder::default() };
        trainer.fit(&data, Fit { epochs: 1, ..quiet() }).unwrap();
        let (before, steps) = (bits(trainer.params()), trainer.steps());
        let curve = trainer.find_learning_rate(&data, finder).unwrap();
        assert_eq!((bits(trainer.params()), trainer.steps()), (before, steps));
        let rate = curve.suggestion().unwrap();
        assert!(rate > 1e-4 && rate < 1.0, "{rate} {:?}", curve.smoothed);
        assert!(curve.rates.len() >= 30 && curve.rates.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((curve.rates[1] / curve.rates[0] - 1e6f64.powf(1.0 / 59.0)).abs() < 1e-9);
        // the average of the first is itself
        assert!((curve.smoothed[0] - curve.losses[0]).abs() < 1e-9);
        assert!(curve.chart().to_svg().contains("log10"));
        let mut wrong = |finder| trainer.find_learning_rate(&data, finder).unwrap_err().to_string();
        assert!(wrong(RateFinder { lowest: 0.0, ..finder }).contains("the rates go from 0 to 10"));
        assert!(wrong(RateFinder { steps: 1, ..finder }).contains("steps is 1"));
        assert!(wrong(RateFinder { smoothing: 1.0, ..finder }).contains("smoothing is 1"));
        assert!(wrong(RateFinder { diverged: 1.0, ..finder }).contains("diverged is 1"));
    }
}

#[test]
fn loss_curves_of_four_rates_are_told_apart() {
    let x: Vec<f32> = (0..200).map(|i| (i as f32 / 100.0 - 1.0) * 3.0).collect();
    let y = x.iter().map(|x| (2.0 * x).sin()).collect();
    let data = Dataset::values(x, [1], y, [1]).unwrap();
    let at = |learning_rate: f64| {
        let params = Params::new(&Device::cpu(), 5);
        let model = Sequential::new()
            .then(Linear::new(params.at("fc1"), 1, 16))
            .then(tanh)
            .then(Linear::new(params.at("fc2"), 16, 1));
        let mut trainer = Trainer::new(model, params, mse, Sgd { momentum: 0.9, ..Sgd::default() });
        let fit = Fit { epochs: 40, batch_size: 25, learning_rate, keep_step_losses: true, ..quiet() };
        match trainer.fit(&data, fit) {
            Ok(history) => history.diagnosis(),
            Err(_) => trainer.history().diagnosis(),
        }
    };
    assert_eq!(at(1e-5), Some(Diagnosis::Slow));
    assert_eq!(at(0.03), Some(Diagnosis::Good));
    assert_eq!(at(1.0), Some(Diagnosis::Rising));
    let mut history = History::new();
    assert_eq!(history.diagnosis(), None);
    (0..40).for_each(|step| history.push_step(if step < 4 { 2.0 - 0.2 * step as f32 } else { 1.3 }));
    assert_eq!(history.diagnosis(), Some(Diagnosis::Stuck));
    history.push_step(f32::NAN);
    assert_eq!(history.diagnosis(), Some(Diagnosis::Rising));
}

#[test]
fn single_batches_do_what_fit_and_evaluate_do() {
    let data = synthetic::blobs(90, 3, 0.2, 3).unwrap();
    let make = || {
        let params = Params::new(&Device::cpu(), 5);
        Trainer::new(model(&params), params, cross_entropy, Adam::default())
    };
    let (mut by_hand, mut by_fit) = (make(), make());
    let history = by_fit.fit(&data, Fit { keep_step_losses: true, ..quiet() }).unwrap();
    let mut losses = Vec::new();
    for epoch in 1..=3 {
        for batch in data.batches(32).unwrap().shuffled_epoch(5, epoch) {
            losses.push(by_hand.train_on_batch(&batch, 0.03).unwrap().item().unwrap());
        }
    }
    assert_eq!(losses, history.step_losses());
    assert_eq!(bits(by_hand.params()), bits(by_fit.params()));
    let whole = data.batches(90).unwrap().iter().next().unwrap();
    assert_eq!(by_hand.test_on_batch(&whole).unwrap(), by_fit.evaluate(&data).unwrap());
    assert_eq!(by_hand.predict_on_batch(&whole).unwrap(), by_fit.predict(&data).unwrap());
    let message = by_hand.train_on_batch(&whole, f64::NAN).unwrap_err().to_string();
    assert!(message.contains("learning rate is NaN"), "{message}");
}

#[test]
fn penalties_and_averages_are_part_of_the_step() {
    let data = synthetic::blobs(90, 3, 0.2, 3).unwrap();
    let params = Params::new(&Device::cpu(), 5);
    let activity = ActivityPenalty::l2(Linear::new(params.at("fc"), 2, 3), 0.5);
    let mut trainer = Trainer::new(activity, params.clone(), cross_entropy, Sgd::default());
    let penalty = Penalty::l2("*.weight", 0.25);
    let ema = Ema::new(&params, 0.5).unwrap();
    let batch = data.batches(90).unwrap().iter().next().unwrap();
    // by hand
    let x = Tensor::from_slice(&batch.inputs, &batch.input_shape[..], &Device::cpu());
    let labels = Tensor::from_slice(batch.targets.labels().unwrap(), [90], &Device::cpu());
    let mut ctx = Ctx::train_step(5, 0);
    let y = trainer.model().forward(&x, &mut ctx);
    let extra = ctx.take_losses().remove(0);
    let loss = cross_entropy(&y, &labels) + extra + penalty.of(&params);
    let gradient = params.grad(&loss).get("fc.weight").unwrap().to_vec::<f32>().unwrap();
    let before = params.get("fc.weight").unwrap().to_vec::<f32>().unwrap();

    let fit = Fit { epochs: 1, batch_size: 90, learning_rate: 0.1, shuffle: false, ..quiet() };
    let fit = Fit { penalty: Some(&penalty), ema: Some(&ema), ..fit };
    let history = trainer.fit(&data, fit).unwrap();
    assert!((history.rows()[0].train.loss - loss.item().unwrap()).abs() < 1e-5);
    let after = params.get("fc.weight").unwrap().to_vec::<f32>().unwrap();
    let average = ema.get("fc.weight").unwrap().to_vec::<f32>().unwrap();
    for i in 0..6 {
        assert!((after[i] - (before[i] - 0.1 * gradient[i])).abs() < 1e-6);
        assert!((average[i] - 0.5 * (before[i] + after[i])).abs() < 1e-6);
    }
}
