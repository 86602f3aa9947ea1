//! Views: reshape, permute, expand, slice. They cost nothing until a kernel needs its input laid out otherwise.

use anygrad_layout::{DType, Layout, Shape, broadcast};

use super::matmul::{MatMul, factors};
use super::{axes_of, axis_of};
use crate::op::{Gradients, Kind, Meta, Op, Vjp};
use crate::{Sizes, Tensor};

/// The same elements in row-major order under another shape.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Reshape(pub Shape);

/// Axis `i` of the output is axis `self.0[i]` of the input.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Permute(pub Vec<usize>);

/// Axes of size 1, and new axes in front, repeat up to a shape.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Expand(pub Shape);

/// `len` elements from `start` along an axis.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Slice {
    /// The axis.
    pub axis: usize,
    /// First position.
    pub start: usize,
    /// Number of elements kept.
    pub len: usize,
}

/// Axes read backwards.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Flip(pub Vec<usize>);

pub(super) fn only<'a>(inputs: &[&'a Meta]) -> Result<&'a Meta, String> {
    match inputs {
        [input] => Ok(input),
        _ => Err(format!("takes 1 input, got {}", inputs.len())),
    }
}

impl Op for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        if self.0.checked_numel() != input.shape.checked_numel() {
            return Err(format!(
                "{} has {} elements, {} has {}",
                input.shape,
                input.shape.numel(),
                self.0,
                self.0.numel()
            ));
        }
        Ok(Meta { shape: self.0.clone(), dtype: input.dtype })
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        input.reshape(&self.0)
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        Some(v.inputs.iter().map(|x| Some(v.grad.reshape(x.shape()))).collect())
    }
}

impl Op for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        let axes: Vec<isize> = self.0.iter().map(|&a| a as isize).collect();
        if axes_of(&axes, input.shape.rank())?.len() != input.shape.rank() {
            return Err(format!("{:?} does not order the {} axes", self.0, input.shape.rank()));
        }
        Ok(Meta { shape: self.0.iter().map(|&a| input.shape[a]).collect(), dtype: input.dtype })
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.permute(&self.0))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        if let Some((a, b)) = self.swaps_last_two().then(|| factors(v.grad)).flatten() {
            // (A·B)ᵀ = Bᵀ·Aᵀ: the gradient lies in memory as the input does, not transposed
            return Some(vec![Some(Tensor::record(MatMul, &[&b.t(), &a.t()]))]);
        }
        let mut back = vec![0isize; self.0.len()];
        self.0.iter().enumerate().for_each(|(to, &from)| back[from] = to as isize);
        Some(vec![Some(v.grad.permute(&back))])
    }
}

impl Permute {
    /// Whether it is the transposition of a matrix.
    fn swaps_last_two(&self) -> bool {
        match *self.0 {
            [ref front @ .., a, b] => a == b + 1 && front.len() == b && front.is_sorted(),
            _ => false,
        }
    }
}

/// Whether a tensor is another one with its last two axes exchanged.
pub(crate) fn swaps_last_two(tensor: &Tensor) -> bool {
    tensor.0.op.as_any().downcast_ref::<Permute>().is_some_and(Permute::swaps_last_two)
}

impl Op for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        if broadcast(&input.shape, &self.0).as_ref() != Some(&self.0) {
            return Err(format!("{} does not expand to {}", input.shape, self.0));
        }
        Ok(Meta { shape: self.0.clone(), dtype: input.dtype })
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.expand(&self.0))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        // the gradient is summed back to the input's shape where it is used
        Some(vec![Some(v.grad.clone())])
    }
}

impl Op for Slice {
    fn name(&self) -> &'static str {
        "slice"
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
        match self.start.checked_add(self.len) {
            Some(end) if end <= *size => *size = self.len,
            _ => {
                return Err(format!(
                    "{} elements from {} exceed axis {} of {}",
                    self.len, self.start, self.axis, input.shape
                ));
            }
        }
        Ok(Meta { shape, dtype: input.dtype })
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        Some(input.slice(self.axis, self.start, self.len, 1))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        // the adjoint of taking a part is to put it back between zeros
        let x = v.inputs.first()?;
        let after = x.shape().get(self.axis)?.saturating_sub(self.start + self.len);
        let mut pads = vec![(0, 0); x.rank()];
        *pads.get_mut(self.axis)? = (self.start, after);
        Some(vec![Some(v.grad.pad(&pads))])
    }
}

impl Op for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }
    fn kind(&self) -> Kind {
        Kind::View
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let input = only(inputs)?;
        match self.0.iter().find(|&&axis| axis >= input.shape.rank()) {
            Some(axis) => Err(format!("axis {axis} is out of range for {} axes", input.shape.rank())),
            None => Ok(input.clone()),
        }
    }
    fn view(&self, input: &Layout) -> Option<Layout> {
        let mut out = input.clone();
        for &axis in &self.0 {
            let size = *out.shape.get(axis)?;
            out = out.slice(axis, size.saturating_sub(1), size, -1);
        }
        Some(out)
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        Some(vec![Some(Tensor::record(Flip(self.0.clone()), &[v.grad]))])
    }
}

