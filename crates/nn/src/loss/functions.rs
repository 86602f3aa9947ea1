//! Losses: scalars that say how far a prediction is from its target. Means over the batch, as everywhere.

use anygrad_graph::Tensor;

use super::labels::{chosen, wrong_labels};

/// Cross-entropy of class scores and labels, the mean of `−log softmax(logits)[label]`.
///
/// `logits` are `[n, classes]`, any numbers (no softmax before); `labels` are `[n]`, u32 or i32. For one label a
/// pixel they are `[n, classes, *space]` and `[n, *space]`.
///
/// A label out of range that was given from the host is an error; one computed on the device adds 0 to the loss.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::cross_entropy;
/// let device = Device::cpu();
/// let logits = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [1, 3], &device);
/// let label = Tensor::from_slice(&[2u32], [1], &device);
/// assert!((cross_entropy(&logits, &label).item()? - 0.407606).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Tensor {
    if let Some(message) = wrong_labels("logits", logits, labels, None) {
        return Tensor::wrong("cross_entropy", message, &[("logits", logits), ("labels", labels)]);
    }
    let chosen = chosen(logits, labels);
    -(chosen.select(logits.log_softmax(1), 0.0).sum_all() / labels.numel() as f64)
}

/// Mean squared error, the mean of `(prediction − target)²` over all elements. The shapes are equal.
#[track_caller]
pub fn mse(prediction: &Tensor, target: &Tensor) -> Tensor {
    match unequal("mse", prediction, target) {
        Some(wrong) => wrong,
        None => (prediction - target).square().mean_all(),
    }
}

/// Mean absolute error, the mean of `|prediction − target|` over all elements. The shapes are equal.
#[track_caller]
pub fn mean_absolute_error(prediction: &Tensor, target: &Tensor) -> Tensor {
    match unequal("mean_absolute_error", prediction, target) {
        Some(wrong) => wrong,
        None => (prediction - target).abs().mean_all(),
    }
}

/// Binary cross-entropy of scores and targets in [0, 1], the mean of
/// `−t·log σ(x) − (1 − t)·log(1 − σ(x))` over all elements. `logits` are any numbers (no sigmoid before), and the
/// shapes are equal. Written as `softplus(x) − t·x`, which does not overflow.
#[track_caller]
pub fn binary_cross_entropy_with_logits(logits: &Tensor, target: &Tensor) -> Tensor {
    match unequal("binary_cross_entropy_with_logits", logits, target) {
        Some(wrong) => wrong,
        None => (crate::softplus(logits) - target * logits).mean_all(),
    }
}

/// Broadcasting `[n, 1]` against `[n]` would give a loss over `[n, n]`, so unequal shapes are an error.
#[track_caller]
fn unequal(name: &'static str, prediction: &Tensor, target: &Tensor) -> Option<Tensor> {
    let operands = [("prediction", prediction), ("target", target)];
    let message = format!("shapes differ: prediction {}, target {}", prediction.shape(), target.shape());
    let bad = operands.iter().any(|(_, t)| t.check().is_err()) || prediction.shape() != target.shape();
    bad.then(|| Tensor::wrong(name, message, &operands))
}
