//! Slices with a step, and cutting an axis into parts.

use anygrad_layout::Layout;

use super::axis_of;
use super::movement::{Slice, only};
use crate::Tensor;
use crate::op::{Gradients, Kind, Meta, Op, Vjp};

/// Every `step`-th element along an axis: `len` of them, from `start`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct SliceStep {
    /// The axis.
    pub axis: usize,
    /// First position.
    pub start: usize,
    /// Number of elements kept.
    pub len: usize,
    /// Distance between them, at least 1.
    pub step: usize,
}

impl Op for SliceStep {
    fn name(&self) -> &'static str {
        "slice_step"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        let mut shape = input.shape.clone();
        let rank = shape.rank();
        let size = shape
            .get_mut(self.axis)
            .ok_or_else(|| format!("axis {} is out of range for {rank} axes", self.axis))?;
        let last = self.len.saturating_sub(1).checked_mul(self.step).and_then(|n| n.checked_add(self.start));
        let inside = last.is_some_and(|last| last < *size || self.len == 0 && self.start <= *size);
        // a longer step than the axis would only make strides overflow
        if !inside || self.step == 0 || self.step > (*size).max(1) {
            return Err(format!(
                "{} elements from {} by {} exceed axis {} of {}",
                self.len, self.start, self.step, self.axis, input.shape
            ));
        }
        *size = self.len;
        Ok(Meta { shape, dtype: input.dtype })
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.slice(self.axis, self.start, self.len, self.step as isize))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        // the adjoint of leaving elements out is to put zeros in their places
        let x = v.inputs.first()?;
        let covered = match self.len {
            0 => self.start,
            len => self.start + (len - 1) * self.step + 1,
        };
        let after = x.shape().get(self.axis)?.saturating_sub(covered);
        let mut pads = vec![(0, 0, 0); x.rank()];
        *pads.get_mut(self.axis)? = (self.start, after, self.step - 1);
        Some(vec![Some(v.grad.pad_interior(&pads))])
    }
}

/// The first position, the number of elements and the absolute step of Python's `[start:end:step]` over `size`.
fn python_range(size: usize, start: Option<isize>, end: Option<isize>, step: isize) -> (usize, usize, usize) {
    let n = isize::try_from(size).unwrap_or(isize::MAX);
    let (low, high) = if step < 0 { (-1, n - 1) } else { (0, n) };
    let clamp = |at: isize| if at < 0 { (at + n).max(low) } else { at.min(high) };
    let (first, last) = if step < 0 { (high, low) } else { (low, high) };
    let (start, end) = (start.map_or(first, clamp), end.map_or(last, clamp));
    let span = if step < 0 { start - end } else { end - start };
    let (span, step) = (usize::try_from(span).unwrap_or(0), step.unsigned_abs());
    let len = span.div_ceil(step);
    (usize::try_from(start).unwrap_or(0), len, step)
}

