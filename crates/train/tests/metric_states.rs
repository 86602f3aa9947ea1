//! A metric that is saved between two batches, and made anew from that, ends with the same bits.

#![allow(clippy::unwrap_used)]

use anygrad_data::BatchTargets;
use anygrad_train::Prediction;
use anygrad_train::metrics::{
    Accuracy, Average, AveragePrecision, BinaryAccuracy, CustomMetric, LogLoss, MeanAbsoluteError,
    MeanSquaredError, Metric, Perplexity, R2Score, Rate, RateMetric, RocAuc, RootMeanSquaredError,
    TopKAccuracy,
};

type Made = (Box<dyn Metric>, Vec<(Prediction, BatchTargets)>);

/// Every metric with two batches that it takes.
fn metrics() -> Vec<Made> {
    let scores = |values: &[f32], classes: usize| Prediction {
        values: values.to_vec(),
        shape: vec![values.len() / classes, classes],
    };
    let labels = |labels: &[u32]| BatchTargets::Classes { labels: labels.to_vec(), classes: 3 };
    let numbers =
        |values: &[f32]| BatchTargets::Values { values: values.to_vec(), shape: vec![values.len() / 2, 2] };
    let several = vec![
        (scores(&[0.2, 0.3, 0.5, 0.1, 0.8, 0.1], 3), labels(&[1, 1])),
        (scores(&[0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.1, 0.2, 0.7], 3), labels(&[0, 2, 0])),
    ];
    let flags = vec![
        (scores(&[0.9, 0.2, 0.4, 0.6], 2), numbers(&[1.0, 0.0, 1.0, 0.0])),
        (scores(&[0.3, 0.7], 2), numbers(&[0.0, 1.0])),
    ];
    let values = vec![
        (scores(&[1.5, 2.0, -3.25, 1e3], 2), numbers(&[1.0, 0.3, 0.1, 7.0])),
        (scores(&[0.1, 0.7], 2), numbers(&[1e4, -2.0])),
    ];
    let mean = |predictions: &Prediction, _: &BatchTargets| f64::from(predictions.values.iter().sum::<f32>());
    let made: Vec<(Box<dyn Metric>, &Vec<_>)> = vec![
        (Box::new(Accuracy::new()), &several),
        (Box::new(TopKAccuracy::new(2)), &several),
        (Box::new(BinaryAccuracy::new(0.5)), &flags),
        (Box::new(RateMetric::binary(Rate::Precision, 0.5)), &flags),
        (Box::new(RateMetric::averaged(Rate::FBeta(1.0), Average::Macro)), &several),
        (Box::new(LogLoss::new()), &several),
        (Box::new(Perplexity::new()), &several),
        (Box::new(RocAuc::new()), &several),
        (Box::new(RocAuc::new()), &flags),
        (Box::new(AveragePrecision::new()), &several),
        (Box::new(MeanAbsoluteError::new()), &values),
        (Box::new(MeanSquaredError::new()), &values),
        (Box::new(RootMeanSquaredError::new()), &values),
        (Box::new(R2Score::new()), &values),
        (Box::new(CustomMetric::new("sum", mean)), &values),
    ];
    made.into_iter().map(|(metric, batches)| (metric, batches.clone())).collect()
}

#[test]
fn a_metric_goes_on_from_its_state_with_the_same_bits() {
    for ((mut whole, batches), (mut later, _)) in metrics().into_iter().zip(metrics()) {
        let empty = whole.state().unwrap();
        whole.update(&batches[0].0, &batches[0].1).unwrap();
        let (state, first) = (whole.state().unwrap(), whole.value());
        assert_ne!(state, empty, "{}", whole.name());
        later.restore(&state).unwrap();
        assert_eq!(later.value().to_bits(), first.to_bits(), "{}", whole.name());
        whole.update(&batches[1].0, &batches[1].1).unwrap();
        later.update(&batches[1].0, &batches[1].1).unwrap();
        assert_eq!(later.value().to_bits(), whole.value().to_bits(), "{}", whole.name());
        assert_ne!(
            later.value().to_bits(),
            first.to_bits(),
            "{}: the test must tell the batches apart",
            whole.name()
        );
        // of no sample
        later.restore(&empty).unwrap();
        assert_eq!(later.state().unwrap(), empty);
    }
}

#[test]
fn numbers_that_are_no_state_are_errors_and_never_a_panic() {
    let odd = [-1.0, 0.5, 3.0, f64::NAN, f64::INFINITY, 1e300, 9_007_199_254_740_992.0];
    for (mut metric, batches) in metrics() {
        let name = metric.name().to_owned();
        // as many numbers as no metric has
        let message =
            metric.restore(&[2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]).map_err(|error| error.to_string());
        if let Err(message) = message {
            assert_eq!(message, format!("fit: resume: 8 numbers are no state of the metric {name}"));
        }
        let state = {
            metric.reset();
            metric.update(&batches[0].0, &batches[0].1).unwrap();
            metric.state().unwrap()
        };
        for at in 0..state.len() {
            for value in odd {
                let mut wrong = state.clone();
                wrong[at] = value;
                if metric.restore(&wrong).is_ok() {
                    metric.value();
                    metric.update(&batches[1].0, &batches[1].1).unwrap();
                    metric.value();
                }
            }
        }
        metric.restore(&state[..state.len() - 1]).map_or_else(drop, |()| {
            metric.value();
        });
    }
}
