//! The loop: what it sums up, when it ends, and what it says when something is wrong.

#![allow(clippy::unwrap_used)]

use anygrad_data::{Dataset, digits, synthetic};
use anygrad_graph::{DType, Device, Tensor};
use anygrad_nn::{
    Adam, Ctx, Dropout, Flatten, Layer, Linear, Params, Sequential, Sgd, binary_cross_entropy_with_logits,
    cross_entropy, mse, relu, tanh,
};
use anygrad_train::{Fit, History, Progress, TrainError, Trainer};

fn quiet<'a>() -> Fit<'a> {
    Fit { progress: Progress::hidden(), ..Fit::default() }
}

fn blobs() -> Dataset {
    synthetic::blobs(150, 3, 0.2, 3).unwrap()
}

fn classifier(params: &Params) -> Sequential {
    Sequential::new()
        .then(Linear::new(params.at("fc1"), 2, 8))
        .then(tanh)
        .then(Dropout::new(0.2))
        .then(Linear::new(params.at("fc2"), 8, 3))
}

#[test]
fn it_learns_and_sums_up_what_a_plain_loop_gives() {
    let device = Device::cpu();
    let (data, validation) = blobs().split(0.7, 1).unwrap();
    let params = Params::new(&device, 5);
    let mut trainer = Trainer::new(classifier(&params), params, cross_entropy, Adam::default());
    let fit = Fit {
        epochs: 6,
        batch_size: 32,
        learning_rate: 0.03,
        validation: Some(&validation),
        keep_step_losses: true,
        ..quiet()
    };
    let history = trainer.fit(&data, fit).unwrap();
    assert_eq!(&history, trainer.history());
    assert_eq!((history.rows().len(), trainer.steps()), (6, 24));
    // 105 samples: three batches of 32 and one of 9
    assert_eq!(history.step_losses().len(), 24);
    let first = history.step_losses();
    let mean = (32.0 * (first[0] + first[1] + first[2]) + 9.0 * first[3]) / 105.0;
    assert!((history.rows()[0].train.loss - mean).abs() < 1e-5);
    assert!(history.last().unwrap().train.loss < 0.5 * history.rows()[0].train.loss);

    // validation and evaluation, against a loop over single samples
    let (mut loss, mut right) = (0.0, 0);
    for batch in validation.batches(1).unwrap() {
        let x = Tensor::from_slice(&batch.inputs, &batch.input_shape[..], &device);
        let label = batch.targets.labels().unwrap()[0];
        let y = trainer.forward(&x);
        loss += cross_entropy(&y, &Tensor::from_slice(&[label], [1], &device)).item().unwrap();
        let scores = y.to_vec::<f32>().unwrap();
        right += usize::from(scores.iter().all(|&score| score <= scores[label as usize]));
    }
    let n = validation.len();
    let evaluation = trainer.evaluate(&validation).unwrap();
    assert!((evaluation.loss - loss / n as f32).abs() < 1e-5);
    assert_eq!((evaluation.accuracy, evaluation.n), (Some(right as f32 / n as f32), n));
    assert!(right * 10 > n * 9, "{evaluation}");
    let last = history.last().unwrap().validation.as_ref().unwrap();
    assert_eq!((last.loss, last.metric("accuracy")), (evaluation.loss, evaluation.accuracy));

    // predictions, at any batch size
    let prediction = trainer.predict(&validation).unwrap();
    assert_eq!(prediction.shape, [n, 3]);
    let labels = validation.targets().labels().unwrap();
    let hits =
        prediction.classes().into_iter().zip(labels).filter(|&(class, &label)| class == label as usize);
    assert_eq!(hits.count(), right);
    let trainer = trainer.evaluation_batch(7);
    assert!((trainer.evaluate(&validation).unwrap().loss - evaluation.loss).abs() < 1e-6);
}

#[test]
fn the_same_seed_gives_the_same_bits_and_steps_draw_anew() {
    let run = |seed: Option<u64>| -> History {
        let params = Params::new(&Device::cpu(), 5);
        let mut trainer = Trainer::new(classifier(&params), params, cross_entropy, Adam::default());
        trainer.fit(&blobs(), Fit { epochs: 2, seed, keep_step_losses: true, ..quiet() }).unwrap()
    };
    assert_eq!(run(None).step_losses(), run(Some(5)).step_losses());
    assert_ne!(run(None).step_losses(), run(Some(6)).step_losses());
}

