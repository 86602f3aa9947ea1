use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anygrad_graph::Tensor;

use crate::{Ctx, Layer};

/// Sets each element to 0 with probability p in training and divides the others by 1 − p, so that the mean stays;
/// in evaluation it is the identity (Srivastava et al. 2014, in the inverted form).
///
/// p is a run-time number: changing it needs no new plan. A clone shares it, so one handle can go into a model and
/// another steer it.
///
/// ```
/// use anygrad_nn::{Dropout, Sequential};
/// let dropout = Dropout::new(0.5);
/// let model = Sequential::new().then(dropout.clone());
/// dropout.set(0.1);
/// ```
#[derive(Clone, Debug)]
pub struct Dropout(Arc<AtomicU64>);

impl Dropout {
    /// Drops with probability `p` in [0, 1). Another p makes the forward pass, in training, an error.
    pub fn new(p: f64) -> Self {
        Self(Arc::new(AtomicU64::new(p.to_bits())))
    }

    /// Keeps with probability `q` in (0, 1]: the same as dropping with 1 − q.
    pub fn keep(q: f64) -> Self {
        Self::new(1.0 - q)
    }

    /// The probability of dropping.
    pub fn probability(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Changes the probability of dropping, here and in all clones.
    pub fn set(&self, p: f64) {
        self.0.store(p.to_bits(), Ordering::Relaxed);
    }
}

impl Layer for Dropout {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| {
            let p = self.probability();
            if !(0.0..1.0).contains(&p) {
                let message = format!("the probability is {p}; it must be at least 0 and below 1");
                return Tensor::wrong("dropout", message, &[("input", x)]);
            }
            if !ctx.training {
                return x.clone();
            }
            // also for p = 0, so that p can change without a new plan
            let keep = ctx.rng.bernoulli(1.0 - p, x.shape(), x.device());
            keep.select(x / (1.0 - p), 0.0)
        })
    }

    fn kind(&self) -> &str {
        "Dropout"
    }
}