impl Tensor {
    /// The elements along `axes` in reverse order. A view.
    #[track_caller]
    pub fn flip(&self, axes: &[isize]) -> Tensor {
        match axes_of(axes, self.rank()) {
            Ok(axes) => Tensor::record(Flip(axes), &[self]),
            Err(message) => Tensor::wrong("flip", message, &[("input", self)]),
        }
    }

    /// The same elements in row-major order under `shape`, which has as many; one size may be −1, and is then what
    /// the others leave: see [`Sizes`]. A view where the strides allow it.
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Sizes>) -> Tensor {
        match shape.into().resolve(self.numel()) {
            Ok(shape) if shape == *self.shape() => self.clone(),
            Ok(shape) => Tensor::record(Reshape(shape), &[self]),
            Err(message) => Tensor::wrong("reshape", message, &[("input", self)]),
        }
    }

    /// The axes from `start` on as one: `[n, c, h, w]` becomes `[n, c·h·w]` with `start = 1`.
    #[track_caller]
    pub fn flatten(&self, start: usize) -> Tensor {
        let Some((kept, merged)) = self.shape().split_at_checked(start) else {
            let message = format!("axis {start} is out of range for {} axes", self.rank());
            return Tensor::wrong("flatten", message, &[("input", self)]);
        };
        let mut shape = Shape::from(kept);
        shape.push(Shape::from(merged).numel());
        self.reshape(shape)
    }

    /// Axes in another order: axis `i` of the result is axis `axes[i]`; negative axes count from the end.
    #[track_caller]
    pub fn permute(&self, axes: &[isize]) -> Tensor {
        match axes.iter().map(|&axis| axis_of(axis, self.rank())).collect::<Result<Vec<_>, _>>() {
            Ok(axes)
                if axes.is_sorted()
                    && axes.len() == self.rank()
                    && axes.last().is_none_or(|&l| l + 1 == axes.len()) =>
            {
                self.clone()
            }
            Ok(axes) => Tensor::record(Permute(axes), &[self]),
            Err(message) => Tensor::wrong("permute", message, &[("input", self)]),
        }
    }

    /// Two axes exchanged.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Tensor {
        let mut axes: Vec<usize> = (0..self.rank()).collect();
        match (axis_of(a, self.rank()), axis_of(b, self.rank())) {
            (Ok(a), Ok(b)) if a == b => self.clone(),
            (Ok(a), Ok(b)) => {
                axes.swap(a, b);
                Tensor::record(Permute(axes), &[self])
            }
            (Err(message), _) | (_, Err(message)) => Tensor::wrong("transpose", message, &[("input", self)]),
        }
    }

    /// A matrix transposed: the last two axes exchanged.
    #[track_caller]
    pub fn t(&self) -> Tensor {
        self.transpose(-2, -1)
    }

    /// Axes of size 1, and new axes in front, repeated up to `shape`. A view.
    #[track_caller]
    pub fn expand(&self, shape: impl Into<Shape>) -> Tensor {
        let shape = shape.into();
        if shape == *self.shape() { self.clone() } else { Tensor::record(Expand(shape), &[self]) }
    }

    /// `len` elements from `start` along `axis`. A view. See also [`slice_step`](Tensor::slice_step).
    #[doc(alias = "narrow")]
    #[track_caller]
    pub fn slice(&self, axis: isize, start: usize, len: usize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(axis) if start == 0 && self.shape().get(axis) == Some(&len) => self.clone(),
            Ok(axis) => Tensor::record(Slice { axis, start, len }, &[self]),
            Err(message) => Tensor::wrong("slice", message, &[("input", self)]),
        }
    }

    /// A new axis of size 1 before `axis`; −1 puts it last.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Tensor {
        match axis_of(axis, self.rank() + 1) {
            Ok(axis) => {
                let mut shape = self.shape().clone();
                shape.insert(axis, 1);
                self.reshape(shape)
            }
            Err(message) => Tensor::wrong("unsqueeze", message, &[("input", self)]),
        }
    }

    /// Without `axis`, whose size is 1.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Tensor {
        match axis_of(axis, self.rank()) {
            Ok(at) if self.shape().get(at) == Some(&1) => {
                let mut shape = self.shape().clone();
                shape.remove(at);
                self.reshape(shape)
            }
            Ok(_) => {
                let message = format!("axis {axis} of {} has not size 1", self.shape());
                Tensor::wrong("squeeze", message, &[("input", self)])
            }
            Err(message) => Tensor::wrong("squeeze", message, &[("input", self)]),
        }
    }

    /// 1 at the class, 0 elsewhere: u32 or i32 classes `[…]` become f32 `[…, classes]`. A class that is out of
    /// range gives a row of zeros; classes given from the host are checked when this is called.
    #[track_caller]
    pub fn one_hot(&self, classes: usize) -> Tensor {
        if !self.dtype().is_int() {
            let message = format!("classes are {}, not u32 or i32", self.dtype());
            return Tensor::wrong("one_hot", message, &[("classes", self)]);
        }
        if let Some((low, high)) = self.host_bounds().filter(|&(low, high)| low < 0 || high >= classes as i64)
        {
            let bad = if low < 0 { low } else { high };
            let message = format!("class {bad} is out of range for {classes} classes");
            return Tensor::wrong("one_hot", message, &[("classes", self)]);
        }
        let columns = Tensor::iota(classes, self.device()).to_dtype(self.dtype());
        self.unsqueeze(-1).eq(columns).to_dtype(DType::F32)
    }
}
