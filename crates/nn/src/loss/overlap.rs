use anygrad_graph::Tensor;

use super::operands::{alike_with, wrong_setting};
use super::{Loss, Reduction};

/// Dice loss (Milletari et al. 2016): `1 − (2·Σ p·t + s) / (Σ p + Σ t + s)` for each sample, the sums over all axes but
/// the first. For segmentation, where few pixels are positive: what counts is the overlap, not the number of pixels.
///
/// The prediction p are probabilities (after a sigmoid or softmax), the target t is 0 or 1, of one shape `[n, ..]`;
/// [`each`](Loss::each) is `[n]`. For the mean over classes instead of one overlap of all, give `[n·classes, pixels]`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Dice, Loss};
/// let device = Device::cpu();
/// let p = Tensor::from_slice(&[1.0f32, 1.0, 0.0, 0.0], [1, 4], &device);
/// let t = Tensor::from_slice(&[1.0f32, 0.0, 0.0, 0.0], [1, 4], &device);
/// let dice = Dice { smooth: 0.0, ..Dice::default() };
/// assert!((dice.loss(&p, &t).item()? - (1.0 - 2.0 / 3.0)).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dice {
    /// Added above and below the line, s, so that two empty masks overlap perfectly; at least 0, 1 by default. With 0
    /// two empty masks are NaN.
    pub smooth: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Dice {
    fn default() -> Self {
        Self { smooth: 1.0, reduction: Reduction::Mean }
    }
}

impl Loss for Dice {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let wrong = wrong_setting("smooth", self.smooth, 0.0, false).or_else(|| {
            let prediction = prediction.check().ok()?;
            (prediction.rank() < 2)
                .then(|| format!("takes predictions [n, ..]: prediction {}", prediction.shape()))
        });
        match alike_with("dice", wrong, prediction, target) {
            Ok((p, t)) => {
                let axes: Vec<isize> = (1..p.rank() as isize).collect();
                let common = (&p * &t).sum(&axes) * 2.0 + self.smooth;
                1.0 - common / ((p + t).sum(&axes) + self.smooth)
            }
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}
