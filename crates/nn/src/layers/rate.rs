//! The probability of dropping, which a clone of a layer shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anygrad_graph::Tensor;

#[derive(Clone, Debug)]
pub(crate) struct Rate(Arc<AtomicU64>);

impl Rate {
    pub fn new(p: f64) -> Self {
        Self(Arc::new(AtomicU64::new(p.to_bits())))
    }

    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    pub fn set(&self, p: f64) {
        self.0.store(p.to_bits(), Ordering::Relaxed);
    }

    /// The probability, or the error of the layer `name`.
    #[track_caller]
    pub fn checked(&self, name: &'static str, x: &Tensor) -> Result<f64, Tensor> {
        let p = self.get();
        if (0.0..1.0).contains(&p) {
            return Ok(p);
        }
        let message = format!("the probability is {p}; it must be at least 0 and below 1");
        Err(Tensor::wrong(name, message, &[("input", x)]))
    }
}

/// The methods of layers whose field `0` is a [`Rate`].
macro_rules! rate_methods {
    () => {
        /// Drops with probability `p` in [0, 1). Another p makes the forward pass an error.
        pub fn new(p: f64) -> Self {
            Self(Rate::new(p))
        }

        /// Keeps with probability `q` in (0, 1]: the same as dropping with 1 − q.
        pub fn keep(q: f64) -> Self {
            Self::new(1.0 - q)
        }

        /// The probability of dropping.
        pub fn probability(&self) -> f64 {
            self.0.get()
        }

        /// Changes the probability of dropping, here and in all clones.
        pub fn set(&self, p: f64) {
            self.0.set(p);
        }
    };
}

pub(crate) use rate_methods;
