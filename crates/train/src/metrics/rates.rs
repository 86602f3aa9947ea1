//! Precision, recall and their kin: shares of the counts of a confusion matrix.

use anygrad_data::BatchTargets;

use super::inputs::{Binary, Classified, largest, wrong};
use super::{BinaryConfusion, Metric, count_of, foreign_state};
use crate::{Prediction, Result};

/// A rate of the counts of a class against the rest. A higher threshold makes fewer answers positive: false positives
/// and recall fall, precision tends to rise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// `TP / (TP + FP)`: how many of those found are right. Positive predictive value.
    Precision,
    /// `TP / (TP + FN)`: how many of those there are were found. Sensitivity, true-positive rate.
    Recall,
    /// `TN / (TN + FP)`: how many negatives were left alone. True-negative rate.
    Specificity,
    /// `FP / (FP + TN)`: how many negatives were taken for positive, 1 − specificity. Fall-out.
    FalsePositiveRate,
    /// `FN / (FN + TP)`: how many positives were missed, 1 − recall.
    FalseNegativeRate,
    /// `TN / (TN + FN)`: how many of those left alone are negative.
    NegativePredictiveValue,
    /// `(1 + β²)·TP / ((1 + β²)·TP + β²·FN + FP)`: the weighted harmonic mean of precision and recall, where recall
    /// counts β times as much. β = 1 is F1, which on masks is the Dice score.
    FBeta(f64),
    /// `TP / (TP + FP + FN)`: intersection over union, the Jaccard index.
    Iou,
}

/// What a rate is where it would be 0/0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZeroDivision {
    /// 0, scikit-learn's default.
    #[default]
    Zero,
    /// 1.
    One,
    /// NaN; such classes are left out of averages.
    Nan,
}

impl ZeroDivision {
    fn value(self) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::One => 1.0,
            Self::Nan => f64::NAN,
        }
    }
}

impl Rate {
    /// The rate of `counts`.
    pub fn of(self, counts: &BinaryConfusion, zero_division: ZeroDivision) -> f64 {
        let tp = counts.true_positives as f64;
        let fp = counts.false_positives as f64;
        let missed = counts.false_negatives as f64;
        let tn = counts.true_negatives as f64;
        let (part, whole) = match self {
            Self::Precision => (tp, tp + fp),
            Self::Recall => (tp, tp + missed),
            Self::Specificity => (tn, tn + fp),
            Self::FalsePositiveRate => (fp, fp + tn),
            Self::FalseNegativeRate => (missed, missed + tp),
            Self::NegativePredictiveValue => (tn, tn + missed),
            Self::FBeta(beta) => {
                let weight = beta * beta;
                ((1.0 + weight) * tp, (1.0 + weight) * tp + weight * missed + fp)
            }
            Self::Iou => (tp, tp + fp + missed),
        };
        if whole == 0.0 { zero_division.value() } else { part / whole }
    }

    fn name(self) -> String {
        match self {
            Self::Precision => "precision".into(),
            Self::Recall => "recall".into(),
            Self::Specificity => "specificity".into(),
            Self::FalsePositiveRate => "false_positive_rate".into(),
            Self::FalseNegativeRate => "false_negative_rate".into(),
            Self::NegativePredictiveValue => "negative_predictive_value".into(),
            Self::FBeta(beta) => format!("f{beta}"),
            Self::Iou => "iou".into(),
        }
    }
}

/// How the rates of several classes become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Average {
    /// The mean over the classes: a rare one counts as much as a common one.
    Macro,
    /// The rate of all counts added up.
    Micro,
    /// The mean over the classes, weighted by their numbers of true samples.
    Weighted,
}

impl Average {
    pub(super) fn of(self, classes: &[BinaryConfusion], rate: Rate, zero_division: ZeroDivision) -> f64 {
        if self == Self::Micro {
            let all = classes.iter().fold(BinaryConfusion::default(), |sum, &class| sum + class);
            return rate.of(&all, zero_division);
        }
        let (mut sum, mut weights) = (0.0, 0.0);
        for class in classes {
            let value = rate.of(class, zero_division);
            let support = class.true_positives + class.false_negatives;
            let weight = if self == Self::Macro { 1.0 } else { support as f64 };
            if !value.is_nan() {
                sum += value * weight;
                weights += weight;
            }
        }
        if weights == 0.0 { zero_division.value() } else { sum / weights }
    }
}

