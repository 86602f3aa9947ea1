use anygrad_graph::Tensor;

use super::dot_product::{mean_of_values, scores, with_weights};
use super::masks::{AttentionMasks, Scores};
use crate::{Ctx, Dropout, Init, Layer, Linear, Param, ParamPath};

/// Multi-head attention (Vaswani et al. 2017): queries, keys and values are projected, cut into `heads` parts of
/// `features / heads`, attended to by [`scaled_dot_product_attention`](crate::scaled_dot_product_attention) each, and
/// the results are projected together.
///
/// Entries, as PyTorch's `MultiheadAttention`: `in_proj_weight` `[3·features, features]`, the rows of queries, keys and
/// values one after another (Xavier-uniform), `in_proj_bias` (zeros), `out_proj.weight` `[features, features]` (uniform
/// in ±1/√features) and `out_proj.bias` (zeros).
///
/// A query that may read no key gets zeros before the output projection, and finite gradients, where PyTorch gives NaN.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{AttentionMasks, Ctx, MultiHeadAttention, Params};
/// let device = Device::cpu();
/// let attention = MultiHeadAttention::new(Params::new(&device, 0).at("attention"), 16, 4);
/// let (x, memory) = (Tensor::ones([2, 3, 16], &device), Tensor::ones([2, 7, 16], &device));
/// let masks = AttentionMasks::default();
/// let (y, weights) = attention.forward_weights(&x, &memory, &memory, &masks, &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [2, 3, 16]);
/// assert_eq!(weights.shape()[..], [2, 4, 3, 7]);
/// ```
#[derive(Debug)]
pub struct MultiHeadAttention {
    path: ParamPath,
    features: usize,
    heads: usize,
    weight: Param,
    bias: Param,
    out: Linear,
    dropout: Dropout,
}

impl MultiHeadAttention {
    /// Attention of `heads` heads over `features`, which they divide.
    pub fn new(path: ParamPath, features: usize, heads: usize) -> Self {
        let rows = features.saturating_mul(3);
        Self {
            weight: path.parameter("in_proj_weight", [rows, features], Init::XavierUniform),
            bias: path.parameter("in_proj_bias", [rows], Init::Zeros),
            out: Linear::new(path.at("out_proj"), features, features).bias_init(Init::Zeros),
            dropout: Dropout::new(0.0),
            path,
            features,
            heads,
        }
    }

