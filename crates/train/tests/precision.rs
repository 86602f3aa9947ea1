//! Mixed precision, weights of samples and classes, schedules, and where a NaN comes from.

#![allow(clippy::unwrap_used)]

mod common;

use anygrad_data::{Dataset, digits, synthetic};
use anygrad_graph::{Device, Tensor};
use anygrad_nn::schedule::Cosine;
use anygrad_nn::{
    Adam, BatchNorm1d, Ctx, Layer, Linear, Loss, Mse, Params, Sequential, Sgd, cross_entropy, relu,
};
use anygrad_train::callbacks::OnStep;
use anygrad_train::metrics::{Accuracy, TopKAccuracy};
use anygrad_train::{Callback, EpochRow, Fit, Flow, Progress, Result, TrainError, Trainer, Training};
use common::devices;

fn quiet<'a>() -> Fit<'a> {
    Fit { epochs: 3, batch_size: 32, learning_rate: 0.03, progress: Progress::hidden(), ..Fit::default() }
}

fn bits(params: &Params) -> Vec<Vec<u32>> {
    let all = params.iter().chain(params.state()).filter(|e| e.tensor.dtype() == anygrad_graph::DType::F32);
    all.map(|e| e.tensor.to_vec::<f32>().unwrap().iter().map(|x| x.to_bits()).collect()).collect()
}

/// The scale of the loss after every epoch.
#[derive(Default)]
struct Scales(Vec<[f64; 2]>);

impl Callback for Scales {
    fn end_epoch(&mut self, _: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        self.0.extend(training.state()?.loss_scale);
        Ok(Flow::Continue)
    }
}

#[test]
fn mixed_precision_reaches_the_same_accuracy() {
    for device in devices() {
        let data = digits::load().unwrap().with_input_shape([64]).unwrap();
        let (train, test) = data.split(0.8, 1).unwrap();
        // a driver that runs on the CPU takes its time
        let (train, bar, most) =
            if device.is_cpu() { (train, 0.95, 0.01) } else { (train.take(480), 0.85, 0.03) };
        let accuracy = |mixed_precision: bool| {
            let params = Params::new(&device, 5);
            let model = Sequential::new()
                .then(Linear::new(params.at("fc1"), 64, 32))
                .then(BatchNorm1d::new(params.at("norm"), 32))
                .then(relu)
                .then(Linear::new(params.at("fc2"), 32, 10));
            let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
            let mut scales = Scales::default();
            let callbacks: &mut [&mut dyn Callback] = &mut [&mut scales];
            trainer.fit(&train, Fit { epochs: 6, mixed_precision, callbacks, ..quiet() }).unwrap();
            assert_eq!(scales.0.len(), if mixed_precision { 6 } else { 0 });
            assert!(scales.0.iter().all(|scale| scale[0] >= 1024.0), "{:?}", scales.0);
            trainer.evaluate(&test).unwrap().accuracy.unwrap()
        };
        let (full, mixed) = (accuracy(false), accuracy(true));
        assert!(full > bar && (full - mixed).abs() <= most, "{full} {mixed}");
    }
}

#[test]
fn an_overflow_is_skipped_and_training_recovers() {
    let data = synthetic::blobs(150, 3, 0.2, 3).unwrap();
    // a loss so large that its gradients, times 65536, leave f16
    let loss = |x: &Tensor, y: &Tensor| cross_entropy(x, y) * 100.0;
    let mut scales = Scales::default();
    let mut train = |mixed_precision: bool| {
        let params = Params::new(&Device::cpu(), 5);
        let model = Linear::new(params.at("fc"), 2, 3);
        let mut trainer = Trainer::new(model, params, loss, Sgd::default());
        let callbacks: &mut [&mut dyn Callback] = &mut [&mut scales];
        let fit = Fit { epochs: 8, learning_rate: 1e-3, mixed_precision, callbacks, ..quiet() };
        trainer.fit(&data, fit).unwrap().rows().iter().map(|row| row.train.loss).collect::<Vec<f32>>()
    };
    let (full, mixed) = (train(false), train(true));
    let [scale, good] = *scales.0.last().unwrap();
    assert!(scale < 65536.0 && good > 20.0, "{:?}", scales.0);
    assert!(mixed[7] < 0.5 * mixed[0], "{mixed:?}");
    // but for the steps that were left out it is the same training
    assert!((mixed[7] / full[7] - 1.0).abs() < 0.2, "{full:?} {mixed:?}");
    let wide = Params::with_dtype(&Device::cpu(), 1, anygrad_graph::DType::F64);
    let mut wide = Trainer::new(Linear::new(wide.at("fc"), 2, 3), wide, cross_entropy, Sgd::default());
    let message = wide.fit(&data, Fit { mixed_precision: true, ..quiet() }).unwrap_err().to_string();
    assert!(message.contains("the parameters are f64; they must be f32"), "{message}");
}