#[test]
fn training_ends_at_a_loss_or_after_some_steps() {
    let params = Params::new(&Device::cpu(), 5);
    let mut trainer = Trainer::new(classifier(&params), params, cross_entropy, Adam::default());
    let history = trainer.fit(&blobs(), Fit { target_loss: Some(100.0), ..quiet() }).unwrap();
    assert_eq!(history.rows().len(), 1);
    let fit = Fit { steps: Some(4), batch_size: 60, keep_step_losses: true, ..quiet() };
    let history = trainer.fit(&blobs(), fit).unwrap();
    assert_eq!((history.rows().len(), history.step_losses().len()), (2, 4));
    let history = trainer.fit(&blobs(), Fit { epochs: 0, ..quiet() }).unwrap();
    assert!(history.rows().is_empty());
}

/// y = 1/(1 − x) leaves the numbers at x = 1, which one sample has.
fn broken_data(bad: usize) -> Dataset {
    let inputs: Vec<f32> = (0..20).map(|i| if i == bad { f32::INFINITY } else { 0.1 * i as f32 }).collect();
    Dataset::values(inputs, [1], vec![0.0; 20], [1]).unwrap()
}

#[test]
fn a_loss_that_is_no_number_names_epoch_and_step_and_keeps_the_history() {
    let params = Params::new(&Device::cpu(), 5);
    let model = Linear::new(params.at("fc"), 1, 1);
    let mut trainer = Trainer::new(model, params, mse, Sgd::default());
    let fit = Fit { batch_size: 5, shuffle: false, ..quiet() };
    let error = trainer.fit(&broken_data(12), fit).unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { epoch: 1, step: 3, .. }), "{error}");
    assert!(error.to_string().contains("at step 3 of epoch 1"), "{error}");
    assert!(trainer.history().rows().is_empty());

    // a learning rate that makes it grow without end: epochs before that one stay
    let params = Params::new(&Device::cpu(), 5);
    let model = Linear::new(params.at("fc"), 1, 1);
    let mut trainer = Trainer::new(model, params, mse, Sgd::default());
    let fit = Fit { batch_size: 5, learning_rate: 10.0, epochs: 1000, ..quiet() };
    let error = trainer.fit(&broken_data(20), fit).unwrap_err();
    let TrainError::NotFinite { epoch, .. } = error else { panic!("{error}") };
    assert!(epoch > 1);
    assert_eq!(trainer.history().rows().len(), epoch - 1);
}

#[test]
fn wrong_calls_are_named_and_change_nothing() {
    let device = Device::cpu();
    let params = Params::new(&device, 5);
    let model = Sequential::new().then(Linear::new(params.at("fc1"), 3, 8));
    let mut trainer = Trainer::new(model, params.clone(), cross_entropy, Adam::default());
    let before = params.get("fc1.weight").unwrap().to_vec::<f32>().unwrap();
    let mut error = |data: &Dataset, fit: Fit<'_>| trainer.fit(data, fit).unwrap_err().to_string();

    let message = error(&blobs(), quiet());
    assert!(message.contains("takes 3 features") && message.contains("in fc1"), "{message}");
    let empty = blobs().take(0);
    assert_eq!(error(&empty, quiet()), "the training set is empty");
    assert_eq!(error(&blobs(), Fit { validation: Some(&empty), ..quiet() }), "the validation set is empty");
    assert!(error(&blobs(), Fit { batch_size: 0, ..quiet() }).contains("batch size is 0"));
    assert!(
        error(&blobs(), Fit { clip_global_norm: Some(f64::NAN), ..quiet() })
            .contains("clip_global_norm is NaN")
    );
    let three = Dataset::classes(vec![0.0; 6], [3], vec![0, 1], 3).unwrap();
    let message = error(&three, Fit { learning_rate: -1.0, ..quiet() });
    assert!(message.contains("learning rate is -1"), "{message}");
    assert_eq!(trainer.evaluate(&empty).unwrap_err().to_string(), "the evaluation set is empty");
    assert_eq!(trainer.predict(&empty).unwrap_err().to_string(), "the prediction set is empty");
    assert_eq!(params.get("fc1.weight").unwrap().to_vec::<f32>().unwrap(), before);
    assert_eq!(trainer.steps(), 0);
}

