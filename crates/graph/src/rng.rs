//! Random numbers that are the same on every device.

use crate::{DType, Device, Shape, Tensor};

/// A stream of random tensors from a seed. Each call draws under a fresh key, a function of the seed and of how
/// many calls came before; element `i` of a tensor is a function of that key and of `i` alone (Threefry-2x32-20,
/// Salmon et al. 2011). So the same program with the same seed gives the same bits on every device, and the key is
/// a run-time number: a new seed or step needs no new plan.
///
/// ```
/// use anygrad_graph::{Device, Rng};
/// let draw = |seed| Rng::new(seed).uniform([3], &Device::cpu()).to_vec::<f32>();
/// assert_eq!(draw(7)?, draw(7)?);
/// assert_ne!(draw(7)?, draw(8)?);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    seed: u64,
    calls: u64,
}

impl Rng {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, calls: 0 }
    }

    /// The stream of `seed` after `calls` draws, as [`Rng::state`] gave them: to go on from a checkpoint.
    pub fn from_state(seed: u64, calls: u64) -> Self {
        Self { seed, calls }
    }

    /// The seed and the number of draws so far.
    pub fn state(&self) -> (u64, u64) {
        (self.seed, self.calls)
    }

    /// The key of the next draw.
    pub fn next_key(&mut self) -> [u32; 2] {
        let halves = |x: u64| [x as u32, (x >> 32) as u32];
        let key = anygrad_cpu::threefry2x32(halves(self.calls), halves(self.seed));
        self.calls = self.calls.wrapping_add(1);
        key
    }

    /// 32 random bits an element, as u32.
    #[track_caller]
    pub fn bits(&mut self, shape: impl Into<Shape>, device: &Device) -> Tensor {
        let shape = shape.into();
        let [k0, k1] = self.next_key();
        let k0 = Tensor::number(f64::from(k0), DType::U32, device);
        let k1 = Tensor::number(f64::from(k1), DType::U32, device);
        Tensor::iota(shape.numel(), device).reshape(shape).threefry(k0, k1)
    }

    /// Uniform f32 in [0, 1), multiples of 2⁻²⁴.
    #[track_caller]
    pub fn uniform(&mut self, shape: impl Into<Shape>, device: &Device) -> Tensor {
        self.bits(shape, device).unit_float()
    }

    /// True with probability `p`.
    #[track_caller]
    pub fn bernoulli(&mut self, p: f64, shape: impl Into<Shape>, device: &Device) -> Tensor {
        self.uniform(shape, device).lt(p)
    }
}
