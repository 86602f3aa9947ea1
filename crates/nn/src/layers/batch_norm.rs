use anygrad_graph::{Shape, Tensor};

use super::affine::{Affine, check_eps, check_momentum};
use super::running::Running;
use crate::mixed::in_full;
use crate::{Ctx, Layer, ParamPath};

/// Normalisation of each channel, axis 1, over all other axes.
#[derive(Debug)]
struct BatchNorm {
    path: ParamPath,
    channels: usize,
    eps: f64,
    momentum: Option<f64>,
    affine: Affine,
    running: Option<Running>,
}

impl BatchNorm {
    fn new(path: ParamPath, channels: usize) -> Self {
        let affine = Affine::new(&path, &Shape::from([channels]));
        let running = Some(Running::new(&path, channels));
        Self { path, channels, eps: 1e-5, momentum: Some(0.1), affine, running }
    }

    fn track_running_stats(&mut self, on: bool) {
        self.running = Running::set(self.running.take(), on, &self.path, self.channels);
    }

    #[track_caller]
    fn wrong(&self, what: &str, x: &Tensor) -> Tensor {
        let message = format!("{what}: input {}", x.shape());
        let weight = self.affine.weight.as_ref().map(crate::Param::tensor);
        let operands = [Some(("input", x)), weight.as_ref().map(|weight| ("weight", weight))];
        Tensor::wrong("batch_norm", message, &operands.into_iter().flatten().collect::<Vec<_>>())
    }

    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx, ranks: &[usize], layout: &str) -> Tensor {
        if !ranks.contains(&x.rank()) || x.size(1) != self.channels {
            return self.wrong(&format!("takes {layout} with C = {}", self.channels), x);
        }
        let settings = check_eps(self.eps).and_then(|()| self.momentum.map_or(Ok(()), check_momentum));
        if let Err(message) = settings {
            return self.wrong(&message, x);
        }
        // the shape of a channel's number beside x
        let mut shape = vec![1; x.rank()];
        shape[1] = self.channels;
        let (centred, variance) = match &self.running {
            Some(running) if !ctx.training => {
                let [mean, variance] = running.constants(x);
                (x - mean.reshape(&shape), variance)
            }
            running => {
                let count = x.numel() / self.channels.max(1);
                if count < 2 {
                    return self.wrong("training needs more than one value a channel", x);
                }
                let axes: Vec<isize> = (0..x.rank() as isize).filter(|&axis| axis != 1).collect();
                let mean = x.mean(&axes);
                let centred = x - mean.reshape(&shape);
                let variance = centred.square().mean(&axes);
                if let Some(running) = running {
                    let unbiased = &variance * (count as f64 / (count - 1) as f64);
                    running.track(&mean, &unbiased, self.momentum);
                }
                (centred, variance)
            }
        };
        // on the few numbers of the channels, not on the many of x
        let scale = (variance + self.eps).rsqrt();
        let scale = match &self.affine.weight {
            Some(weight) => scale * weight.tensor(),
            None => scale,
        };
        let y = centred * scale.reshape(&shape);
        match &self.affine.bias {
            Some(bias) => y + bias.tensor().reshape(&shape),
            None => y,
        }
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
        ///
        /// A linear layer or convolution before it needs no bias: subtracting μ takes it away.
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

            /// Another momentum: the weight of the new value in the running averages, in [0, 1]. Keras' momentum is
            /// that of the old value: its 0.99 is 0.01 here.
            #[must_use]
            pub fn momentum(mut self, momentum: f64) -> Self {
                self.0.momentum = Some(momentum);
                self
            }

            /// Running averages that are the means of all batches so far: PyTorch's `momentum=None`.
            #[must_use]
            pub fn cumulative(mut self) -> Self {
                self.0.momentum = None;
                self
            }

            /// Whether there are a weight and a bias; there are unless this says no.
            #[must_use]
            pub fn affine(mut self, on: bool) -> Self {
                self.0.affine.set(on, on);
                self
            }

            /// Whether there are running averages; there are unless this says no. Without them evaluation uses the
            /// statistics of the batch, as training does.
            #[must_use]
            pub fn track_running_stats(mut self, on: bool) -> Self {
                self.0.track_running_stats(on);
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                let full = self.0.path.params().dtype();
                ctx.within(self, |ctx| in_full(x, full, |x| self.0.forward(x, ctx, &$ranks, $layout)))
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }

            fn path(&self) -> Option<&str> {
                Some(self.0.path.as_str())
            }

            fn parameters(&self) -> usize {
                self.0.affine.parameters()
            }
        }
    };
}

batch_norm! {
    /// Batch normalisation of features `[N, C]` or sequences `[N, C, L]`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{BatchNorm1d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let norm = BatchNorm1d::new(params.at("norm"), 1);
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [4, 1], &device);
    /// let y = norm.forward(&x, &mut Ctx::train(0)).to_vec::<f32>()?;
    /// assert!((y[3] - 1.341635).abs() < 1e-5);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    BatchNorm1d [2, 3], "[N, C] or [N, C, L]"
}

batch_norm! {
    /// Batch normalisation of images `[N, C, H, W]`.
    ///
    /// ```
    /// use anygrad_graph::Device;
    /// use anygrad_nn::{BatchNorm2d, Conv2d, Params, Sequential, relu};
    /// let params = Params::new(&Device::cpu(), 42);
    /// let block = Sequential::new()
    ///     .then(Conv2d::new(params.at("conv"), 3, 16, 3).padding(1).bias(false))
    ///     .then(BatchNorm2d::new(params.at("norm"), 16))
    ///     .then(relu);
    /// # drop(block);
    /// ```
    BatchNorm2d [4], "[N, C, H, W]"
}

batch_norm! {
    /// Batch normalisation of volumes or videos `[N, C, D, H, W]`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{BatchNorm3d, Ctx, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let norm = BatchNorm3d::new(params.at("norm"), 8).cumulative();
    /// let y = norm.forward(&Tensor::ones([2, 8, 4, 4, 4], &device), &mut Ctx::train(0));
    /// assert_eq!(y.shape()[..], [2, 8, 4, 4, 4]);
    /// ```
    BatchNorm3d [5], "[N, C, D, H, W]"
}
