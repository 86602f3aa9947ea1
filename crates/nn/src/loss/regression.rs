//! Losses of numbers: how far each element of the prediction is from that of the target, d = prediction − target.

use anygrad_graph::Tensor;

use super::operands::{alike, alike_with, wrong_setting};
use super::{Loss, Reduction};

/// Mean squared error (L2 loss): `d²` for each element, d = prediction − target. The shapes are equal; so is that of
/// [`each`](Loss::each). PyTorch's `MSELoss`, Keras' `mse`; the function [`mse`](crate::mse) is this with the mean.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, Mse};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[0.0f32, 0.0], [2], &device);
/// let target = Tensor::from_slice(&[1.0f32, 3.0], [2], &device);
/// assert_eq!(Mse::default().loss(&prediction, &target).item()?, 5.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mse {
    /// Mean by default.
    pub reduction: Reduction,
}

impl Loss for Mse {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        match alike("mse", prediction, target) {
            Ok((prediction, target)) => (prediction - target).square(),
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// Half the squared error, `½·d²` for each element, whose gradient is d. Textbooks write the L2 loss so, often for
/// one example: [`Reduction::None`] or [`Reduction::Sum`]. The shapes are equal.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{HalfSquaredError, Loss};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[3.0f32], [1], &device);
/// let target = Tensor::from_slice(&[1.0f32], [1], &device);
/// assert_eq!(HalfSquaredError::default().loss(&prediction, &target).item()?, 2.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HalfSquaredError {
    /// Mean by default.
    pub reduction: Reduction,
}

impl Loss for HalfSquaredError {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        match alike("half_squared_error", prediction, target) {
            Ok((prediction, target)) => (prediction - target).square() * 0.5,
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// Mean absolute error (L1 loss): `|d|` for each element; the gradient at 0 is 0. The shapes are equal. PyTorch's
/// `L1Loss`, Keras' `mae`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, Mae};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[3.0f32, 1.0], [2], &device);
/// let target = Tensor::from_slice(&[1.0f32, 1.0], [2], &device);
/// assert_eq!(Mae::default().loss(&prediction, &target).item()?, 1.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mae {
    /// Mean by default.
    pub reduction: Reduction,
}

impl Loss for Mae {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        match alike("mae", prediction, target) {
            Ok((prediction, target)) => (prediction - target).abs(),
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// Huber loss (Huber 1964): `½·d²` up to δ and the straight line `δ·(|d| − ½·δ)` beyond, so that outliers pull with a
/// bounded gradient. The shapes are equal. PyTorch's `HuberLoss`, Keras' `Huber`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Huber, Loss};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[0.5f32, 3.0], [2], &device);
/// let loss = Huber::default().loss(&prediction, &Tensor::zeros([2], &device));
/// assert_eq!(loss.item()?, (0.125 + 2.5) / 2.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    /// Where the parabola becomes a line, δ; above 0, 1 by default.
    pub delta: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for Huber {
    fn default() -> Self {
        Self { delta: 1.0, reduction: Reduction::Mean }
    }
}

impl Loss for Huber {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let wrong = wrong_setting("delta", self.delta, 0.0, true);
        match alike_with("huber", wrong, prediction, target) {
            Ok((prediction, target)) => {
                let (parabola, line) = bent(&(prediction - target), self.delta);
                parabola + line * self.delta
            }
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// `½·q²` and `|d| − q` with `q = min(|d|, bend)`. The square of a large d, which may be infinite, is in neither.
#[track_caller]
fn bent(d: &Tensor, bend: f64) -> (Tensor, Tensor) {
    let size = d.abs();
    let near = size.minimum(bend);
    let far = size - &near;
    (near.square() * 0.5, far)
}

/// Smooth L1 loss (Girshick 2015): `½·d² / β` below β and `|d| − ½·β` beyond; [`Huber`] with δ = β, divided by β. With
/// β = 0 it is the absolute error. The shapes are equal. PyTorch's `SmoothL1Loss`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, SmoothL1};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[1.0f32, 3.0], [2], &device);
/// let loss = SmoothL1 { beta: 2.0, ..SmoothL1::default() }.loss(&prediction, &Tensor::zeros([2], &device));
/// assert_eq!(loss.item()?, (0.25 + 2.0) / 2.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothL1 {
    /// Where the parabola becomes a line, β; at least 0, 1 by default.
    pub beta: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for SmoothL1 {
    fn default() -> Self {
        Self { beta: 1.0, reduction: Reduction::Mean }
    }
}

impl Loss for SmoothL1 {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let wrong = wrong_setting("beta", self.beta, 0.0, false);
        match alike_with("smooth_l1", wrong, prediction, target) {
            Ok((prediction, target)) if self.beta == 0.0 => (prediction - target).abs(),
            Ok((prediction, target)) => {
                let (parabola, line) = bent(&(prediction - target), self.beta);
                parabola * (1.0 / self.beta) + line
            }
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// Log-cosh: `ln cosh d` for each element, about `½·d²` near 0 and `|d| − ln 2` far away. The shapes are equal. Keras'
/// `LogCosh`, written as `|d| + ln(1 + ½·(e^(−2·|d|) − 1))`, which neither overflows nor loses digits near 0.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{LogCosh, Loss};
/// let device = Device::cpu();
/// let prediction = Tensor::from_slice(&[1.0f32], [1], &device);
/// let loss = LogCosh::default().loss(&prediction, &Tensor::zeros([1], &device));
/// assert!((loss.item()? - 1f32.cosh().ln()).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCosh {
    /// Mean by default.
    pub reduction: Reduction,
}

impl Loss for LogCosh {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        match alike("log_cosh", prediction, target) {
            Ok((prediction, target)) => {
                let size = (prediction - target).abs();
                ((&size * -2.0).expm1() * 0.5).log1p() + size
            }
            Err(wrong) => wrong,
        }
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}
