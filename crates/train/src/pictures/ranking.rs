use super::check::{finite, not_empty, same_length, wrong};
use super::{Chart, Picture};
use crate::{Result, metrics};

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
        check(NAME, curve)?;
        let roc = metrics::roc_curve(curve.scores, curve.truths)?;
        let name = format!("{} (AUC {:.3})", curve.name, roc.area());
        let points = roc.false_positive_rates.into_iter().zip(roc.true_positive_rates);
        chart = chart.line_without_dots(name, points);
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
        check(NAME, curve)?;
        let positives = curve.truths.iter().filter(|&&truth| truth).count();
        chance.get_or_insert(positives as f64 / curve.truths.len() as f64);
        let rising = metrics::precision_recall_curve(curve.scores, curve.truths)?;
        let name = format!("{} (AP {:.3})", curve.name, rising.average_precision());
        // from the highest threshold down, each precision reaching from the recall before it to its own
        let recalls = rising.recalls.iter().rev();
        let steps = recalls.clone().zip(recalls.skip(1)).zip(rising.precisions.iter().rev().skip(1));
        let points =
            steps.flat_map(|((&before, &recall), &precision)| [(before, precision), (recall, precision)]);
        chart = chart.line_without_dots(name, points);
    }
    let chance = chance.unwrap_or_default();
    Ok(chart.guide("chance", [(0.0, chance), (1.0, chance)]).draw())
}

fn square(title: &str, x_label: &str, y_label: &str) -> Chart {
    let chart = Chart::new(title).x_label(x_label).y_label(y_label).size(540.0, 568.0);
    chart.x_range(0.0, 1.0).y_range(0.0, 1.0)
}

/// That a curve can be made of both classes' samples.
fn check(picture: &'static str, curve: &Scored<'_>) -> Result<()> {
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
    Ok(())
}
