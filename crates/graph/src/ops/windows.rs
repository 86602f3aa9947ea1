//! Sliding windows as a view, their adjoint, and both over images: im2col and col2im.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::movement;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape, Window};

use super::movement::only;
use super::{axis_of, views};
use crate::Tensor;
use crate::op::{Gradients, Kind, Meta, Op, Vjp};

/// Windows over an axis: `y[.., w, .., k] = x[.., w·step + k·dilation, ..]`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Unfold {
    /// The axis that is replaced by the number of the window.
    pub axis: usize,
    /// Elements of a window, the new last axis.
    pub size: usize,
    /// Distance between windows.
    pub step: usize,
    /// Distance between the elements of a window.
    pub dilation: usize,
}

/// The adjoint: `y[.., p, ..] = Σ x[.., w, .., k]` over the `w` and `k` with `w·step + k·dilation = p`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Fold {
    /// The axis that counts windows.
    pub axis: usize,
    /// Its size in the output.
    pub length: usize,
    /// Distance between windows.
    pub step: usize,
    /// Distance between the elements of a window.
    pub dilation: usize,
}

impl Unfold {
    /// Number of windows over `length` elements; `None` if there is none.
    fn count(&self, length: usize) -> Option<usize> {
        let span = self.size.checked_sub(1)?.checked_mul(self.dilation)?.checked_add(1)?;
        length.checked_sub(span)?.checked_div(self.step)?.checked_add(1)
    }
}

impl Op for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        if [self.size, self.step, self.dilation].contains(&0) {
            return Err("size, step and dilation are at least 1".into());
        }
        let mut shape = input.shape.clone();
        let rank = shape.rank();
        let Some(length) = shape.get_mut(self.axis) else {
            return Err(format!("axis {} is out of range for {rank} axes", self.axis));
        };
        match self.count(*length) {
            Some(count) => *length = count,
            None => {
                return Err(format!(
                    "a window of {} by {} does not fit axis {} of {}",
                    self.size, self.dilation, self.axis, input.shape
                ));
            }
        }
        shape.push(self.size);
        Ok(Meta { shape, dtype: input.dtype })
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        let count = self.count(*input.shape.get(self.axis)?)?;
        Some(input.windows(self.axis, count, self.step, self.size, self.dilation))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let length = v.inputs.first()?.shape().get(self.axis).copied()?;
        let fold = Fold { axis: self.axis, length, step: self.step, dilation: self.dilation };
        Some(vec![Some(Tensor::record(fold, &[v.grad]))])
    }
}

impl Op for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        if input.dtype == DType::Bool {
            return Err("does not take bool".into());
        }
        let mut shape = input.shape.clone();
        if self.axis + 1 >= shape.rank() {
            return Err(format!("axis {} and a last axis of windows do not fit {}", self.axis, input.shape));
        }
        let size = shape.remove(shape.rank() - 1);
        let count = std::mem::replace(&mut shape[self.axis], self.length);
        let last = |n: usize, by: usize| n.saturating_sub(1).checked_mul(by);
        let end = last(count, self.step).and_then(|w| w.checked_add(last(size, self.dilation)?));
        let empty = count == 0 || size == 0;
        if self.step == 0 || self.dilation == 0 || !(empty || end.is_some_and(|end| end < self.length)) {
            return Err(format!(
                "{count} windows of {size}, {} and {} apart, exceed {} elements",
                self.step, self.dilation, self.length
            ));
        }
        Ok(Meta { shape, dtype: input.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let x = v.inputs.first()?;
        let size = x.shape().last().copied()?;
        if x.numel() == 0 {
            return Some(vec![Some(x.zeros_like())]);
        }
        let unfold = Unfold { axis: self.axis, size, step: self.step, dilation: self.dilation };
        let all = Tensor::record(unfold, &[v.grad]);
        // there may be room behind the last window
        Some(vec![Some(all.every(self.axis, 0, *x.shape().get(self.axis)?, 1))])
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x] = views("fold", inputs)?;
        anygrad_cpu::fold(host, x, self.axis, self.length, self.step, self.dilation)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        movement::fold(&inputs[0], dtypes[0], self.axis, self.length, (self.step, self.dilation), caps)
    }
}

/// The spatial entries of a window, and the number of windows along each for these sizes; `None` if one does not fit.
fn counts(window: &Window, sizes: &[usize]) -> Option<Vec<usize>> {
    let first = 3usize.checked_sub(window.rank)?;
    let count = |(i, &n): (usize, &usize)| Some(window.output_size(first + i, n)).filter(|&count| count > 0);
    (sizes.len() == window.rank).then(|| sizes.iter().enumerate().map(count).collect())?
}

/// What is wrong with a window by itself.
fn check_window(window: &Window) -> Result<(), String> {
    let used = |entries: &[usize; 3]| entries.contains(&0);
    if !(1..=3).contains(&window.rank) {
        return Err(format!("{} spatial axes; 1 to 3 are possible", window.rank));
    }
    if used(&window.kernel) || used(&window.stride) || used(&window.dilation) {
        return Err("kernel, stride and dilation are at least 1".into());
    }
    Ok(())
}

