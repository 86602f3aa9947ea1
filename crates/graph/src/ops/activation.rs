//! Activation functions as compositions of rows: each fuses into one kernel, and has its gradient from its parts.
//!
//! A branch that is not chosen must stay finite: its gradient is 0 times whatever it is.

use super::axis_of;
use crate::Tensor;
use crate::pointwise::Operand;

/// √(2/π), of the tanh form of GELU.
const ROOT_TWO_OVER_PI: f64 = 0.797_884_560_802_865_4;
/// α and the scale of SELU: their fixed point has mean 0 and variance 1 (Klambauer et al. 2017).
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

impl Tensor {
    /// `min(max(x, 0), 6)`.
    #[track_caller]
    pub fn relu6(&self) -> Tensor {
        self.hard_tanh(0.0, 6.0)
    }

    /// `x` above 0, `slope·x` elsewhere; the slope is a number or a tensor that broadcasts. PyTorch's default is 0.01.
    #[track_caller]
    pub fn leaky_relu(&self, slope: impl Operand) -> Tensor {
        self.gt(0.0).select(self, self * slope.like(self))
    }

    /// [`leaky_relu`](Tensor::leaky_relu) with a learned slope (He et al. 2015): `weight` has one element, or one for
    /// each channel, which is axis 1 (axis 0 of a vector), as `torch.prelu`.
    #[track_caller]
    pub fn prelu(&self, weight: &Tensor) -> Tensor {
        let channels = self.size(if self.rank() > 1 { 1 } else { 0 });
        if weight.check().is_ok()
            && self.check().is_ok()
            && (weight.rank() > 1 || ![1, channels].contains(&weight.numel()))
        {
            let message = format!(
                "takes one slope or one for each of {channels} channels: input {}, weight {}",
                self.shape(),
                weight.shape()
            );
            return Tensor::wrong("prelu", message, &[("input", self), ("weight", weight)]);
        }
        let mut line = vec![1; self.rank()];
        if let Some(axis) = line.get_mut(usize::from(self.rank() > 1)) {
            *axis = weight.numel();
        }
        self.leaky_relu(weight.reshape(line))
    }

    /// `x` above 0, `alpha·(eˣ − 1)` elsewhere (Clevert et al. 2016).
    #[track_caller]
    pub fn elu(&self, alpha: f64) -> Tensor {
        let above = self.gt(0.0);
        above.select(self, above.select(0.0, self).expm1() * alpha)
    }

    /// The ELU whose outputs keep mean 0 and variance 1: `1.0507·(x above 0, 1.6733·(eˣ − 1) elsewhere)`
    /// (Klambauer et al. 2017).
    #[track_caller]
    pub fn selu(&self) -> Tensor {
        self.elu(SELU_ALPHA) * SELU_SCALE
    }

    /// `x` above 0, `alpha·(e^(x/alpha) − 1)` elsewhere: an ELU with a continuous slope (Barron 2017). `alpha` is above 0.
    #[track_caller]
    pub fn celu(&self, alpha: f64) -> Tensor {
        if alpha.is_nan() || alpha <= 0.0 {
            return Tensor::wrong(
                "celu",
                format!("alpha is {alpha}; it must be above 0"),
                &[("input", self)],
            );
        }
        let above = self.gt(0.0);
        above.select(self, (above.select(0.0, self) / alpha).expm1() * alpha)
    }

