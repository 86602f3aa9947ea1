//! Running results along an axis: sums, products, extremes, and linear recurrences, which their gradients are.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::scan as kernel;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape, broadcast};

use super::axis_of;
use crate::op::{Gradients, Meta, Op, Vjp};
use crate::{Tensor, custom_vjp};

/// What is made of the elements up to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scanned {
    /// Their sum.
    Sum,
    /// Their product.
    Prod,
    /// Of `a` and `b`: `h_i = a_i·h_{i−1} + b_i` from `h_{−1} = 0`; a factor or state of 0 contributes 0.
    Linear,
    /// The position of the last of the largest; NaN counts as largest.
    MaxIndex,
    /// The position of the last of the smallest; NaN counts as smallest.
    MinIndex,
}

/// A scan along `axis`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Scan {
    /// What is made of the elements.
    pub kind: Scanned,
    /// Along which axis.
    pub axis: usize,
    /// Whether a place gets the result of the places before it, the first one that of none.
    pub exclusive: bool,
}

impl Op for Scan {
    fn name(&self) -> &'static str {
        match self.kind {
            Scanned::Sum => "cumsum",
            Scanned::Prod => "cumprod",
            Scanned::Linear => "linear_scan",
            Scanned::MaxIndex => "cummax_index",
            Scanned::MinIndex => "cummin_index",
        }
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let wanted = if self.kind == Scanned::Linear { 2 } else { 1 };
        let Some(first) = inputs.first().filter(|_| inputs.len() == wanted) else {
            let plural = if wanted == 1 { "" } else { "s" };
            return Err(format!("takes {wanted} input{plural}, got {}", inputs.len()));
        };
        if let Some(other) = inputs.iter().find(|other| other.dtype != first.dtype) {
            return Err(format!(
                "dtypes differ: {} and {}; convert one with to_dtype",
                first.dtype, other.dtype
            ));
        }
        if let Some(other) = inputs.iter().find(|other| other.shape != first.shape) {
            return Err(format!("shapes differ: {} and {}", first.shape, other.shape));
        }
        if first.dtype == DType::Bool || (self.kind == Scanned::Linear && !first.dtype.is_float()) {
            return Err(format!("does not take {}", first.dtype));
        }
        if self.axis >= first.shape.rank() {
            return Err(format!("axis {} is out of range for {} axes", self.axis, first.shape.rank()));
        }
        let index = matches!(self.kind, Scanned::MaxIndex | Scanned::MinIndex);
        if index && self.exclusive {
            return Err("there is no position before the first".into());
        }
        Ok(Meta { shape: first.shape.clone(), dtype: if index { DType::U32 } else { first.dtype } })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let g = v.grad;
        let before = || match self.exclusive {
            true => v.output.clone(),
            false => {
                let inputs: Vec<&Tensor> = v.inputs.iter().collect();
                Tensor::record(Scan { exclusive: true, ..*self }, &inputs)
            }
        };
        match (self.kind, v.inputs) {
            // an element adds to all sums from its place on
            (Scanned::Sum, [_]) => Some(vec![Some(self.backwards(self.kind, self.exclusive, &[g]))]),
            // p_j = x_i · (what is before i) · (what is behind i, up to j)
            (Scanned::Prod, [x]) => Some(vec![Some(before() * self.adjoint(x, g))]),
            // r_i = g_i + a_{i+1}·r_{i+1} is the gradient of h_i; then ∂h_i/∂b_i = 1 and ∂h_i/∂a_i = h_{i−1}
            (Scanned::Linear, [a, _]) => {
                let r = self.adjoint(a, g);
                Some(vec![Some(&r * before()), Some(r)])
            }
            _ => None,
        }
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let kind = match self.kind {
            Scanned::Sum => anygrad_cpu::Scan::Sum,
            Scanned::Prod => anygrad_cpu::Scan::Prod,
            Scanned::Linear => anygrad_cpu::Scan::Linear,
            Scanned::MaxIndex => anygrad_cpu::Scan::MaxIndex,
            Scanned::MinIndex => anygrad_cpu::Scan::MinIndex,
        };
        anygrad_cpu::scan(host, kind, inputs, self.axis, self.exclusive)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        let kind = match self.kind {
            Scanned::Sum => kernel::Scan::Sum,
            Scanned::Prod => kernel::Scan::Prod,
            Scanned::Linear => kernel::Scan::Linear,
            Scanned::MaxIndex => kernel::Scan::MaxIndex,
            Scanned::MinIndex => kernel::Scan::MinIndex,
        };
        let dtype = dtypes.first().copied().unwrap_or(DType::F32);
        let inputs: Vec<&Layout> = inputs.iter().collect();
        kernel::scan(kind, &inputs, dtype, self.axis, self.exclusive, caps, None)
    }
    fn attributes(&self) -> String {
        format!("along {}{}", self.axis, if self.exclusive { ", exclusive" } else { "" })
    }
    fn label(&self, i: usize, count: usize) -> String {
        match (count, i) {
            (2, 0) => "factor".into(),
            (2, _) => "term".into(),
            _ => "input".into(),
        }
    }
}

