//! Metrics against numbers from scikit-learn; `golden/metrics.py` makes them.
#![allow(clippy::unwrap_used)]

use anygrad_data::BatchTargets;
use anygrad_train::Prediction;
use anygrad_train::metrics::*;
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/metrics.json")).unwrap()
}

/// A list of numbers; null is infinite or NaN.
#[track_caller]
fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::INFINITY)).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    list(value).into_iter().map(|v| v as f32).collect()
}

fn labels(value: &Value) -> Vec<u32> {
    list(value).into_iter().map(|v| v as u32).collect()
}

fn truths(value: &Value) -> Vec<bool> {
    list(value).into_iter().map(|v| v == 1.0).collect()
}

#[track_caller]
fn close(what: &str, found: f64, wanted: &Value) {
    let wanted = wanted.as_f64().unwrap();
    assert!((found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0), "{what}: {found} instead of {wanted}");
}

#[track_caller]
fn all_close(what: &str, found: &[f64], wanted: &Value) {
    let wanted = list(wanted);
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (a, b) in found.iter().zip(&wanted) {
        assert!(a == b || (a - b).abs() <= 1e-12, "{what}: {found:?} instead of {wanted:?}");
    }
}

/// The metric over batches of 7 samples.
fn stream(
    mut metric: impl Metric,
    values: &[f32],
    size: usize,
    targets: impl Fn(usize, usize) -> BatchTargets,
) -> f64 {
    let samples = values.len() / size;
    for start in (0..samples).step_by(7) {
        let end = samples.min(start + 7);
        let batch = values[start * size..end * size].to_vec();
        let predictions = Prediction { values: batch, shape: vec![end - start, size] };
        metric.update(&predictions, &targets(start, end)).unwrap();
    }
    metric.value()
}

#[test]
fn curves_of_two_classes_are_scikit_learns() {
    let golden = &golden()["binary"];
    let (scores, truth) = (floats(&golden["scores"]), truths(&golden["truth"]));
    let roc = roc_curve(&scores, &truth).unwrap();
    all_close("fpr", &roc.false_positive_rates, &golden["fpr"]);
    all_close("tpr", &roc.true_positive_rates, &golden["tpr"]);
    all_close("roc thresholds", &roc.thresholds, &golden["roc_thresholds"]);
    let curve = precision_recall_curve(&scores, &truth).unwrap();
    all_close("precisions", &curve.precisions, &golden["precisions"]);
    all_close("recalls", &curve.recalls, &golden["recalls"]);
    all_close("pr thresholds", &curve.thresholds, &golden["pr_thresholds"]);
    close("auc", roc_auc(&scores, &truth).unwrap(), &golden["auc"]);
    close("ap", average_precision(&scores, &truth).unwrap(), &golden["average_precision"]);

    let all = labels(&golden["truth"]);
    let targets =
        |start: usize, end: usize| BatchTargets::Classes { labels: all[start..end].to_vec(), classes: 2 };
    close("auc", stream(RocAuc::new(), &scores, 1, targets), &golden["auc"]);
    close("ap", stream(AveragePrecision::new(), &scores, 1, targets), &golden["average_precision"]);
    close("log loss", stream(LogLoss::new(), &scores, 1, targets), &golden["log_loss"]);
}

