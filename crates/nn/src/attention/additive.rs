use anygrad_graph::{Shape, Tensor};

use super::dot_product::with_weights;
use super::masks::AttentionMasks;
use crate::{Ctx, Init, Layer, Linear, Param, ParamPath};

/// Additive attention (Bahdanau et al. 2015): the weights are the softmax of `v·tanh(W·q + U·k)` over the keys.
///
/// Entries: `query.weight` `[hidden, query features]`, `key.weight` `[hidden, key features]`, and `scale` `[hidden]`,
/// the paper's `v`, uniform in ±1/√hidden. There are no biases, as in the paper.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{AdditiveAttention, AttentionMasks, Ctx, Params};
/// let device = Device::cpu();
/// let attention = AdditiveAttention::new(Params::new(&device, 0).at("attention"), 6, 4, 8);
/// let (state, encoded) = (Tensor::ones([2, 1, 6], &device), Tensor::ones([2, 5, 4], &device));
/// let mut ctx = Ctx::eval();
/// let (y, weights) = attention.forward_with(&state, &encoded, &encoded, &AttentionMasks::default(), &mut ctx);
/// assert_eq!((y.shape().to_vec(), weights.shape().to_vec()), (vec![2, 1, 4], vec![2, 1, 5]));
/// ```
#[derive(Debug)]
pub struct AdditiveAttention {
    path: ParamPath,
    query: Linear,
    key: Linear,
    scale: Param,
    hidden: usize,
}

impl AdditiveAttention {
    /// Attention of queries of `query_features` to keys of `key_features`, compared in `hidden` units.
    pub fn new(path: ParamPath, query_features: usize, key_features: usize, hidden: usize) -> Self {
        let bound = 1.0 / (hidden.max(1) as f64).sqrt();
        Self {
            query: Linear::new(path.at("query"), query_features, hidden).bias(false),
            key: Linear::new(path.at("key"), key_features, hidden).bias(false),
            scale: path.parameter("scale", [hidden], Init::Uniform { low: -bound, high: bound }),
            hidden,
            path,
        }
    }

    /// Queries `[n, q, query features]`, keys `[n, k, key features]` and values `[n, k, e]` give the means of the values
    /// `[n, q, e]` and the weights `[n, q, k]`.
    #[track_caller]
    pub fn forward_with(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        masks: &AttentionMasks<'_>,
        ctx: &mut Ctx,
    ) -> (Tensor, Tensor) {
        let mut found = None;
        let y = ctx.within(self, |ctx| {
            let (y, weights) = self.attend(query, key, value, masks, ctx);
            found = Some(weights);
            y
        });
        let weights = found.unwrap_or_else(|| y.clone());
        (y, weights)
    }

    fn attend(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        masks: &AttentionMasks<'_>,
        ctx: &mut Ctx,
    ) -> (Tensor, Tensor) {
        let operands = [("query", query), ("key", key), ("value", value)];
        let fits = operands.iter().all(|(_, t)| t.check().is_ok() && t.rank() == 3)
            && query.size(0) == key.size(0)
            && key.shape()[..2] == value.shape()[..2];
        if !fits {
            let message = format!(
                "takes query [n, q, features], key [n, k, features], value [n, k, e]: query {}, key {}, value {}",
                query.shape(),
                key.shape(),
                value.shape()
            );
            let wrong = Tensor::wrong("additive_attention", message, &operands);
            return (wrong.clone(), wrong);
        }
        let q = self.query.forward(query, ctx).unsqueeze(2);
        let k = self.key.forward(key, ctx).unsqueeze(1);
        let scale = self.scale.tensor().reshape(Shape::from([1, 1, 1, self.hidden]));
        let scores = ((q + k).tanh() * scale).sum(&[-1]).unsqueeze(1);
        if scores.check().is_err() {
            return (scores.clone(), scores);
        }
        match masks.scores(&query.unsqueeze(1), &value.unsqueeze(1)) {
            Ok(masks) => {
                let (y, weights) = with_weights(&scores, &value.unsqueeze(1), &masks, 0.0, ctx);
                (y.squeeze(1), weights.squeeze(1))
            }
            Err(wrong) => (wrong.clone(), wrong),
        }
    }
}

impl Layer for AdditiveAttention {
    /// Self-attention: `x` `[n, t, features]` is query, key and value.
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.forward_with(x, x, x, &AttentionMasks::default(), ctx).0
    }

    fn kind(&self) -> &str {
        "AdditiveAttention"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.scale.numel()
    }
}
