use anygrad_graph::{AttentionOptions, DType, Tensor};

use super::masks::Scores;
use crate::Ctx;
use crate::recurrent::stack::scaled_mask;

/// Scaled dot-product attention (Vaswani et al. 2017), `softmax(Q·Kᵀ/√d)·V`: queries `[.., q, d]`, keys `[.., k, d]`
/// and values `[.., k, e]` give `[.., q, e]`. The leading axes are equal.
///
/// `mask` broadcasts with the scores `[.., q, k]`: bool, true where a key is read, or a float that is added, as in
/// PyTorch. With `causal` query `i` reads keys `0..=i` alone. `dropout`, in training, drops weights with that
/// probability, in [0, 1). The row of a query that reads no key is zeros, with gradients of 0, where PyTorch may give
/// NaN.
///
/// Unless weights are dropped, no matrix of queries by keys is in memory: see
/// [`Tensor::scaled_dot_product_attention`].
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, scaled_dot_product_attention};
/// let device = Device::cpu();
/// let q = Tensor::from_slice(&[1.0f32, 0.0], [1, 2], &device);
/// let k = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 1.0], [2, 2], &device);
/// let v = Tensor::from_slice(&[1.0f32, 0.0], [2, 1], &device);
/// let y = scaled_dot_product_attention(&q, &k, &v, None, false, 0.0, &mut Ctx::eval());
/// // e^(1/√2) / (e^(1/√2) + 1)
/// assert!((y.item()? - 0.669761).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn scaled_dot_product_attention(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&Tensor>,
    causal: bool,
    dropout: f64,
    ctx: &mut Ctx,
) -> Tensor {
    if let Some(wrong) = wrong(query, key, value) {
        return wrong;
    }
    let mut masks = Scores { masks: Vec::new(), causal };
    if let Some(mask) = mask {
        let mut pairs = query.shape().clone();
        if let Some(last) = pairs.last_mut() {
            *last = key.size(-2);
        }
        let kind = mask.dtype() == DType::Bool || mask.dtype() == query.dtype();
        // broadcasting must not make the scores larger
        let spare = mask.shape().iter().rev().zip(pairs.iter().rev()).all(|(m, s)| m == s || *m == 1);
        if mask.check().is_err() || !kind || !spare || mask.rank() > pairs.rank() {
            let message = format!(
                "the mask is bool or {} and broadcasts to {pairs}: {} {}",
                query.dtype(),
                mask.dtype(),
                mask.shape()
            );
            return Tensor::wrong("attention", message, &[("query", query), ("mask", mask)]);
        }
        masks.masks.push(mask.clone());
    }
    mean_of_values([query, key, value], &masks, dropout, ctx)
}

/// `Q·Kᵀ/√d`.
#[track_caller]
pub(super) fn scores(query: &Tensor, key: &Tensor) -> Tensor {
    let scale = 1.0 / (query.size(-1).max(1) as f64).sqrt();
    (query * scale).matmul(&key.t())
}

/// The output alone: the weights are not kept, unless some are dropped.
#[track_caller]
pub(super) fn mean_of_values(
    [query, key, value]: [&Tensor; 3],
    masks: &Scores,
    dropout: f64,
    ctx: &mut Ctx,
) -> Tensor {
    // what is wrong with a probability is said where it is used
    if dropout != 0.0 && (ctx.training || !(0.0..1.0).contains(&dropout)) {
        return with_weights(&scores(query, key), value, masks, dropout, ctx).0;
    }
    let options = AttentionOptions::new().causal(masks.causal);
    let options = masks.masks.iter().fold(options, |options, mask| options.mask(mask));
    query.scaled_dot_product_attention(key, value, &options)
}

/// The output and the weights: the softmax of the scores under the masks, and the values' mean under that.
#[track_caller]
pub(super) fn with_weights(
    scores: &Tensor,
    value: &Tensor,
    masks: &Scores,
    dropout: f64,
    ctx: &mut Ctx,
) -> (Tensor, Tensor) {
    if !(0.0..1.0).contains(&dropout) {
        let message = format!("dropout is {dropout}; it must be at least 0 and below 1");
        let wrong = Tensor::wrong("attention", message, &[("scores", scores)]);
        return (wrong.clone(), wrong);
    }
    let (allowed, bias) = masks.split(scores);
    let biased = match &bias {
        Some(bias) => scores + bias,
        None => scores.clone(),
    };
    let weights = match &allowed {
        Some(allowed) => biased.masked_softmax(allowed),
        None => biased.softmax(-1),
    };
    let used = match dropout > 0.0 && ctx.training {
        true => &weights * scaled_mask(dropout, weights.shape(), &weights, ctx),
        false => weights.clone(),
    };
    (used.matmul(value), weights)
}

#[track_caller]
fn wrong(query: &Tensor, key: &Tensor, value: &Tensor) -> Option<Tensor> {
    let operands = [("query", query), ("key", key), ("value", value)];
    let fits = || {
        let lead =
            |t: &Tensor| t.rank().checked_sub(2).and_then(|n| t.shape().get(..n).map(<[usize]>::to_vec));
        lead(query).is_some()
            && lead(query) == lead(key)
            && lead(key) == lead(value)
            && query.size(-1) == key.size(-1)
            && key.size(-2) == value.size(-2)
    };
    let dtypes = query.dtype() == key.dtype() && key.dtype() == value.dtype() && query.dtype().is_float();
    if operands.iter().all(|(_, t)| t.check().is_ok()) && dtypes && fits() {
        return None;
    }
    let of = |t: &Tensor| format!("{} {}", t.dtype(), t.shape());
    let message = format!(
        "takes floats query [.., q, d], key [.., k, d], value [.., k, e]: query {}, key {}, value {}",
        of(query),
        of(key),
        of(value)
    );
    Some(Tensor::wrong("attention", message, &operands))
}
