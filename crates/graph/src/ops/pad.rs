//! Zero padding, and concatenation, which puts inputs one after another.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::movement;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout};

use super::{axis_of, views};
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// Zeros before and after the elements of each axis.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Zeros in front, for each axis.
    pub lo: Vec<usize>,
    /// Zeros behind, for each axis.
    pub hi: Vec<usize>,
}

impl Op for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [input] = inputs else { return Err(format!("takes 1 input, got {}", inputs.len())) };
        if self.lo.len() != input.shape.rank() || self.hi.len() != input.shape.rank() {
            return Err(format!("{} pairs of pads for the axes of {}", self.lo.len(), input.shape));
        }
        let sizes = input.shape.iter().zip(&self.lo).zip(&self.hi);
        let padded = |((&n, &lo), &hi): ((&usize, &usize), &usize)| n.checked_add(lo)?.checked_add(hi);
        let shape = sizes.map(padded).collect::<Option<Vec<_>>>().ok_or("the size overflows")?;
        Ok(Meta::new(shape, input.dtype))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let x = v.inputs.first()?;
        let mut g = v.grad.clone();
        for (axis, (&size, &lo)) in x.shape().iter().zip(&self.lo).enumerate() {
            if g.shape().get(axis) != Some(&size) {
                g = g.slice(axis as isize, lo, size);
            }
        }
        Some(vec![Some(g)])
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x] = views("pad", inputs)?;
        anygrad_cpu::pad(host, x, &self.lo, &self.hi, 0.0)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        movement::pad(&inputs[0], dtypes[0], &self.lo, &self.hi, caps)
    }
}

/// Inputs one after another along an axis.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Concat(pub usize);

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [first, rest @ ..] = inputs else { return Err("takes at least 1 input".into()) };
        let mut shape = first.shape.clone();
        let rank = shape.rank();
        if self.0 >= rank {
            return Err(format!("axis {} is out of range for {rank} axes", self.0));
        }
        for other in rest {
            let fits = other.shape.rank() == rank
                && other
                    .shape
                    .iter()
                    .zip(shape.iter())
                    .enumerate()
                    .all(|(axis, (a, b))| axis == self.0 || a == b);
            if !fits {
                return Err(format!(
                    "{} does not fit beside {} along axis {}",
                    other.shape, first.shape, self.0
                ));
            }
            if other.dtype != first.dtype {
                return Err(format!("dtypes differ: {} and {}", first.dtype, other.dtype));
            }
            shape[self.0] = shape[self.0].checked_add(other.shape[self.0]).ok_or("the size overflows")?;
        }
        Ok(Meta { shape, dtype: first.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let mut start = 0;
        let part = |x: &Tensor| {
            let len = x.shape().get(self.0).copied().unwrap_or(0);
            start += len;
            Some(v.grad.slice(self.0 as isize, start - len, len))
        };
        Some(v.inputs.iter().map(part).collect())
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        anygrad_cpu::concat(host, inputs, self.0)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        movement::concat(&inputs.iter().collect::<Vec<_>>(), dtypes[0], self.0, caps)
    }
    fn label(&self, i: usize, _: usize) -> String {
        format!("input {i}")
    }
}

impl Tensor {
    /// Zeros around the elements: for each axis, how many before and how many after.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::ones([1, 2], &Device::cpu()).pad(&[(0, 1), (1, 0)]);
    /// assert_eq!(t.to_vec::<f32>()?, [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn pad(&self, pads: &[(usize, usize)]) -> Tensor {
        let (lo, hi) = pads.iter().copied().unzip();
        Tensor::record(Pad { lo, hi }, &[self])
    }

    /// The tensors one after another along `axis`; their other sizes are equal.
    #[track_caller]
    pub fn concat(tensors: &[&Tensor], axis: isize) -> Tensor {
        let rank = tensors.first().map_or(0, |t| t.rank());
        match axis_of(axis, rank) {
            Ok(axis) => Tensor::record(Concat(axis), tensors),
            Err(message) => match tensors.first() {
                Some(first) => Tensor::wrong("concat", message, &[("input 0", first)]),
                None => Tensor::record(Concat(0), &[]),
            },
        }
    }
}
