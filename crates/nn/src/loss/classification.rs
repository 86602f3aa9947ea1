use anygrad_graph::Tensor;

use super::labels::{chosen, class_weights, kept, wrong_labels, wrong_weights};
use super::operands::{alike, single};
use super::weighted::mean_by_weight;
use super::{Loss, Reduction};

/// Cross-entropy of class scores and classes: `−w_y·log softmax(logits)_y` for each sample (or pixel) with the label
/// y. PyTorch's `CrossEntropyLoss`; Keras' `categorical_crossentropy` and `sparse_categorical_crossentropy`,
/// `from_logits`. The function [`cross_entropy`](crate::cross_entropy) is this with the defaults.
///
/// `logits` are `[n, classes, *space]`, any numbers (no softmax before). Targets are labels `[n, *space]`, u32 or i32,
/// or probabilities of the shape of the logits (one-hot rows, mixtures), for which it is
/// `−Σ_c w_c·t_c·log softmax(logits)_c`. [`each`](Loss::each) is `[n, *space]`.
///
/// With [`Reduction::Mean`] and labels it is the weighted mean `Σ each / Σ w_y` over the labels that are not ignored,
/// as PyTorch's, but 0 where PyTorch has 0/0 since all are ignored. For probabilities it is the mean of `each`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{CrossEntropy, Loss};
/// let device = Device::cpu();
/// let logits = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 0.0, 0.0, 0.0], [2, 3], &device);
/// let labels = Tensor::from_slice(&[2i32, -100], [2], &device); // the second one is padding
/// assert!((CrossEntropy::default().loss(&logits, &labels).item()? - 0.407606).abs() < 1e-6);
///
/// let soft = Tensor::from_slice(&[0.0f32, 0.0, 1.0, 0.5, 0.5, 0.0], [2, 3], &device);
/// let loss = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() }.loss(&logits, &soft);
/// assert!(loss.item()? > 0.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    /// A weight for each class, at least 0, for classes that are rare; none by default.
    pub weight: Option<Vec<f64>>,
    /// Samples with this label count nothing; it need not be a class. −100 by default. It has no meaning for
    /// probabilities.
    pub ignore_index: Option<i64>,
    /// How much of the target is spread evenly over all classes, ε in [0, 1]: `t·(1 − ε) + ε / classes` (Szegedy et al.
    /// 2016); 0 by default.
    pub label_smoothing: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for CrossEntropy {
    fn default() -> Self {
        Self { weight: None, ignore_index: Some(-100), label_smoothing: 0.0, reduction: Reduction::Mean }
    }
}

impl CrossEntropy {
    fn wrong(&self, logits: &Tensor) -> Option<String> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Some(format!("label_smoothing is {}; it must be in [0, 1]", self.label_smoothing));
        }
        if logits.check().is_ok() && logits.rank() < 2 {
            return Some(format!("takes logits [n, classes]: logits {}", logits.shape()));
        }
        wrong_weights(self.weight.as_deref(), logits.check().map_or(0, |logits| logits.size(1)))
    }

    /// The losses, and the weight of each in a mean if they differ.
    #[track_caller]
    fn parts(&self, logits: &Tensor, target: &Tensor) -> (Tensor, Option<Tensor>) {
        const NAME: &str = "cross_entropy";
        let poisoned = logits.check().is_err() || target.check().is_err();
        if let Some(message) = if poisoned { Some(String::new()) } else { self.wrong(logits) } {
            return (Tensor::wrong(NAME, message, &[("logits", logits), ("target", target)]), None);
        }
        if target.dtype().is_float() {
            return (self.of_probabilities(logits, target), None);
        }
        if let Some(message) = wrong_labels("logits", logits, target, self.ignore_index) {
            return (Tensor::wrong(NAME, message, &[("logits", logits), ("labels", target)]), None);
        }
        let picked =
            Picked::new(&single(logits).log_softmax(1), target, self.weight.as_deref(), self.ignore_index);
        let smooth = self.label_smoothing;
        let each = match smooth == 0.0 {
            true => picked.loss(),
            false => {
                let spread = picked.weighted.sum(&[1]) * (-smooth / logits.size(1) as f64);
                picked.only_kept(picked.loss() * (1.0 - smooth) + spread)
            }
        };
        (each, picked.weights())
    }

    #[track_caller]
    fn of_probabilities(&self, logits: &Tensor, target: &Tensor) -> Tensor {
        let (logits, target) = match alike("cross_entropy", logits, target) {
            Ok(pair) => pair,
            Err(wrong) => return wrong,
        };
        let smooth = self.label_smoothing;
        let target = match smooth == 0.0 {
            true => target,
            false => target * (1.0 - smooth) + smooth / logits.size(1) as f64,
        };
        let target = match class_weights(self.weight.as_deref(), &logits) {
            Some(weight) => target * weight,
            None => target,
        };
        -(target * logits.log_softmax(1)).sum(&[1])
    }
}