impl Scan {
    /// A scan from the end of the axis to its beginning: flips are views.
    fn backwards(&self, kind: Scanned, exclusive: bool, inputs: &[&Tensor]) -> Tensor {
        let axis = self.axis as isize;
        let flipped: Vec<Tensor> = inputs.iter().map(|t| t.flip(&[axis])).collect();
        let scan = Scan { kind, axis: self.axis, exclusive };
        Tensor::record(scan, &flipped.iter().collect::<Vec<_>>()).flip(&[axis])
    }

    /// The gradient of the state at each place, where a state passes to the next by the factor `a`:
    /// `r_i = g_i + a_{i+1}·r_{i+1}`, or for an exclusive scan `r_i = g_{i+1} + a_{i+1}·r_{i+1}`.
    fn adjoint(&self, a: &Tensor, g: &Tensor) -> Tensor {
        if self.exclusive {
            // w_i = g_i + a_i·w_{i+1} and r_i = w_{i+1}
            self.backwards(Scanned::Linear, true, &[a, g])
        } else {
            // z_i = a_i·g_i + a_i·z_{i+1} and r_i = g_i + z_{i+1}
            g + self.backwards(Scanned::Linear, true, &[a, &(a * g)])
        }
    }
}

/// The adjoint of reading `index`, which holds each position for a while from that position on: the sum of `g` over
/// that while. A recurrence that starts anew at each, where adding by index would search the axis for each place.
fn sums_of_runs(g: &Tensor, at: usize, index: &Tensor) -> Tensor {
    let axis = at as isize;
    let size = g.size(axis);
    if g.numel() == 0 {
        return g.clone();
    }
    let back = index.flip(&[axis]);
    let behind = Tensor::concat(&[&back.slice(axis, 0, 1), &back.slice(axis, 0, size - 1)], axis);
    let goes_on = back.eq(&behind).to_dtype(g.dtype());
    let sums = goes_on.linear_scan(&g.flip(&[axis]), axis).flip(&[axis]);
    let mut line = Shape::from(vec![1; g.rank()]);
    line[at] = size;
    let places = Tensor::iota(size, g.device()).reshape(line);
    index.eq(places).select(sums, 0.0)
}

