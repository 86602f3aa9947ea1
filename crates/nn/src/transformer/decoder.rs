use std::panic::Location;

use anygrad_graph::{Tensor, recorded_at};

use super::feed_forward::FeedForward;
use crate::{AttentionMasks, Ctx, Dropout, Layer, LayerNorm, MultiHeadAttention, ParamPath};

/// A layer of a Transformer decoder: self-attention, attention to the encoder's output, and a feed-forward net, each
/// added to what it reads.
///
/// ```text
/// x = norm1(x + dropout(self_attn(x)));  x = norm2(x + dropout(multihead_attn(x, memory)));
/// x = norm3(x + dropout(linear2(dropout(f(linear1(x))))))
/// ```
///
/// or normalised first, as in a [`TransformerEncoderLayer`](crate::TransformerEncoderLayer). As PyTorch's: the entries
/// are those of `self_attn`, `multihead_attn`, `linear1`, `linear2`, `norm1`, `norm2` and `norm3`, `f` is ReLU, and the
/// dropout 0.1.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{AttentionMasks, Ctx, Params, TransformerDecoderLayer};
/// let device = Device::cpu();
/// let block = TransformerDecoderLayer::new(Params::new(&device, 0).at("block"), 16, 4, 64);
/// let (x, memory) = (Tensor::ones([2, 3, 16], &device), Tensor::ones([2, 7, 16], &device));
/// let causal = AttentionMasks { causal: true, ..AttentionMasks::default() };
/// let y = block.forward_with(&x, &memory, &causal, &AttentionMasks::default(), &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [2, 3, 16]);
/// ```
#[derive(Debug)]
pub struct TransformerDecoderLayer {
    features: usize,
    self_attention: MultiHeadAttention,
    attention: MultiHeadAttention,
    inside: FeedForward,
    norms: [LayerNorm; 3],
}

impl TransformerDecoderLayer {
    /// A layer of `features` features and `heads` heads, with `width` units in its feed-forward net.
    pub fn new(path: ParamPath, features: usize, heads: usize, width: usize) -> Self {
        let attention = |name| MultiHeadAttention::new(path.at(name), features, heads).dropout(0.1);
        Self {
            features,
            self_attention: attention("self_attn"),
            attention: attention("multihead_attn"),
            inside: FeedForward::new(&path, features, width),
            norms: ["norm1", "norm2", "norm3"].map(|name| LayerNorm::new(path.at(name), [features])),
        }
    }

    /// The probability of dropping, in [0, 1), everywhere in the layer.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.self_attention = self.self_attention.dropout(p);
        self.attention = self.attention.dropout(p);
        self.inside.dropout = Dropout::new(p);
        self
    }

    /// Whether each part's input is normalised, instead of the sum after it; not unless this says so.
    #[must_use]
    pub fn norm_first(mut self, on: bool) -> Self {
        self.inside.norm_first = on;
        self
    }

    /// Another function in place of [`relu`](crate::relu): [`gelu`](crate::gelu).
    #[must_use]
    pub fn activation(mut self, function: fn(&Tensor) -> Tensor) -> Self {
        self.inside.activation = function;
        self
    }

    /// `x` `[n, t, features]` and the encoder's output `memory` `[n, s, features]` give `[n, t, features]`. `masks` are
    /// those of the self-attention, which is not causal unless they say so; `memory_masks` are those of the other.
    #[track_caller]
    pub fn forward_with(
        &self,
        x: &Tensor,
        memory: &Tensor,
        masks: &AttentionMasks<'_>,
        memory_masks: &AttentionMasks<'_>,
        ctx: &mut Ctx,
    ) -> Tensor {
        let [norm1, norm2, norm3] = &self.norms;
        recorded_at(Location::caller(), || {
            let x = self
                .inside
                .residual(norm1, x, ctx, |x, ctx| self.self_attention.forward_with(x, x, x, masks, ctx));
            let x = self.inside.residual(norm2, &x, ctx, |x, ctx| {
                self.attention.forward_with(x, memory, memory, memory_masks, ctx)
            });
            self.inside.residual(norm3, &x, ctx, |x, ctx| self.inside.forward(x, ctx))
        })
    }
}

/// Decoder layers one after the other, all of which read the encoder's output.
///
/// Entries, as PyTorch's: those of the layers at `layers.0`, `layers.1` and so on, and of the final `norm` if there is
/// one.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{AttentionMasks, Ctx, Params, TransformerDecoder, TransformerDecoderLayer};
/// let device = Device::cpu();
/// let params = Params::new(&device, 0);
/// let decoder = TransformerDecoder::new(params.at("decoder"), 2, |path| {
///     TransformerDecoderLayer::new(path, 16, 4, 64)
/// });
/// let (x, memory) = (Tensor::ones([2, 3, 16], &device), Tensor::ones([2, 7, 16], &device));
/// let causal = AttentionMasks { causal: true, ..AttentionMasks::default() };
/// let y = decoder.forward_with(&x, &memory, &causal, &AttentionMasks::default(), &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [2, 3, 16]);
/// ```
#[derive(Debug)]
pub struct TransformerDecoder {
    path: ParamPath,
    layers: Vec<TransformerDecoderLayer>,
    norm: Option<LayerNorm>,
}

impl TransformerDecoder {
    /// `count` layers, each made by `layer` at its path.
    pub fn new(path: ParamPath, count: usize, layer: impl Fn(ParamPath) -> TransformerDecoderLayer) -> Self {
        let layers = (0..count).map(|i| layer(path.at(format!("layers.{i}")))).collect();
        Self { path, layers, norm: None }
    }

    /// A layer norm of the output, which layers that normalise first want.
    #[must_use]
    pub fn final_norm(mut self) -> Self {
        let features = self.layers.first().map_or(0, |layer| layer.features);
        self.norm.get_or_insert_with(|| LayerNorm::new(self.path.at("norm"), [features]));
        self
    }

    /// As [`TransformerDecoderLayer::forward_with`], layer after layer with the same masks.
    #[track_caller]
    pub fn forward_with(
        &self,
        x: &Tensor,
        memory: &Tensor,
        masks: &AttentionMasks<'_>,
        memory_masks: &AttentionMasks<'_>,
        ctx: &mut Ctx,
    ) -> Tensor {
        recorded_at(Location::caller(), || {
            let mut x = x.clone();
            for layer in &self.layers {
                x = layer.forward_with(&x, memory, masks, memory_masks, ctx);
            }
            match &self.norm {
                Some(norm) => norm.forward(&x, ctx),
                None => x,
            }
        })
    }
}
