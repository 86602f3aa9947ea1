//! Class labels beside scores `[n, classes, *space]`: checked, and as masks.

use anygrad_graph::{DType, Shape, Tensor};

/// What is wrong with scores and labels, if anything; a poisoned tensor has its own error, which goes first. `what` the
/// scores are called, and the label that is left out although it may be no class.
pub(super) fn wrong_labels(
    what: &str,
    scores: &Tensor,
    labels: &Tensor,
    ignored: Option<i64>,
) -> Option<String> {
    if scores.check().is_err() || labels.check().is_err() {
        return Some(String::new());
    }
    if !labels.dtype().is_int() {
        return Some(format!("labels are {}, not u32 or i32", labels.dtype()));
    }
    if scores.rank() < 2 {
        return Some(format!("takes {what} [n, classes] and labels [n]: {what} {}", scores.shape()));
    }
    let mut expected = scores.shape().clone();
    let classes = expected.remove(1) as i64;
    if *labels.shape() != expected {
        return Some(format!(
            "takes {what} [n, classes] and labels [n]: {what} {}, labels {}",
            scores.shape(),
            labels.shape()
        ));
    }
    let (low, high) = labels.host_bounds()?;
    let bad =
        [low, high].into_iter().find(|&label| !(0..classes).contains(&label) && ignored != Some(label))?;
    Some(format!("label {bad} is out of range for {classes} classes"))
}

/// What is wrong with one weight for each of `classes`, if anything.
pub(super) fn wrong_weights(weight: Option<&[f64]>, classes: usize) -> Option<String> {
    let weight = weight?;
    if weight.len() != classes {
        return Some(format!("weight has {} numbers for {classes} classes", weight.len()));
    }
    let bad = weight.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0))?;
    Some(format!("a weight is {bad}; it must be finite and at least 0"))
}

/// `[1, classes, 1, ..]`, one axis for each of `scores`.
fn line(scores: &Tensor) -> Shape {
    let mut line = vec![1; scores.rank()];
    if let Some(classes) = line.get_mut(1) {
        *classes = scores.size(1);
    }
    Shape::from(line.as_slice())
}

/// Numbers given as a setting, on the device and in the dtype of `like`.
#[track_caller]
pub(super) fn constants(values: &[f64], shape: impl Into<Shape>, like: &Tensor) -> Tensor {
    if like.dtype() == DType::F64 {
        return Tensor::from_slice(values, shape, like.device());
    }
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    Tensor::from_slice(&values, shape, like.device()).to_dtype(like.dtype())
}

/// One weight a class, `[1, classes, 1, ..]`.
#[track_caller]
pub(super) fn class_weights(weight: Option<&[f64]>, scores: &Tensor) -> Option<Tensor> {
    weight.map(|weight| constants(weight, line(scores), scores))
}

/// Where the label of a position is the class: bool `[n, classes, *space]`, all false for a label that is no class.
#[track_caller]
pub(super) fn chosen(scores: &Tensor, labels: &Tensor) -> Tensor {
    // a comparison instead of an index fuses with what is around it
    let class = Tensor::iota(scores.size(1), scores.device()).to_dtype(labels.dtype()).reshape(line(scores));
    labels.unsqueeze(1).eq(class)
}

/// Where a label counts, bool of its shape; `None` where no label can be the one to ignore.
#[track_caller]
pub(super) fn kept(labels: &Tensor, ignored: Option<i64>) -> Option<Tensor> {
    let ignored = ignored?;
    let possible = if labels.dtype() == DType::U32 {
        u32::try_from(ignored).is_ok()
    } else {
        i32::try_from(ignored).is_ok()
    };
    if possible { Some(labels.ne(ignored as f64)) } else { None }
}
