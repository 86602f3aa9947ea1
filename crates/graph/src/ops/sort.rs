//! Orders along an axis: sorting, the largest k, medians and quantiles.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::{movement, sort as kernel};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout};

use super::{axis_of, views};
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// The positions of the elements along an axis in sorted order, as u32.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ArgSort {
    /// The axis.
    pub axis: usize,
    /// Whether the largest come first.
    pub descending: bool,
}

/// The elements along an axis in the order of a permutation of it: a gather whose adjoint is a gather as well.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Reorder(pub usize);

impl Op for ArgSort {
    fn name(&self) -> &'static str {
        "argsort"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [x] = inputs else { return Err(format!("takes 1 input, got {}", inputs.len())) };
        if self.axis >= x.shape.rank() {
            return Err(format!("axis {} is out of range for {} axes", self.axis, x.shape.rank()));
        }
        Ok(Meta { shape: x.shape.clone(), dtype: DType::U32 })
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x] = views("argsort", inputs)?;
        anygrad_cpu::argsort(host, x, self.axis, self.descending)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        kernel::argsort(&inputs[0], dtypes[0], self.axis, self.descending, caps, None)
    }
    fn attributes(&self) -> String {
        format!("along {}{}", self.axis, if self.descending { ", descending" } else { "" })
    }
}

impl Op for Reorder {
    fn name(&self) -> &'static str {
        "reorder"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [x, order] = inputs else { return Err(format!("takes 2 inputs, got {}", inputs.len())) };
        if order.dtype != DType::U32 {
            return Err(format!("the order is {}, not u32", order.dtype));
        }
        if order.shape != x.shape || self.0 >= x.shape.rank() {
            return Err(format!(
                "order {} does not fit input {} along axis {}",
                order.shape, x.shape, self.0
            ));
        }
        Ok((*x).clone())
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        match v.inputs {
            // y_i = x_{p(i)}, so x_j has the gradient of y at the i with p(i) = j: the order that sorts p
            [_, order] => {
                let back = order.argsort(self.0 as isize, false);
                Some(vec![Some(Tensor::record(Reorder(self.0), &[v.grad, &back])), None])
            }
            _ => None,
        }
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x, order] = views("reorder", inputs)?;
        anygrad_cpu::gather(host, x, order, self.0)
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
        if i == 0 { "input".into() } else { "order".into() }
    }
}

