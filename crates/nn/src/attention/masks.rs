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
    /// Bool: which are read.
    pub allowed: Option<Tensor>,
    /// Added to the scores; finite.
    pub bias: Option<Tensor>,
}

impl Scores {
    #[track_caller]
    fn allow(&mut self, mask: Tensor) {
        self.allowed = Some(match self.allowed.take() {
            Some(allowed) => allowed.logical_and(mask),
            None => mask,
        });
    }

    /// Takes in a bool mask, or a float one to be added.
    #[track_caller]
    pub fn add(&mut self, mask: &Tensor) {
        if mask.dtype() == DType::Bool {
            return self.allow(mask.clone());
        }
        // −∞ would give NaN gradients in what it is added to
        let read = mask.gt(f64::NEG_INFINITY);
        self.bias = Some(read.select(mask, 0.0));
        self.allow(read);
    }

    /// Lets query `i` read keys `0..=i`.
    #[track_caller]
    pub fn causal(&mut self, scores: &Tensor) {
        let device = scores.device();
        let query = Tensor::iota(scores.size(-2), device).unsqueeze(1);
        self.allow(query.ge(Tensor::iota(scores.size(-1), device).unsqueeze(0)));
    }
}

impl AttentionMasks<'_> {
    /// The masks for scores `[n, heads, queries, keys]`, or what is wrong with them.
    #[track_caller]
    pub(crate) fn scores(&self, scores: &Tensor) -> Result<Scores, Tensor> {
        let mut all = Scores::default();
        let (n, heads) = (scores.size(0), scores.size(1));
        let (queries, keys) = (scores.size(2), scores.size(3));
        if let Some(mask) = self.attention {
            let fits = match mask.shape()[..] {
                [q, k] => (q, k) == (queries, keys),
                [m, q, k] => (m, q, k) == (n, queries, keys),
                [m, h, q, k] => (m, q, k) == (n, queries, keys) && (h == heads || h == 1),
                _ => false,
            };
            let kind = mask.dtype() == DType::Bool || mask.dtype() == scores.dtype();
            if mask.check().is_err() || !fits || !kind {
                let message = format!(
                    "the attention mask is bool or {}, [{queries}, {keys}], [{n}, {queries}, {keys}] or \
                     [{n}, {heads}, {queries}, {keys}]: {} {}",
                    scores.dtype(),
                    mask.dtype(),
                    mask.shape()
                );
                return Err(Tensor::wrong("attention", message, &[("scores", scores), ("mask", mask)]));
            }
            all.add(&if mask.rank() == 3 { mask.unsqueeze(1) } else { mask.clone() });
        }
        if let Some(mask) = self.keys {
            let expected = Shape::from([n, keys]);
            if mask.check().is_err() || *mask.shape() != expected || mask.dtype() != DType::Bool {
                let message = format!("the key mask is bool {expected}: {} {}", mask.dtype(), mask.shape());
                return Err(Tensor::wrong("attention", message, &[("scores", scores), ("mask", mask)]));
            }
            all.add(&mask.reshape([n, 1, 1, keys]));
        }
        if self.causal {
            all.causal(scores);
        }
        Ok(all)
    }
}
