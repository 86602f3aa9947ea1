use anygrad_graph::{DType, Tensor};

use crate::{Ctx, Init, Layer, Param, ParamPath};

/// Normalisation of each channel, axis 1, over all other axes (Ioffe & Szegedy 2015):
/// `y = (x − μ) / √(σ² + ε) · weight + bias`.
///
/// In training μ and σ² (with divisor n) are those of the batch, and the running averages move towards them:
/// `running = (1 − momentum) · running + momentum · batch`, where the batch's variance is taken with divisor n − 1,
/// as PyTorch does. In evaluation μ and σ² are the running averages.
#[derive(Debug)]
struct BatchNorm {
    path: ParamPath,
    channels: usize,
    eps: f64,
    momentum: f64,
    weight: Param,
    bias: Param,
    mean: Param,
    variance: Param,
    batches: Param,
}

impl BatchNorm {
    fn new(path: ParamPath, channels: usize) -> Self {
        let dtype = path.params().dtype();
        let weight = path.parameter("weight", [channels], Init::Ones);
        let bias = path.parameter("bias", [channels], Init::Zeros);
        let mean = path.buffer("running_mean", [channels], dtype, Init::Zeros);
        let variance = path.buffer("running_var", [channels], dtype, Init::Ones);
        let batches = path.buffer("num_batches_tracked", [0; 0], DType::I32, Init::Zeros);
        Self { path, channels, eps: 1e-5, momentum: 0.1, weight, bias, mean, variance, batches }
    }

    fn wrong(&self, what: &str, x: &Tensor) -> Tensor {
        let message = format!("{what}: input {}", x.shape());
        Tensor::wrong("batch_norm", message, &[("input", x), ("weight", &self.weight.tensor())])
    }

    fn forward(&self, x: &Tensor, ctx: &mut Ctx, ranks: &[usize], layout: &str) -> Tensor {
        if !ranks.contains(&x.rank()) || x.size(1) != self.channels {
            return self.wrong(&format!("takes {layout} with C = {}", self.channels), x);
        }
        // the shape of a channel's number beside x
        let mut shape = vec![1; x.rank()];
        shape[1] = self.channels;
        let beside = |t: &Tensor| t.reshape(&shape);
        let (centred, variance) = if ctx.training {
            let count = x.numel() / self.channels.max(1);
            if count < 2 {
                return self.wrong("training needs more than one value a channel", x);
            }
            let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
            let mean = x.mean(&axes);
            let centred = x - beside(&mean);
            let variance = centred.square().mean(&axes);
            self.track(&mean, &variance, count);
            (centred, variance)
        } else {
            // constants for gradients, also where a step has not been run yet
            let (mean, variance) = (self.mean.tensor(), self.variance.tensor());
            (x - beside(&mean.stop_gradient()), variance.stop_gradient())
        };
        let scale = (variance + self.eps).rsqrt() * self.weight.tensor();
        centred * beside(&scale) + beside(&self.bias.tensor())
    }

    fn track(&self, mean: &Tensor, variance: &Tensor, count: usize) {
        let unbiased = variance * (count as f64 / (count - 1) as f64);
        let moved = |running: &Param, batch: &Tensor| {
            let (old, new) = (running.tensor().stop_gradient(), batch.stop_gradient());
            // of the entry's shape and dtype wherever x has the parameters' dtype; otherwise the output is an error
            let _ = running.replace(old * (1.0 - self.momentum) + new * self.momentum);
        };
        moved(&self.mean, mean);
        moved(&self.variance, &unbiased);
        let _ = self.batches.replace(self.batches.tensor() + 1);
    }
}

macro_rules! batch_norm {
    ($(#[$doc:meta])* $name:ident $ranks:expr, $layout:literal) => {
        $(#[$doc])*
        ///
        /// `y = (x − μ) / √(σ² + ε) · weight + bias`, with one μ and σ² a channel (Ioffe & Szegedy 2015). In
        /// training they are those of the batch (σ² with divisor n), and the running averages become
        /// `(1 − momentum) · running + momentum · batch` (σ² with divisor n − 1, as in PyTorch); they are written
        /// by the optimizer's step. In evaluation μ and σ² are the running averages.
        ///
        /// Entries: `weight` `[C]` of ones, `bias` `[C]` of zeros, and the buffers `running_mean`, `running_var`
        /// and `num_batches_tracked`. ε is 1e-5 and stands inside the root; momentum is 0.1.
        #[derive(Debug)]
        pub struct $name(BatchNorm);

        impl $name {
            /// Normalises `channels` channels.
            pub fn new(path: ParamPath, channels: usize) -> Self {
                Self(BatchNorm::new(path, channels))
            }

            /// Another ε.
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                self.0.eps = eps;
                self
            }

            /// Another momentum: the weight of the new value in the running averages.
            #[must_use]
            pub fn momentum(mut self, momentum: f64) -> Self {
                self.0.momentum = momentum;
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                ctx.within(self, |ctx| self.0.forward(x, ctx, &$ranks, $layout))
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }

            fn path(&self) -> Option<&str> {
                Some(self.0.path.as_str())
            }

            fn parameters(&self) -> usize {
                self.0.weight.numel() + self.0.bias.numel()
            }
        }
    };
}

batch_norm! {
    /// Batch normalisation of features `[N, C]` or sequences `[N, C, L]`.
    BatchNorm1d [2, 3], "[N, C] or [N, C, L]"
}

batch_norm! {
    /// Batch normalisation of images `[N, C, H, W]`.
    BatchNorm2d [4], "[N, C, H, W]"
}
