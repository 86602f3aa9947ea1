//! Zero padding, and concatenation, which puts inputs one after another.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::movement;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout};

use super::{axis_of, views};
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// Zeros before, after and between the elements of each axis.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Zeros in front, for each axis.
    pub lo: Vec<usize>,
    /// Zeros behind, for each axis.
    pub hi: Vec<usize>,
    /// Zeros between neighbours, for each axis.
    pub interior: Vec<usize>,
}

impl Pad {
    fn output_size(&self, axis: usize, size: usize) -> Option<usize> {
        let between = size.saturating_sub(1).checked_mul(*self.interior.get(axis)?)?;
        size.checked_add(between)?.checked_add(*self.lo.get(axis)?)?.checked_add(*self.hi.get(axis)?)
    }
}

impl Op for Pad {
    fn name(&self) -> &'static str {
        "pad"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [input] = inputs else { return Err(format!("takes 1 input, got {}", inputs.len())) };
        if [&self.lo, &self.hi, &self.interior].iter().any(|pads| pads.len() != input.shape.rank()) {
            return Err(format!("{} pairs of pads for the axes of {}", self.lo.len(), input.shape));
        }
        let padded = |(axis, &size): (usize, &usize)| self.output_size(axis, size);
        let sizes = input.shape.iter().enumerate().map(padded);
        let shape = sizes.collect::<Option<Vec<_>>>().ok_or("the size overflows")?;
        Ok(Meta::new(shape, input.dtype))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let x = v.inputs.first()?;
        let mut g = v.grad.clone();
        for (axis, &size) in x.shape().iter().enumerate() {
            // more than one element keeps the sum below the size, which was checked
            let step = if size > 1 { self.interior.get(axis)? + 1 } else { 1 };
            g = g.every(axis, *self.lo.get(axis)?, size, step);
        }
        Some(vec![Some(g)])
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x] = views("pad", inputs)?;
        anygrad_cpu::pad_interior(host, x, &self.lo, &self.hi, &self.interior, 0.0)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        movement::pad_interior(&inputs[0], dtypes[0], &self.lo, &self.hi, &self.interior, caps)
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
        Tensor::record(Pad { lo, hi, interior: vec![0; pads.len()] }, &[self])
    }

    /// Zeros around and between the elements, as XLA's Pad: for each axis `(lo, hi, interior)`, how many before, how
    /// many after, and how many between neighbours. Size along an axis: `n + (n − 1)·interior + lo + hi`, and
    /// `lo + hi` for `n = 0`.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::ones([3], &Device::cpu()).pad_interior(&[(0, 1, 2)]);
    /// assert_eq!(t.to_vec::<f32>()?, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn pad_interior(&self, pads: &[(usize, usize, usize)]) -> Tensor {
        let pick = |part: fn(&(usize, usize, usize)) -> usize| pads.iter().map(part).collect::<Vec<_>>();
        Tensor::record(Pad { lo: pick(|p| p.0), hi: pick(|p| p.1), interior: pick(|p| p.2) }, &[self])
    }

    /// The tensors one after another along `axis`; their other sizes are equal. As in PyTorch, tensors of shape
    /// `[0]` beside others count as nothing, whatever the shape of the others.
    #[doc(alias = "cat")]
    #[track_caller]
    pub fn concat(tensors: &[&Tensor], axis: isize) -> Tensor {
        let nothing = |t: &&Tensor| t.shape()[..] == [0] && t.check().is_ok();
        let rank = tensors.iter().find(|t| !nothing(t)).or(tensors.first()).map_or(0, |t| t.rank());
        let kept: Vec<&Tensor>;
        let mut tensors = tensors;
        if rank != 1 && tensors.iter().any(nothing) {
            kept = tensors.iter().copied().filter(|t| !nothing(t)).collect();
            tensors = &kept;
        }
        match axis_of(axis, rank) {
            Ok(axis) => Tensor::record(Concat(axis), tensors),
            Err(message) => match tensors.first() {
                Some(first) => Tensor::wrong("concat", message, &[("input 0", first)]),
                None => Tensor::record(Concat(0), &[]),
            },
        }
    }
}