    /// Gaussian error linear unit `x·Φ(x) = x/2·(1 + erf(x/√2))` (Hendrycks & Gimpel 2016), PyTorch's default form.
    #[track_caller]
    pub fn gelu(&self) -> Tensor {
        self * 0.5 * ((self * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0)
    }

    /// GELU by `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`; `approximate="tanh"` in PyTorch.
    #[track_caller]
    pub fn gelu_tanh(&self) -> Tensor {
        // past ±10 the tanh is ±1, while the cube would overflow
        let x = self.clamp(-10.0, 10.0);
        let inner = (&x + &x * &x * &x * 0.044715) * ROOT_TWO_OVER_PI;
        self * 0.5 * (inner.tanh() + 1.0)
    }

    /// `x·sigmoid(x)`, also called swish (Ramachandran et al. 2017).
    #[track_caller]
    pub fn silu(&self) -> Tensor {
        self * self.sigmoid()
    }

    /// `x·tanh(softplus(x))` (Misra 2019).
    #[track_caller]
    pub fn mish(&self) -> Tensor {
        self * self.softplus(1.0, 20.0).tanh()
    }

    /// `ln(1 + e^(beta·x)) / beta`, and `x` itself where `beta·x > threshold`, as PyTorch, whose defaults are 1 and 20.
    /// It does not overflow for any threshold.
    #[track_caller]
    pub fn softplus(&self, beta: f64, threshold: f64) -> Tensor {
        let scaled = self * beta;
        scaled.gt(threshold).select(self, scaled.log1p_exp() / beta)
    }

    /// `ln sigmoid(x)`, without overflow.
    #[track_caller]
    pub fn log_sigmoid(&self) -> Tensor {
        -(-self).log1p_exp()
    }

    /// `x / (1 + |x|)`.
    #[track_caller]
    pub fn softsign(&self) -> Tensor {
        self / (self.abs() + 1.0)
    }

    /// `x` held between `low` and `high`; PyTorch's defaults are −1 and 1. Unlike [`clamp`](Tensor::clamp) it has the
    /// gradient 0 at the limits, as in PyTorch.
    #[track_caller]
    pub fn hard_tanh(&self, low: f64, high: f64) -> Tensor {
        self.le(low).select(low, self.ge(high).select(high, self))
    }

    /// `min(max(x + 3, 0), 6) / 6`, PyTorch's and Keras 3's line for the sigmoid.
    #[track_caller]
    pub fn hard_sigmoid(&self) -> Tensor {
        (self + 3.0).relu6() / 6.0
    }

    /// `x·hard_sigmoid(x)` (Howard et al. 2019).
    #[track_caller]
    pub fn hard_swish(&self) -> Tensor {
        self * self.hard_sigmoid()
    }

    /// `value` where `x ≤ threshold`, `x` elsewhere, as `torch.threshold`.
    #[track_caller]
    pub fn threshold(&self, threshold: f64, value: f64) -> Tensor {
        self.le(threshold).select(value, self)
    }

    /// 1 above 0, 0 elsewhere (at 0, and for NaN): the perceptron's threshold. The gradient is 0 nowhere useful, so
    /// gradients stop: with respect to this alone they are an error.
    #[track_caller]
    pub fn step(&self) -> Tensor {
        self.gt(0.0).to_dtype(self.dtype())
    }

    /// The largest of each `pieces` neighbours along `axis`, whose size is divided by `pieces` (Goodfellow et al. 2013):
    /// `y[i] = max(x[i·pieces], …, x[i·pieces + pieces − 1])`.
    #[track_caller]
    pub fn maxout(&self, axis: isize, pieces: usize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(at) if pieces > 0 && self.shape()[at].is_multiple_of(pieces) => {
                let mut split = self.shape().clone();
                split[at] /= pieces;
                split.insert(at + 1, pieces);
                self.reshape(split).max(&[at as isize + 1])
            }
            Ok(_) => {
                let message = format!("{pieces} pieces do not divide axis {axis} of {}", self.shape());
                Tensor::wrong("maxout", message, &[("input", self)])
            }
            Err(message) => Tensor::wrong("maxout", message, &[("input", self)]),
        }
    }

    /// Gated linear unit (Dauphin et al. 2017): the first half along `axis` times the sigmoid of the second.
    #[track_caller]
    pub fn glu(&self, axis: isize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(at) if self.shape()[at].is_multiple_of(2) => {
                let half = self.shape()[at] / 2;
                self.slice(axis, 0, half) * self.slice(axis, half, half).sigmoid()
            }
            Ok(_) => {
                let message = format!("axis {axis} of {} has an odd size", self.shape());
                Tensor::wrong("glu", message, &[("input", self)])
            }
            Err(message) => Tensor::wrong("glu", message, &[("input", self)]),
        }
    }

    /// `value` where `mask` (bool) is true, the element elsewhere. The mask broadcasts.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor, value: impl Operand) -> Tensor {
        mask.where_op(value.like(self), self)
    }
}
