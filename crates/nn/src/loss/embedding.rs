//! Losses of embeddings: what belongs together is to be near, all else far.
//!
//! They take two or three batches of vectors, so they are no [`Loss`](super::Loss), but have its two methods.

use anygrad_graph::Tensor;

use super::Reduction;
use super::operands::{single, wrong_setting};

/// The squared distance of pairs, `Σ (a − b)²` over the last axis: `[n, d]` and `[n, d]` give `[n]`. For verification:
/// a pair is the same if it is below a threshold.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::squared_distance;
/// let device = Device::cpu();
/// let a = Tensor::from_slice(&[0.0f32, 0.0], [1, 2], &device);
/// let b = Tensor::from_slice(&[3.0f32, 4.0], [1, 2], &device);
/// assert_eq!(squared_distance(&a, &b).item()?, 25.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn squared_distance(a: &Tensor, b: &Tensor) -> Tensor {
    match vectors("squared_distance", None, &[("a", a), ("b", b)]) {
        Some(wrong) => wrong,
        None => (single(a) - single(b)).square().sum(&[-1]),
    }
}

/// The Euclidean distance of pairs, `√Σ (a − b)²` over the last axis: `[n, d]` and `[n, d]` give `[n]`. The gradient
/// where a = b is 0.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::pairwise_distance;
/// let device = Device::cpu();
/// let a = Tensor::from_slice(&[0.0f32, 0.0], [1, 2], &device);
/// let b = Tensor::from_slice(&[3.0f32, 4.0], [1, 2], &device);
/// assert_eq!(pairwise_distance(&a, &b).item()?, 5.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[track_caller]
pub fn pairwise_distance(a: &Tensor, b: &Tensor) -> Tensor {
    match vectors("pairwise_distance", None, &[("a", a), ("b", b)]) {
        Some(wrong) => wrong,
        None => (single(a) - single(b)).norm(2.0, &[-1]),
    }
}

/// The error, if a setting is wrong or the vectors are not floats of one shape `[.., d]`.
#[track_caller]
fn vectors(name: &'static str, setting: Option<String>, operands: &[(&str, &Tensor)]) -> Option<Tensor> {
    if let Some(message) = setting {
        return Some(Tensor::wrong(name, message, operands));
    }
    if operands.iter().any(|(_, x)| x.check().is_err()) {
        return Some(Tensor::wrong(name, "", operands));
    }
    let (_, first) = operands.first()?;
    let fits = |x: &Tensor| x.rank() > 0 && x.shape() == first.shape() && x.dtype().is_float();
    if operands.iter().all(|(_, x)| fits(x)) {
        return None;
    }
    let given: Vec<String> =
        operands.iter().map(|(label, x)| format!("{label} {} {}", x.dtype(), x.shape())).collect();
    Some(Tensor::wrong(name, format!("takes vectors of one shape [n, d]: {}", given.join(", ")), operands))
}

