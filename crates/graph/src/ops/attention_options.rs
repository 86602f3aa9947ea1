//! Attention as a method, and what it may be told.

use anygrad_device::kernels::attention::most_features;
use anygrad_layout::{Attention as Reads, DType, Shape, broadcast};

use super::attention::{Attention, AttentionOutput, weights};
use crate::Tensor;

const NAME: &str = "scaled_dot_product_attention";

/// Which keys a query reads, and the scale of the scores, for [`Tensor::scaled_dot_product_attention`]. Without further
/// calls: all keys, and `1/√d`.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AttentionOptions {
    causal: bool,
    masks: Vec<Tensor>,
    scale: Option<f64>,
}

impl AttentionOptions {
    /// All keys are read, and scores are products divided by `√d`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Query `i` reads keys `0..=i` alone.
    pub fn causal(mut self, causal: bool) -> Self {
        self.causal = causal;
        self
    }

    /// A mask that broadcasts to `[.., n, m]`: bool, true where a key is read, or a float that is added to the scores,
    /// where −∞ leaves a key out. Several hold together.
    pub fn mask(mut self, mask: &Tensor) -> Self {
        self.masks.push(mask.clone());
        self
    }

    /// What products of queries and keys are multiplied by.
    pub fn scale(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }
}

impl Tensor {
    /// Scaled dot-product attention (Vaswani et al. 2017), PyTorch's `scaled_dot_product_attention`:
    /// `softmax(Q·Kᵀ/√d)·V`, where this is the queries `[.., n, d]`, and keys `[.., m, d]` and values `[.., m, e]` give
    /// `[.., n, e]`. The leading axes broadcast.
    ///
    /// Neither the value nor its gradients take memory for `n × m` weights, except that the gradient of a float mask
    /// does, and so do second derivatives. On a GPU that holds for `d` and `e` up to 256, on a software one up to 64.
    ///
    /// A key that a query does not read adds nothing, whatever number or NaN it holds. The row of a query that reads no
    /// key is zeros, with gradients of 0, where PyTorch may give NaN.
    ///
    /// ```
    /// # use anygrad_graph::{AttentionOptions, Device, Tensor};
    /// let device = Device::cpu();
    /// let q = Tensor::from_slice(&[1.0f32, 0.0], [1, 2], &device);
    /// let k = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 1.0], [2, 2], &device);
    /// let v = Tensor::from_slice(&[1.0f32, 0.0], [2, 1], &device);
    /// let y = q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new());
    /// // e^(1/√2) / (e^(1/√2) + 1)
    /// assert!((y.item()? - 0.669761).abs() < 1e-6);
    /// let first = q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new().causal(true));
    /// assert_eq!(first.item()?, 1.0);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[doc(alias = "flash_attention")]
    #[track_caller]
    pub fn scaled_dot_product_attention(
        &self,
        key: &Tensor,
        value: &Tensor,
        options: &AttentionOptions,
    ) -> Tensor {
        let operands = [("query", self), ("key", key), ("value", value)];
        let masks = options.masks.iter().map(|mask| ("mask", mask));
        let all: Vec<(&str, &Tensor)> = operands.into_iter().chain(masks).collect();
        if all.iter().any(|(_, t)| t.check().is_err()) {
            return Tensor::wrong(NAME, "", &all);
        }
        let Some(lead) = lead(self, key, value) else {
            let of = |t: &Tensor| format!("{} {}", t.dtype(), t.shape());
            let message = format!(
                "takes floats query [.., n, d], key [.., m, d], value [.., m, e]: query {}, key {}, value {}",
                of(self),
                of(key),
                of(value)
            );
            return Tensor::wrong(NAME, message, &all);
        };
        let pairs = with(&lead, [self.size(-2), key.size(-2)]);
        for mask in &options.masks {
            let kind = mask.dtype() == DType::Bool || mask.dtype() == self.dtype();
            // a mask must not make more of the scores
            if !kind || broadcast(mask.shape(), &pairs).as_ref() != Some(&pairs) {
                let message = format!(
                    "the mask is bool or {} and broadcasts to {pairs}: {} {}",
                    self.dtype(),
                    mask.dtype(),
                    mask.shape()
                );
                return Tensor::wrong(NAME, message, &all);
            }
        }
        if self.dtype() == DType::F16 {
            return half(self, key, value, options);
        }
        let expanded = |t: &Tensor| t.expand(with(&lead, [t.size(-2), t.size(-1)]));
        let [mut query, key, value] = [self, key, value].map(expanded);
        if let Some(scale) = options.scale {
            query = query * (scale * (self.size(-1).max(1) as f64).sqrt());
        }
        let of_kind = |bool: bool| options.masks.iter().filter(move |m| (m.dtype() == DType::Bool) == bool);
        let mask = of_kind(true).cloned().reduce(|a, b| a.logical_and(b)).map(|mask| mask.expand(&pairs));
        let bias = of_kind(false).cloned().reduce(|a, b| a + b).map(|bias| bias.expand(&pairs));
        let features = self.size(-1).max(value.size(-1));
        let most = self.device().as_gpu().map_or(usize::MAX, |gpu| most_features(gpu.caps()));
        if features > most || self.size(-1) == 0 && !self.device().is_cpu() {
            return weights(&query, &key, mask.as_ref(), bias.as_ref(), options.causal).matmul(&value);
        }
        attend(&query, &key, &value, mask.as_ref(), bias.as_ref(), options.causal)
    }

