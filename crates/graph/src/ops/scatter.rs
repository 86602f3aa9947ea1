//! Writing by index, with a winner that does not depend on timing: where each index comes last, and what follows.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::movement;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape};

use super::gather::{ScatterAdd, in_range, line_of};
use super::movement::only;
use super::{axis_of, views};
use crate::Tensor;
use crate::op::{Meta, Op};

/// `y[.., j, ..]` is the last `i` with `index[.., i, ..] = j` along an axis, as u32; 2³² − 1 where there is none.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct LastMatch {
    /// The axis.
    pub axis: usize,
    /// Its size in the output.
    pub size: usize,
}

impl Op for LastMatch {
    fn name(&self) -> &'static str {
        "last_match"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let index = only(inputs)?;
        if !index.dtype.is_int() {
            return Err(format!("the index is {}, not u32 or i32", index.dtype));
        }
        let mut shape = index.shape.clone();
        let rank = shape.rank();
        match shape.get_mut(self.axis) {
            Some(size) => *size = self.size,
            None => return Err(format!("axis {} is out of range for {rank} axes", self.axis)),
        }
        Ok(Meta { shape, dtype: DType::U32 })
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [index] = views("last_match", inputs)?;
        anygrad_cpu::last_match(host, index, self.axis, self.size)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        movement::last_match(&inputs[0], dtypes[0], self.axis, self.size, caps)
    }
    fn label(&self, _: usize, _: usize) -> String {
        "index".into()
    }
}

/// What a write by index is called with.
struct Write<'a> {
    name: &'static str,
    base: &'a Tensor,
    axis: usize,
    index: &'a Tensor,
    src: &'a Tensor,
}

impl<'a> Write<'a> {
    /// Checks what the methods share: the axis, dtypes, and indices the host knows.
    #[track_caller]
    fn new(
        name: &'static str,
        base: &'a Tensor,
        axis: isize,
        index: &'a Tensor,
        src: &'a Tensor,
    ) -> Result<Self, Tensor> {
        let inputs = [("input", base), ("index", index), ("source", src)];
        if inputs.iter().any(|(_, t)| t.check().is_err()) {
            return Err(Tensor::wrong(name, "", &inputs));
        }
        let wrong = match axis_of(axis, base.rank()) {
            Err(message) => message,
            Ok(_) if !index.dtype().is_int() => format!("the index is {}, not u32 or i32", index.dtype()),
            Ok(_) if src.dtype() != base.dtype() => {
                format!("dtypes differ: input {}, source {}", base.dtype(), src.dtype())
            }
            Ok(axis) => match in_range(index, base.shape()[axis]) {
                Ok(()) => return Ok(Self { name, base, axis, index, src }),
                Err(message) => message,
            },
        };
        Err(Tensor::wrong(name, wrong, &inputs))
    }

    #[track_caller]
    fn wrong(&self, message: String) -> Tensor {
        Tensor::wrong(
            self.name,
            message,
            &[("input", self.base), ("index", self.index), ("source", self.src)],
        )
    }

    /// PyTorch's rule for scatter: the index is within the source, and but for the axis within the base.
    #[track_caller]
    fn check_within(&self) -> Option<Tensor> {
        let (index, src, base) = (self.index.shape(), self.src.shape(), self.base.shape());
        let same = index.rank() == base.rank() && src.rank() == base.rank();
        let fits = |axis: usize| index[axis] <= src[axis] && (axis == self.axis || index[axis] <= base[axis]);
        if !(same && (0..base.rank()).all(fits)) {
            return Some(self.wrong(format!(
                "index {index} does not fit input {base} and source {src} along axis {}",
                self.axis
            )));
        }
        None
    }

    /// The rule for a line of indices: the source has the base's shape, but along the axis the index's size.
    #[track_caller]
    fn check_line(&self) -> Option<Tensor> {
        if let Err(message) = line_of(self.index) {
            return Some(self.wrong(message));
        }
        let mut shape = self.base.shape().clone();
        shape[self.axis] = self.index.numel();
        if *self.src.shape() == shape {
            return None;
        }
        Some(self.wrong(format!("source {} is not {shape}", self.src.shape())))
    }

    /// The part of the source that the index reaches.
    #[track_caller]
    fn reached(&self) -> Tensor {
        let part = self.src.front(self.axis, self.index);
        let len = self.index.shape()[self.axis];
        if len < part.shape()[self.axis] { part.every(self.axis, 0, len, 1) } else { part }
    }
}

/// How many behind each axis but `axis` to reach `shape`.
fn missing(part: &Shape, shape: &Shape, axis: usize) -> Vec<(usize, usize)> {
    let behind = |i: usize| if i == axis { 0 } else { shape[i] - part[i] };
    (0..shape.rank()).map(|i| (0, behind(i))).collect()
}

