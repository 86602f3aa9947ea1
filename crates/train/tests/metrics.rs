//! Metrics: streaming over batches, edge cases, errors.
#![allow(clippy::unwrap_used)]

use anygrad_data::{BatchTargets, synthetic};
use anygrad_graph::Device;
use anygrad_nn::{Adam, CrossEntropy, Linear, Params};
use anygrad_train::metrics::*;
use anygrad_train::{Fit, Prediction, Progress, Trainer};

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

#[test]
fn a_model_that_always_says_no_looks_good_by_accuracy_alone() {
    let truth: Vec<u32> = (0..100).map(|i| u32::from(i == 17)).collect();
    let (mut accuracy, mut auc) = (BinaryAccuracy::default(), RocAuc::new());
    let scores = outputs(&[0.01; 100], &[100]);
    accuracy.update(&scores, &labels(&truth, 2)).unwrap();
    auc.update(&scores, &labels(&truth, 2)).unwrap();
    assert_eq!((accuracy.value(), auc.value()), (0.99, 0.5));
}

#[test]
fn recall_falls_as_the_threshold_rises() {
    let scores: Vec<f32> = (0..40).map(|i| ((i * 17) % 40) as f32 / 40.0).collect();
    let truth: Vec<bool> =
        scores.iter().enumerate().map(|(i, &score)| score + ((i % 5) as f32) / 10.0 > 0.6).collect();
    let at = |threshold: f32| BinaryConfusion::from_scores(&scores, &truth, threshold).unwrap();
    let sweep: Vec<BinaryConfusion> = (0..10).map(|i| at(i as f32 / 10.0)).collect();
    for pair in sweep.windows(2) {
        let [lower, higher] = [pair[0], pair[1]];
        let recall = |counts: BinaryConfusion| counts.rate(Rate::Recall, ZeroDivision::Zero);
        assert!(recall(higher) <= recall(lower));
        // a higher threshold has fewer errors of the first kind and more of the second
        assert!(higher.false_positives <= lower.false_positives);
        assert!(higher.false_negatives >= lower.false_negatives);
    }
    assert_eq!(at(-1.0).rate(Rate::Recall, ZeroDivision::Zero), 1.0);
    assert_eq!(at(1.0).rate(Rate::FBeta(1.0), ZeroDivision::Zero), 0.0);
}

#[test]
fn pixels_are_counted_by_class() {
    // two pictures of two pixels, three classes; scores [n, classes, pixels]
    let scores = outputs(&[0.9, 0.1, 0.05, 0.8, 0.05, 0.1, /* */ 0.1, 0.2, 0.2, 0.2, 0.7, 0.6], &[2, 3, 2]);
    let truth = numbers(&[0.0, 1.0, 2.0, 0.0], &[2, 2]);
    let mut matrix = ConfusionMatrix::new(3);
    matrix.update(&scores, &truth).unwrap();
    assert_eq!([matrix.count(0, 0), matrix.count(1, 1), matrix.count(2, 2), matrix.count(0, 2)], [1; 4]);
    assert_eq!(matrix.mean_iou(), (0.5 + 1.0 + 0.5) / 3.0);
    let mut metric = RateMetric::averaged(Rate::Iou, Average::Macro).named("mean_iou");
    metric.update(&scores, &truth).unwrap();
    assert_eq!((metric.name(), metric.value()), ("mean_iou", matrix.mean_iou()));
    assert_eq!(metric.per_class(), [0.5, 1.0, 0.5]);
    error(
        &mut metric,
        &scores,
        &numbers(&[0.5; 4], &[2, 2]),
        "a target is 0.5; it must be the number of a class",
    );

    // a class that is nowhere does not count
    let matrix = ConfusionMatrix::from_labels(&[0, 1], &[0, 1], 3).unwrap();
    assert_eq!(matrix.mean_iou(), 1.0);
    assert_eq!(matrix.matthews(), 1.0);
    assert_eq!(ConfusionMatrix::from_labels(&[0, 0], &[0, 1], 2).unwrap().matthews(), 0.0);
}

#[test]
fn overlaps_have_their_limits() {
    assert_eq!(iou(&[false; 3], &[false; 3]).unwrap(), 1.0);
    assert_eq!(dice(&[false; 3], &[false; 3]).unwrap(), 1.0);
    assert_eq!(iou(&[true, false], &[false, true]).unwrap(), 0.0);
    assert_eq!(box_iou([0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 3.0, 3.0]).unwrap(), 0.0);
    assert_eq!(box_iou([0.0; 4], [0.0; 4]).unwrap(), 0.0);
    let message = box_iou([1.0, 0.0, 0.0, 1.0], [0.0; 4]).unwrap_err().to_string();
    assert!(message.contains("takes boxes [x0, y0, x1, y1]: [1, 0, 0, 1]"), "{message}");
}