impl Loss for CrossEntropy {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        self.parts(prediction, target).0
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    #[track_caller]
    fn loss(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let (each, weights) = self.parts(prediction, target);
        reduced(self.reduction, &each, weights)
    }
}

#[track_caller]
fn reduced(reduction: Reduction, each: &Tensor, weights: Option<Tensor>) -> Tensor {
    match weights {
        Some(weights) if reduction == Reduction::Mean => mean_by_weight(&each.sum_all(), &weights),
        _ => reduction.of(each),
    }
}

/// Log-probabilities with the labels that pick one of each column.
struct Picked {
    /// Where the label is the class.
    chosen: Tensor,
    /// Log-probabilities times the weights of the classes.
    weighted: Tensor,
    weight: Option<Tensor>,
    kept: Option<Tensor>,
}

impl Picked {
    #[track_caller]
    fn new(log_p: &Tensor, labels: &Tensor, weight: Option<&[f64]>, ignored: Option<i64>) -> Self {
        let weight = class_weights(weight, log_p);
        let weighted = match &weight {
            Some(weight) => log_p * weight,
            None => log_p.clone(),
        };
        Self { chosen: chosen(log_p, labels), weighted, weight, kept: kept(labels, ignored) }
    }

    /// `−w_y·log p_y`.
    #[track_caller]
    fn loss(&self) -> Tensor {
        self.only_kept(-self.chosen.select(&self.weighted, 0.0).sum(&[1]))
    }

    #[track_caller]
    fn only_kept(&self, each: Tensor) -> Tensor {
        match &self.kept {
            Some(kept) => kept.select(each, 0.0),
            None => each,
        }
    }

    /// `w_y`, 0 where the label is ignored.
    #[track_caller]
    fn weights(&self) -> Option<Tensor> {
        let dtype = self.weighted.dtype();
        match (&self.weight, &self.kept) {
            (Some(weight), _) => Some(self.only_kept((self.chosen.to_dtype(dtype) * weight).sum(&[1]))),
            (None, Some(kept)) => Some(kept.to_dtype(dtype)),
            (None, None) => None,
        }
    }
}

/// Negative log-likelihood of class probabilities: `−w_y·log p_y` for each sample (or pixel) with the label y.
/// PyTorch's `NLLLoss`. After a [`log_softmax`](crate::log_softmax) it is [`CrossEntropy`].
///
/// The prediction is `log p`, `[n, classes, *space]`; labels are `[n, *space]`, u32 or i32; [`each`](Loss::each) is
/// `[n, *space]`. [`Reduction::Mean`] is `Σ each / Σ w_y` over the labels that are not ignored, 0 if there is none.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, Nll};
/// let device = Device::cpu();
/// let p = Tensor::from_slice(&[0.25f32, 0.75, 0.5, 0.5], [2, 2], &device);
/// let labels = Tensor::from_slice(&[1u32, 0], [2], &device);
/// let loss = Nll::default().loss(&p.log(), &labels);
/// assert!((loss.item()? + (0.75f32.ln() + 0.5f32.ln()) / 2.0).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Nll {
    /// A weight for each class, at least 0; none by default.
    pub weight: Option<Vec<f64>>,
    /// Samples with this label count nothing; it need not be a class. −100 by default.
    pub ignore_index: Option<i64>,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Nll {
    fn default() -> Self {
        Self { weight: None, ignore_index: Some(-100), reduction: Reduction::Mean }
    }
}

impl Nll {
    #[track_caller]
    fn parts(&self, log_p: &Tensor, labels: &Tensor) -> (Tensor, Option<Tensor>) {
        let wrong = wrong_labels("log-probabilities", log_p, labels, self.ignore_index)
            .or_else(|| wrong_weights(self.weight.as_deref(), log_p.size(1)));
        if let Some(message) = wrong {
            let operands = [("log-probabilities", log_p), ("labels", labels)];
            return (Tensor::wrong("nll", message, &operands), None);
        }
        let picked = Picked::new(&single(log_p), labels, self.weight.as_deref(), self.ignore_index);
        (picked.loss(), picked.weights())
    }
}

impl Loss for Nll {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        self.parts(prediction, target).0
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }

    #[track_caller]
    fn loss(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let (each, weights) = self.parts(prediction, target);
        reduced(self.reduction, &each, weights)
    }
}
