use anygrad_graph::Tensor;

use super::operands::single;

/// The mean of weighted losses, `Σ wᵢ·lᵢ / n`, as Keras takes `sample_weight` and `class_weight`: a weight of 2 counts
/// as the same sample twice, but the sum is still divided by the number of losses. For a mean that does not change
/// when all weights double, see [`weighted_mean`].
///
/// `each` is `[n, ..]`, one number a sample or an element (see [`Loss::each`](crate::Loss::each)); `weights` are one
/// number for each sample, `[n]`, or for more of the leading axes, `[n, time]` say, up to the shape of `each`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{CrossEntropy, Loss, weighted, weighted_mean};
/// let device = Device::cpu();
/// let logits = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 0.0, 0.0, 0.0], [2, 3], &device);
/// let labels = Tensor::from_slice(&[2u32, 0], [2], &device);
/// let weights = Tensor::from_slice(&[3.0f32, 1.0], [2], &device);
///
/// let each = CrossEntropy::default().each(&logits, &labels); // 0.4076 and ln 3
/// assert!((weighted(&each, &weights).item()? - (3.0 * 0.407606 + 1.098612) / 2.0).abs() < 1e-5);
/// let each = CrossEntropy::default().each(&logits, &labels);
/// assert!((weighted_mean(&each, &weights).item()? - (3.0 * 0.407606 + 1.098612) / 4.0).abs() < 1e-5);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn weighted(each: &Tensor, weights: &Tensor) -> Tensor {
    match aligned("weighted", each, weights) {
        Ok(weights) => (each * weights).mean_all(),
        Err(wrong) => wrong,
    }
}

/// The weighted mean of losses, `Σ wᵢ·lᵢ / Σ wᵢ` with a weight for each number of `each`, as scikit-learn takes
/// `sample_weight` and PyTorch the weights of classes. 0 where all weights are 0. The shapes are those of [`weighted`].
#[track_caller]
pub fn weighted_mean(each: &Tensor, weights: &Tensor) -> Tensor {
    match aligned("weighted_mean", each, weights) {
        Ok(weights) => mean_by_weight(&(each * &weights).sum_all(), &weights.expand(each.shape().clone())),
        Err(wrong) => wrong,
    }
}

/// `sum / Σ weights`, and 0 where the weights sum to 0: a batch of nothing but padding must not end in NaN.
#[track_caller]
pub(super) fn mean_by_weight(sum: &Tensor, weights: &Tensor) -> Tensor {
    let total = weights.sum_all();
    let nothing = total.eq(0.0);
    sum / nothing.select(1.0, total)
}

/// The weights as floats, with axes of size 1 for those of `each` that they lack.
#[track_caller]
fn aligned(name: &'static str, each: &Tensor, weights: &Tensor) -> Result<Tensor, Tensor> {
    let operands = [("losses", each), ("weights", weights)];
    if each.check().is_err() || weights.check().is_err() {
        return Err(Tensor::wrong(name, "", &operands));
    }
    let rank = weights.rank();
    if rank == 0 || !each.shape().starts_with(weights.shape()) {
        let message = format!(
            "takes one weight for each sample (or more of the leading axes): losses {}, weights {}",
            each.shape(),
            weights.shape()
        );
        return Err(Tensor::wrong(name, message, &operands));
    }
    let mut shape = weights.shape().to_vec();
    shape.resize(each.rank(), 1);
    Ok(single(&weights.to_dtype(each.dtype())).reshape(shape))
}
