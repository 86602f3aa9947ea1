use anygrad_graph::Tensor;

use super::operands::{alike_with, wrong_setting};
use super::{Loss, Reduction};

/// The loss of a detector that gives `[P, box, classes]` for each sample or cell: is something there, where, and what.
///
/// ```text
/// each = bce(x_P, P) + P·(box_weight·Σ (b − b̂)² − Σ_c t_c·log softmax(x_c))
/// ```
///
/// Box and class count only where something is there (P = 1); elsewhere their targets may be anything finite. The last
/// axis of the prediction is a score for P (no sigmoid before), 4 numbers for the box, and a score for each class (no
/// softmax before); that of the target is P, 0 or 1, the box, and the class as a one-hot row. Without classes the last
/// axis has 5 numbers. [`each`](Loss::each) has the other axes.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Detection, Loss};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[0.0f32, 0.5, 0.5, 0.2, 0.2, 0.0, 0.0], [1, 7], &device);
/// let target = Tensor::from_slice(&[1.0f32, 0.5, 0.5, 0.2, 0.4, 1.0, 0.0], [1, 7], &device);
/// let loss = Detection::default().loss(&prediction, &target);
/// assert!((loss.item()? - (2.0 * 2f32.ln() + 0.04)).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// How much the box counts; at least 0, 1 by default (YOLO takes 5).
    pub box_weight: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Detection {
    fn default() -> Self {
        Self { box_weight: 1.0, reduction: Reduction::Mean }
    }
}

impl Loss for Detection {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let wrong = wrong_setting("box_weight", self.box_weight, 0.0, false).or_else(|| {
            let prediction = prediction.check().ok()?;
            let fits = prediction.rank() > 0 && prediction.size(-1) >= 5;
            (!fits).then(|| format!("takes [.., 1 + 4 + classes]: prediction {}", prediction.shape()))
        });
        let (x, t) = match alike_with("detection", wrong, prediction, target) {
            Ok(pair) => pair,
            Err(wrong) => return wrong,
        };
        let (score, there) = (x.slice(-1, 0, 1), t.slice(-1, 0, 1));
        let presence = &there * (-&score).log1p_exp() + (1.0 - &there) * score.log1p_exp();
        let place = (x.slice(-1, 1, 4) - t.slice(-1, 1, 4)).square().sum_keep(&[-1]) * self.box_weight;
        let classes = x.size(-1) - 5;
        let detail = match classes {
            0 => place,
            _ => {
                let log_p = x.slice(-1, 5, classes).log_softmax(-1);
                place - (t.slice(-1, 5, classes) * log_p).sum_keep(&[-1])
            }
        };
        (presence + there * detail).squeeze(-1)
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}
