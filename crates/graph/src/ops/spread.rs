//! Variance and standard deviation.

use crate::Tensor;

impl Tensor {
    /// The variance over `axes` with divisor n: `Σ (x_i − mean)² / n`; the axes disappear. NaN over no elements.
    ///
    /// PyTorch's `var` has divisor n − 1 unless told otherwise: [`var_with`](Tensor::var_with)`(axes, 1.0)`.
    #[track_caller]
    pub fn var(&self, axes: &[isize]) -> Tensor {
        self.spread("var", axes, 0.0)
    }

    /// The variance over `axes` with divisor n, which stay with size 1.
    #[track_caller]
    pub fn var_keep(&self, axes: &[isize]) -> Tensor {
        self.var(axes).reshape(self.kept_shape(axes))
    }

    /// The variance over `axes`, `Σ (x_i − mean)² / max(n − correction, 0)`: a correction of 1 makes it the unbiased
    /// estimate from a sample, PyTorch's default (Bessel's correction). NaN of one element with a correction of 1, and
    /// of no elements.
    ///
    /// The mean is subtracted first, and then the mean of what is left, which is the rounding error of the first: so
    /// f32 far from 0 loses only what the input itself has lost.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [4], &Device::cpu());
    /// assert_eq!(x.var(&[0]).item()?, 1.25);
    /// assert!((x.var_with(&[0], 1.0).item()? - 5.0 / 3.0).abs() < 1e-6);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn var_with(&self, axes: &[isize], correction: f64) -> Tensor {
        self.spread("var_with", axes, correction)
    }

    /// The standard deviation over `axes` with divisor n, `√var`; the axes disappear. Its gradient where the variance
    /// is 0 is 0.
    #[track_caller]
    pub fn std(&self, axes: &[isize]) -> Tensor {
        if let Some(y) = self.in_single(|x| x.std(axes)) {
            return y;
        }
        self.spread("std", axes, 0.0).sqrt_flat_at_0()
    }

    /// The standard deviation over `axes` with divisor n, which stay with size 1.
    #[track_caller]
    pub fn std_keep(&self, axes: &[isize]) -> Tensor {
        self.std(axes).reshape(self.kept_shape(axes))
    }

    /// The standard deviation over `axes` with divisor `max(n − correction, 0)`; see [`var_with`](Tensor::var_with).
    #[track_caller]
    pub fn std_with(&self, axes: &[isize], correction: f64) -> Tensor {
        if let Some(y) = self.in_single(|x| x.std_with(axes, correction)) {
            return y;
        }
        self.spread("std_with", axes, correction).sqrt_flat_at_0()
    }

    /// The variance with divisor `max(n − correction, 0)` and the mean over `axes`, which disappear: `torch.var_mean`.
    #[track_caller]
    pub fn var_mean(&self, axes: &[isize], correction: f64) -> (Tensor, Tensor) {
        let variance = self.spread("var_mean", axes, correction);
        match variance.check() {
            Ok(_) => (variance, self.mean(axes)),
            Err(_) => (variance.clone(), variance),
        }
    }

    #[track_caller]
    fn spread(&self, name: &'static str, axes: &[isize], correction: f64) -> Tensor {
        if let Some(y) = self.in_single(|x| x.spread(name, axes, correction)) {
            return y;
        }
        let count = match self.float_axes(name, axes) {
            Ok(count) => count,
            Err(wrong) => return wrong,
        };
        if correction.is_nan() {
            return Tensor::wrong(name, "the correction is NaN", &[("input", self)]);
        }
        let near = self - self.mean_keep(axes);
        let centred = &near - near.mean_keep(axes);
        centred.square().sum(axes) / (count as f64 - correction).max(0.0)
    }

    /// `√x` with gradient 0 instead of infinity at 0: for roots of sums of squares, whose gradient is 0 times that.
    #[track_caller]
    pub(crate) fn sqrt_flat_at_0(&self) -> Tensor {
        let zero = self.eq(0.0);
        zero.select(0.0, zero.select(1.0, self).sqrt())
    }
}
