//! Losses of targets that are 0 or 1, or between: one decision an element.

use anygrad_graph::Tensor;

use super::labels::constants;
use super::operands::{alike, alike_with, wrong_setting};
use super::{Loss, Reduction};

/// Binary cross-entropy of probabilities p and targets t in [0, 1]: `−t·ln p − (1 − t)·ln(1 − p)` for each element.
/// PyTorch's `BCELoss`, Keras' `binary_crossentropy`. The shapes are equal, and so is that of [`each`](Loss::each);
/// with several labels a sample it is the mean over all of them.
///
/// As in PyTorch, logarithms are at least −100, so that a probability of exactly 0 or 1 gives a finite loss; the slope
/// of `ln p` is held at 10¹² there. Where there is a sigmoid before it, [`BinaryCrossEntropyWithLogits`] in place of
/// both is more exact.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{BinaryCrossEntropy, Loss};
/// let device = Device::cpu();
/// let p = Tensor::from_slice(&[0.9f32, 0.0], [2], &device);
/// let each = BinaryCrossEntropy::default().each(&p, &Tensor::ones([2], &device)).to_vec::<f32>()?;
/// assert!((each[0] - 0.105361).abs() < 1e-6);
/// assert_eq!(each[1], 100.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinaryCrossEntropy {
    /// Mean by default.
    pub reduction: Reduction,
}

impl Loss for BinaryCrossEntropy {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        match alike("binary_cross_entropy", prediction, target) {
            Ok((p, t)) => -(&t * held_log(&p) + (1.0 - t) * held_log(&(1.0 - p))),
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// `max(ln p, −100)`, with a slope of at most 10¹².
#[track_caller]
fn held_log(p: &Tensor) -> Tensor {
    const SMALL: f64 = 1e-12;
    let small = p.lt(SMALL);
    // a line through the value: 1/p is infinite at 0, and infinity times the slope behind it NaN
    let fixed = p.stop_gradient();
    let line = (p - &fixed) * (1.0 / SMALL) + fixed.log().maximum(-100.0);
    small.select(line, small.select(1.0, p).log())
}

/// Binary cross-entropy of scores x and targets t in [0, 1]: `−w·t·ln σ(x) − (1 − t)·ln(1 − σ(x))` for each element,
/// with the weight w of positives. PyTorch's `BCEWithLogitsLoss`. The shapes are equal, and so is that of
/// [`each`](Loss::each). No sigmoid before it: written with `ln(1 + eˣ)` it neither overflows nor loses digits.
///
/// For independent labels (multi-label) the last axis is the labels.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{BinaryCrossEntropyWithLogits, Loss};
/// let device = Device::cpu();
/// let x = Tensor::from_slice(&[0.0f32, 1e4, 0.0, -1e4], [2, 2], &device);
/// let t = Tensor::from_slice(&[1.0f32, 1.0, 0.0, 0.0], [2, 2], &device);
/// let loss = BinaryCrossEntropyWithLogits { pos_weight: Some(vec![3.0, 1.0]), ..Default::default() };
/// assert!((loss.loss(&x, &t).item()? - (3.0 + 1.0) * 2f32.ln() / 4.0).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BinaryCrossEntropyWithLogits {
    /// How much more a positive element counts: one weight for all, or one for each label of the last axis; none (1) by
    /// default. Above 1 it finds more positives (recall), below 1 those found are right more often (precision).
    pub pos_weight: Option<Vec<f64>>,
    /// Mean by default.
    pub reduction: Reduction,
}

impl BinaryCrossEntropyWithLogits {
    fn wrong(&self, logits: &Tensor) -> Option<String> {
        let weights = self.pos_weight.as_ref()?;
        if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return Some(format!("pos_weight has {weight}; it must be finite and at least 0"));
        }
        let labels = if logits.rank() == 0 { 1 } else { logits.size(-1) };
        (weights.len() != 1 && weights.len() != labels).then(|| {
            format!(
                "pos_weight has {} numbers; it must have 1 or, for {}, {labels}",
                weights.len(),
                logits.shape()
            )
        })
    }
}

impl Loss for BinaryCrossEntropyWithLogits {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let wrong = prediction.check().ok().and_then(|logits| self.wrong(logits));
        let (x, t) = match alike_with("binary_cross_entropy_with_logits", wrong, prediction, target) {
            Ok(pair) => pair,
            Err(wrong) => return wrong,
        };
        // both halves are exact where they are small, so nothing cancels
        let positive = &t * (-&x).log1p_exp();
        let positive = match &self.pos_weight {
            Some(weight) => positive * constants(weight, [weight.len()], &x),
            None => positive,
        };
        positive + (1.0 - t) * x.log1p_exp()
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// Focal loss (Lin et al. 2017) of scores x and targets that are 0 or 1: `−α_t·(1 − p_t)^γ·ln p_t` for each element,
/// where `p_t` is the probability of the target, `σ(x)` for 1 and `1 − σ(x)` for 0, and `α_t` is α for 1 and 1 − α for
/// 0. What is right already counts little, so that many easy negatives do not drown a few positives. torchvision's
/// `sigmoid_focal_loss`. The shapes are equal, and so is that of [`each`](Loss::each).
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Focal, Loss};
/// let device = Device::cpu();
/// let x = Tensor::from_slice(&[0.0f32, 0.0], [2], &device);
/// let t = Tensor::from_slice(&[1.0f32, 0.0], [2], &device);
/// let each = Focal::default().each(&x, &t).to_vec::<f32>()?;
/// assert!((each[0] - 0.25 * 0.25 * 2f32.ln()).abs() < 1e-6);
/// assert!((each[1] - 0.75 * 0.25 * 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Focal {
    /// How much what is right already is discounted, γ; at least 0, 2 by default. 0 is no discount.
    pub gamma: f64,
    /// The weight α of positives in [0, 1], 1 − α being that of negatives; 0.25 by default. `None` is 1 for both.
    pub alpha: Option<f64>,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Focal {
    fn default() -> Self {
        Self { gamma: 2.0, alpha: Some(0.25), reduction: Reduction::Mean }
    }
}

impl Focal {
    fn wrong(&self) -> Option<String> {
        let alpha = self.alpha.filter(|alpha| !(0.0..=1.0).contains(alpha));
        wrong_setting("gamma", self.gamma, 0.0, false)
            .or_else(|| alpha.map(|alpha| format!("alpha is {alpha}; it must be in [0, 1]")))
    }
}

impl Loss for Focal {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let (x, t) = match alike_with("focal", self.wrong(), prediction, target) {
            Ok(pair) => pair,
            Err(wrong) => return wrong,
        };
        // the score of the right side: p_t = σ(z), and ln(1 − p_t) = −ln(1 + e^z), which a power would lose
        let z = x * (&t * 2.0 - 1.0);
        let each = (z.log1p_exp() * -self.gamma).exp() * (-z).log1p_exp();
        match self.alpha {
            Some(alpha) => each * (t * (2.0 * alpha - 1.0) + (1.0 - alpha)),
            None => each,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}