impl Tensor {
    #[track_caller]
    fn scanned(&self, kind: Scanned, axis: isize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(axis) => Tensor::record(Scan { kind, axis, exclusive: false }, &[self]),
            Err(message) => {
                let name = Scan { kind, axis: 0, exclusive: false }.name();
                Tensor::wrong(name, message, &[("input", self)])
            }
        }
    }

    /// The running sum along `axis`, `y_i = Σ_{j≤i} x_j`; same shape. Integers wrap. f32 keeps about 1e-6 relative at
    /// any length: blocks are summed first. Backwards: `x.flip(&[axis]).cumsum(axis).flip(&[axis])`, where flips are
    /// views.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &Device::cpu());
    /// assert_eq!(x.cumsum(0).to_vec::<f32>()?, [1.0, 3.0, 6.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Tensor {
        self.scanned(Scanned::Sum, axis)
    }

    /// The running product along `axis`, `y_i = Π_{j≤i} x_j`; same shape. Integers wrap. The gradient divides by
    /// nothing, so it is right where elements are 0.
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Tensor {
        self.scanned(Scanned::Prod, axis)
    }

    /// The largest element so far along `axis`, and its position as u32, both in this shape: `torch.cummax`. The last of
    /// ties is taken, and gets the gradient; from the first NaN on all are NaN.
    #[track_caller]
    pub fn cummax(&self, axis: isize) -> (Tensor, Tensor) {
        let index = self.scanned(Scanned::MaxIndex, axis);
        (self.picked(axis, &index), index)
    }

    /// The smallest element so far along `axis`, and its position as u32; see [`cummax`](Tensor::cummax).
    #[track_caller]
    pub fn cummin(&self, axis: isize) -> (Tensor, Tensor) {
        let index = self.scanned(Scanned::MinIndex, axis);
        (self.picked(axis, &index), index)
    }

    #[track_caller]
    fn picked(&self, axis: isize, index: &Tensor) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(at) if index.check().is_ok() => {
                let backward = move |v: &Vjp<'_>| match v.inputs {
                    // the index has no gradient
                    [_, index] => vec![sums_of_runs(v.grad, at, index), index.clone()],
                    _ => Vec::new(),
                };
                custom_vjp(&[self, index], |_| self.gather(axis, index), backward)
            }
            _ => index.clone(),
        }
    }

    /// The first-order linear recurrence `h_i = a_i·h_{i−1} + b_i` along `axis` from `h_{−1} = 0`, in parallel; `self`
    /// is `a`, and the two broadcast. Moving averages, discounted returns and state-space layers are of this form. A factor
    /// of 0 starts anew, also after an infinity or NaN, and a state of 0 contributes 0, whatever its factor. Blelloch, Prefix sums and their applications (1990).
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let rewards = Tensor::from_slice(&[1.0f32, 0.0, 2.0], [3], &device);
    /// let discount = Tensor::full([3], 0.5, rewards.dtype(), &device);
    /// let returns = discount.linear_scan(&rewards.flip(&[0]), 0).flip(&[0]);
    /// assert_eq!(returns.to_vec::<f32>()?, [1.5, 1.0, 2.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn linear_scan(&self, b: &Tensor, axis: isize) -> Tensor {
        const NAME: &str = "linear_scan";
        let operands = [("factor", self), ("term", b)];
        let Some(shape) = broadcast(self.shape(), b.shape()) else {
            let message = format!("shapes do not broadcast: {} and {}", self.shape(), b.shape());
            return Tensor::wrong(NAME, message, &operands);
        };
        match axis_of(axis, shape.rank()) {
            Ok(axis) => {
                let op = Scan { kind: Scanned::Linear, axis, exclusive: false };
                Tensor::record(op, &[&self.expand(&shape), &b.expand(&shape)])
            }
            Err(message) => Tensor::wrong(NAME, message, &operands),
        }
    }

    /// The running `log Σ_{j≤i} e^{x_j}` along `axis`, without overflow; same shape. −∞ as long as all are −∞.
    #[track_caller]
    pub fn logcumsumexp(&self, axis: isize) -> Tensor {
        if let Err(wrong) = self.float_axes("logcumsumexp", &[axis]) {
            return wrong;
        }
        if self.numel() == 0 {
            return self.clone();
        }
        // h_i = Σ_{j≤i} e^(x_j − m_i) of the largest m_i so far: h_i = e^(m_{i−1} − m_i)·h_{i−1} + e^(x_i − m_i)
        let largest = self.cummax(axis).0.finite_or_0();
        let first = largest.slice(axis, 0, 1);
        let before = Tensor::concat(&[&first, &largest.slice(axis, 0, self.size(axis) - 1)], axis);
        let factor = (before - &largest).exp();
        factor.linear_scan(&(self - &largest).exp(), axis).log() + largest
    }
}