#[test]
fn values_have_no_accuracy_and_f64_parameters_work() {
    let params = Params::with_dtype(&Device::cpu(), 1, DType::F64);
    let model = Linear::new(params.at("fc"), 1, 1);
    let data = Dataset::values((0..10).map(|i| i as f32 / 10.0).collect(), [1], vec![0.5; 10], [1]).unwrap();
    let mut trainer = Trainer::new(model, params, mse, Adam::default());
    let history = trainer.fit(&data, Fit { learning_rate: 0.1, epochs: 60, ..quiet() }).unwrap();
    assert!(history.metric_names().is_empty());
    let evaluation = trainer.evaluate(&data).unwrap();
    assert!(evaluation.accuracy.is_none() && evaluation.loss < 0.01, "{evaluation}");
    assert_eq!(trainer.predict(&data).unwrap().shape, [10, 1]);
}

#[test]
fn a_step_can_be_explained() {
    let params = Params::new(&Device::cpu(), 5);
    let mut trainer = Trainer::new(classifier(&params), params, cross_entropy, Adam::default());
    let explanation = trainer.explain_step(&blobs(), Fit { clip_global_norm: Some(1.0), ..quiet() }).unwrap();
    let text = explanation.to_string();
    assert!(text.contains("matmul") && text.contains("in fc2") && text.contains("in place"), "{text}");
    assert_eq!(trainer.steps(), 1);
    assert!(trainer.fit(&blobs(), Fit { epochs: 1, ..quiet() }).is_ok());
}

#[test]
fn a_summary_tells_layers_shapes_and_frozen_parameters() {
    let params = Params::new(&Device::cpu(), 5);
    let model = Sequential::new().then(Linear::new(params.at("fc1"), 64, 4)).then(relu).then(Linear::new(
        params.at("fc10"),
        4,
        10,
    ));
    params.freeze("fc1.*").unwrap();
    let data = digits::load().unwrap().take(1).with_input_shape([64]).unwrap();
    let summary = Trainer::new(model, params, cross_entropy, Adam::default()).summary(&data).unwrap();
    let rows: Vec<_> = summary.rows.iter().map(|row| (&row.layer[..], row.parameters, row.trained)).collect();
    assert_eq!(rows, [("fc1 (Linear)", 260, 0), ("relu", 0, 0), ("fc10 (Linear)", 50, 50)]);
}

struct Twice(Linear);

impl Layer for Twice {
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.0.forward(&self.0.forward(x, ctx), ctx)
    }
}

#[test]
fn a_layer_that_runs_twice_is_counted_once() {
    let params = Params::new(&Device::cpu(), 5);
    let model = Twice(Linear::new(params.at("fc"), 2, 2));
    let trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    let summary = trainer.summary(&blobs()).unwrap();
    assert_eq!((summary.parameters(), summary.trained(), summary.rows.len()), (6, 6, 2));
}

#[test]
fn logistic_and_softmax_regression_part_what_lines_part() {
    // two clouds, one score; targets are numbers of the shape of the scores
    let clouds = synthetic::blobs(200, 2, 0.2, 3).unwrap();
    let targets: Vec<f32> = clouds.targets().labels().unwrap().iter().map(|&class| class as f32).collect();
    let data = Dataset::values(clouds.inputs().to_vec(), [2], targets.clone(), [1]).unwrap();
    let params = Params::new(&Device::cpu(), 1);
    let model = Linear::new(params.at("fc"), 2, 1);
    let mut trainer = Trainer::new(model, params, binary_cross_entropy_with_logits, Sgd::default());
    let fit =
        |epochs, learning_rate| Fit { epochs, learning_rate, progress: Progress::hidden(), ..Fit::default() };
    trainer.fit(&data, fit(20, 1.0)).unwrap();
    let scores = trainer.predict(&data).unwrap().values;
    assert!(scores.iter().zip(&targets).all(|(score, target)| (*score > 0.0) == (*target > 0.5)));
    // digits, a score for each class
    let (train, test) = digits::load().unwrap().split(0.8, 1).unwrap();
    let params = Params::new(&Device::cpu(), 1);
    let model = Sequential::new().then(Flatten).then(Linear::new(params.at("fc"), 64, 10));
    let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    trainer.fit(&train, fit(30, 0.02)).unwrap();
    let accuracy = trainer.evaluate(&test).unwrap().accuracy.unwrap();
    assert!(accuracy > 0.93, "{accuracy}");
}