    /// In training, drops weights with probability `p` in [0, 1); 0 unless this says otherwise.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.dropout = Dropout::new(p);
        self
    }

    /// Queries `[n, q, features]`, keys and values `[n, k, features]` give `[n, q, features]`. Unless weights are dropped,
    /// no matrix of queries by keys is in memory.
    #[track_caller]
    pub fn forward_with(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        masks: &AttentionMasks<'_>,
        ctx: &mut Ctx,
    ) -> Tensor {
        ctx.within(self, |ctx| match self.parts(query, key, value, masks) {
            Ok(([q, k, v], masks)) => {
                let y = mean_of_values([&q, &k, &v], &masks, self.dropout.probability(), ctx);
                self.joined(&y, query, ctx)
            }
            Err(wrong) => wrong,
        })
    }

    /// As [`forward_with`](MultiHeadAttention::forward_with), with the weights `[n, heads, q, k]` before dropout.
    /// PyTorch gives their mean over the heads: `weights.mean(&[1])`.
    #[track_caller]
    pub fn forward_weights(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        masks: &AttentionMasks<'_>,
        ctx: &mut Ctx,
    ) -> (Tensor, Tensor) {
        let mut found = None;
        let y = ctx.within(self, |ctx| match self.parts(query, key, value, masks) {
            Ok(([q, k, v], masks)) => {
                let (y, weights) = with_weights(&scores(&q, &k), &v, &masks, self.dropout.probability(), ctx);
                found = Some(weights);
                self.joined(&y, query, ctx)
            }
            Err(wrong) => wrong,
        });
        let weights = found.unwrap_or_else(|| y.clone());
        (y, weights)
    }

    /// Queries, keys and values by heads, and the masks; or what is wrong.
    #[track_caller]
    fn parts(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        masks: &AttentionMasks<'_>,
    ) -> Result<([Tensor; 3], Scores), Tensor> {
        if let Some(wrong) = self.wrong(query, key, value) {
            return Err(wrong);
        }
        let parts = self.project(query, key, value);
        let masks = masks.scores(&parts[0], &parts[1])?;
        Ok((parts, masks))
    }

    /// The results of the heads `[n, heads, t, features / heads]`, projected together.
    fn joined(&self, y: &Tensor, query: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.out.forward(&y.permute(&[0, 2, 1, 3]).reshape(query.shape()), ctx)
    }

    /// Queries, keys and values under their projections, `[n, heads, t, features / heads]` each. What they share is
    /// multiplied once.
    fn project(&self, query: &Tensor, key: &Tensor, value: &Tensor) -> [Tensor; 3] {
        if key.is(value) {
            if query.is(key) {
                let all = self.projected(query, 0, 3);
                return [self.cut(&all, 0), self.cut(&all, 1), self.cut(&all, 2)];
            }
            let (query, both) = (self.projected(query, 0, 1), self.projected(key, 1, 2));
            return [self.cut(&query, 0), self.cut(&both, 0), self.cut(&both, 1)];
        }
        let one = |x, part| self.cut(&self.projected(x, part, 1), 0);
        [one(query, 0), one(key, 1), one(value, 2)]
    }

    /// `[n, t, features]` under `count` parts of the projection from `first` on:
    /// `[n, t, count, heads, features / heads]`.
    fn projected(&self, x: &Tensor, first: usize, count: usize) -> Tensor {
        let (start, rows) = (first.saturating_mul(self.features), count.saturating_mul(self.features));
        let weight = self.weight.tensor().slice(0, start, rows);
        let y = x.matmul(&weight.t()) + self.bias.tensor().slice(0, start, rows);
        y.reshape([x.size(0), x.size(1), count, self.heads, self.features / self.heads.max(1)])
    }

    /// Part `part` of what was projected: `[n, heads, t, features / heads]`.
    fn cut(&self, parts: &Tensor, part: usize) -> Tensor {
        parts.slice(2, part, 1).squeeze(2).permute(&[0, 2, 1, 3])
    }

    #[track_caller]
    fn wrong(&self, query: &Tensor, key: &Tensor, value: &Tensor) -> Option<Tensor> {
        const NAME: &str = "multi_head_attention";
        let (features, heads) = (self.features, self.heads);
        let weight = self.weight.tensor();
        let operands = [("query", query), ("key", key), ("value", value), ("in_proj_weight", &weight)];
        if features.checked_rem(heads).is_none_or(|rest| rest != 0) || features == 0 {
            let message = format!("heads is {heads}; it must divide the {features} features, at least 1");
            return Some(Tensor::wrong(NAME, message, &operands));
        }
        let fits = [query, key, value].iter().all(|t| t.rank() == 3 && t.size(-1) == features)
            && query.size(0) == key.size(0)
            && key.shape() == value.shape();
        if fits && operands.iter().all(|(_, t)| t.check().is_ok()) {
            return None;
        }
        let message = format!(
            "takes query [n, q, {features}], key and value [n, k, {features}]: query {}, key {}, value {}, \
             in_proj_weight {}",
            query.shape(),
            key.shape(),
            value.shape(),
            weight.shape()
        );
        Some(Tensor::wrong(NAME, message, &operands))
    }
}

impl Layer for MultiHeadAttention {
    /// Self-attention without masks: `x` `[n, t, features]` is query, key and value.
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.forward_with(x, x, x, &AttentionMasks::default(), ctx)
    }

    fn kind(&self) -> &str {
        "MultiHeadAttention"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        // the output projection is a layer of its own
        self.weight.numel() + self.bias.numel()
    }
}
