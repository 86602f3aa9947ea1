use anygrad_graph::{Shape, Tensor};

use super::affine::{Affine, check_eps, check_momentum, standardise};
use super::running::Running;
use crate::mixed::in_full;
use crate::{Ctx, Layer, ParamPath};

/// Normalisation of each channel of each sample over the axes behind.
#[derive(Debug)]
struct InstanceNorm {
    path: ParamPath,
    channels: usize,
    eps: f64,
    momentum: f64,
    affine: Affine,
    running: Option<Running>,
}

impl InstanceNorm {
    fn new(path: ParamPath, channels: usize) -> Self {
        let affine = Affine::none(&path, &Shape::from([channels]));
        Self { path, channels, eps: 1e-5, momentum: 0.1, affine, running: None }
    }

    fn track_running_stats(&mut self, on: bool) {
        self.running = Running::set(self.running.take(), on, &self.path, self.channels);
    }

    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx, rank: usize, layout: &str) -> Tensor {
        let wrong = |message| {
            Tensor::wrong("instance_norm", format!("{message}: input {}", x.shape()), &[("input", x)])
        };
        if x.rank() != rank || x.size(1) != self.channels {
            return wrong(format!("takes {layout} with C = {}", self.channels));
        }
        if let Err(message) = check_eps(self.eps).and_then(|()| check_momentum(self.momentum)) {
            return wrong(message);
        }
        let mut beside = vec![1; rank];
        beside[1] = self.channels;
        let y = match &self.running {
            Some(running) if !ctx.training => {
                let [mean, variance] = running.constants(x);
                (x - mean.reshape(&beside)) * (variance + self.eps).rsqrt().reshape(&beside)
            }
            running => {
                let count: usize = x.shape().iter().skip(2).product();
                if count < 2 {
                    return wrong("needs more than one value a channel".into());
                }
                let axes: Vec<isize> = (2..rank as isize).collect();
                let (y, [mean, variance]) = standardise(x, &axes, self.eps);
                if let Some(running) = running {
                    let unbiased = variance * (count as f64 / (count - 1) as f64);
                    let [mean, unbiased] = [mean, unbiased].map(|t| t.mean(&[0]).reshape([self.channels]));
                    running.track(&mean, &unbiased, Some(self.momentum));
                }
                y
            }
        };
        self.affine.apply(y, &beside)
    }
}

macro_rules! instance_norm {
    ($(#[$doc:meta])* $name:ident $rank:literal, $layout:literal) => {
        $(#[$doc])*
        ///
        /// `y = (x − μ) / √(σ² + ε)`, with μ and σ² (divisor n) of each channel of each sample (Ulyanov et al. 2016), in
        /// training as in evaluation, so that it does not depend on the batch: a [`GroupNorm`](crate::GroupNorm) with
        /// `groups = C`. ε is 1e-5 and stands inside the root. As in PyTorch there are no parameters and no running
        /// averages unless they are asked for.
        #[derive(Debug)]
        pub struct $name(InstanceNorm);

        impl $name {
            /// Normalises `channels` channels.
            pub fn new(path: ParamPath, channels: usize) -> Self {
                Self(InstanceNorm::new(path, channels))
            }

            /// Another ε.
            #[must_use]
            pub fn eps(mut self, eps: f64) -> Self {
                self.0.eps = eps;
                self
            }

            /// The weight of the new value in the running averages, in [0, 1]; 0.1 without this.
            #[must_use]
            pub fn momentum(mut self, momentum: f64) -> Self {
                self.0.momentum = momentum;
                self
            }

            /// Whether the result is multiplied by `weight` `[C]`, ones at first, and `bias` `[C]`, zeros at first, is
            /// added; not without this.
            #[must_use]
            pub fn affine(mut self, on: bool) -> Self {
                self.0.affine.set(on, on);
                self
            }

            /// Whether the buffers `running_mean` and `running_var` average what the samples have in training, and are
            /// used in evaluation; not without this.
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
                ctx.within(self, |ctx| in_full(x, full, |x| self.0.forward(x, ctx, $rank, $layout)))
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

instance_norm! {
    /// Instance normalisation of sequences `[N, C, L]`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, InstanceNorm1d, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let norm = InstanceNorm1d::new(params.at("norm"), 1);
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 1, 4], &device);
    /// let y = norm.forward(&x, &mut Ctx::eval()).to_vec::<f32>()?;
    /// assert!((y[3] - 1.341635).abs() < 1e-5);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    InstanceNorm1d 3, "[N, C, L]"
}

instance_norm! {
    /// Instance normalisation of images `[N, C, H, W]`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, InstanceNorm2d, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let norm = InstanceNorm2d::new(params.at("norm"), 8).affine(true);
    /// assert_eq!(norm.forward(&Tensor::ones([1, 8, 4, 4], &device), &mut Ctx::train(0)).shape()[..], [1, 8, 4, 4]);
    /// ```
    InstanceNorm2d 4, "[N, C, H, W]"
}

instance_norm! {
    /// Instance normalisation of volumes or videos `[N, C, D, H, W]`.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Ctx, InstanceNorm3d, Layer, Params};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let norm = InstanceNorm3d::new(params.at("norm"), 2).track_running_stats(true);
    /// let y = norm.forward(&Tensor::ones([1, 2, 2, 4, 4], &device), &mut Ctx::train(0));
    /// assert_eq!(y.shape()[..], [1, 2, 2, 4, 4]);
    /// ```
    InstanceNorm3d 5, "[N, C, D, H, W]"
}
