//! Metrics: streaming over batches, edge cases, errors.
#![allow(clippy::unwrap_used)]

use anygrad_data::BatchTargets;
use anygrad_train::Prediction;
use anygrad_train::metrics::*;

fn outputs(values: &[f32], shape: &[usize]) -> Prediction {
    Prediction { values: values.to_vec(), shape: shape.to_vec() }
}

fn numbers(values: &[f32], shape: &[usize]) -> BatchTargets {
    BatchTargets::Values { values: values.to_vec(), shape: shape.to_vec() }
}

fn labels(labels: &[u32], classes: usize) -> BatchTargets {
    BatchTargets::Classes { labels: labels.to_vec(), classes }
}

#[track_caller]
fn error(metric: &mut dyn Metric, predictions: &Prediction, targets: &BatchTargets, wanted: &str) {
    let message = metric.update(predictions, targets).unwrap_err().to_string();
    assert!(message.contains(wanted), "{message}");
    assert!(message.starts_with(&format!("metric {}: ", metric.name())), "{message}");
}

#[test]
fn accuracies_count() {
    let scores = outputs(&[0.2, 0.5, 0.3, 0.6, 0.3, 0.1, 0.4, 0.4, 0.2], &[3, 3]);
    let mut accuracy = Accuracy::new();
    assert!(accuracy.value().is_nan());
    accuracy.update(&scores, &labels(&[1, 1, 0], 3)).unwrap();
    assert_eq!(accuracy.value(), 2.0 / 3.0);
    // one-hot targets are the same, and batches add up
    accuracy.update(&scores, &numbers(&[0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0], &[3, 3])).unwrap();
    assert_eq!(accuracy.value(), 4.0 / 6.0);
    accuracy.reset();
    accuracy.update(&scores, &labels(&[2, 2, 2], 3)).unwrap();
    assert_eq!(accuracy.value(), 0.0);

    let mut top = TopKAccuracy::new(2);
    top.update(&scores, &labels(&[2, 2, 1], 3)).unwrap();
    assert_eq!(top.value(), 2.0 / 3.0);

    let mut binary = BinaryAccuracy::new(0.0);
    binary.update(&outputs(&[-1.0, 0.0, 2.0], &[3]), &labels(&[0, 0, 1], 2)).unwrap();
    assert_eq!(binary.value(), 1.0);
    // every label of a sample counts
    binary.update(&outputs(&[1.0, 1.0], &[1, 2]), &numbers(&[0.0, 0.0], &[1, 2])).unwrap();
    assert_eq!(binary.value(), 3.0 / 5.0);
}

#[test]
fn errors_of_numbers_do_not_depend_on_batches() {
    let predictions: Vec<f32> = (0..12).map(|i| (i as f32 * 0.7).sin()).collect();
    let targets: Vec<f32> = (0..12).map(|i| 1e4 + (i as f32 * 0.5).cos()).collect();
    let metrics: [fn() -> Box<dyn Metric>; 4] = [
        || Box::new(MeanAbsoluteError::new()),
        || Box::new(MeanSquaredError::new()),
        || Box::new(RootMeanSquaredError::new()),
        || Box::new(R2Score::new()),
    ];
    for make in metrics {
        let (mut whole, mut parts) = (make(), make());
        whole.update(&outputs(&predictions, &[6, 2]), &numbers(&targets, &[6, 2])).unwrap();
        for (p, t) in predictions.chunks(4).zip(targets.chunks(4)) {
            parts.update(&outputs(p, &[2, 2]), &numbers(t, &[2, 2])).unwrap();
        }
        assert!((whole.value() - parts.value()).abs() <= 1e-12 * whole.value().abs(), "{}", whole.name());
    }
}

