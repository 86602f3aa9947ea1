//! Reductions over any axes: sum, product, extremes and their positions.

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::kernels::reduce as kernel;
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape};

use super::scan::{Scan, Scanned};
use super::{axes_of, views};
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// What is done with the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reduction {
    /// Their sum; 0 of none.
    Sum,
    /// Their product; 1 of none.
    Prod,
    /// The largest; NaN if any is.
    Max,
    /// The smallest; NaN if any is.
    Min,
    /// Row-major position of the first largest among the reduced axes; NaN counts as largest.
    ArgMax,
    /// Row-major position of the first smallest among the reduced axes; NaN counts as smallest.
    ArgMin,
}

/// A reduction over `axes` (ascending); the axes disappear.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Reduce {
    /// What is done.
    pub kind: Reduction,
    /// Over which axes.
    pub axes: Vec<usize>,
}

impl Op for Reduce {
    fn name(&self) -> &'static str {
        match self.kind {
            Reduction::Sum => "sum",
            Reduction::Prod => "prod",
            Reduction::Max => "max",
            Reduction::Min => "min",
            Reduction::ArgMax => "argmax",
            Reduction::ArgMin => "argmin",
        }
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [input] = inputs else { return Err(format!("takes 1 input, got {}", inputs.len())) };
        if input.dtype == DType::Bool {
            return Err("does not take bool".into());
        }
        if let Some(axis) = self.axes.iter().find(|&&axis| axis >= input.shape.rank()) {
            return Err(format!("axis {axis} is out of range for {} axes", input.shape.rank()));
        }
        let count: usize = self.axes.iter().map(|&a| input.shape.get(a).copied().unwrap_or(1)).product();
        if count == 0 && !matches!(self.kind, Reduction::Sum | Reduction::Prod) {
            return Err(format!("no elements along axes {:?} of {}", self.axes, input.shape));
        }
        let kept = input.shape.iter().enumerate().filter(|(i, _)| !self.axes.contains(i)).map(|(_, &n)| n);
        let dtype = match self.kind {
            Reduction::ArgMax | Reduction::ArgMin => DType::U32,
            _ => input.dtype,
        };
        Ok(Meta { shape: kept.collect(), dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let x = v.inputs.first()?;
        let mut shape = x.shape().clone();
        self.axes.iter().for_each(|&a| shape[a] = 1);
        let g = v.grad.reshape(&shape);
        match self.kind {
            // every element adds to the sum as it is
            Reduction::Sum => Some(vec![Some(g.expand(x.shape()))]),
            // d/dx_i Π_j x_j = Π_{j≠i} x_j, without a division, so that zeros are right
            Reduction::Prod => Some(vec![Some(g * product_of_others(x, &self.axes))]),
            // the elements that attain the extreme share its gradient evenly, as torch.amax
            Reduction::Max | Reduction::Min => {
                let hit = x.eq(v.output.reshape(&shape)).to_dtype(x.dtype());
                let axes: Vec<isize> = self.axes.iter().map(|&a| a as isize).collect();
                let hits = hit.sum_keep(&axes);
                Some(vec![Some(hit * (g / hits))])
            }
            Reduction::ArgMax | Reduction::ArgMin => None,
        }
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [x] = views(self.name(), inputs)?;
        let kind = match self.kind {
            Reduction::Sum => anygrad_cpu::Reduce::Sum,
            Reduction::Prod => anygrad_cpu::Reduce::Prod,
            Reduction::Max => anygrad_cpu::Reduce::Max,
            Reduction::Min => anygrad_cpu::Reduce::Min,
            Reduction::ArgMax => anygrad_cpu::Reduce::ArgMax,
            Reduction::ArgMin => anygrad_cpu::Reduce::ArgMin,
        };
        anygrad_cpu::reduce(host, x, kind, &self.axes)
    }
    fn lower(
        &self,
        inputs: &[Layout],
        dtypes: &[DType],
        _: &Meta,
        caps: &Caps,
    ) -> Result<Lowered, DeviceError> {
        let program = anygrad_device::kernels::Pointwise::copy(&inputs[0], dtypes[0]);
        kernel::reduce(&program, self.kernel(), &self.axes, caps, None)
    }
    fn attributes(&self) -> String {
        format!("over {:?}", self.axes)
    }
    fn reduction(&self) -> Option<(kernel::Reduce, &[usize])> {
        Some((self.kernel(), &self.axes))
    }
}

impl Reduce {
    fn kernel(&self) -> kernel::Reduce {
        match self.kind {
            Reduction::Sum => kernel::Reduce::Sum,
            Reduction::Prod => kernel::Reduce::Prod,
            Reduction::Max => kernel::Reduce::Max,
            Reduction::Min => kernel::Reduce::Min,
            Reduction::ArgMax => kernel::Reduce::ArgMax,
            Reduction::ArgMin => kernel::Reduce::ArgMin,
        }
    }
}

/// For each element the product of the other elements that are reduced with it: of those before it times of those
/// behind it.
fn product_of_others(x: &Tensor, axes: &[usize]) -> Tensor {
    let kept = (0..x.rank()).filter(|axis| !axes.contains(axis));
    let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
    let mut back = vec![0isize; order.len()];
    order.iter().enumerate().for_each(|(to, &from)| back[from] = to as isize);
    let turned = x.permute(&order.iter().map(|&axis| axis as isize).collect::<Vec<_>>());
    let line = turned.flatten(x.rank() - axes.len());
    let last = line.rank() - 1;
    let before = |t: &Tensor| Tensor::record(Scan { kind: Scanned::Prod, axis: last, exclusive: true }, &[t]);
    let behind = before(&line.flip(&[-1])).flip(&[-1]);
    (before(&line) * behind).reshape(turned.shape()).permute(&back)
}

impl Tensor {
    #[track_caller]
    fn reduced(&self, kind: Reduction, axes: &[isize]) -> Tensor {
        match axes_of(axes, self.rank()) {
            Ok(axes) if axes.is_empty() && !matches!(kind, Reduction::ArgMax | Reduction::ArgMin) => {
                self.clone()
            }
            Ok(axes) => Tensor::record(Reduce { kind, axes }, &[self]),
            Err(message) => {
                let name = Reduce { kind, axes: Vec::new() }.name();
                Tensor::wrong(name, message, &[("input", self)])
            }
        }
    }

