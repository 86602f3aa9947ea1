//! What losses check and convert before they compute.

use anygrad_graph::{DType, Tensor};

/// f16 as f32: losses are computed in f32 at least, as sums over a batch leave the range of f16. All others as they are.
#[track_caller]
pub(super) fn single(x: &Tensor) -> Tensor {
    if x.dtype() == DType::F16 { x.to_dtype(DType::F32) } else { x.clone() }
}

/// A prediction and a target of its shape, as floats of one dtype. Unequal shapes are an error: broadcasting `[n, 1]`
/// against `[n]` would give a loss over `[n, n]`. Targets that are whole numbers or truth values are converted.
#[track_caller]
pub(super) fn alike(
    name: &'static str,
    prediction: &Tensor,
    target: &Tensor,
) -> Result<(Tensor, Tensor), Tensor> {
    let operands = [("prediction", prediction), ("target", target)];
    if prediction.check().is_err() || target.check().is_err() {
        return Err(Tensor::wrong(name, "", &operands));
    }
    if !prediction.dtype().is_float() {
        let message = format!("the prediction is {}, not a float", prediction.dtype());
        return Err(Tensor::wrong(name, message, &operands));
    }
    if prediction.shape() != target.shape() {
        let message = format!("shapes differ: prediction {}, target {}", prediction.shape(), target.shape());
        return Err(Tensor::wrong(name, message, &operands));
    }
    let prediction = single(prediction);
    let target = if target.dtype().is_float() { single(target) } else { target.to_dtype(prediction.dtype()) };
    Ok((prediction, target))
}

/// What is wrong with a setting that has to be a finite number at or above `low` (above it, if `open`).
pub(super) fn wrong_setting(setting: &str, value: f64, low: f64, open: bool) -> Option<String> {
    let fits = value.is_finite() && if open { value > low } else { value >= low };
    let range = if open { "above" } else { "at least" };
    (!fits).then(|| format!("{setting} is {value}; it must be {range} {low}"))
}

/// [`alike`] for a loss with a setting, which is looked at first.
#[track_caller]
pub(super) fn alike_with(
    name: &'static str,
    wrong: Option<String>,
    prediction: &Tensor,
    target: &Tensor,
) -> Result<(Tensor, Tensor), Tensor> {
    match wrong {
        Some(message) => Err(Tensor::wrong(name, message, &[("prediction", prediction), ("target", target)])),
        None => alike(name, prediction, target),
    }
}