#[test]
fn certain_errors_cost_a_finite_amount() {
    let mut loss = LogLoss::new();
    loss.update(&outputs(&[0.0, 1.0], &[2, 1]), &labels(&[1, 1], 2)).unwrap();
    assert!((loss.value() - 15.942_385 / 2.0).abs() < 1e-5, "{}", loss.value());
    error(&mut loss, &outputs(&[1.5], &[1]), &labels(&[1], 2), "a prediction is 1.5; it must be in [0, 1]");
    let mut loss = LogLoss::from_logits();
    loss.update(&outputs(&[-1e4, 1e4], &[2, 1]), &labels(&[1, 1], 2)).unwrap();
    loss.update(&outputs(&[1e4, -1e4], &[1, 2]), &labels(&[1], 2)).unwrap();
    assert_eq!(loss.value(), 3e4 / 3.0);
    loss.reset();
    assert!(loss.value().is_nan());
}

#[test]
fn areas_leave_out_what_is_not_defined_and_refuse_nan() {
    let mut auc = RocAuc::new();
    assert!(auc.value().is_nan());
    // the third class has no sample
    let scores = outputs(&[0.8, 0.1, 0.1, 0.2, 0.7, 0.1], &[2, 3]);
    auc.update(&scores, &labels(&[0, 1], 3)).unwrap();
    assert_eq!(auc.value(), 1.0);
    error(&mut auc, &outputs(&[0.5, 0.5], &[1, 2]), &labels(&[0], 2), "2 scores a sample after 3");
    error(&mut auc, &outputs(&[f32::NAN; 3], &[1, 3]), &labels(&[0], 3), "the prediction is NaN (element 0)");
    let message = roc_curve(&[f32::NAN], &[true]).unwrap_err().to_string();
    assert_eq!(message, "metric roc_curve: the prediction is NaN (element 0)");
    assert!(roc_auc(&[], &[]).unwrap_err().to_string().contains("there is no sample"));
    assert!(mean_average_precision(&[]).is_err());

    let mut rate = RateMetric::averaged(Rate::Recall, Average::Macro);
    assert!(rate.value().is_nan());
    rate.update(&scores, &labels(&[0, 1], 3)).unwrap();
    error(&mut rate, &outputs(&[0.5, 0.5], &[1, 2]), &labels(&[0], 2), "scores of 2 classes after 3");
    assert_eq!(rate.value(), 2.0 / 3.0);
    let beta = &mut RateMetric::binary(Rate::FBeta(-1.0), 0.5);
    error(beta, &outputs(&[0.5], &[1]), &labels(&[0], 2), "beta is -1; it must be finite and at least 0");
    let wrong = ConfusionMatrix::from_labels(&[0], &[3], 2).unwrap_err().to_string();
    assert!(wrong.contains("label 3 is out of range for 2 classes"), "{wrong}");
    assert!(ConfusionMatrix::new(2).names(["a"]).unwrap_err().to_string().contains("1 names for 2 classes"));
}

#[test]
fn metrics_have_names() {
    for name in ["accuracy", "auc", "f1", "macro_f1", "mean_iou", "mse", "r2", "top_5_accuracy", "perplexity"]
    {
        assert_eq!(metric(name).unwrap().name(), name);
    }
    let message = metric("acuracy").err().unwrap().to_string();
    assert!(
        message.starts_with("metric acuracy: there is no such metric; known are accuracy, auc"),
        "{message}"
    );
}

#[test]
fn metrics_show_in_the_history_under_their_names() {
    let params = Params::new(&Device::cpu(), 3);
    let model = Linear::new(params.at("fc"), 2, 3);
    let data = synthetic::blobs(90, 3, 0.1, 7).unwrap();
    let mut trainer = Trainer::new(model, params, CrossEntropy::default(), Adam::default())
        .metric(|| RateMetric::averaged(Rate::FBeta(1.0), Average::Macro).named("macro_f1"))
        .metric(RocAuc::new)
        .metric(LogLoss::from_logits)
        .metric(|| {
            CustomMetric::new("spread", |outputs: &Prediction, _: &BatchTargets| {
                f64::from(outputs.values.iter().fold(0.0f32, |most, value| most.max(value.abs())))
            })
        });
    let fit = Fit {
        epochs: 8,
        learning_rate: 0.1,
        progress: Progress::hidden(),
        validation: Some(&data),
        ..Fit::default()
    };
    let history = trainer.fit(&data, fit).unwrap();
    assert_eq!(history.metric_names(), ["accuracy", "macro_f1", "auc", "log_loss", "spread"]);
    let last = history.last().unwrap().validation.clone().unwrap();
    // the metric is worked out on the host in f64, the loss on the device in f32
    assert!((last.metric("log_loss").unwrap() - last.loss).abs() < 1e-5 * last.loss.max(1.0));
    assert!(last.metric("macro_f1").unwrap() > 0.9 && last.metric("auc").unwrap() > 0.95, "{last:?}");
    let evaluation = trainer.evaluate(&data).unwrap();
    assert_eq!(evaluation.metric("auc"), last.metric("auc"));

    // the same by hand
    let prediction = trainer.predict(&data).unwrap();
    let truth = data.targets().labels().unwrap();
    let matrix = ConfusionMatrix::from_labels(
        &prediction.classes().iter().map(|&class| class as u32).collect::<Vec<_>>(),
        truth,
        3,
    )
    .unwrap();
    assert_eq!(Some(matrix.accuracy() as f32), evaluation.accuracy);
    let f1 = matrix.rate(Rate::FBeta(1.0), Average::Macro, ZeroDivision::Zero);
    assert_eq!(evaluation.metric("macro_f1"), Some(f1 as f32));
}