#[test]
fn mixed_precision_goes_on_with_the_same_bits() {
    for device in devices() {
        let data = synthetic::blobs(150, 3, 0.2, 3).unwrap();
        let make = || {
            let params = Params::new(&device, 5);
            Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Adam::default())
        };
        let fit = || Fit { mixed_precision: true, ..quiet() };
        let mut whole = make();
        whole.fit(&data, fit()).unwrap();
        let (mut first, mut state, mut params) = (make(), None, None);
        let mut take = OnStep::new(|training| {
            if training.run_steps() == 7 {
                state = Some(training.state()?);
                params = Some(training.params().snapshot()?);
            }
            Ok(Flow::Continue)
        });
        first.fit(&data, Fit { callbacks: &mut [&mut take], ..fit() }).unwrap();
        let (state, params) = (state.unwrap(), params.unwrap());
        assert_eq!(state.loss_scale, Some([65536.0, 7.0]));
        // the trainer has gone on meanwhile, its scale as well
        first.params().restore(&params).unwrap();
        first.fit(&data, Fit { resume: Some(&state), ..fit() }).unwrap();
        assert_eq!(bits(first.params()), bits(whole.params()));
    }
}

/// The root of what a linear layer gives.
struct Rooted(Linear);

impl Layer for Rooted {
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        // sqrt has an infinite slope at 0, and no value below
        self.0.forward(x, ctx).sqrt()
    }
}

fn rooted(params: &Params) -> Rooted {
    let fc = Linear::new(params.at("root"), 1, 1).init(anygrad_nn::Init::Ones);
    Rooted(fc.bias_init(anygrad_nn::Init::Zeros))
}

#[test]
fn a_nan_is_located_and_the_parameters_are_those_before_it() {
    for device in devices() {
        // the 13th sample is the root of -1: NaN; of 0: only the gradient is infinite
        for (bad, what) in [(-1.0, "the loss became NaN"), (0.0, "a gradient became NaN or infinite")] {
            let inputs: Vec<f32> =
                (0..20).map(|i| if i == 12 { bad } else { 1.0 + 0.1 * i as f32 }).collect();
            let data = Dataset::values(inputs, [1], vec![1.5; 20], [1]).unwrap();
            let train = |data: &Dataset, steps: Option<usize>, accumulate: usize| {
                let params = Params::new(&device, 5);
                let mut trainer = Trainer::new(rooted(&params), params, Mse::default(), Adam::default());
                // the bias stays 0, so that the root of 0 is met exactly
                trainer.params().freeze("root.bias").unwrap();
                let fit = Fit {
                    batch_size: 5 / accumulate,
                    accumulate,
                    shuffle: false,
                    locate_not_finite: true,
                    steps,
                    ..quiet()
                };
                let error = trainer.fit(data, fit).err();
                (error, bits(trainer.params()), trainer.steps())
            };
            for accumulate in [1, 5] {
                let (error, params, steps) = train(&data, None, accumulate);
                let error = error.unwrap();
                assert!(matches!(error, TrainError::NotFinite { epoch: 1, step: 3, .. }), "{error}");
                let message = error.to_string();
                assert!(
                    message.starts_with(&format!("{what} at step 3 of epoch 1; the first value")),
                    "{message}"
                );
                assert!(message.contains("precision.rs:"), "{message}");
                let TrainError::NotFinite { cause: Some(cause), .. } = error else { panic!("{message}") };
                assert_eq!(cause.op == "sqrt", bad < 0.0, "{cause}");
                let (none, before, _) = train(&data, Some(2), accumulate);
                assert!(none.is_none());
                assert_eq!((params, steps), (before, 2));
            }
        }
    }
}

/// Cross-entropy, one number a sample.
struct Each;

impl Loss for Each {
    fn each(&self, logits: &Tensor, labels: &Tensor) -> Tensor {
        -logits.log_softmax(1).gather(1, &labels.unsqueeze(1)).squeeze(1)
    }
}

