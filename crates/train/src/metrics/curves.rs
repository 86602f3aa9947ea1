//! What a score can tell apart at any threshold.

use super::inputs::{no_nan, paired};
use crate::Result;

/// The receiver operating characteristic: the true-positive rate over the false-positive rate, a point for each
/// threshold; see [`roc_curve`].
#[derive(Clone, Debug, PartialEq)]
pub struct RocCurve {
    /// x of each point, rising from 0 to 1.
    pub false_positive_rates: Vec<f64>,
    /// y of each point, rising from 0 to 1.
    pub true_positive_rates: Vec<f64>,
    /// Scores at or above it are positive; falling from +∞.
    pub thresholds: Vec<f64>,
}

impl RocCurve {
    /// The area under the curve by trapezoids: the share of pairs of a positive and a negative whose scores are in the
    /// right order, ties counting half. NaN if one of the classes has no sample.
    pub fn area(&self) -> f64 {
        let points: Vec<(f64, f64)> =
            self.false_positive_rates.iter().copied().zip(self.true_positive_rates.iter().copied()).collect();
        points
            .windows(2)
            .map(|pair| match pair {
                [(x0, y0), (x1, y1)] => (x1 - x0) * (y0 + y1) / 2.0,
                _ => 0.0,
            })
            .sum()
    }
}

/// Precision over recall, a point for each threshold; see [`precision_recall_curve`].
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecallCurve {
    /// Precision of each threshold, and 1 at the end.
    pub precisions: Vec<f64>,
    /// Recall of each threshold, falling, and 0 at the end.
    pub recalls: Vec<f64>,
    /// Scores at or above it are positive; rising. One fewer than there are points.
    pub thresholds: Vec<f64>,
}

impl PrecisionRecallCurve {
    /// `Σ (Rₙ − Rₙ₋₁)·Pₙ`, without interpolation: see [`average_precision`].
    pub fn average_precision(&self) -> f64 {
        let steps = self.recalls.windows(2).zip(&self.precisions);
        steps
            .map(|(recalls, precision)| match recalls {
                [more, less] => (more - less) * precision,
                _ => 0.0,
            })
            .sum()
    }
}

/// How many positives and negatives have a score at or above each distinct one, from the highest down.
struct Steps {
    thresholds: Vec<f64>,
    positives: Vec<f64>,
    negatives: Vec<f64>,
}

impl Steps {
    fn new(scores: &[f32], truth: &[bool]) -> Self {
        let mut order: Vec<(f32, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut positives, mut negatives) = (0.0, 0.0);
        let mut steps = Self { thresholds: vec![], positives: vec![], negatives: vec![] };
        // −0 and 0 are one score
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            let found = group.iter().filter(|(_, truth)| *truth).count();
            positives += found as f64;
            negatives += (group.len() - found) as f64;
            let score = group.first().map_or(0.0, |(score, _)| f64::from(*score));
            steps.thresholds.push(score);
            steps.positives.push(positives);
            steps.negatives.push(negatives);
        }
        steps
    }
}

/// The ROC curve of scores and whether they are positive: scikit-learn's `roc_curve`. The first point is (0, 0), where
/// nothing is positive; points on a straight line between their neighbours are left out. Equal scores are one point.
/// With one class alone the rates of the other are NaN.
///
/// ```
/// let curve = anygrad_train::metrics::roc_curve(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert_eq!(curve.false_positive_rates, [0.0, 0.0, 0.5, 0.5, 1.0]);
/// assert_eq!(curve.true_positive_rates, [0.0, 0.5, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.area(), 0.75);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The lists differ in length or are empty; a score is NaN.
pub fn roc_curve(scores: &[f32], truth: &[bool]) -> Result<RocCurve> {
    paired("roc_curve", scores.len(), truth.len())?;
    no_nan("roc_curve", scores)?;
    let steps = Steps::new(scores, truth);
    let points: Vec<(f64, f64, f64)> = std::iter::once((f64::INFINITY, 0.0, 0.0))
        .chain(
            steps
                .thresholds
                .iter()
                .zip(&steps.negatives)
                .zip(&steps.positives)
                .map(|((t, n), p)| (*t, *n, *p)),
        )
        .collect();
    let last = points.len().saturating_sub(1);
    let bends = |at: usize| match points.get(at.wrapping_sub(1)..=at + 1) {
        // scikit-learn's rule, which looks at the points behind the first, (0, 0)
        Some([(_, n0, p0), (_, n1, p1), (_, n2, p2)]) if at > 1 => n2 - n1 != n1 - n0 || p2 - p1 != p1 - p0,
        _ => true,
    };
    let kept: Vec<(f64, f64, f64)> = points
        .iter()
        .enumerate()
        .filter(|(at, _)| *at == last || bends(*at))
        .map(|(_, point)| *point)
        .collect();
    let (_, negatives, positives) = points.last().copied().unwrap_or_default();
    Ok(RocCurve {
        false_positive_rates: kept.iter().map(|point| point.1 / negatives).collect(),
        true_positive_rates: kept.iter().map(|point| point.2 / positives).collect(),
        thresholds: kept.iter().map(|point| point.0).collect(),
    })
}

