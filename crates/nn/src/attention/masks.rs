use anygrad_graph::{DType, Shape, Tensor};

/// Which keys a query may read. All three may be given, and hold together. A query that may read no key gets zeros.
///
/// **true means that a key is read**, here as in [`length_mask`](crate::length_mask) and in PyTorch's
/// `scaled_dot_product_attention`; PyTorch's `MultiheadAttention` and `Transformer` layers have it the other way round.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{AttentionMasks, length_mask};
/// let lengths = Tensor::from_slice(&[3u32, 1], [2], &Device::cpu());
/// let real = length_mask(&lengths, 3);
/// let masks = AttentionMasks { keys: Some(&real), causal: true, ..AttentionMasks::default() };
/// # let _ = masks;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AttentionMasks<'a> {
    /// For pairs of query and key: `[queries, keys]`, `[n, queries, keys]` or `[n, heads, queries, keys]`. Bool, or a
    /// float that is added to the scores, where −∞ leaves a key out.
    pub attention: Option<&'a Tensor>,
    /// For keys, padded ones being false: bool `[n, keys]`.
    pub keys: Option<&'a Tensor>,
    /// Whether query `i` reads keys `0..=i` alone, for a decoder that must not see what it is to say.
    pub causal: bool,
}

/// Masks brought to shapes that broadcast with the scores.
#[derive(Default)]
pub(crate) struct Scores {
    /// Bool, which are read, and floats that are added to the scores.
    pub masks: Vec<Tensor>,
    /// Whether query `i` reads keys `0..=i` alone.
    pub causal: bool,
}

impl Scores {
    /// Which scores are read, and what is added to them: finite numbers.
    #[track_caller]
    pub fn split(&self, scores: &Tensor) -> (Option<Tensor>, Option<Tensor>) {
        let (mut allowed, mut bias) = (None::<Tensor>, None::<Tensor>);
        let mut allow = |mask: Tensor| {
            allowed = Some(match allowed.take() {
                Some(allowed) => allowed.logical_and(mask),
                None => mask,
            });
        };
        for mask in &self.masks {
            if mask.dtype() == DType::Bool {
                allow(mask.clone());
                continue;
            }
            // −∞ would give NaN gradients in what it is added to
            let read = mask.gt(f64::NEG_INFINITY);
            let finite = read.select(mask, 0.0);
            bias = Some(match bias.take() {
                Some(bias) => bias + finite,
                None => finite,
            });
            allow(read);
        }
        if self.causal {
            let device = scores.device();
            let query = Tensor::iota(scores.size(-2), device).unsqueeze(1);
            allow(query.ge(Tensor::iota(scores.size(-1), device).unsqueeze(0)));
        }
        (allowed, bias)
    }
}

impl AttentionMasks<'_> {
    /// The masks for scores `[n, heads, queries, keys]` of a query and a key with that many heads, or what is wrong
    /// with them.
    #[track_caller]
    pub(crate) fn scores(&self, query: &Tensor, key: &Tensor) -> Result<Scores, Tensor> {
        let mut all = Scores { masks: Vec::new(), causal: self.causal };
        let (n, heads) = (query.size(0), query.size(1));
        let (queries, keys) = (query.size(2), key.size(2));
        if let Some(mask) = self.attention {
            let fits = match mask.shape()[..] {
                [q, k] => (q, k) == (queries, keys),
                [m, q, k] => (m, q, k) == (n, queries, keys),
                [m, h, q, k] => (m, q, k) == (n, queries, keys) && (h == heads || h == 1),
                _ => false,
            };
            let kind = mask.dtype() == DType::Bool || mask.dtype() == query.dtype();
            if mask.check().is_err() || !fits || !kind {
                let message = format!(
                    "the attention mask is bool or {}, [{queries}, {keys}], [{n}, {queries}, {keys}] or \
                     [{n}, {heads}, {queries}, {keys}]: {} {}",
                    query.dtype(),
                    mask.dtype(),
                    mask.shape()
                );
                return Err(Tensor::wrong("attention", message, &[("query", query), ("mask", mask)]));
            }
            all.masks.push(if mask.rank() == 3 { mask.unsqueeze(1) } else { mask.clone() });
        }
        if let Some(mask) = self.keys {
            let expected = Shape::from([n, keys]);
            if mask.check().is_err() || *mask.shape() != expected || mask.dtype() != DType::Bool {
                let message = format!("the key mask is bool {expected}: {} {}", mask.dtype(), mask.shape());
                return Err(Tensor::wrong("attention", message, &[("query", query), ("mask", mask)]));
            }
            all.masks.push(mask.reshape([n, 1, 1, keys]));
        }
        Ok(all)
    }
}