impl Tensor {
    /// Sliding windows of `size` elements, `step` apart: `y[.., w, .., k] = x[.., w·step + k, ..]`. The axis counts
    /// the windows, `⌊(n − size) / step⌋ + 1` of them, and the elements of a window are a new last axis, as PyTorch's
    /// `Tensor.unfold`. A view, also where windows overlap.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::iota(5, &Device::cpu()).unfold(0, 3, 1);
    /// assert_eq!(t.to_vec::<u32>()?, [0, 1, 2, 1, 2, 3, 2, 3, 4]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(axis) => Tensor::record(Unfold { axis, size, step, dilation: 1 }, &[self]),
            Err(message) => Tensor::wrong("unfold", message, &[("input", self)]),
        }
    }

    /// The adjoint of [`unfold`](Tensor::unfold): windows, counted along `axis` with their elements along the last
    /// axis, are added up where they lie over `length` positions, `step` apart.
    #[track_caller]
    pub fn fold(&self, axis: isize, length: usize, step: usize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(axis) => Tensor::record(Fold { axis, length, step, dilation: 1 }, &[self]),
            Err(message) => Tensor::wrong("fold", message, &[("input", self)]),
        }
    }

    /// The patches of images as columns, as `torch.nn.Unfold`: `[N, C, *n]` becomes `[N, C·Πkernel, L]`, where `L` is
    /// the number of windows, `Π (⌊(n + pad_lo + pad_hi − dilation·(kernel − 1) − 1) / stride⌋ + 1)`. Padding reads
    /// as 0. For 1 to 3 spatial axes.
    #[doc(alias = "unfold")]
    #[track_caller]
    pub fn im2col(&self, window: &Window) -> Tensor {
        let wrong = match (check_window(window), self.rank()) {
            (Err(message), _) => Some(message),
            (Ok(()), rank) if rank != window.rank + 2 => Some(format!(
                "a window over {} axes takes [N, C, …] of {} axes, not {}",
                window.rank,
                window.rank + 2,
                self.shape()
            )),
            _ if counts(window, &self.shape()[2..]).is_none() => Some(format!(
                "the window {:?} does not fit input {}",
                &window.kernel[3 - window.rank..],
                self.shape()
            )),
            _ => None,
        };
        if let Some(message) = wrong {
            return Tensor::wrong("im2col", message, &[("input", self)]);
        }
        let (first, rank) = (3 - window.rank, window.rank);
        let mut pads = vec![(0, 0); 2];
        pads.extend((first..3).map(|i| (window.pad_lo[i], window.pad_hi[i])));
        let mut windows = if pads.iter().all(|&pad| pad == (0, 0)) { self.clone() } else { self.pad(&pads) };
        for i in 0..rank {
            let (size, step) = (window.kernel[first + i], window.stride[first + i]);
            let unfold = Unfold { axis: 2 + i, size, step, dilation: window.dilation[first + i] };
            windows = Tensor::record(unfold, &[&windows]);
        }
        // the padded size may be too large for any tensor
        if windows.check().is_err() {
            return windows;
        }
        // [N, C, *counts, *kernel] to [N, C·kernel, counts]
        let order: Vec<isize> =
            [0, 1].into_iter().chain(2 + rank..2 + 2 * rank).chain(2..2 + rank).map(|a| a as isize).collect();
        let count: usize = windows.shape()[2..2 + rank].iter().product();
        let taps: usize = window.kernel[first..].iter().product();
        let (n, channels) = (self.size(0), self.size(1));
        windows.permute(&order).reshape([n, channels * taps, count])
    }

    /// The adjoint of [`im2col`](Tensor::im2col), as `torch.nn.Fold`: columns `[N, C·Πkernel, L]` are added up to
    /// images `[N, C, *sizes]`; what falls on padding is dropped.
    #[doc(alias = "fold")]
    #[track_caller]
    pub fn col2im(&self, sizes: &[usize], window: &Window) -> Tensor {
        // saturating, as nothing was checked yet
        let product = |sizes: &[usize]| Shape::from(sizes).numel();
        let kernel = window.kernel.get(3usize.saturating_sub(window.rank)..).unwrap_or_default();
        let taps = product(kernel).max(1);
        let wrong = match (check_window(window), self.shape()[..].get(..3), counts(window, sizes)) {
            (Err(message), ..) => Err(message),
            (_, _, None) => Err(format!("the window {kernel:?} does not fit images of {sizes:?}")),
            (_, Some(&[n, rows, columns]), Some(counts))
                if self.rank() == 3 && rows % taps == 0 && product(&counts) == columns =>
            {
                Ok((n, rows / taps, counts))
            }
            (_, _, Some(counts)) => Err(format!(
                "takes [N, C·{taps}, {}] for images of {sizes:?}, not {}",
                product(&counts),
                self.shape()
            )),
        };
        let (n, channels, counts) = match wrong {
            Ok(found) => found,
            Err(message) => return Tensor::wrong("col2im", message, &[("input", self)]),
        };
        let (first, rank) = (3 - window.rank, window.rank);
        let apart = [n, channels].into_iter().chain(window.kernel[first..].iter().copied()).chain(counts);
        // [N, C, *kernel, *counts] to [N, C, *counts, *kernel]
        let order: Vec<isize> =
            [0, 1].into_iter().chain(2 + rank..2 + 2 * rank).chain(2..2 + rank).map(|a| a as isize).collect();
        let mut images = self.reshape(apart.collect::<Shape>()).permute(&order);
        for i in (0..rank).rev() {
            let (lo, hi) = (window.pad_lo[first + i], window.pad_hi[first + i]);
            let (step, dilation) = (window.stride[first + i], window.dilation[first + i]);
            let fold =
                Fold { axis: 2 + i, length: sizes[i].saturating_add(lo).saturating_add(hi), step, dilation };
            images = Tensor::record(fold, &[&images]).every(2 + i, lo, sizes[i], 1);
        }
        images
    }
}
