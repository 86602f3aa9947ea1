//! Running averages of means and variances.

use anygrad_graph::{DType, Tensor};

use crate::{Init, Param, ParamPath};

/// The buffers `running_mean`, `running_var` and `num_batches_tracked`.
#[derive(Debug)]
pub(crate) struct Running {
    mean: Param,
    variance: Param,
    batches: Param,
}

impl Running {
    pub fn new(path: &ParamPath, channels: usize) -> Self {
        let dtype = path.params().dtype();
        Self {
            mean: path.buffer("running_mean", [channels], dtype, Init::Zeros),
            variance: path.buffer("running_var", [channels], dtype, Init::Ones),
            batches: path.buffer("num_batches_tracked", [0; 0], DType::I32, Init::Zeros),
        }
    }

    /// Makes or removes them.
    pub fn set(running: Option<Self>, on: bool, path: &ParamPath, channels: usize) -> Option<Self> {
        match (on, running) {
            (true, None) => Some(Self::new(path, channels)),
            (true, running) => running,
            (false, running) => {
                let entries = running.into_iter().flat_map(|r| [r.mean, r.variance, r.batches]);
                entries.for_each(Param::remove);
                None
            }
        }
    }

    /// The averages in the dtype of `x`, as constants for gradients, also where a step has not been run yet.
    #[track_caller]
    pub fn constants(&self, x: &Tensor) -> [Tensor; 2] {
        [&self.mean, &self.variance].map(|average| average.tensor().stop_gradient().to_dtype(x.dtype()))
    }

    /// Moves the averages towards the mean and the variance (with divisor n − 1) of a batch: by `momentum`, or so that
    /// they are the means of all batches.
    #[track_caller]
    pub fn track(&self, mean: &Tensor, variance: &Tensor, momentum: Option<f64>) {
        let batches = self.batches.tensor() + 1;
        for (running, batch) in [(&self.mean, mean), (&self.variance, variance)] {
            let dtype = running.tensor().dtype();
            let (old, new) =
                (running.tensor().stop_gradient().to_dtype(batch.dtype()), batch.stop_gradient());
            let moved = match momentum {
                Some(momentum) => old * (1.0 - momentum) + new * momentum,
                None => {
                    let part = batches.to_dtype(old.dtype()).reciprocal();
                    &old + (new - &old) * part
                }
            };
            // of the entry's shape, as x has its channels
            let _ = running.replace(moved.to_dtype(dtype));
        }
        let _ = self.batches.replace(batches);
    }
}
