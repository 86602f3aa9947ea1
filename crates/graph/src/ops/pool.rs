//! Pooling: sums over windows, the position of the largest element of each, and picking by that position. Each
//! has its adjoint beside it, so gradients stay in the set.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::window as kernel;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape, Window};

use super::{no_kernel, views};
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// What is done with a window of `[N, C, *n]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pool {
    /// x → the sum over each window.
    Sum(Window),
    /// g → for each of these input positions, the sum over the windows that cover it.
    SumAdjoint(Window, [usize; 3]),
    /// x → position within its plane of the largest element of each window, as u32.
    MaxIndex(Window),
    /// (x, index) → the element of the plane at each index.
    Pick(Window),
    /// (g, index) → for each of these input positions, the sum over the windows that chose it.
    PickAdjoint(Window, [usize; 3]),
}

impl Op for Pool {
    fn name(&self) -> &'static str {
        match self {
            Pool::Sum(_) => "window_sum",
            Pool::SumAdjoint(..) => "window_sum_adjoint",
            Pool::MaxIndex(_) => "max_index",
            Pool::Pick(_) => "window_gather",
            Pool::PickAdjoint(..) => "window_scatter",
        }
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let Some(x) = inputs.first() else { return Err("takes inputs".into()) };
        let (window, adjoint) = match self {
            Pool::Sum(w) | Pool::MaxIndex(w) | Pool::Pick(w) => (w, None),
            Pool::SumAdjoint(w, size) | Pool::PickAdjoint(w, size) => (w, Some(size)),
        };
        check(window, x)?;
        let mut shape = Shape::from(&x.shape[..2]);
        for axis in 0..window.rank {
            let i = 3 - window.rank + axis;
            shape.push(match adjoint {
                Some(size) => size[i],
                None => window.output_size(i, x.shape[2 + axis]),
            });
        }
        if adjoint.is_none() && shape[2..].contains(&0) && !x.shape[2..].contains(&0) {
            return Err(format!(
                "the window {:?} does not fit input {}",
                &window.kernel[3 - window.rank..],
                x.shape
            ));
        }
        for axis in 0..window.rank {
            let i = 3 - window.rank + axis;
            let n = adjoint.map_or_else(|| x.shape[2 + axis], |size| size[i]);
            if !holds_something(window, i, n) {
                return Err(format!(
                    "a window would lie in the padding alone along spatial axis {axis} of {}",
                    x.shape
                ));
            }
        }
        if let Some(index) = inputs.get(1) {
            let expected = if adjoint.is_some() { &x.shape } else { &shape };
            if index.dtype != DType::U32 || index.shape != *expected {
                return Err(format!("the index is {} {}, not u32 {expected}", index.dtype, index.shape));
            }
        }
        let dtype = if matches!(self, Pool::MaxIndex(_)) { DType::U32 } else { x.dtype };
        Ok(Meta { shape, dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let g = v.grad;
        match (self, v.inputs) {
            (Pool::Sum(w), [x]) => {
                Some(vec![Some(Tensor::record(Pool::SumAdjoint(w.clone(), spatial(x)), &[g]))])
            }
            (Pool::SumAdjoint(w, _), _) => Some(vec![Some(Tensor::record(Pool::Sum(w.clone()), &[g]))]),
            (Pool::Pick(w), [x, index]) => {
                Some(vec![Some(Tensor::record(Pool::PickAdjoint(w.clone(), spatial(x)), &[g, index])), None])
            }
            (Pool::PickAdjoint(w, _), [_, index]) => {
                Some(vec![Some(Tensor::record(Pool::Pick(w.clone()), &[g, index])), None])
            }
            _ => None,
        }
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        match self {
            Pool::Sum(w) => anygrad_cpu::window_sum(host, views::<1>(self.name(), inputs)?[0], w),
            Pool::SumAdjoint(w, size) => {
                anygrad_cpu::window_sum_adjoint(host, views::<1>(self.name(), inputs)?[0], w, *size)
            }
            Pool::MaxIndex(w) => anygrad_cpu::max_index(host, views::<1>(self.name(), inputs)?[0], w),
            Pool::Pick(_) => {
                let [x, index] = views(self.name(), inputs)?;
                anygrad_cpu::window_gather(host, x, index)
            }
            Pool::PickAdjoint(w, size) => {
                let [g, index] = views(self.name(), inputs)?;
                anygrad_cpu::window_scatter(host, g, index, w, *size)
            }
        }
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        match (self, inputs) {
            (Pool::Sum(w), [x]) => kernel::window_sum(x, w, caps, None),
            (Pool::SumAdjoint(w, size), [g]) => kernel::window_sum_adjoint(g, w, *size, caps, None),
            (Pool::MaxIndex(w), [x]) => kernel::max_index(x, w, caps, None),
            (Pool::Pick(w), [x, index]) => kernel::window_gather(x, index, w.rank, dtypes[0], caps, None),
            (Pool::PickAdjoint(w, size), [g, index]) => {
                kernel::window_scatter(g, index, w, *size, caps, None)
            }
            _ => Err(no_kernel(self.name())),
        }
    }
    fn attributes(&self) -> String {
        let (Pool::Sum(w)
        | Pool::MaxIndex(w)
        | Pool::Pick(w)
        | Pool::SumAdjoint(w, _)
        | Pool::PickAdjoint(w, _)) = self;
        let from = 3 - w.rank.min(3);
        format!("kernel {:?} stride {:?}", &w.kernel[from..], &w.stride[from..])
    }
    fn label(&self, i: usize, _: usize) -> String {
        if i == 0 { "input".into() } else { "index".into() }
    }
}

fn check(window: &Window, x: &Meta) -> Result<(), String> {
    if !x.dtype.is_float() {
        return Err(format!("takes floats, not {}", x.dtype));
    }
    if !(1..=3).contains(&window.rank) || x.shape.rank() != window.rank + 2 {
        return Err(format!(
            "a window over {} axes takes [N, C, …] of {} axes, not {}",
            window.rank,
            window.rank + 2,
            x.shape
        ));
    }
    for i in 0..3 {
        if window.stride[i] == 0 || window.kernel[i] == 0 || window.dilation[i] == 0 {
            return Err("kernel, stride and dilation are at least 1".into());
        }
        let sizes =
            [window.stride[i], window.kernel[i], window.dilation[i], window.pad_lo[i], window.pad_hi[i]];
        if sizes.iter().any(|&size| size > 1 << 20) {
            return Err(format!("a kernel, stride, dilation or padding is beyond reason: {sizes:?}"));
        }
        // otherwise a window could lie in the padding alone
        if window.pad_lo[i].max(window.pad_hi[i]) > window.dilation[i].saturating_mul(window.kernel[i] - 1) {
            return Err(format!(
                "padding {} is not below the window's reach",
                window.pad_lo[i].max(window.pad_hi[i])
            ));
        }
    }
    Ok(())
}

/// Whether every window has an element among the `n` along entry `i`.
fn holds_something(window: &Window, i: usize, n: usize) -> bool {
    let (stride, dilation, pad) = (window.stride[i], window.dilation[i], window.pad_lo[i]);
    let outputs = window.output_size(i, n);
    let last_starts_inside = outputs == 0 || (outputs - 1) * stride < n + pad;
    // taps that lie apart by no more than n cannot step over it; otherwise, of a window that starts in the padding,
    // the first tap that is not in it
    let steps_over = |o: usize| (dilation - (pad - o * stride) % dilation) % dilation >= n;
    let before = || (0..outputs).take_while(|o| o * stride < pad);
    last_starts_inside && (n >= dilation || !before().any(steps_over))
}

/// The spatial sizes of `[N, C, *n]`, as the last entries of three.
pub(crate) fn spatial(x: &Tensor) -> [usize; 3] {
    let mut sizes = [1; 3];
    sizes.iter_mut().rev().zip(x.shape().iter().skip(2).rev()).for_each(|(to, &from)| *to = from);
    sizes
}