/// What is counted.
#[derive(Clone, Debug)]
enum Counts {
    /// Scores above a threshold are positive.
    Binary { threshold: f32, counts: BinaryConfusion },
    /// The highest score of several classes; the list is as long as there are from the first batch on.
    Classes { average: Average, classes: Vec<Class>, total: u64 },
}

/// How many samples of a class there are, were predicted, and both. A matrix of all pairs would be too large for the
/// words of a language.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    truth: u64,
    predicted: u64,
    right: u64,
}

fn confusions(classes: &[Class], total: u64) -> Vec<BinaryConfusion> {
    let against_all = |class: &Class| BinaryConfusion {
        true_positives: class.right,
        false_positives: class.predicted - class.right,
        false_negatives: class.truth - class.right,
        true_negatives: (total + class.right) - class.truth - class.predicted,
    };
    classes.iter().map(against_all).collect()
}

/// A [`Rate`] as a [`Metric`]: precision, recall, specificity, F-β, intersection over union and so on, for two classes
/// or averaged over several.
///
/// For two classes it takes one score a sample (or an element of a mask) with targets 0 and 1; for several, scores
/// `[n, classes]` (or `[n, classes, *space]`) with labels.
///
/// ```
/// use anygrad_data::BatchTargets;
/// use anygrad_train::Prediction;
/// use anygrad_train::metrics::{Average, Metric, Rate, RateMetric};
/// let scores = Prediction { values: vec![0.9, 0.8, 0.3, 0.6], shape: vec![4, 1] };
/// let targets = BatchTargets::Classes { labels: vec![1, 0, 1, 1], classes: 2 };
/// let mut precision = RateMetric::binary(Rate::Precision, 0.5);
/// precision.update(&scores, &targets)?;
/// assert_eq!((precision.name(), precision.value()), ("precision", 2.0 / 3.0));
///
/// let f1 = RateMetric::averaged(Rate::FBeta(1.0), Average::Macro);
/// assert_eq!(f1.name(), "f1");
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RateMetric {
    name: String,
    rate: Rate,
    zero_division: ZeroDivision,
    counts: Counts,
}

impl RateMetric {
    /// For two classes: scores above `threshold` are positive. 0.5 for probabilities, 0.0 for logits.
    pub fn binary(rate: Rate, threshold: f32) -> Self {
        Self::new(rate, Counts::Binary { threshold, counts: BinaryConfusion::default() })
    }

    /// For several classes, of which the highest score is the answer.
    pub fn averaged(rate: Rate, average: Average) -> Self {
        Self::new(rate, Counts::Classes { average, classes: Vec::new(), total: 0 })
    }

    fn new(rate: Rate, counts: Counts) -> Self {
        Self { name: rate.name(), rate, zero_division: ZeroDivision::Zero, counts }
    }

    /// What 0/0 is; 0 unless this says otherwise.
    #[must_use]
    pub fn zero_division(self, zero_division: ZeroDivision) -> Self {
        Self { zero_division, ..self }
    }

    /// Another name, so that two of one kind can stand side by side.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The rate of each class; of two classes, of the positive one alone.
    pub fn per_class(&self) -> Vec<f64> {
        let counts = match &self.counts {
            Counts::Binary { counts, .. } => vec![*counts],
            Counts::Classes { classes, total, .. } => confusions(classes, *total),
        };
        counts.iter().map(|counts| self.rate.of(counts, self.zero_division)).collect()
    }

    fn wrong(&self) -> Option<String> {
        match (self.rate, &self.counts) {
            (Rate::FBeta(beta), _) if !(beta.is_finite() && beta >= 0.0) => {
                Some(format!("beta is {beta}; it must be finite and at least 0"))
            }
            (_, Counts::Binary { threshold, .. }) if threshold.is_nan() => {
                Some("threshold is NaN; it must be a number".into())
            }
            _ => None,
        }
    }
}

