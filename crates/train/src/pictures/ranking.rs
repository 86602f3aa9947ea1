use super::check::{finite, not_empty, same_length, wrong};
use super::{Chart, Picture};
use crate::Result;

/// What a classifier of two classes said, and what is true: one curve of a ROC or a precision-recall plot.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// The name in the legend: the model, the data set, the epoch.
    pub name: &'a str,
    /// A score for each sample, higher where the positive class is more likely.
    pub scores: &'a [f32],
    /// Whether each sample is of the positive class.
    pub truths: &'a [bool],
}

/// The receiver operating characteristic of one or more classifiers, with the area below each in the legend.
///
/// A point for each threshold: the share of negative samples that are called positive, FP / (FP + TN), and the share
/// of positive samples that are found, TP / (TP + FN). Samples of equal score pass a threshold together. The area is
/// that of the trapezoids, as in scikit-learn.
///
/// # Errors
/// No curve; no sample, or different numbers of scores and truths; a score that is not finite; only one of the two
/// classes among the truths.
///
/// ```
/// use anygrad_train::pictures::{Scored, roc_curve};
/// let scores = [0.1, 0.4, 0.35, 0.8];
/// let curve = Scored { name: "model", scores: &scores, truths: &[false, false, true, true] };
/// assert!(roc_curve(&[curve])?.to_svg().contains("model (AUC 0.750)"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn roc_curve(curves: &[Scored<'_>]) -> Result<Picture> {
    const NAME: &str = "ROC curve";
    not_empty(NAME, "curves", curves)?;
    let mut chart = square("ROC curve", "false positive rate", "true positive rate");
    for curve in curves {
        let steps = steps(NAME, curve)?;
        let (positives, negatives) = totals(&steps);
        let points: Vec<_> = steps.iter().map(|(tp, fp)| (fp / negatives, tp / positives)).collect();
        let area = points.iter().zip(points.iter().skip(1));
        let area: f64 = area.map(|(from, to)| (to.0 - from.0) * (from.1 + to.1) / 2.0).sum();
        chart = chart.line_without_dots(format!("{} (AUC {area:.3})", curve.name), points);
    }
    Ok(chart.guide("chance", [(0.0, 0.0), (1.0, 1.0)]).draw())
}

/// The precision of one or more classifiers over their recall, with the average precision in the legend.
///
/// A point for each threshold: the recall TP / (TP + FN), and the precision TP / (TP + FP). The average precision is
/// Σ (Rₙ − Rₙ₋₁)·Pₙ over the thresholds, highest first, as in scikit-learn: trapezoids would be too optimistic (Davis
/// and Goadrich, 2006). The curve is drawn as the steps of which that is the area; the guide is the precision of
/// chance for the first curve, its share of positive samples.
///
/// # Errors
/// Those of [`roc_curve`].
///
/// ```
/// use anygrad_train::pictures::{Scored, precision_recall_curve};
/// let scores = [0.1, 0.4, 0.35, 0.8];
/// let curve = Scored { name: "model", scores: &scores, truths: &[false, false, true, true] };
/// assert!(precision_recall_curve(&[curve])?.to_svg().contains("model (AP 0.833)"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn precision_recall_curve(curves: &[Scored<'_>]) -> Result<Picture> {
    const NAME: &str = "precision-recall curve";
    not_empty(NAME, "curves", curves)?;
    let mut chart = square("Precision and recall", "recall", "precision");
    let mut chance = None;
    for curve in curves {
        let steps = steps(NAME, curve)?;
        let (positives, negatives) = totals(&steps);
        chance.get_or_insert(positives / (positives + negatives));
        let (mut average, mut recall) = (0.0, 0.0);
        let mut points = Vec::new();
        for (tp, fp) in steps.iter().skip(1) {
            let precision = tp / (tp + fp);
            points.extend([(recall, precision), (tp / positives, precision)]);
            average += (tp / positives - recall) * precision;
            recall = tp / positives;
        }
        chart = chart.line_without_dots(format!("{} (AP {average:.3})", curve.name), points);
    }
    let chance = chance.unwrap_or_default();
    Ok(chart.guide("chance", [(0.0, chance), (1.0, chance)]).draw())
}

fn square(title: &str, x_label: &str, y_label: &str) -> Chart {
    let chart = Chart::new(title).x_label(x_label).y_label(y_label).size(540.0, 568.0);
    chart.x_range(0.0, 1.0).y_range(0.0, 1.0)
}

/// True and false positives for each threshold, from one that nothing passes to one that everything does.
fn steps(picture: &'static str, curve: &Scored<'_>) -> Result<Vec<(f64, f64)>> {
    let named = |what: &str| format!("{what} of {:?}", curve.name);
    not_empty(picture, &named("scores"), curve.scores)?;
    let (scores, truths) = (named("scores"), named("truths"));
    same_length(picture, (&truths, curve.truths.len()), (&scores, curve.scores.len()))?;
    finite(picture, &scores, curve.scores.iter().copied().map(f64::from))?;
    for (class, wanted) in [("positive", true), ("negative", false)] {
        if !curve.truths.contains(&wanted) {
            return Err(wrong(picture, format!("{truths} has no {class} sample")));
        }
    }
    let mut samples: Vec<_> = curve.scores.iter().copied().zip(curve.truths.iter().copied()).collect();
    samples.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut tp, mut fp) = (0.0, 0.0);
    let mut steps = vec![(0.0, 0.0)];
    // by value, not by bits: 0 and -0 are equal scores
    for equal in samples.chunk_by(|a, b| a.0 == b.0) {
        let found = equal.iter().filter(|(_, truth)| *truth).count();
        tp += found as f64;
        fp += (equal.len() - found) as f64;
        steps.push((tp, fp));
    }
    Ok(steps)
}

/// Positive and negative samples.
fn totals(steps: &[(f64, f64)]) -> (f64, f64) {
    steps.last().copied().unwrap_or((1.0, 1.0))
}