    #[track_caller]
    pub(crate) fn all_axes(&self) -> Vec<isize> {
        (0..self.rank() as isize).collect()
    }

    /// The sum over `axes` (negative ones count from the end), which disappear. 0 over no elements. Exact to
    /// about 1e-6 relative in f32 for any length: partial sums are added pairwise. Integers wrap.
    #[track_caller]
    pub fn sum(&self, axes: &[isize]) -> Tensor {
        self.reduced(Reduction::Sum, axes)
    }

    /// The sum over `axes`, which stay with size 1.
    #[track_caller]
    pub fn sum_keep(&self, axes: &[isize]) -> Tensor {
        self.sum(axes).reshape(self.kept_shape(axes))
    }

    /// The sum of all elements, a scalar.
    #[track_caller]
    pub fn sum_all(&self) -> Tensor {
        self.sum(&self.all_axes())
    }

    /// The product over `axes`, which disappear. 1 over no elements. Integers wrap. The gradient of an element is
    /// the product of the others, made without a division, so it is right where elements are 0.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor, grad};
    /// let x = Tensor::from_slice(&[2.0f32, 0.0, 3.0], [3], &Device::cpu());
    /// let g = grad(&x.prod(&[0]), &[&x]).remove(0);
    /// assert_eq!(g.to_vec::<f32>()?, [0.0, 6.0, 0.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn prod(&self, axes: &[isize]) -> Tensor {
        self.reduced(Reduction::Prod, axes)
    }

    /// The product over `axes`, which stay with size 1.
    #[track_caller]
    pub fn prod_keep(&self, axes: &[isize]) -> Tensor {
        self.prod(axes).reshape(self.kept_shape(axes))
    }

    /// The product of all elements, a scalar.
    #[track_caller]
    pub fn prod_all(&self) -> Tensor {
        self.prod(&self.all_axes())
    }

    /// The mean over `axes`, which disappear. NaN over no elements. Floats only.
    #[track_caller]
    pub fn mean(&self, axes: &[isize]) -> Tensor {
        if let Some(y) = self.in_single(|x| x.mean(axes)) {
            return y;
        }
        match self.float_axes("mean", axes) {
            Ok(count) => self.sum(axes) / count as f64,
            Err(wrong) => wrong,
        }
    }

    /// The mean over `axes`, which stay with size 1.
    #[track_caller]
    pub fn mean_keep(&self, axes: &[isize]) -> Tensor {
        self.mean(axes).reshape(self.kept_shape(axes))
    }

    /// The mean of all elements, a scalar.
    #[track_caller]
    pub fn mean_all(&self) -> Tensor {
        self.mean(&self.all_axes())
    }

    /// The largest element over `axes`, which disappear; NaN if any is. Elements that tie share the gradient evenly:
    /// `torch.amax`. [`max_with_index`](Tensor::max_with_index) gives it to the first. An error over no elements.
    #[track_caller]
    pub fn max(&self, axes: &[isize]) -> Tensor {
        self.reduced(Reduction::Max, axes)
    }