impl Metric for RateMetric {
    fn name(&self) -> &str {
        &self.name
    }

    fn reset(&mut self) {
        match &mut self.counts {
            Counts::Binary { counts, .. } => *counts = BinaryConfusion::default(),
            Counts::Classes { classes, total, .. } => {
                classes.clear();
                *total = 0;
            }
        }
    }

    fn update(&mut self, predictions: &Prediction, targets: &BatchTargets) -> Result<()> {
        if let Some(message) = self.wrong() {
            return Err(wrong(&self.name, message));
        }
        match &mut self.counts {
            Counts::Binary { threshold, counts } => {
                let batch = Binary::new(&self.name, predictions, targets)?;
                batch.pairs().for_each(|(score, truth)| counts.add(score > *threshold, truth));
            }
            Counts::Classes { classes, total, .. } => {
                let batch = Classified::new(&self.name, predictions, targets)?;
                if classes.is_empty() {
                    classes.resize(batch.classes, Class::default());
                }
                if classes.len() != batch.classes {
                    let message = format!("scores of {} classes after {}", batch.classes, classes.len());
                    return Err(wrong(&self.name, message));
                }
                for (row, label) in batch.rows() {
                    count(classes, label, largest(row));
                    *total += 1;
                }
            }
        }
        Ok(())
    }

    fn value(&self) -> f64 {
        match &self.counts {
            Counts::Binary { counts, .. } if counts.total() == 0 => f64::NAN,
            Counts::Binary { counts, .. } => self.rate.of(counts, self.zero_division),
            Counts::Classes { total: 0, .. } => f64::NAN,
            Counts::Classes { average, classes, total } => {
                average.of(&confusions(classes, *total), self.rate, self.zero_division)
            }
        }
    }

    fn state(&self) -> Option<Vec<f64>> {
        let counts: Vec<u64> = match &self.counts {
            Counts::Binary { counts: c, .. } => {
                vec![c.true_positives, c.false_positives, c.false_negatives, c.true_negatives]
            }
            Counts::Classes { classes, .. } => {
                classes.iter().flat_map(|class| [class.truth, class.predicted, class.right]).collect()
            }
        };
        Some(counts.into_iter().map(|count| count as f64).collect())
    }

    fn restore(&mut self, state: &[f64]) -> Result<()> {
        let counts: Option<Vec<u64>> = state.iter().copied().map(count_of).collect();
        self.take_over(&counts.unwrap_or_default()).ok_or_else(|| foreign_state(&self.name, state))
    }
}

impl RateMetric {
    /// Makes `state` what was counted; `None` if it cannot have been.
    fn take_over(&mut self, state: &[u64]) -> Option<()> {
        match &mut self.counts {
            Counts::Binary { counts, .. } => {
                let [true_positives, false_positives, false_negatives, true_negatives] = *state else {
                    return None;
                };
                *counts =
                    BinaryConfusion { true_positives, false_positives, false_negatives, true_negatives };
            }
            Counts::Classes { classes, total, .. } => {
                let (parts, rest) = state.as_chunks::<3>();
                let samples = parts.iter().map(|[truth, ..]| *truth).try_fold(0, u64::checked_add)?;
                let predicted =
                    parts.iter().map(|[_, predicted, _]| *predicted).try_fold(0, u64::checked_add)?;
                // of `samples` there are as many as are in one of two sets at most
                let sound = parts.iter().all(|&[truth, predicted, right]| {
                    right <= truth
                        && right <= predicted
                        && (truth - right).saturating_add(predicted) <= samples
                });
                if !(sound && rest.is_empty() && samples == predicted) {
                    return None;
                }
                *total = samples;
                let class = |&[truth, predicted, right]: &[u64; 3]| Class { truth, predicted, right };
                *classes = parts.iter().map(class).collect();
            }
        }
        Some(())
    }
}

fn count(classes: &mut [Class], truth: usize, prediction: usize) {
    if let Some(class) = classes.get_mut(truth) {
        class.truth += 1;
        class.right += u64::from(truth == prediction);
    }
    if let Some(class) = classes.get_mut(prediction) {
        class.predicted += 1;
    }
}
