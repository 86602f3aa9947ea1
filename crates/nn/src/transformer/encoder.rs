use anygrad_graph::Tensor;

use super::feed_forward::FeedForward;
use crate::{AttentionMasks, Ctx, Dropout, Layer, LayerNorm, MultiHeadAttention, ParamPath};

/// A layer of a Transformer encoder: self-attention and a feed-forward net, each added to what it reads.
///
/// ```text
/// x = norm1(x + dropout(self_attn(x)));  x = norm2(x + dropout(linear2(dropout(f(linear1(x))))))
/// ```
///
/// or, with [`norm_first`](TransformerEncoderLayer::norm_first), `x = x + dropout(self_attn(norm1(x)))` and so on.
/// As PyTorch's: the entries are those of `self_attn` (a [`MultiHeadAttention`]), `linear1`, `linear2`, `norm1` and
/// `norm2`, `f` is ReLU, and the dropout 0.1, of weights also.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Params, TransformerEncoderLayer, gelu};
/// let device = Device::cpu();
/// let path = Params::new(&device, 0).at("block");
/// let block = TransformerEncoderLayer::new(path, 16, 4, 64).norm_first(true).activation(gelu).dropout(0.0);
/// assert_eq!(block.forward(&Tensor::ones([2, 5, 16], &device), &mut Ctx::eval()).shape()[..], [2, 5, 16]);
/// ```
#[derive(Debug)]
pub struct TransformerEncoderLayer {
    path: ParamPath,
    features: usize,
    attention: MultiHeadAttention,
    inside: FeedForward,
    norm1: LayerNorm,
    norm2: LayerNorm,
}

impl TransformerEncoderLayer {
    /// A layer of `features` features and `heads` heads, with `width` units in its feed-forward net.
    pub fn new(path: ParamPath, features: usize, heads: usize, width: usize) -> Self {
        Self {
            features,
            attention: MultiHeadAttention::new(path.at("self_attn"), features, heads).dropout(0.1),
            inside: FeedForward::new(&path, features, width),
            norm1: LayerNorm::new(path.at("norm1"), [features]),
            norm2: LayerNorm::new(path.at("norm2"), [features]),
            path,
        }
    }

    /// The probability of dropping, in [0, 1), everywhere in the layer.
    #[must_use]
    pub fn dropout(mut self, p: f64) -> Self {
        self.attention = self.attention.dropout(p);
        self.inside.dropout = Dropout::new(p);
        self
    }

    /// Whether each part's input is normalised, instead of the sum after it (Xiong et al. 2020); not unless this says so.
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

    /// As [`forward`](Layer::forward) under masks.
    #[track_caller]
    pub fn forward_masked(&self, x: &Tensor, masks: &AttentionMasks<'_>, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| {
            let x = self
                .inside
                .residual(&self.norm1, x, ctx, |x, ctx| self.attention.forward_with(x, x, x, masks, ctx));
            self.inside.residual(&self.norm2, &x, ctx, |x, ctx| self.inside.forward(x, ctx))
        })
    }
}

impl Layer for TransformerEncoderLayer {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.forward_masked(x, &AttentionMasks::default(), ctx)
    }

    fn kind(&self) -> &str {
        "TransformerEncoderLayer"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }
}

/// Encoder layers one after the other.
///
/// Entries, as PyTorch's: those of the layers at `layers.0`, `layers.1` and so on, and of the final `norm` if there is
/// one.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{AttentionMasks, Ctx, Params, TransformerEncoder, TransformerEncoderLayer, length_mask};
/// let device = Device::cpu();
/// let params = Params::new(&device, 0);
/// let encoder = TransformerEncoder::new(params.at("encoder"), 2, |path| {
///     TransformerEncoderLayer::new(path, 16, 4, 64)
/// });
/// let real = length_mask(&Tensor::from_slice(&[5u32, 3], [2], &device), 5);
/// let masks = AttentionMasks { keys: Some(&real), ..AttentionMasks::default() };
/// let y = encoder.forward_masked(&Tensor::ones([2, 5, 16], &device), &masks, &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [2, 5, 16]);
/// ```
#[derive(Debug)]
pub struct TransformerEncoder {
    path: ParamPath,
    layers: Vec<TransformerEncoderLayer>,
    norm: Option<LayerNorm>,
}

impl TransformerEncoder {
    /// `count` layers, each made by `layer` at its path.
    pub fn new(path: ParamPath, count: usize, layer: impl Fn(ParamPath) -> TransformerEncoderLayer) -> Self {
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

    /// As [`forward`](Layer::forward) under masks, which are those of every layer.
    #[track_caller]
    pub fn forward_masked(&self, x: &Tensor, masks: &AttentionMasks<'_>, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| {
            let x = self.layers.iter().fold(x.clone(), |x, layer| layer.forward_masked(&x, masks, ctx));
            match &self.norm {
                Some(norm) => norm.forward(&x, ctx),
                None => x,
            }
        })
    }
}

impl Layer for TransformerEncoder {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        self.forward_masked(x, &AttentionMasks::default(), ctx)
    }

    fn kind(&self) -> &str {
        "TransformerEncoder"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }
}