#[test]
fn constant_targets_have_an_r2() {
    assert_eq!(r2_score(&[2.0, 2.0], &[2.0, 2.0]).unwrap(), 1.0);
    assert_eq!(r2_score(&[2.0, 3.0], &[2.0, 2.0]).unwrap(), 0.0);
    assert!(r2_score(&[2.0], &[2.0]).unwrap().is_nan());
    // two outputs, one of them constant and met, count alike
    let mut r2 = R2Score::new();
    r2.update(&outputs(&[1.0, 5.0, 2.0, 5.0], &[2, 2]), &numbers(&[2.0, 5.0, 1.0, 5.0], &[2, 2])).unwrap();
    assert_eq!(r2.value(), (-3.0 + 1.0) / 2.0);
}

#[test]
fn a_closure_is_a_metric() {
    let mut metric = CustomMetric::new("positives", |outputs: &Prediction, _: &BatchTargets| {
        outputs.values.iter().filter(|&&value| value > 0.0).count() as f64 / outputs.values.len() as f64
    });
    metric.update(&outputs(&[1.0, 1.0, 1.0], &[3]), &labels(&[0, 0, 0], 1)).unwrap();
    metric.update(&outputs(&[-1.0], &[1]), &labels(&[0], 1)).unwrap();
    assert_eq!((metric.name(), metric.value()), ("positives", 0.75));
    error(&mut metric, &outputs(&[1.0], &[]), &labels(&[0], 1), "takes predictions [n, ..], not a scalar");
}

#[test]
fn what_does_not_fit_is_an_error() {
    let scores = outputs(&[0.2, 0.8, 0.7, 0.3], &[2, 2]);
    let metric = &mut Accuracy::new();
    error(metric, &outputs(&[0.2], &[1]), &labels(&[0], 2), "takes scores [n, classes]: predictions [1]");
    error(metric, &scores, &labels(&[0], 2), "predictions [2, 2] for 1 labels");
    error(metric, &scores, &labels(&[0, 2], 3), "label 2 is out of range for 2 classes");
    error(metric, &scores, &numbers(&[0.0], &[1]), "predictions [2, 2], targets [1]");
    let broken = outputs(&[0.2, 0.8, f32::NAN, 0.3], &[2, 2]);
    error(metric, &broken, &labels(&[0, 1], 2), "the prediction is NaN (element 2)");
    // a batch that was refused leaves nothing behind
    assert!(metric.value().is_nan());
    error(&mut TopKAccuracy::new(0), &scores, &labels(&[0, 1], 2), "k is 0; it must be at least 1");

    let binary = &mut BinaryAccuracy::default();
    error(binary, &scores, &labels(&[0, 1], 2), "takes one score for each target that is 0 or 1");
    error(binary, &outputs(&[0.5], &[1]), &numbers(&[0.5], &[1]), "a target is 0.5; it must be 0 or 1");
    error(binary, &outputs(&[0.5], &[1]), &labels(&[3], 4), "a target is 3; it must be 0 or 1");
    error(
        &mut BinaryAccuracy::new(f32::NAN),
        &outputs(&[0.5], &[1]),
        &labels(&[1], 2),
        "threshold is NaN; it must be a number",
    );
    // one number a sample against one sample of two
    error(binary, &outputs(&[0.5, 0.5], &[2, 1]), &numbers(&[1.0, 0.0], &[1, 2]), "predictions [2, 1]");

    let mse = &mut MeanSquaredError::new();
    error(mse, &scores, &labels(&[0, 1], 2), "takes numbers as targets, not labels");
    error(mse, &scores, &numbers(&[0.0, 1.0], &[2, 1]), "predictions [2, 2], targets [2, 1]");
    assert!(r2_score(&[1.0], &[]).unwrap_err().to_string().contains("1 predictions for 0 targets"));
    for empty in
        [message(accuracy(&[], &[])), message(mean_squared_error(&[], &[])), message(r2_score(&[], &[]))]
    {
        assert!(empty.contains("there is no sample"), "{empty}");
    }
}

fn message(result: anygrad_train::Result<f64>) -> String {
    result.unwrap_err().to_string()
}
