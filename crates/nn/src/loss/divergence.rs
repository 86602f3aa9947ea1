//! Losses between distributions: Kullback–Leibler and Poisson.

use anygrad_graph::Tensor;

use super::operands::{alike, alike_with, wrong_setting};
use super::{Loss, Reduction};

/// Kullback–Leibler divergence of a predicted distribution q from the target distribution t: `t·(ln t − ln q)` for
/// each element, and 0 where t = 0. PyTorch's `KLDivLoss`.
///
/// The prediction is `ln q`, as of [`log_softmax`](crate::log_softmax); the target is t, or `ln t` with `log_target`.
/// The shapes are equal, `[n, ..]`. By default the elements of a sample are summed and the mean is over the samples,
/// which is the divergence ([`Reduction::BatchMean`]); PyTorch's default, the mean over all elements, is
/// [`Reduction::Mean`].
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{KlDivergence, Loss};
/// let device = Device::cpu();
/// let q = Tensor::from_slice(&[0.5f32, 0.5], [1, 2], &device);
/// let t = Tensor::from_slice(&[1.0f32, 0.0], [1, 2], &device);
/// assert!((KlDivergence::default().loss(&q.log(), &t).item()? - 2f32.ln()).abs() < 1e-6);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KlDivergence {
    /// Whether the target is `ln t`; false by default.
    pub log_target: bool,
    /// The mean over samples by default.
    pub reduction: Reduction,
}

impl Default for KlDivergence {
    fn default() -> Self {
        Self { log_target: false, reduction: Reduction::BatchMean }
    }
}

impl Loss for KlDivergence {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let (log_q, t) = match alike("kl_divergence", prediction, target) {
            Ok(pair) => pair,
            Err(wrong) => return wrong,
        };
        if self.log_target {
            return t.exp() * (t - log_q);
        }
        let positive = t.gt(0.0);
        // t·ln t is 0 at 0, where neither ln t nor ln q needs to be finite
        let log_t = positive.select(&t, 1.0).log();
        positive.select(t * (log_t - log_q), 0.0)
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}

/// Negative log-likelihood of counts t under a Poisson distribution, for each element: `eˣ − t·x` with x the logarithm
/// of the rate, or `x − t·ln(x + ε)` with x the rate itself. PyTorch's `PoissonNLLLoss`. The shapes are equal, and so
/// is that of [`each`](Loss::each).
///
/// `ln t!` is left out, as it does not depend on the prediction, or with `full` added for t > 1 in Stirling's form,
/// `t·ln t − t + ½·ln(2π·t)`.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Loss, PoissonNll};
/// let device = Device::cpu();
/// let log_rate = Tensor::zeros([2], &device);
/// let counts = Tensor::from_slice(&[0.0f32, 3.0], [2], &device);
/// assert_eq!(PoissonNll::default().loss(&log_rate, &counts).item()?, 1.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonNll {
    /// Whether the prediction is the logarithm of the rate; true by default.
    pub log_input: bool,
    /// Whether the term of the target alone is added; false by default.
    pub full: bool,
    /// Added to a rate before its logarithm; above 0, 1e-8 by default.
    pub eps: f64,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Default for PoissonNll {
    fn default() -> Self {
        Self { log_input: true, full: false, eps: 1e-8, reduction: Reduction::Mean }
    }
}

impl Loss for PoissonNll {
    #[track_caller]
    fn each(&self, prediction: &Tensor, target: &Tensor) -> Tensor {
        let wrong = wrong_setting("eps", self.eps, 0.0, true);
        let (x, t) = match alike_with("poisson_nll", wrong, prediction, target) {
            Ok(pair) => pair,
            Err(wrong) => return wrong,
        };
        let each = match self.log_input {
            true => x.exp() - &t * x,
            false => &x - &t * (&x + self.eps).log(),
        };
        if !self.full {
            return each;
        }
        let large = t.gt(1.0);
        let t = large.select(t, 1.0);
        let stirling = &t * t.log() - &t + (&t * std::f64::consts::TAU).log() * 0.5;
        each + large.select(stirling, 0.0)
    }

    fn reduction(&self) -> Reduction {
        self.reduction
    }
}
