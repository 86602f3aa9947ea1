//! Margin losses: a score has to be right by a margin.

use anygrad_graph::Tensor;

use super::labels::{chosen, class_weights, wrong_labels, wrong_weights};
use super::operands::{alike_with, single, wrong_setting};
use super::{Loss, Reduction};

/// Hinge loss, that of support vector machines: `max(0, margin − y·f)` for each element, with y = ±1. It is not 0 for
/// a score that is right but inside the margin. The shapes are equal, and so is that of [`each`](Loss::each).
///
/// Targets are −1 and 1; 0 counts as −1, so labels 0 and 1 work as well, as in Keras. A margin of 0 is the perceptron
/// criterion: only what is wrong counts.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Hinge, Loss};
/// let device = Device::cpu();
/// let f = Tensor::from_slice(&[0.3f32, 2.0, 0.3], [3], &device);
/// let y = Tensor::from_slice(&[1.0f32, 1.0, -1.0], [3], &device);
/// assert_eq!(Hinge::default().each(&f, &y).to_vec::<f32>()?, [0.7, 0.0, 1.3]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hinge {
    /// By how much a score has to be right; at least 0, 1 by default.
    pub margin: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Hinge {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl Loss for Hinge {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        missing("hinge", self.margin, prediction, target)
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// `max(0, margin − y·f)`.
#[track_caller]
fn missing(name: &'static str, margin: f64, prediction: &Tensor, target: &Tensor) -> Tensor {
    match alike_with(name, wrong_setting("margin", margin, 0.0, false), prediction, target) {
        Ok((f, y)) => (margin - y.eq(0.0).select(-1.0, &y) * f).relu(),
        Err(wrong) => wrong,
    }
}

/// Squared hinge loss: `max(0, margin − y·f)²` for each element, with targets as those of [`Hinge`]. Keras'
/// `SquaredHinge`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, SquaredHinge};
/// let device = Device::cpu();
/// let f = Tensor::from_slice(&[0.5f32, 2.0], [2], &device);
/// assert_eq!(SquaredHinge::default().loss(&f, &Tensor::ones([2], &device)).item()?, 0.125);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquaredHinge {
    /// By how much a score has to be right; at least 0, 1 by default.
    pub margin: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for SquaredHinge {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl Loss for SquaredHinge {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        missing("squared_hinge", self.margin, prediction, target).square()
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// Multi-class hinge loss (Weston & Watkins 1999): `w_y / classes · Σ_{j≠y} max(0, margin − f_y + f_j)^p` for each
/// sample with the label y. PyTorch's `MultiMarginLoss`. For the largest term in place of their sum see
/// [`CategoricalHinge`].
///
/// Scores are `[n, classes]`, labels `[n]`, u32 or i32; [`each`](Loss::each) is `[n]`, and the mean is over n.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, MultiClassHinge};
/// let device = Device::cpu();
/// let scores = Tensor::from_slice(&[0.1f32, 0.2, 0.4, 0.8], [1, 4], &device);
/// let label = Tensor::from_slice(&[3u32], [1], &device);
/// let loss = MultiClassHinge::default().loss(&scores, &label);
/// assert!((loss.item()? - (0.3 + 0.4 + 0.6) / 4.0).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MultiClassHinge {
    /// The power p, 1 (the default) or 2.
    pub p: u32,
    /// By how much the score of the label has to be the largest; at least 0, 1 by default.
    pub margin: f64,
    /// A weight for each class, at least 0; none by default.
    pub weight: Option<Vec<f64>>,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for MultiClassHinge {
    fn default() -> Self {
        Self { p: 1, margin: 1.0, weight: None, reduction: Reduction::Mean }
    }
}

impl MultiClassHinge {
    fn wrong(&self, scores: &Tensor, labels: &Tensor) -> Option<String> {
        wrong_scores(scores, labels, self.margin)
            .or_else(|| (!(1..=2).contains(&self.p)).then(|| format!("p is {}; it must be 1 or 2", self.p)))
            .or_else(|| wrong_weights(self.weight.as_deref(), scores.size(1)))
    }
}

impl Loss for MultiClassHinge {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        if let Some(message) = self.wrong(prediction, target) {
            return Tensor::wrong(
                "multi_class_hinge",
                message,
                &[("scores", prediction), ("labels", target)],
            );
        }
        let scores = single(prediction);
        let chosen = chosen(&scores, target);
        let own = chosen.select(&scores, 0.0).sum_keep(&[1]);
        let missing = (&scores - own + self.margin).relu();
        let missing = if self.p == 1 { missing } else { missing.square() };
        let each = chosen.select(0.0, missing).sum(&[1]) * (1.0 / scores.size(1) as f64);
        match class_weights(self.weight.as_deref(), &scores) {
            Some(weight) => each * (chosen.to_dtype(scores.dtype()) * weight).sum(&[1]),
            None => each,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

fn wrong_scores(scores: &Tensor, labels: &Tensor, margin: f64) -> Option<String> {
    wrong_labels("scores", scores, labels, None)
        .or_else(|| wrong_setting("margin", margin, 0.0, false))
        .or_else(|| {
            let message = || format!("takes scores [n, classes] and labels [n]: scores {}", scores.shape());
            (scores.rank() != 2).then(message)
        })
}

/// Multi-class hinge loss by the strongest rival (Crammer & Singer 2001): `max(0, margin + max_{j≠y} f_j − f_y)` for
/// each sample with the label y. Keras' `CategoricalHinge` takes 0 for the rival where all rivals are negative; this
/// follows the paper.
///
/// Scores are `[n, classes]` with at least two classes, labels `[n]`, u32 or i32; [`each`](Loss::each) is `[n]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{CategoricalHinge, Loss};
/// let device = Device::cpu();
/// let scores = Tensor::from_slice(&[0.25f32, 0.5, 1.0], [1, 3], &device);
/// let label = Tensor::from_slice(&[2u32], [1], &device);
/// assert_eq!(CategoricalHinge::default().loss(&scores, &label).item()?, 0.5);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CategoricalHinge {
    /// By how much the score of the label has to be the largest; at least 0, 1 by default.
    pub margin: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for CategoricalHinge {
    fn default() -> Self {
        Self { margin: 1.0, reduction: Reduction::Mean }
    }
}

impl Loss for CategoricalHinge {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let wrong = wrong_scores(prediction, target, self.margin).or_else(|| {
            (prediction.size(1) < 2)
                .then(|| format!("takes two classes or more: scores {}", prediction.shape()))
        });
        if let Some(message) = wrong {
            return Tensor::wrong(
                "categorical_hinge",
                message,
                &[("scores", prediction), ("labels", target)],
            );
        }
        let scores = single(prediction);
        let chosen = chosen(&scores, target);
        let own = chosen.select(&scores, 0.0).sum(&[1]);
        let rival = chosen.select(f64::NEG_INFINITY, &scores).max(&[1]);
        (rival - own + self.margin).relu()
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}