impl Tensor {
    /// Python's `x[start:end:step]` along `axis`: negative positions count from the end, positions beyond the ends
    /// are brought to them, `None` is the end where the walk starts or stops, and a negative step walks backwards.
    /// A view; the gradient is 0 at what was left out.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::iota(10, &Device::cpu());
    /// assert_eq!(t.slice_step(0, 1, -1, 3).to_vec::<u32>()?, [1, 4, 7]);
    /// assert_eq!(t.slice_step(0, None, None, -4).to_vec::<u32>()?, [9, 5, 1]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn slice_step(
        &self,
        axis: isize,
        start: impl Into<Option<isize>>,
        end: impl Into<Option<isize>>,
        step: isize,
    ) -> Tensor {
        let at = match axis_of(axis, self.rank()) {
            Ok(at) if step != 0 => at,
            Ok(_) => return Tensor::wrong("slice_step", "the step is 0", &[("input", self)]),
            Err(message) => return Tensor::wrong("slice_step", message, &[("input", self)]),
        };
        let size = self.size(at as isize);
        let (start, len, by) = python_range(size, start.into(), end.into(), step);
        if step > 0 {
            return self.every(at, start, len, by);
        }
        let lowest = start - len.saturating_sub(1) * by;
        self.every(at, lowest, len, by).flip(&[at as isize])
    }

    /// `len` elements along an axis, `step` apart: no op, a slice, or one with a step.
    #[track_caller]
    pub(crate) fn every(&self, axis: usize, start: usize, len: usize, step: usize) -> Tensor {
        match step {
            _ if start == 0 && self.shape().get(axis) == Some(&len) => self.clone(),
            _ if step == 1 || len <= 1 => Tensor::record(Slice { axis, start, len }, &[self]),
            _ => Tensor::record(SliceStep { axis, start, len, step }, &[self]),
        }
    }

    /// The element at position `index` of `axis`, which may be negative to count from the end, without that axis:
    /// `x[index]` for axis 0. PyTorch calls it `select`. A view.
    #[track_caller]
    pub fn at(&self, axis: isize, index: isize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(at) => {
                let size = self.size(at as isize);
                let from_end = if index < 0 { index.saturating_add_unsigned(size) } else { index };
                match usize::try_from(from_end) {
                    Ok(start) if start < size => self.every(at, start, 1, 1).squeeze(at as isize),
                    _ => {
                        let message =
                            format!("index {index} is out of range for axis {at} of {}", self.shape());
                        Tensor::wrong("at", message, &[("input", self)])
                    }
                }
            }
            Err(message) => Tensor::wrong("at", message, &[("input", self)]),
        }
    }

    /// Parts of these sizes, one after another along `axis`; the sizes add up to that of the axis. Views. An error
    /// is in every part.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let parts = Tensor::iota(5, &Device::cpu()).split(&[2, 3], 0);
    /// assert_eq!(parts[1].to_vec::<u32>()?, [2, 3, 4]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn split(&self, sizes: &[usize], axis: isize) -> Vec<Tensor> {
        self.parts("split", axis, sizes.len(), |size| {
            match sizes.iter().try_fold(0usize, |sum, &n| sum.checked_add(n)) {
                Some(sum) if sum == size => Ok(sizes.to_vec()),
                _ => Err(format!("the sizes {sizes:?} do not add up to {size}")),
            }
        })
    }

    /// Parts of `size` along `axis`; the last may be smaller. An empty axis gives one empty part. Views.
    #[track_caller]
    pub fn split_every(&self, size: usize, axis: isize) -> Vec<Tensor> {
        self.parts("split_every", axis, 1, |whole| {
            if size == 0 {
                return Err("parts of size 0".into());
            }
            Ok(even_parts(whole, size))
        })
    }

    /// At most `count` parts along `axis`, all of size `⌈n / count⌉` but the last, which may be smaller: as
    /// `torch.chunk`, which may give fewer parts than asked for. Views.
    #[track_caller]
    pub fn chunk(&self, count: usize, axis: isize) -> Vec<Tensor> {
        self.parts("chunk", axis, 1, |whole| match (count, whole) {
            (0, _) => Err("0 parts".into()),
            // PyTorch, too, gives as many empty parts as asked for
            (_, 0) => Ok(vec![0; count]),
            _ => Ok(even_parts(whole, whole.div_ceil(count))),
        })
    }

    /// Every position of `axis` by itself, without the axis: `n` tensors. Views.
    #[track_caller]
    pub fn unbind(&self, axis: isize) -> Vec<Tensor> {
        let mut parts = self.parts("unbind", axis, 1, |size| Ok(vec![1; size]));
        if let Ok(at) = axis_of(axis, self.rank()) {
            // not a closure, which would not know the caller
            for part in &mut parts {
                *part = part.squeeze(at as isize);
            }
        }
        parts
    }

    /// Parts along `axis` of the sizes that follow from its size; `wrong` poisoned tensors if there are none.
    #[track_caller]
    fn parts(
        &self,
        name: &'static str,
        axis: isize,
        wrong: usize,
        sizes: impl FnOnce(usize) -> Result<Vec<usize>, String>,
    ) -> Vec<Tensor> {
        let known = axis_of(axis, self.rank()).and_then(|at| Ok((at, sizes(self.size(at as isize))?)));
        match known {
            Ok((at, sizes)) => {
                let (mut start, mut parts) = (0, Vec::with_capacity(sizes.len()));
                for len in sizes {
                    parts.push(self.every(at, start, len, 1));
                    start += len;
                }
                parts
            }
            Err(message) => vec![Tensor::wrong(name, message, &[("input", self)]); wrong.max(1)],
        }
    }
}

/// Sizes of `part`, and what is left.
fn even_parts(whole: usize, part: usize) -> Vec<usize> {
    let mut sizes = vec![part; whole / part];
    if !whole.is_multiple_of(part) || whole == 0 {
        sizes.push(whole % part);
    }
    sizes
}
