use anygrad_graph::Tensor;

use super::Size;
use crate::ctx::Ctx;
use crate::layer::Layer;

/// A layer whose output is penalised in training: the mean over the batch of `λ·Σ|y|` (sparse activities), of
/// `λ/2·Σy²`, or of both, over all elements of a sample. Keras' `activity_regularizer`, which has no ½.
///
/// The penalty is given to the [`Ctx`], and has to be taken out of it and added to the loss in every step:
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{ActivityPenalty, Ctx, Layer, Linear, Params, Sequential, mse, relu};
/// let params = Params::new(&Device::cpu(), 42);
/// let model = Sequential::new()
///     .then(Linear::new(params.at("code"), 4, 8))
///     .then(ActivityPenalty::l1(relu, 1e-3))
///     .then(Linear::new(params.at("output"), 8, 4));
/// let x = Tensor::ones([2, 4], &Device::cpu());
/// let mut ctx = Ctx::train(42);
/// let loss = mse(&model.forward(&x, &mut ctx), &x);
/// let loss = ctx.take_losses().into_iter().fold(loss, |sum, penalty| sum + penalty);
/// # loss.check()?;
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[doc(alias = "activity_regularizer")]
#[derive(Clone, Debug)]
pub struct ActivityPenalty<L> {
    layer: L,
    sizes: Vec<Size>,
}

impl<L: Layer> ActivityPenalty<L> {
    /// `layer`, with a penalty of `factor · Σ |y|`.
    pub fn l1(layer: L, factor: f64) -> Self {
        Self { layer, sizes: vec![Size::L1(factor)] }
    }

    /// `layer`, with a penalty of `factor/2 · Σ y²`.
    pub fn l2(layer: L, factor: f64) -> Self {
        Self { layer, sizes: vec![Size::L2(factor)] }
    }

    /// `layer`, with both.
    pub fn l1_l2(layer: L, l1: f64, l2: f64) -> Self {
        Self { layer, sizes: vec![Size::L1(l1), Size::L2(l2)] }
    }
}

impl<L: Layer> Layer for ActivityPenalty<L> {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let y = self.layer.forward(x, ctx);
        if let Some(message) = self.sizes.iter().find_map(|size| size.wrong()) {
            return Tensor::wrong("activity penalty", message, &[("output", &y)]);
        }
        if ctx.training {
            let batch = y.shape().first().copied().unwrap_or(1).max(1) as f64;
            for size in &self.sizes {
                ctx.add_loss(size.of(&y) / batch);
            }
        }
        y
    }

    fn kind(&self) -> &str {
        self.layer.kind()
    }

    fn path(&self) -> Option<&str> {
        self.layer.path()
    }

    fn parameters(&self) -> usize {
        self.layer.parameters()
    }
}
