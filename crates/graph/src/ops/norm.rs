//! Norms, and sums of exponentials.

use anygrad_layout::broadcast;

use crate::Tensor;
use crate::pointwise::Operand;

impl Tensor {
    /// The p-norm over `axes`, `(Σ |x_i|^p)^(1/p)`, which disappear: `torch.linalg.vector_norm`. The limits have their
    /// usual meaning: `INFINITY` the largest and `NEG_INFINITY` the smallest magnitude, 0 the number of elements that
    /// are not 0. 0 over no elements for `0 ≤ p < ∞`.
    ///
    /// The gradient where the norm is 0 is 0, and so is that of an element that is 0; magnitudes that tie share the
    /// gradient of the largest and smallest evenly. Squares are not scaled first: an f32 vector with elements beyond
    /// 1e19 has an infinite 2-norm.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[3.0f32, -4.0], [2], &Device::cpu());
    /// assert_eq!(x.norm(2.0, &[0]).item()?, 5.0);
    /// assert_eq!(x.norm(1.0, &[0]).item()?, 7.0);
    /// assert_eq!(x.norm(f64::INFINITY, &[0]).item()?, 4.0);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn norm(&self, p: f64, axes: &[isize]) -> Tensor {
        if let Some(y) = self.in_single(|x| x.norm(p, axes)) {
            return y;
        }
        let count = match self.float_axes("norm", axes) {
            Ok(count) => count,
            Err(wrong) => return wrong,
        };
        let wrong = |message: String| Tensor::wrong("norm", message, &[("input", self)]);
        if p.is_nan() {
            return wrong("p is NaN".into());
        }
        if count == 0 && (p < 0.0 || p.is_infinite()) {
            return wrong(format!("no elements along axes {axes:?} of {} for p = {p}", self.shape()));
        }
        if p == f64::INFINITY {
            self.abs().max(axes)
        } else if p == f64::NEG_INFINITY {
            self.abs().min(axes)
        } else if p == 0.0 {
            // a number without a gradient, but in the graph of x
            self.ne(0.0).to_dtype(self.dtype()).sum(axes)
        } else if p == 1.0 {
            self.abs().sum(axes)
        } else if p == 2.0 {
            self.square().sum(axes).sqrt_flat_at_0()
        } else {
            self.general_norm(p, axes)
        }
    }

    /// The p-norm over `axes`, which stay with size 1.
    #[track_caller]
    pub fn norm_keep(&self, p: f64, axes: &[isize]) -> Tensor {
        self.norm(p, axes).reshape(self.kept_shape(axes))
    }

    #[track_caller]
    fn general_norm(&self, p: f64, axes: &[isize]) -> Tensor {
        let size = self.abs();
        // powers of 0 have infinite slopes, or are infinite; either way they are not to be differentiated
        let zero = size.eq(0.0);
        let at_zero = if p > 0.0 { 0.0 } else { f64::INFINITY };
        let sum = zero.select(at_zero, zero.select(1.0, &size).pow(p)).sum(axes);
        let flat = if p > 0.0 { sum.eq(0.0) } else { sum.eq(f64::INFINITY) };
        flat.select(0.0, flat.select(1.0, &sum).pow(1.0 / p))
    }

    /// `log Σ_j e^{x_j}` over `axes`, which disappear, without overflow. −∞ of elements that are all −∞ and of no
    /// elements, +∞ if one is and none is NaN. The gradient is the softmax; where all are −∞ it is NaN, as PyTorch's.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[1000.0f32, 1000.0], [2], &Device::cpu());
    /// assert!((x.logsumexp(&[0]).item()? - 1000.6931).abs() < 1e-3);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn logsumexp(&self, axes: &[isize]) -> Tensor {
        if let Some(y) = self.in_single(|x| x.logsumexp(axes)) {
            return y;
        }
        match self.float_axes("logsumexp", axes) {
            Ok(0) => self.exp().sum(axes).log(),
            Ok(_) => {
                let largest = self.max_keep(axes).finite_or_0();
                let log = (self - &largest).exp().sum(axes).log();
                let shape = log.shape().clone();
                log + largest.reshape(shape)
            }
            Err(wrong) => wrong,
        }
    }

    /// `log Σ_j e^{x_j}` over `axes`, which stay with size 1.
    #[track_caller]
    pub fn logsumexp_keep(&self, axes: &[isize]) -> Tensor {
        self.logsumexp(axes).reshape(self.kept_shape(axes))
    }

    /// `log(eˣ + eʸ)`, element by element, without overflow; the two broadcast.
    #[track_caller]
    pub fn logaddexp(&self, y: impl Operand) -> Tensor {
        const NAME: &str = "logaddexp";
        let y = y.like(self);
        let operands = [("left", self), ("right", &y)];
        if self.dtype() != y.dtype() || !self.dtype().is_float() {
            let message =
                format!("takes two floats of one dtype: left {}, right {}", self.dtype(), y.dtype());
            return Tensor::wrong(NAME, message, &operands);
        }
        if broadcast(self.shape(), y.shape()).is_none() {
            let message = format!("shapes do not broadcast: {} and {}", self.shape(), y.shape());
            return Tensor::wrong(NAME, message, &operands);
        }
        let largest = self.maximum(&y).finite_or_0();
        ((self - &largest).exp() + (&y - &largest).exp()).log() + largest
    }

    /// A constant that may be subtracted before exponentials: infinities and NaN are left where they are.
    #[track_caller]
    pub(crate) fn finite_or_0(&self) -> Tensor {
        let fixed = self.stop_gradient();
        fixed.is_finite().select(&fixed, 0.0)
    }
}
