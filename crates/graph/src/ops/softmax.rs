//! Compositions over rows: softmax, softmin, log-softmax; and whole powers.

use crate::Tensor;

impl Tensor {
    /// `e^{x_i} / Σ_j e^{x_j}` along `axis`; the largest element is subtracted first, so nothing overflows. An element
    /// that is −∞, as masks have it, gets 0; where all are, or one is +∞ or NaN, the result is NaN, as PyTorch's.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let y = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &Device::cpu()).softmax(0).to_vec::<f32>()?;
    /// assert!((y[2] - 0.66524).abs() < 1e-5);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn softmax(&self, axis: isize) -> Tensor {
        self.softmax_as("softmax", axis)
    }

    /// `e^{−x_i} / Σ_j e^{−x_j}` along `axis`: the softmax of `−x`.
    #[track_caller]
    pub fn softmin(&self, axis: isize) -> Tensor {
        match self.float_axes("softmin", &[axis]) {
            Ok(_) => (-self).softmax_as("softmin", axis),
            Err(wrong) => wrong,
        }
    }

    #[track_caller]
    fn softmax_as(&self, name: &'static str, axis: isize) -> Tensor {
        if let Some(y) = self.in_single(|x| x.softmax_as(name, axis)) {
            return y;
        }
        match self.float_axes(name, &[axis]) {
            Ok(0) => return self.clone(),
            Ok(_) => {}
            Err(wrong) => return wrong,
        }
        let e = (self - self.max_keep(&[axis]).stop_gradient()).exp();
        let sum = e.sum_keep(&[axis]);
        e / sum
    }

    /// `x_i − log Σ_j e^{x_j}` along `axis`, computed without overflow. Infinities and NaN as in
    /// [`softmax`](Tensor::softmax).
    #[track_caller]
    pub fn log_softmax(&self, axis: isize) -> Tensor {
        if let Some(y) = self.in_single(|x| x.log_softmax(axis)) {
            return y;
        }
        match self.float_axes("log_softmax", &[axis]) {
            Ok(0) => return self.clone(),
            Ok(_) => {}
            Err(wrong) => return wrong,
        }
        let shifted = self - self.max_keep(&[axis]).stop_gradient();
        let log_sum = shifted.exp().sum_keep(&[axis]).log();
        shifted - log_sum
    }

    /// `x` to a whole power by repeated products; a negative power is the reciprocal.
    #[track_caller]
    pub fn powi(&self, power: i32) -> Tensor {
        if let Some(y) = self.in_single(|x| x.powi(power)) {
            return y;
        }
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