impl Tensor {
    /// The positions along `axis` that sort it, as u32 in this shape. Stable: equal elements, as 0 and −0 are, keep
    /// their order, also when `descending`. NaN counts as larger than everything: last, or first when descending.
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(axis) => Tensor::record(ArgSort { axis, descending }, &[self]),
            Err(message) => Tensor::wrong("argsort", message, &[("input", self)]),
        }
    }

    /// The elements along `axis` in ascending or `descending` order, and the positions they come from:
    /// `torch.sort(x, dim, descending, stable=True)`; see [`argsort`](Tensor::argsort) for equal elements and NaN. The
    /// gradient goes to where each element came from.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[3.0f32, 1.0, 2.0], [3], &Device::cpu());
    /// let (sorted, from) = x.sort(0, false);
    /// assert_eq!(sorted.to_vec::<f32>()?, [1.0, 2.0, 3.0]);
    /// assert_eq!(from.to_vec::<u32>()?, [1, 2, 0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Tensor, Tensor) {
        self.sorted("sort", axis, descending)
    }

    #[track_caller]
    fn sorted(&self, name: &'static str, axis: isize, descending: bool) -> (Tensor, Tensor) {
        match axis_of(axis, self.rank()) {
            Ok(at) => {
                let order = self.argsort(axis, descending);
                (Tensor::record(Reorder(at), &[self, &order]), order)
            }
            Err(message) => {
                let wrong = Tensor::wrong(name, message, &[("input", self)]);
                (wrong.clone(), wrong)
            }
        }
    }

    /// The `k` largest elements along `axis` (or smallest, if not `largest`), in order, and their positions:
    /// `torch.topk`. The axis gets size `k`. The first of equal elements comes first; NaN counts as largest.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[3.0f32, 1.0, 4.0, 2.0], [4], &Device::cpu());
    /// let (largest, at) = x.topk(2, 0, true);
    /// assert_eq!(largest.to_vec::<f32>()?, [4.0, 3.0]);
    /// assert_eq!(at.to_vec::<u32>()?, [2, 0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> (Tensor, Tensor) {
        if let Err(wrong) = self.room("topk", k, axis) {
            return (wrong.clone(), wrong);
        }
        let (sorted, order) = self.sorted("topk", axis, largest);
        (sorted.slice(axis, 0, k), order.slice(axis, 0, k))
    }

    /// The `k`-th smallest element along `axis`, counted from 1, and its position; the axis disappears:
    /// `torch.kthvalue`. NaN counts as largest.
    #[track_caller]
    pub fn kth_value(&self, k: usize, axis: isize) -> (Tensor, Tensor) {
        if let Err(wrong) = self.room("kth_value", k, axis) {
            return (wrong.clone(), wrong);
        }
        if k == 0 {
            let wrong = Tensor::wrong("kth_value", "k counts from 1", &[("input", self)]);
            return (wrong.clone(), wrong);
        }
        let (sorted, order) = self.sorted("kth_value", axis, false);
        (sorted.at(axis, k as isize - 1), order.at(axis, k as isize - 1))
    }

    /// The middle element along `axis` in sorted order, which disappears: `torch.median`. Of an even number of elements
    /// the lower one of the two in the middle; [`quantile`](Tensor::quantile)`(0.5, axis)` is their mean. NaN if any
    /// is. An error over no elements.
    #[track_caller]
    pub fn median(&self, axis: isize) -> Tensor {
        match self.elements("median", axis) {
            Ok(count) => {
                let sorted = self.sorted("median", axis, false).0;
                sorted.nan_or(axis, sorted.at(axis, (count as isize - 1) / 2))
            }
            Err(wrong) => wrong,
        }
    }

    /// The `q`-quantile along `axis`, which disappears: at place `q·(n − 1)` of the n elements in sorted order, on the
    /// straight line between its two neighbours, as `torch.quantile`. `q` is from 0 to 1, and part of the program: a new
    /// `q` is a new plan. NaN if any element is. Floats only; an error over no elements.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[4.0f32, 1.0, 2.0, 3.0], [4], &Device::cpu());
    /// assert_eq!(x.quantile(0.5, 0).item()?, 2.5);
    /// assert_eq!(x.median(0).item()?, 2.0);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn quantile(&self, q: f64, axis: isize) -> Tensor {
        const NAME: &str = "quantile";
        if let Err(wrong) = self.float_axes(NAME, &[axis]) {
            return wrong;
        }
        if !(0.0..=1.0).contains(&q) {
            return Tensor::wrong(NAME, format!("q is {q}, not from 0 to 1"), &[("input", self)]);
        }
        match self.elements(NAME, axis) {
            Ok(count) => {
                let sorted = self.sorted(NAME, axis, false).0;
                let place = q * (count - 1) as f64;
                let below = (place.floor() as usize).min(count - 1);
                let low = sorted.at(axis, below as isize);
                let between = match place - below as f64 {
                    0.0 => low,
                    part => {
                        let high = sorted.at(axis, (below + 1).min(count - 1) as isize);
                        // not low + part·(high − low), which is NaN between infinities of one sign
                        low * (1.0 - part) + high * part
                    }
                };
                sorted.nan_or(axis, between)
            }
            Err(wrong) => wrong,
        }
    }

    /// `x`, or NaN where these sorted elements have one: it is the last.
    #[track_caller]
    fn nan_or(&self, axis: isize, x: Tensor) -> Tensor {
        if !self.dtype().is_float() {
            return x;
        }
        let last = self.at(axis, -1);
        last.is_nan().select(last, x)
    }

    /// Checks that `axis` has `k` elements.
    #[track_caller]
    fn room(&self, name: &'static str, k: usize, axis: isize) -> Result<(), Tensor> {
        let count = self.checked_axes(name, &[axis])?;
        if k <= count {
            return Ok(());
        }
        let message = format!("k is {k}, but axis {axis} of {} has {count} elements", self.shape());
        Err(Tensor::wrong(name, message, &[("input", self)]))
    }

    /// The number of elements along `axis`, which are some.
    #[track_caller]
    fn elements(&self, name: &'static str, axis: isize) -> Result<usize, Tensor> {
        match self.checked_axes(name, &[axis])? {
            0 => {
                let message = format!("no elements along axis {axis} of {}", self.shape());
                Err(Tensor::wrong(name, message, &[("input", self)]))
            }
            count => Ok(count),
        }
    }
}