    /// The largest element over `axes`, which stay with size 1.
    #[track_caller]
    pub fn max_keep(&self, axes: &[isize]) -> Tensor {
        self.max(axes).reshape(self.kept_shape(axes))
    }

    /// The largest of all elements, a scalar.
    #[track_caller]
    pub fn max_all(&self) -> Tensor {
        self.max(&self.all_axes())
    }

    /// The smallest element over `axes`, which disappear; NaN if any is. Elements that tie share the gradient evenly:
    /// `torch.amin`. An error over no elements.
    #[track_caller]
    pub fn min(&self, axes: &[isize]) -> Tensor {
        self.reduced(Reduction::Min, axes)
    }

    /// The smallest element over `axes`, which stay with size 1.
    #[track_caller]
    pub fn min_keep(&self, axes: &[isize]) -> Tensor {
        self.min(axes).reshape(self.kept_shape(axes))
    }

    /// The smallest of all elements, a scalar.
    #[track_caller]
    pub fn min_all(&self) -> Tensor {
        self.min(&self.all_axes())
    }

    /// Position of the largest element along `axis`, as u32; the first of ties, and NaN counts as largest. An error
    /// over no elements.
    #[track_caller]
    pub fn argmax(&self, axis: isize) -> Tensor {
        self.reduced(Reduction::ArgMax, &[axis])
    }

    /// Row-major position of the largest of all elements, a u32 scalar; the first of ties, and NaN counts as largest.
    #[track_caller]
    pub fn argmax_all(&self) -> Tensor {
        self.reduced(Reduction::ArgMax, &self.all_axes())
    }

    /// Position of the smallest element along `axis`, as u32; the first of ties, and NaN counts as smallest. An error
    /// over no elements.
    #[track_caller]
    pub fn argmin(&self, axis: isize) -> Tensor {
        self.reduced(Reduction::ArgMin, &[axis])
    }

    /// Row-major position of the smallest of all elements, a u32 scalar; the first of ties, and NaN counts as smallest.
    #[track_caller]
    pub fn argmin_all(&self) -> Tensor {
        self.reduced(Reduction::ArgMin, &self.all_axes())
    }

    /// The largest element along `axis`, which disappears, and its position: `torch.max(x, dim)`. The first of ties is
    /// taken and gets the whole gradient; the first NaN wins.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 5.0, 5.0, 4.0, 2.0, 0.0], [2, 3], &Device::cpu());
    /// let (largest, at) = x.max_with_index(1);
    /// assert_eq!(largest.to_vec::<f32>()?, [5.0, 4.0]);
    /// assert_eq!(at.to_vec::<u32>()?, [1, 0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn max_with_index(&self, axis: isize) -> (Tensor, Tensor) {
        self.with_index("max_with_index", Reduction::ArgMax, axis)
    }

    /// The smallest element along `axis`, which disappears, and its position; see
    /// [`max_with_index`](Tensor::max_with_index).
    #[track_caller]
    pub fn min_with_index(&self, axis: isize) -> (Tensor, Tensor) {
        self.with_index("min_with_index", Reduction::ArgMin, axis)
    }

    #[track_caller]
    fn with_index(&self, name: &'static str, kind: Reduction, axis: isize) -> (Tensor, Tensor) {
        if let Err(wrong) = self.checked_axes(name, &[axis]) {
            return (wrong.clone(), wrong);
        }
        let index = self.reduced(kind, &[axis]);
        let value = self.gather(axis, &index.reshape(self.kept_shape(&[axis])));
        (value.reshape(index.shape()), index)
    }

    /// This shape with size 1 at `axes`; wrong axes are left for the op to report.
    pub(crate) fn kept_shape(&self, axes: &[isize]) -> Shape {
        let mut shape = self.shape().clone();
        for axis in axes_of(axes, self.rank()).unwrap_or_default() {
            shape[axis] = 1;
        }
        shape
    }

    /// The number of elements over `axes`, or a tensor that says for the method `name` what is wrong with them.
    #[track_caller]
    pub(crate) fn checked_axes(&self, name: &'static str, axes: &[isize]) -> Result<usize, Tensor> {
        match axes_of(axes, self.rank()) {
            Ok(axes) => Ok(axes.iter().map(|&axis| self.shape()[axis]).product()),
            Err(message) => Err(Tensor::wrong(name, message, &[("input", self)])),
        }
    }

    /// As [`checked_axes`](Tensor::checked_axes), of floats.
    #[track_caller]
    pub(crate) fn float_axes(&self, name: &'static str, axes: &[isize]) -> Result<usize, Tensor> {
        if !self.dtype().is_float() {
            let message = format!("takes floats, not {}", self.dtype());
            return Err(Tensor::wrong(name, message, &[("input", self)]));
        }
        self.checked_axes(name, axes)
    }
}