/// The precision–recall curve of scores and whether they are positive: scikit-learn's `precision_recall_curve`, from
/// the lowest threshold up, with a last point of precision 1 and recall 0. Without a positive every recall is 1.
///
/// ```
/// let curve = anygrad_train::metrics::precision_recall_curve(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert_eq!(curve.recalls, [1.0, 1.0, 0.5, 0.5, 0.0]);
/// assert_eq!(curve.precisions, [0.5, 2.0 / 3.0, 0.5, 1.0, 1.0]);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The lists differ in length or are empty; a score is NaN.
pub fn precision_recall_curve(scores: &[f32], truth: &[bool]) -> Result<PrecisionRecallCurve> {
    paired("precision_recall_curve", scores.len(), truth.len())?;
    no_nan("precision_recall_curve", scores)?;
    let steps = Steps::new(scores, truth);
    let all = steps.positives.last().copied().unwrap_or(0.0);
    let counts = steps.positives.iter().zip(&steps.negatives).rev();
    let mut curve = PrecisionRecallCurve { precisions: vec![], recalls: vec![], thresholds: vec![] };
    for (positives, negatives) in counts {
        curve.precisions.push(positives / (positives + negatives));
        curve.recalls.push(if all == 0.0 { 1.0 } else { positives / all });
    }
    curve.precisions.push(1.0);
    curve.recalls.push(0.0);
    curve.thresholds = steps.thresholds.into_iter().rev().collect();
    Ok(curve)
}

/// The area under the ROC curve, scikit-learn's `roc_auc_score`; see [`RocCurve::area`].
///
/// ```
/// assert_eq!(anygrad_train::metrics::roc_auc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?, 0.75);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// As [`roc_curve`].
pub fn roc_auc(scores: &[f32], truth: &[bool]) -> Result<f64> {
    Ok(roc_curve(scores, truth)?.area())
}

/// Average precision, `Σ (Rₙ − Rₙ₋₁)·Pₙ` over the thresholds: the area under the precision–recall curve in steps,
/// scikit-learn's `average_precision_score`. 0 without a positive.
///
/// ```
/// let ap = anygrad_train::metrics::average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert!((ap - 0.833333).abs() < 1e-6);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// As [`precision_recall_curve`].
pub fn average_precision(scores: &[f32], truth: &[bool]) -> Result<f64> {
    if !truth.contains(&true) {
        paired("average_precision", scores.len(), truth.len())?;
        no_nan("average_precision", scores)?;
        return Ok(0.0);
    }
    Ok(precision_recall_curve(scores, truth)?.average_precision())
}

/// The mean of [`average_precision`] over rankings: one a query, or one a label of a multi-label problem.
///
/// ```
/// use anygrad_train::metrics::mean_average_precision;
/// let first: (&[f32], &[bool]) = (&[0.9, 0.5, 0.1], &[true, false, true]);
/// let second: (&[f32], &[bool]) = (&[0.2, 0.7], &[true, false]);
/// let map = mean_average_precision(&[first, second])?;
/// assert!((map - (5.0 / 6.0 + 0.5) / 2.0).abs() < 1e-12);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// There is no ranking, or one is wrong as for [`precision_recall_curve`].
pub fn mean_average_precision(rankings: &[(&[f32], &[bool])]) -> Result<f64> {
    paired("mean_average_precision", rankings.len(), rankings.len())?;
    let mut sum = 0.0;
    for (scores, truth) in rankings {
        sum += average_precision(scores, truth)?;
    }
    Ok(sum / rankings.len() as f64)
}