impl Tensor {
    /// This tensor with `src[.., i, ..]` at position `index[.., i, ..]` along `axis`, as `torch.scatter`. Where an
    /// index occurs more than once, the last along `axis` wins, on every device. `index` (u32 or i32) is as large as
    /// `src` or smaller, and but for `axis` as large as this tensor or smaller. An index that is out of range is
    /// dropped; indices given from the host are checked when this is called.
    ///
    /// The gradient of `src` is 0 where it was overwritten, that of this tensor where something was written.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let d = Device::cpu();
    /// let index = Tensor::from_slice(&[2, 0, 2], [3], &d);
    /// let y = Tensor::zeros([4], &d).scatter(0, &index, &Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &d));
    /// assert_eq!(y.to_vec::<f32>()?, [2.0, 0.0, 3.0, 0.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn scatter(&self, axis: isize, index: &Tensor, src: &Tensor) -> Tensor {
        let write = match Write::new("scatter", self, axis, index, src) {
            Ok(write) => write,
            Err(wrong) => return wrong,
        };
        if let Some(wrong) = write.check_within() {
            return wrong;
        }
        let axis = write.axis;
        let last = Tensor::record(LastMatch { axis, size: self.shape()[axis] }, &[index]);
        if last.check().is_err() {
            return last;
        }
        let none = Tensor::number(f64::from(u32::MAX), DType::U32, self.device());
        let picked = write.reached().gather(axis as isize, &last);
        // beside the index nothing is written
        let pads = missing(last.shape(), self.shape(), axis);
        if pads.iter().all(|&pad| pad == (0, 0)) {
            return last.eq(&none).select(self, picked);
        }
        last.pad_value(&pads, &none).eq(&none).select(self, picked.pad(&pads))
    }

    /// This tensor with `src[.., i, ..]` added at position `index[.., i, ..]` along `axis`, as PyTorch's
    /// `scatter_add`; sizes and indices as for [`scatter`](Tensor::scatter). Added in a fixed order, so the result is
    /// the same bits each time. See [`scatter_add`](Tensor::scatter_add) for adding to zeros.
    #[track_caller]
    pub fn scatter_add_into(&self, axis: isize, index: &Tensor, src: &Tensor) -> Tensor {
        let write = match Write::new("scatter_add_into", self, axis, index, src) {
            Ok(write) => write,
            Err(wrong) => return wrong,
        };
        if let Some(wrong) = write.check_within() {
            return wrong;
        }
        let (axis, size) = (write.axis, self.shape()[write.axis]);
        let sum = Tensor::record(ScatterAdd { axis, size }, &[&write.reached(), index]);
        if sum.check().is_err() {
            return sum;
        }
        let pads = missing(sum.shape(), self.shape(), axis);
        let beside = pads.iter().any(|&pad| pad != (0, 0));
        self + if beside { sum.pad(&pads) } else { sum }
    }

    /// This tensor with slice `i` of `src` added to slice `index[i]` along `axis`, as PyTorch's `index_add`; `index`
    /// has one axis, and `src` this tensor's other sizes. An index that is out of range is dropped; indices given
    /// from the host are checked when this is called.
    #[track_caller]
    pub fn index_add(&self, axis: isize, index: &Tensor, src: &Tensor) -> Tensor {
        let write = match Write::new("index_add", self, axis, index, src) {
            Ok(write) => write,
            Err(wrong) => return wrong,
        };
        if let Some(wrong) = write.check_line() {
            return wrong;
        }
        let (axis, size) = (write.axis, self.shape()[write.axis]);
        self + Tensor::record(ScatterAdd { axis, size }, &[src, &index.along(axis, self.shape())])
    }

    /// This tensor with slice `i` of `src` in place of slice `index[i]` along `axis`, as PyTorch's `index_copy`: rows
    /// of a table that are replaced. Where an index occurs more than once, the last wins. Sizes and indices as for
    /// [`index_add`](Tensor::index_add).
    #[track_caller]
    pub fn index_copy(&self, axis: isize, index: &Tensor, src: &Tensor) -> Tensor {
        let write = match Write::new("index_copy", self, axis, index, src) {
            Ok(write) => write,
            Err(wrong) => return wrong,
        };
        if let Some(wrong) = write.check_line() {
            return wrong;
        }
        let axis = write.axis;
        let last = Tensor::record(LastMatch { axis: 0, size: self.shape()[axis] }, &[index]);
        if last.check().is_err() {
            return last;
        }
        let mut line = vec![1; self.rank()];
        line[axis] = last.numel();
        let none = Tensor::number(f64::from(u32::MAX), DType::U32, self.device());
        last.eq(&none).reshape(line).select(self, src.gather(axis as isize, &last.along(axis, self.shape())))
    }
}
