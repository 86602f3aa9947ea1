//! Picking elements by index, and its adjoint.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::movement;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape};

use super::{axis_of, views};
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// `y[.., i, ..] = x[.., index[.., i, ..], ..]` along an axis.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Gather(pub usize);

/// `y[.., j, ..] = Σ_i x[.., i, ..]·(index[.., i, ..] = j)` along an axis, which gets `size` positions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ScatterAdd {
    /// The axis.
    pub axis: usize,
    /// Its size in the output.
    pub size: usize,
}

fn check(axis: usize, x: &Meta, index: &Meta, same_axis: bool) -> Result<(), String> {
    if !index.dtype.is_int() {
        return Err(format!("the index is {}, not u32 or i32", index.dtype));
    }
    let fits = x.shape.rank() == index.shape.rank()
        && axis < x.shape.rank()
        && (0..x.shape.rank()).all(|i| (i == axis && !same_axis) || x.shape[i] == index.shape[i]);
    if fits {
        Ok(())
    } else {
        Err(format!("index {} does not fit input {} along axis {axis}", index.shape, x.shape))
    }
}

impl Op for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [x, index] = inputs else { return Err(format!("takes 2 inputs, got {}", inputs.len())) };
        check(self.0, x, index, false)?;
        Ok(Meta { shape: index.shape.clone(), dtype: x.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        match v.inputs {
            [x, index] => {
                let size = x.shape().get(self.0).copied()?;
                Some(vec![Some(v.grad.scatter_add(self.0 as isize, index, size)), None])
            }
            _ => None,
        }
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x, index] = views("gather", inputs)?;
        anygrad_cpu::gather(host, x, index, self.0)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        movement::gather(&inputs[0], &inputs[1], dtypes[1], dtypes[0], self.0, caps)
    }
    fn label(&self, i: usize, _: usize) -> String {
        if i == 0 { "input".into() } else { "index".into() }
    }
}

impl Op for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [x, index] = inputs else { return Err(format!("takes 2 inputs, got {}", inputs.len())) };
        check(self.axis, x, index, true)?;
        if x.dtype == DType::Bool {
            return Err("does not take bool".into());
        }
        let mut shape = x.shape.clone();
        shape[self.axis] = self.size;
        Ok(Meta { shape, dtype: x.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        match v.inputs {
            [_, index] => Some(vec![Some(v.grad.gather(self.axis as isize, index)), None]),
            _ => None,
        }
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x, index] = views("scatter_add", inputs)?;
        anygrad_cpu::scatter_add(host, x, index, self.axis, self.size)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        movement::scatter_add(&inputs[0], &inputs[1], dtypes[1], dtypes[0], self.axis, self.size, caps, None)
    }
    fn label(&self, i: usize, _: usize) -> String {
        if i == 0 { "input".into() } else { "index".into() }
    }
}

impl Tensor {
    /// `y[.., i, ..] = self[.., index[.., i, ..], ..]` along `axis`, as `torch.gather`: the result has the shape of
    /// `index` (u32 or i32), which on the other axes is as large as this tensor or smaller. An index that is out of
    /// range reads 0 on every device; indices given from the host are checked when this is called.
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor) -> Tensor {
        match axis_of(axis, self.rank()).and_then(|axis| in_range(index, self.shape()[axis]).map(|()| axis)) {
            Ok(axis) => Tensor::record(Gather(axis), &[&self.front(axis, index), index]),
            Err(message) => Tensor::wrong("gather", message, &[("input", self), ("index", index)]),
        }
    }

    /// The front of each axis but `axis`, as far as `index` reaches; a size that is larger there is left for `infer`.
    #[track_caller]
    pub(super) fn front(&self, axis: usize, index: &Tensor) -> Tensor {
        let mut part = self.clone();
        if index.rank() == self.rank() {
            for (other, &size) in index.shape().iter().enumerate() {
                if other != axis && self.shape().get(other).is_some_and(|&own| own > size) {
                    part = part.every(other, 0, size, 1);
                }
            }
        }
        part
    }

    /// The adjoint of [`gather`](Tensor::gather): adds each element to position `index` along `axis`, which gets
    /// `size` positions. Added in a fixed order, so the result is the same bits each time.
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Tensor, size: usize) -> Tensor {
        match axis_of(axis, self.rank()).and_then(|axis| in_range(index, size).map(|()| axis)) {
            Ok(axis) => Tensor::record(ScatterAdd { axis, size }, &[self, index]),
            Err(message) => Tensor::wrong("scatter_add", message, &[("input", self), ("index", index)]),
        }
    }

    /// Whole slices along `axis` in the order of the one-axis `index`: rows of an embedding table, say.
    #[track_caller]
    pub fn index_select(&self, axis: isize, index: &Tensor) -> Tensor {
        let inputs = [("input", self), ("index", index)];
        let at = match axis_of(axis, self.rank()) {
            Ok(at) => at,
            Err(message) => return Tensor::wrong("index_select", message, &inputs),
        };
        if let Err(message) = line_of(index).and_then(|()| in_range(index, self.shape()[at])) {
            return Tensor::wrong("index_select", message, &inputs);
        }
        Tensor::record(Gather(at), &[self, &index.along(at, self.shape())])
    }

    /// This line of indices along an axis, the same for every position of the other axes of `shape`.
    #[track_caller]
    pub(super) fn along(&self, axis: usize, shape: &Shape) -> Tensor {
        let (mut line, mut full) = (Shape::from(vec![1; shape.rank()]), shape.clone());
        (line[axis], full[axis]) = (self.numel(), self.numel());
        self.reshape(line).expand(full)
    }
}

/// An index has one axis.
pub(super) fn line_of(index: &Tensor) -> Result<(), String> {
    if index.check().is_ok() && index.rank() != 1 {
        return Err(format!("the index has shape {}, not one axis", index.shape()));
    }
    Ok(())
}

/// Indices that came from the host are known; those computed on the device are not.
pub(super) fn in_range(index: &Tensor, size: usize) -> Result<(), String> {
    match index.host_bounds() {
        Some((low, _)) if low < 0 => Err(format!("index {low} is negative")),
        Some((_, high)) if high >= size as i64 => {
            Err(format!("index {high} is out of range for size {size}"))
        }
        _ => Ok(()),
    }
}