/// As [`vectors`], for two batches with a mark for each pair. The mark comes back as a float.
#[track_caller]
fn marked(
    name: &'static str,
    setting: Option<String>,
    [a, b]: [(&'static str, &Tensor); 2],
    (label, mark): (&'static str, &Tensor),
) -> Result<Tensor, Tensor> {
    if let Some(wrong) = vectors(name, setting, &[a, b]) {
        return Err(wrong);
    }
    let operands = [a, b, (label, mark)];
    let (_, first) = a;
    if mark.check().is_err() || mark.shape()[..] != first.shape()[..first.rank() - 1] {
        let message =
            format!("takes one {label} for each pair: {} {}, {label} {}", a.0, first.shape(), mark.shape());
        return Err(Tensor::wrong(name, message, &operands));
    }
    Ok(mark.to_dtype(single(first).dtype()))
}

/// Cosine embedding loss: `1 − cos(a, b)` for pairs with y = 1, `max(0, cos(a, b) − margin)` for those with y = −1.
/// PyTorch's `CosineEmbeddingLoss`, with its 10⁻¹² beside the squared lengths, so that a vector of zeros is no error.
///
/// `a` and `b` are `[n, d]`, y is `[n]`; [`each`](CosineEmbedding::each) is `[n]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::CosineEmbedding;
/// let device = Device::cpu();
/// let a = Tensor::from_slice(&[1.0f32, 0.0, 1.0, 0.0], [2, 2], &device);
/// let b = Tensor::from_slice(&[0.0f32, 2.0, 3.0, 0.0], [2, 2], &device);
/// let y = Tensor::from_slice(&[1i32, -1], [2], &device);
/// assert_eq!(CosineEmbedding::default().each(&a, &b, &y).to_vec::<f32>()?, [1.0, 1.0]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CosineEmbedding {
    /// The cosine below which different vectors cost nothing, in [−1, 1]; 0 by default.
    pub margin: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl CosineEmbedding {
    /// The loss of each pair, `[n]`.
    #[track_caller]
    pub fn each(&self, a: &Tensor, b: &Tensor, y: &Tensor) -> Tensor {
        const EPS: f64 = 1e-12;
        let wrong = (!(-1.0..=1.0).contains(&self.margin))
            .then(|| format!("margin is {}; it must be in [-1, 1]", self.margin));
        let y = match marked("cosine_embedding", wrong, [("a", a), ("b", b)], ("y", y)) {
            Ok(y) => y,
            Err(wrong) => return wrong,
        };
        let (a, b) = (single(a), single(b));
        let squares = (a.square().sum(&[-1]) + EPS) * (b.square().sum(&[-1]) + EPS);
        let cosine = (a * b).sum(&[-1]) / squares.sqrt();
        y.gt(0.0).select(1.0 - &cosine, (cosine - self.margin).relu())
    }

    /// The loss of the batch.
    #[track_caller]
    pub fn loss(&self, a: &Tensor, b: &Tensor, y: &Tensor) -> Tensor {
        self.reduction.of(&self.each(a, b, y))
    }
}

/// Contrastive loss (Hadsell et al. 2006): `½·D²` for pairs that are the same, `½·max(0, margin − D)²` for those that
/// are not, with the Euclidean distance D. The gradient where D = 0 is 0.
///
/// `a` and `b` are `[n, d]`; `same` is `[n]`, 1 (or true) for the same and 0 for different, and as a float may be
/// between; [`each`](Contrastive::each) is `[n]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::Contrastive;
/// let device = Device::cpu();
/// let a = Tensor::zeros([2, 1], &device);
/// let b = Tensor::from_slice(&[0.5f32, 0.5], [2, 1], &device);
/// let same = Tensor::from_slice(&[true, false], [2], &device);
/// assert_eq!(Contrastive::default().each(&a, &b, &same).to_vec::<f32>()?, [0.125, 0.125]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrastive {
    /// The distance beyond which different vectors cost nothing; above 0, 1 by default.
    pub margin: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Contrastive {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl Contrastive {
    /// The loss of each pair, `[n]`.
    #[track_caller]
    pub fn each(&self, a: &Tensor, b: &Tensor, same: &Tensor) -> Tensor {
        let wrong = wrong_setting("margin", self.margin, 0.0, true);
        let same = match marked("contrastive", wrong, [("a", a), ("b", b)], ("same", same)) {
            Ok(same) => same,
            Err(wrong) => return wrong,
        };
        let d = single(a) - single(b);
        let near = d.square().sum(&[-1]);
        let far = (self.margin - d.norm(2.0, &[-1])).relu().square();
        (&same * near + (1.0 - &same) * far) * 0.5
    }

    /// The loss of the batch.
    #[track_caller]
    pub fn loss(&self, a: &Tensor, b: &Tensor, same: &Tensor) -> Tensor {
        self.reduction.of(&self.each(a, b, same))
    }
}

/// Triplet loss: `max(0, D(anchor, positive) − D(anchor, negative) + margin)`; 0 as soon as the negative is farther
/// away than the positive by the margin. PyTorch's `TripletMarginLoss`, whose distance is `‖a − b + eps‖_p`; with
/// `squared` it is that of FaceNet (Schroff et al. 2015), whose distance is `‖a − b‖²`.
///
/// All three are `[n, d]`; [`each`](Triplet::each) is `[n]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::Triplet;
/// let device = Device::cpu();
/// let anchor = Tensor::zeros([1, 2], &device);
/// let positive = Tensor::from_slice(&[1.0f32, 0.0], [1, 2], &device);
/// let negative = Tensor::from_slice(&[0.0f32, 1.2], [1, 2], &device);
/// let loss = Triplet::default().loss(&anchor, &positive, &negative);
/// assert!((loss.item()? - 0.8).abs() < 1e-5);
/// let facenet = Triplet { squared: true, ..Triplet::default() };
/// assert!((facenet.loss(&anchor, &positive, &negative).item()? - 0.56).abs() < 1e-5);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Triplet {
    /// By how much the negative has to be farther away; above 0, 1 by default.
    pub margin: f64,
    /// Whether distances are squared Euclidean ones; false by default.
    pub squared: bool,
    /// The norm of distances that are not squared; above 0, 2 by default.
    pub p: f64,
    /// Added to each difference that is not squared, against the kink at 0; at least 0, 1e-6 by default.
    pub eps: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Triplet {
    fn default() -> Self {
        Self { margin: 1.0, squared: false, p: 2.0, eps: 1e-6, reduction: Reduction::Mean }
    }
}

impl Triplet {
    /// The loss of each triplet, `[n]`.
    #[track_caller]
    pub fn each(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Tensor {
        let operands = [("anchor", anchor), ("positive", positive), ("negative", negative)];
        let wrong = wrong_setting("margin", self.margin, 0.0, true)
            .or_else(|| wrong_setting("p", self.p, 0.0, true))
            .or_else(|| wrong_setting("eps", self.eps, 0.0, false));
        if let Some(wrong) = vectors("triplet", wrong, &operands) {
            return wrong;
        }
        let anchor = single(anchor);
        let near = self.distance(&anchor, &single(positive));
        (near - self.distance(&anchor, &single(negative)) + self.margin).relu()
    }

    #[track_caller]
    fn distance(&self, a: &Tensor, b: &Tensor) -> Tensor {
        match self.squared {
            true => (a - b).square().sum(&[-1]),
            false => (a - b + self.eps).norm(self.p, &[-1]),
        }
    }

    /// The loss of the batch.
    #[track_caller]
    pub fn loss(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Tensor {
        self.reduction.of(&self.each(anchor, positive, negative))
    }
}