#[test]
fn rates_of_two_classes_are_scikit_learns_at_any_threshold() {
    let golden = &golden()["binary"];
    let (scores, truth) = (floats(&golden["scores"]), truths(&golden["truth"]));
    let all = labels(&golden["truth"]);
    let targets =
        |start: usize, end: usize| BatchTargets::Classes { labels: all[start..end].to_vec(), classes: 2 };
    for threshold in ["0.25", "0.5", "0.75"] {
        let wanted = &golden[&format!("at {threshold}")];
        let threshold: f32 = threshold.parse().unwrap();
        let counts = BinaryConfusion::from_scores(&scores, &truth, threshold).unwrap();
        let [[tp, missed], [fp, tn]] =
            counts.as_array(Layout::PositiveFirst).map(|row| row.map(|n| n as f64));
        all_close("counts", &[tp, fp, missed, tn], &wanted["counts"]);
        close("accuracy", counts.accuracy(), &wanted["accuracy"]);
        close("accuracy", stream(BinaryAccuracy::new(threshold), &scores, 1, targets), &wanted["accuracy"]);
        for (rate, name) in [
            (Rate::Precision, "precision"),
            (Rate::Recall, "recall"),
            (Rate::Specificity, "specificity"),
            (Rate::FBeta(1.0), "f1"),
            (Rate::FBeta(2.0), "f2"),
            (Rate::Iou, "iou"),
        ] {
            close(name, counts.rate(rate, ZeroDivision::Zero), &wanted[name]);
            close(name, stream(RateMetric::binary(rate, threshold), &scores, 1, targets), &wanted[name]);
            assert_eq!(RateMetric::binary(rate, threshold).name(), name);
        }
        let (positive, negative) = (Rate::FalsePositiveRate, Rate::FalseNegativeRate);
        let missed = 1.0 - counts.rate(Rate::Recall, ZeroDivision::Zero);
        assert!((counts.rate(negative, ZeroDivision::Zero) - missed).abs() < 1e-12);
        let alarm = 1.0 - counts.rate(Rate::Specificity, ZeroDivision::Zero);
        assert!((counts.rate(positive, ZeroDivision::Zero) - alarm).abs() < 1e-12);
    }
}

#[test]
fn rates_of_several_classes_are_scikit_learns() {
    let golden = &golden()["several"];
    let scores = floats(&golden["scores"]);
    let (truth, found) = (labels(&golden["truth"]), labels(&golden["found"]));
    let targets =
        |start: usize, end: usize| BatchTargets::Classes { labels: truth[start..end].to_vec(), classes: 4 };
    close("accuracy", stream(Accuracy::new(), &scores, 4, targets), &golden["accuracy"]);
    close("top 2", stream(TopKAccuracy::new(2), &scores, 4, targets), &golden["top 2"]);

    let matrix = ConfusionMatrix::from_labels(&found, &truth, 4).unwrap();
    let counts: Vec<f64> = matrix.rows().flatten().map(|&count| count as f64).collect();
    all_close("matrix", &counts, &golden["matrix"]);
    close("accuracy", matrix.accuracy(), &golden["accuracy"]);
    close("kappa", matrix.cohen_kappa(), &golden["kappa"]);
    close("matthews", matrix.matthews(), &golden["matthews"]);

    let rates = [
        (Rate::Precision, "precision"),
        (Rate::Recall, "recall"),
        (Rate::FBeta(1.0), "f1"),
        (Rate::FBeta(0.5), "f0.5"),
    ];
    for (zero, key) in [(ZeroDivision::Zero, "0.0"), (ZeroDivision::One, "1.0"), (ZeroDivision::Nan, "nan")] {
        for (rate, name) in rates {
            for (average, prefix) in
                [(Average::Macro, "macro"), (Average::Micro, "micro"), (Average::Weighted, "weighted")]
            {
                let wanted = &golden[&format!("{prefix} {key}")][name];
                let what = format!("{prefix} {name} {key}");
                close(&what, matrix.rate(rate, average, zero), wanted);
                let metric = RateMetric::averaged(rate, average).zero_division(zero);
                close(&what, stream(metric, &scores, 4, targets), wanted);
            }
            let each: Vec<f64> = matrix
                .per_class(rate, zero)
                .iter()
                .map(|v| if v.is_nan() { f64::INFINITY } else { *v })
                .collect();
            all_close(name, &each, &golden[&format!("None {key}")][name]);
        }
    }
    for (average, key) in
        [(Average::Macro, "macro"), (Average::Micro, "micro"), (Average::Weighted, "weighted")]
    {
        close(key, matrix.rate(Rate::Iou, average, ZeroDivision::Zero), &golden[&format!("iou {key}")]);
    }
}

