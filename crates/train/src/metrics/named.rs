use super::inputs::wrong;
use super::{
    Accuracy, Average, AveragePrecision, BinaryAccuracy, LogLoss, MeanAbsoluteError, MeanSquaredError,
    Metric, Perplexity, R2Score, Rate, RateMetric, RocAuc, RootMeanSquaredError, TopKAccuracy,
};
use crate::Result;

type Make = fn() -> Box<dyn Metric>;

const NAMES: &[(&str, Make)] = &[
    ("accuracy", || Box::new(Accuracy::new())),
    ("auc", || Box::new(RocAuc::new())),
    ("average_precision", || Box::new(AveragePrecision::new())),
    ("binary_accuracy", || Box::new(BinaryAccuracy::default())),
    ("f1", || Box::new(RateMetric::binary(Rate::FBeta(1.0), 0.5))),
    ("iou", || Box::new(RateMetric::binary(Rate::Iou, 0.5))),
    ("log_loss", || Box::new(LogLoss::new())),
    ("macro_f1", || Box::new(RateMetric::averaged(Rate::FBeta(1.0), Average::Macro).named("macro_f1"))),
    ("mae", || Box::new(MeanAbsoluteError::new())),
    ("mean_iou", || Box::new(RateMetric::averaged(Rate::Iou, Average::Macro).named("mean_iou"))),
    ("mse", || Box::new(MeanSquaredError::new())),
    ("perplexity", || Box::new(Perplexity::from_logits())),
    ("precision", || Box::new(RateMetric::binary(Rate::Precision, 0.5))),
    ("r2", || Box::new(R2Score::new())),
    ("recall", || Box::new(RateMetric::binary(Rate::Recall, 0.5))),
    ("rmse", || Box::new(RootMeanSquaredError::new())),
    ("specificity", || Box::new(RateMetric::binary(Rate::Specificity, 0.5))),
    ("top_5_accuracy", || Box::new(TopKAccuracy::new(5))),
];

/// The metric called `name`, with its defaults: a threshold of 0.5 where there is one; `perplexity` takes scores before
/// a softmax.
///
/// ```
/// assert_eq!(anygrad_train::metrics::metric("accuracy")?.name(), "accuracy");
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// An unknown name; the message lists the known ones.
pub fn metric(name: &str) -> Result<Box<dyn Metric>> {
    match NAMES.iter().find(|(known, _)| *known == name) {
        Some((_, make)) => Ok(make()),
        None => {
            let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
            Err(wrong(name, format!("there is no such metric; known are {}", known.join(", "))))
        }
    }
}