    /// The softmax over the last axis of the elements that are `read`, 0 elsewhere; zeros where none is. `read` is bool
    /// and broadcasts.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let x = Tensor::from_slice(&[1.0f32, 1.0, 9.0, 5.0, 6.0, 7.0], [2, 3], &device);
    /// let read = Tensor::from_slice(&[true, true, false, false, false, false], [2, 3], &device);
    /// assert_eq!(x.masked_softmax(&read).to_vec::<f32>()?, [0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn masked_softmax(&self, read: &Tensor) -> Tensor {
        if let Some(y) = self.in_single(|x| x.masked_softmax(read)) {
            return y;
        }
        match self.float_axes("masked_softmax", &[-1]) {
            Ok(0) => return self.clone(),
            Ok(_) => {}
            Err(wrong) => return wrong,
        }
        let largest = read.select(self, f64::NEG_INFINITY).max_keep(&[-1]).stop_gradient();
        let largest = largest.is_finite().select(&largest, 0.0);
        // what is left out must not overflow either, as 0 times infinity is NaN in the gradient
        let shifted = read.select(self - largest, 0.0);
        let e = read.select(shifted.exp(), 0.0);
        let sum = e.sum_keep(&[-1]);
        let sum = sum.eq(0.0).select(1.0, &sum);
        e / sum
    }
}

/// The leading axes of queries, keys and values that fit each other.
fn lead(query: &Tensor, key: &Tensor, value: &Tensor) -> Option<Shape> {
    let outer = |t: &Tensor| t.shape().get(..t.rank().checked_sub(2)?).map(Shape::from);
    let dtypes = query.dtype().is_float() && query.dtype() == key.dtype() && query.dtype() == value.dtype();
    let lead = broadcast(&broadcast(&outer(query)?, &outer(key)?)?, &outer(value)?)?;
    let fits = query.size(-1) == key.size(-1) && key.size(-2) == value.size(-2);
    (dtypes && fits).then_some(lead)
}

fn with(lead: &Shape, matrix: [usize; 2]) -> Shape {
    lead.iter().copied().chain(matrix).collect()
}

/// Computed in f32 and rounded once: the logarithms that are kept need more digits than f16 has.
#[track_caller]
fn half(query: &Tensor, key: &Tensor, value: &Tensor, options: &AttentionOptions) -> Tensor {
    let single = |t: &Tensor| if t.dtype() == DType::F16 { t.to_dtype(DType::F32) } else { t.clone() };
    let masks = options.masks.iter().map(single).collect();
    let options = AttentionOptions { masks, ..options.clone() };
    let y = single(query).scaled_dot_product_attention(&single(key), &single(value), &options);
    y.to_dtype(DType::F16)
}

#[track_caller]
fn attend(
    query: &Tensor,
    key: &Tensor,
    value: &Tensor,
    mask: Option<&Tensor>,
    bias: Option<&Tensor>,
    causal: bool,
) -> Tensor {
    let reads = Reads { causal, mask: mask.is_some(), bias: bias.is_some() };
    let mut inputs = vec![query, key, value];
    inputs.extend(mask.into_iter().chain(bias));
    let kept = super::record_as(NAME, Attention(reads), &inputs);
    let mut shape = query.shape().clone();
    if let Some(last) = shape.last_mut() {
        *last = value.size(-1);
    }
    let outputs = kept.slice(0, 0, shape.numel()).reshape(shape);
    let mut operands = vec![&outputs, &kept];
    operands.extend(inputs);
    Tensor::record(AttentionOutput(reads), &operands)
}
