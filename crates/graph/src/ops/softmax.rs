//! Compositions over rows: softmax, log-softmax, variance.

use crate::Tensor;

impl Tensor {
    /// `e^{x_i} / Σ_j e^{x_j}` along `axis`; the largest element is subtracted first, so nothing overflows.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let y = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &Device::cpu()).softmax(0).to_vec::<f32>()?;
    /// assert!((y[2] - 0.66524).abs() < 1e-5);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Tensor {
        let e = (self - self.max_keep(&[axis]).stop_gradient()).exp();
        let sum = e.sum_keep(&[axis]);
        e / sum
    }

    /// `x_i − log Σ_j e^{x_j}` along `axis`, computed without overflow.
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor {
        let shifted = self - self.max_keep(&[axis]).stop_gradient();
        let log_sum = shifted.exp().sum_keep(&[axis]).log();
        shifted - log_sum
    }

    /// The variance over `axes` with divisor n (not n − 1); the axes disappear.
    #[track_caller]
    pub fn var(&self, axes: &[isize]) -> Tensor {
        (self - self.mean_keep(axes)).square().mean(axes)
    }

    /// `x` to a whole power by repeated products; a negative power is the reciprocal.
    #[track_caller]
    pub fn powi(&self, power: i32) -> Tensor {
        let mut left = power.unsigned_abs();
        let (mut square, mut product) = (self.clone(), None::<Tensor>);
        while left > 0 {
            if left & 1 == 1 {
                product = Some(match product {
                    Some(product) => product * &square,
                    None => square.clone(),
                });
            }
            left >>= 1;
            if left > 0 {
                square = square.square();
            }
        }
        let product = match product {
            Some(product) => product,
            None => self.ones_like(),
        };
        if power < 0 { product.reciprocal() } else { product }
    }
}
