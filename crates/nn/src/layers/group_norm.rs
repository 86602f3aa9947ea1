use anygrad_graph::{Shape, Tensor};

use super::affine::{Affine, check_eps, standardise};
use crate::mixed::in_full;
use crate::{Ctx, Layer, ParamPath};

/// Group normalisation (Wu & He 2018) of `[N, C, *]`: `y = (x − μ) / √(σ² + ε) · weight + bias`, with μ and σ² (divisor n)
/// of each sample over groups of `C / groups` neighbouring channels and all axes behind. It does not depend on the batch,
/// and is the same in training and evaluation. One group is layer normalisation, `groups = C` instance normalisation.
///
/// Entries: `weight` `[C]` of ones and `bias` `[C]` of zeros. ε is 1e-5 and stands inside the root.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, GroupNorm, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let norm = GroupNorm::new(params.at("norm"), 4, 32);
/// assert_eq!(norm.forward(&Tensor::ones([1, 32, 8, 8], &device), &mut Ctx::train(0)).shape()[..], [1, 32, 8, 8]);
/// ```
#[derive(Debug)]
pub struct GroupNorm {
    path: ParamPath,
    groups: usize,
    channels: usize,
    eps: f64,
    affine: Affine,
}

impl GroupNorm {
    /// Normalises `channels` channels in `groups` groups, which divide them.
    pub fn new(path: ParamPath, groups: usize, channels: usize) -> Self {
        let affine = Affine::new(&path, &Shape::from([channels]));
        Self { path, groups, channels, eps: 1e-5, affine }
    }

    /// Another ε.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// Whether there are a weight and a bias; there are unless this says no.
    #[must_use]
    pub fn affine(mut self, on: bool) -> Self {
        self.affine.set(on, on);
        self
    }

    fn check(&self, x: &Tensor) -> Result<(), String> {
        check_eps(self.eps)?;
        if x.rank() < 2 || x.size(1) != self.channels {
            return Err(format!("takes [N, C, ..] with C = {}: input {}", self.channels, x.shape()));
        }
        if self.groups == 0 || !self.channels.is_multiple_of(self.groups) {
            return Err(format!("{} groups do not divide {} channels", self.groups, self.channels));
        }
        Ok(())
    }
}

impl Layer for GroupNorm {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        let forward = |x: &Tensor| {
            if let Err(message) = self.check(x) {
                return Tensor::wrong("group_norm", message, &[("input", x)]);
            }
            let size = x.shape().iter().skip(1).product::<usize>() / self.groups;
            let grouped = x.reshape([x.size(0), self.groups, size]);
            let (y, _) = standardise(&grouped, &[2], self.eps);
            let mut beside = vec![1; x.rank()];
            beside[1] = self.channels;
            self.affine.apply(y.reshape(x.shape()), &beside)
        };
        let full = self.path.params().dtype();
        ctx.within(self, |_| in_full(x, full, forward))
    }

    fn kind(&self) -> &str {
        "GroupNorm"
    }

    fn path(&self) -> Option<&str> {
        Some(self.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.affine.parameters()
    }
}