#[test]
fn weights_of_classes_and_samples_count_as_in_keras() {
    let data = synthetic::blobs(90, 3, 0.3, 3).unwrap();
    let weights = |class: Option<&[f32]>, sample: Option<&[f32]>, shuffle: bool| {
        let params = Params::new(&Device::cpu(), 5);
        let model = Linear::new(params.at("fc"), 2, 3);
        let mut trainer = Trainer::new(model, params, Each, Sgd::default());
        let fit = Fit { class_weights: class, sample_weights: sample, shuffle, ..quiet() };
        trainer.fit(&data, fit).map(|_| bits(trainer.params()))
    };
    let labels = data.targets().labels().unwrap();
    let by_class = [1.0, 3.0, 0.5];
    let by_sample: Vec<f32> = labels.iter().map(|&label| by_class[label as usize]).collect();
    let plain = weights(None, None, true).unwrap();
    let weighted = weights(Some(&by_class), None, true).unwrap();
    assert_ne!(plain, weighted);
    // the weights follow their samples through the shuffle
    assert_eq!(weighted, weights(None, Some(&by_sample), true).unwrap());
    assert_ne!(weighted, weights(None, Some(&by_sample), false).unwrap());
    let halves = [0.5; 3];
    let doubled: Vec<f32> = by_sample.iter().map(|weight| 2.0 * weight).collect();
    assert_eq!(weighted, weights(Some(&halves), Some(&doubled), true).unwrap());

    let message = |result: Result<_>| result.map(|_: Vec<Vec<u32>>| ()).unwrap_err().to_string();
    assert!(
        message(weights(Some(&[1.0]), None, true))
            .contains("class_weights has 1 weights, and none for label")
    );
    assert!(message(weights(Some(&[-1.0]), None, true)).contains("class_weights[0] is -1"));
    assert!(
        message(weights(None, Some(&[1.0]), true)).contains("sample_weights has 1 weights for 90 samples")
    );
    let mut bad = by_sample.clone();
    bad[7] = f32::NAN;
    assert!(message(weights(None, Some(&bad), true)).contains("sample_weights[7] is NaN"));
    // a plain function gives no loss for each sample
    let params = Params::new(&Device::cpu(), 5);
    let mut plain = Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Sgd::default());
    let fit = Fit { class_weights: Some(&by_class), ..quiet() };
    assert!(plain.fit(&data, fit).unwrap_err().to_string().contains("a plain function gives one loss"));
}

/// Halves the rate after the second epoch.
struct Halve;

impl Callback for Halve {
    fn end_epoch(&mut self, row: &EpochRow, training: &mut Training<'_>) -> Result<Flow> {
        if row.epoch == 2 {
            training.set_learning_rate(training.next_learning_rate() / 2.0)?;
        }
        Ok(Flow::Continue)
    }
}

#[test]
fn a_schedule_sets_the_rate_of_every_step_and_callbacks_scale_it() {
    let params = Params::new(&Device::cpu(), 5);
    let model = Linear::new(params.at("fc"), 2, 3);
    let mut trainer = Trainer::new(model, params, cross_entropy, Sgd::default());
    let data = synthetic::blobs(96, 3, 0.3, 3).unwrap();
    let schedule = |step: u64| 1.0 / (1.0 + step as f64);
    let fit = Fit { epochs: 4, schedule: Some(&schedule), callbacks: &mut [&mut Halve], ..quiet() };
    let history = trainer.fit(&data, fit).unwrap();
    let rates: Vec<f32> = history.rows().iter().map(|row| row.learning_rate).collect();
    assert_eq!(rates, [1.0 / 3.0, 1.0 / 6.0, 0.5 / 9.0, 0.5 / 12.0]);
    let bad = Cosine { floor: -1.0, ..Cosine::new(0.1, 10) };
    let message = trainer.fit(&data, Fit { schedule: Some(&bad), ..quiet() }).unwrap_err().to_string();
    assert!(message.contains("-1"), "{message}");
}

#[test]
fn metrics_are_taken_in_fit_and_evaluate() {
    let params = Params::new(&Device::cpu(), 5);
    let model = Linear::new(params.at("fc"), 2, 3);
    let mut trainer = Trainer::new(model, params, cross_entropy, Sgd::default())
        .metric(Accuracy::new)
        .metric(|| TopKAccuracy::new(2));
    let data = synthetic::blobs(100, 3, 0.5, 3).unwrap();
    let (train, validation) = data.split(0.7, 1).unwrap();
    let fit = Fit { validation: Some(&validation), learning_rate: 0.5, ..quiet() };
    let history = trainer.fit(&train, fit).unwrap();
    let row = history.last().unwrap();
    let seen = row.validation.as_ref().unwrap();
    assert_eq!(history.metric_names(), ["accuracy", "top_2_accuracy"]);
    let evaluation = trainer.evaluate(&validation).unwrap();
    assert_eq!(evaluation.metrics, seen.metrics);
    assert!(evaluation.metric("top_2_accuracy") > evaluation.accuracy, "{evaluation}");
    assert!(evaluation.to_string().contains(", top_2_accuracy "), "{evaluation}");
    // on the training set they are those of an epoch in which nothing changes
    let still = Fit { learning_rate: 0.0, batch_size: 9, accumulate: 2, ..quiet() };
    let history = trainer.fit(&train, still).unwrap();
    let evaluation = trainer.evaluate(&train).unwrap();
    assert_eq!(history.last().unwrap().train.metrics, evaluation.metrics);
    let without = trainer.fit(&train, Fit { train_metrics: false, ..quiet() }).unwrap();
    assert_eq!(without.metric_names(), ["accuracy"]);
}