#[test]
fn areas_of_several_classes_and_labels_are_scikit_learns() {
    let golden = golden();
    let part = &golden["one against the rest"];
    let (scores, truth) = (floats(&part["scores"]), labels(&part["truth"]));
    let targets =
        |start: usize, end: usize| BatchTargets::Classes { labels: truth[start..end].to_vec(), classes: 3 };
    close("auc", stream(RocAuc::new(), &scores, 3, targets), &part["auc"]);
    close("ap", stream(AveragePrecision::new(), &scores, 3, targets), &part["average_precision"]);
    close("log loss", stream(LogLoss::new(), &scores, 3, targets), &part["log_loss"]);
    let logits: Vec<f32> = scores.iter().map(|p| p.ln()).collect();
    let perplexity = part["log_loss"].as_f64().unwrap().exp();
    assert!((stream(Perplexity::from_logits(), &logits, 3, targets) - perplexity).abs() < 1e-6);
    assert!((stream(Perplexity::new(), &scores, 3, targets) - perplexity).abs() < 1e-12);

    let part = &golden["labels"];
    let (scores, truth) = (floats(&part["scores"]), floats(&part["truth"]));
    let targets = |start: usize, end: usize| BatchTargets::Values {
        values: truth[3 * start..3 * end].to_vec(),
        shape: vec![end - start, 3],
    };
    close("auc", stream(RocAuc::new(), &scores, 3, targets), &part["auc"]);
    close("ap", stream(AveragePrecision::new(), &scores, 3, targets), &part["average_precision"]);
}

#[test]
fn errors_of_numbers_are_scikit_learns() {
    let golden = &golden()["numbers"];
    let (predictions, truth) = (floats(&golden["predictions"]), floats(&golden["truth"]));
    let targets = |start: usize, end: usize| BatchTargets::Values {
        values: truth[2 * start..2 * end].to_vec(),
        shape: vec![end - start, 2],
    };
    close("mae", stream(MeanAbsoluteError::new(), &predictions, 2, targets), &golden["mae"]);
    close("mse", stream(MeanSquaredError::new(), &predictions, 2, targets), &golden["mse"]);
    close("rmse", stream(RootMeanSquaredError::new(), &predictions, 2, targets), &golden["rmse"]);
    close("r2", stream(R2Score::new(), &predictions, 2, targets), &golden["r2"]);
    close("mae", mean_absolute_error(&predictions, &truth).unwrap(), &golden["mae"]);
    close("mse", mean_squared_error(&predictions, &truth).unwrap(), &golden["mse"]);
    close("rmse", root_mean_squared_error(&predictions, &truth).unwrap(), &golden["rmse"]);
    let first = |values: &[f32]| values.iter().copied().step_by(2).collect::<Vec<_>>();
    close("r2", r2_score(&first(&predictions), &first(&truth)).unwrap(), &golden["r2 of the first"]);
}

#[test]
fn edges_are_scikit_learns() {
    let golden = &golden()["edges"];
    let scores = [0.5, 0.25, 0.75];
    close("one class", average_precision(&scores, &[true; 3]).unwrap(), &golden["one class ap"]);
    close("no positive", average_precision(&scores, &[false; 3]).unwrap(), &golden["no positive ap"]);
    let curve = precision_recall_curve(&scores, &[false; 3]).unwrap();
    all_close("no positive", &curve.recalls, &golden["no positive recalls"]);
    assert!(roc_auc(&scores, &[true; 3]).unwrap().is_nan());
    close("constant", r2_score(&[2.0, 2.0], &[2.0, 2.0]).unwrap(), &golden["constant met"]);
    close("constant", r2_score(&[2.0, 3.0], &[2.0, 2.0]).unwrap(), &golden["constant missed"]);
    let tied = roc_auc(&[0.5; 4], &[false, true, true, false]).unwrap();
    close("tied", tied, &golden["all tied auc"]);
}
