//! How far two areas overlap.

use super::inputs::{paired, wrong};
use crate::Result;

/// Intersection over union of two masks, `|A ∩ B| / |A ∪ B|`; 1 if both are empty.
///
/// ```
/// let iou = anygrad_train::metrics::iou(&[true, true, false], &[false, true, true])?;
/// assert_eq!(iou, 1.0 / 3.0);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The masks differ in size or are empty lists.
pub fn iou(prediction: &[bool], target: &[bool]) -> Result<f64> {
    let (common, sizes) = overlap("iou", prediction, target)?;
    Ok(if sizes == 0 { 1.0 } else { common as f64 / (sizes - common) as f64 })
}

/// The Dice score of two masks, `2·|A ∩ B| / (|A| + |B|)`; 1 if both are empty. As a metric over batches it is the
/// [`RateMetric`](super::RateMetric) of `Rate::FBeta(1.0)`.
///
/// ```
/// let dice = anygrad_train::metrics::dice(&[true, true, false], &[false, true, true])?;
/// assert_eq!(dice, 0.5);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// The masks differ in size or are empty lists.
pub fn dice(prediction: &[bool], target: &[bool]) -> Result<f64> {
    let (common, sizes) = overlap("dice", prediction, target)?;
    Ok(if sizes == 0 { 1.0 } else { 2.0 * common as f64 / sizes as f64 })
}

/// The size of the intersection, and the sum of both sizes.
fn overlap(name: &str, prediction: &[bool], target: &[bool]) -> Result<(usize, usize)> {
    paired(name, prediction.len(), target.len())?;
    let size = |mask: &[bool]| mask.iter().filter(|inside| **inside).count();
    let common = prediction.iter().zip(target).filter(|(a, b)| **a && **b).count();
    Ok((common, size(prediction) + size(target)))
}

/// Intersection over union of two boxes `[x0, y0, x1, y1]` with `x0 ≤ x1` and `y0 ≤ y1`; 0 if both have no area.
///
/// ```
/// let iou = anygrad_train::metrics::box_iou([0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0])?;
/// assert_eq!(iou, 1.0 / 3.0);
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
///
/// # Errors
/// A corner is NaN or infinite, or the two of a box are the wrong way round.
pub fn box_iou(a: [f64; 4], b: [f64; 4]) -> Result<f64> {
    for [x0, y0, x1, y1] in [a, b] {
        if ![x0, y0, x1, y1].iter().all(|x| x.is_finite()) || x0 > x1 || y0 > y1 {
            let message = format!("takes boxes [x0, y0, x1, y1]: [{x0}, {y0}, {x1}, {y1}]");
            return Err(wrong("box_iou", message));
        }
    }
    let area = |[x0, y0, x1, y1]: [f64; 4]| (x1 - x0).max(0.0) * (y1 - y0).max(0.0);
    let common = area([a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])]);
    let union = area(a) + area(b) - common;
    Ok(if union == 0.0 { 0.0 } else { common / union })
}
