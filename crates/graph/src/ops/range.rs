//! Numbers in a row, made of counting and two run-time numbers; grids of them; and tensors from what the host holds.

use std::panic::Location;

use anygrad_layout::{DType, Shape};

use crate::error::OpError;
use crate::{Device, Element, Tensor, scope};

/// Something that was asked for without an input to blame.
#[track_caller]
fn wrong(name: &'static str, message: String, device: &Device) -> Tensor {
    let site = scope::site(Location::caller());
    Tensor::poisoned(device, OpError::at(name, message, site), site)
}

/// Whether an integer dtype holds the number, which is whole.
fn holds(dtype: DType, number: f64) -> bool {
    match dtype {
        DType::I32 => number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX),
        DType::U32 => (0.0..=f64::from(u32::MAX)).contains(&number),
        _ => true,
    }
}

impl Tensor {
    /// The numbers `start + i·step` up to, but without, `end`: `⌈(end − start) / step⌉` of them. Computed as that
    /// product and sum in `dtype`, so f32 is a few roundings off far out; integers are exact. Takes no memory until a
    /// kernel needs it. `start` and `step` of an integer dtype are whole numbers.
    ///
    /// ```
    /// # use anygrad_graph::{DType, Device, Tensor};
    /// let t = Tensor::arange(1.0, 2.0, 0.25, DType::F32, &Device::cpu());
    /// assert_eq!(t.to_vec::<f32>()?, [1.0, 1.25, 1.5, 1.75]);
    /// let t = Tensor::arange(3.0, -3.0, -2.0, DType::I32, &Device::cpu());
    /// assert_eq!(t.to_vec::<i32>()?, [3, 1, -1]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn arange(start: f64, end: f64, step: f64, dtype: DType, device: &Device) -> Tensor {
        let count = ((end - start) / step).ceil();
        // also false for NaN
        let towards = step != 0.0 && (end - start) * step.signum() >= 0.0 && count.is_finite();
        if !towards {
            let message = format!("no numbers lead from {start} to {end} by {step}");
            return wrong("arange", message, device);
        }
        if count > f64::from(u32::MAX) {
            let message = format!("from {start} to {end} by {step} are more than 2^32 numbers");
            return wrong("arange", message, device);
        }
        if dtype == DType::Bool {
            return wrong("arange", "does not give bool".into(), device);
        }
        let last = start + step * (count - 1.0).max(0.0);
        if dtype.is_int() {
            let whole = start.fract() == 0.0 && step.fract() == 0.0;
            if !whole || !holds(dtype, start) || !holds(dtype, last) {
                let message = format!("{start} to {last} by {step} are not {dtype} numbers");
                return wrong("arange", message, device);
            }
        }
        let count = Tensor::iota(count as usize, device).to_dtype(dtype);
        count * Tensor::number(step, dtype, device) + Tensor::number(start, dtype, device)
    }

    /// `count` numbers in even steps from `start` to `end`, both included: `start + i·(end − start) / (count − 1)` in
    /// the first half, and counted back from `end` in the second, so both ends are exact, as in PyTorch. One number is
    /// `start`. f32 or f64.
    ///
    /// ```
    /// # use anygrad_graph::{DType, Device, Tensor};
    /// let t = Tensor::linspace(0.0, 1.0, 5, DType::F32, &Device::cpu());
    /// assert_eq!(t.to_vec::<f32>()?, [0.0, 0.25, 0.5, 0.75, 1.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn linspace(start: f64, end: f64, count: usize, dtype: DType, device: &Device) -> Tensor {
        if !dtype.is_float() {
            return wrong("linspace", format!("gives floats, not {dtype}"), device);
        }
        scope::recorded_at(Location::caller(), || {
            let places = Tensor::iota(count, device);
            let number = |value: f64, dtype: DType| Tensor::number(value, dtype, device);
            let step = number((end - start) / count.saturating_sub(1).max(1) as f64, dtype);
            // counted from the last, without leaving u32
            let back = number(count.saturating_sub(1) as f64, DType::U32) - &places;
            let rising = places.to_dtype(dtype) * &step + number(start, dtype);
            let falling = number(end, dtype) - back.to_dtype(dtype) * &step;
            places.lt(number(count.div_ceil(2) as f64, DType::U32)).select(rising, falling)
        })
    }

    /// `base` to the powers [`linspace`](Tensor::linspace) gives.
    #[track_caller]
    pub fn logspace(start: f64, end: f64, count: usize, base: f64, dtype: DType, device: &Device) -> Tensor {
        let powers = Tensor::linspace(start, end, count, dtype, device);
        Tensor::number(base, dtype, device).pow(powers)
    }

    /// The coordinates of a grid with these along its axes: for `n` tensors of one axis, `n` tensors of all their
    /// sizes, the `i`-th of which varies along axis `i` (`"ij"` in NumPy and PyTorch). Views.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let d = Device::cpu();
    /// let grid = Tensor::meshgrid(&[&Tensor::iota(2, &d), &Tensor::iota(3, &d)]);
    /// assert_eq!(grid[0].to_vec::<u32>()?, [0, 0, 0, 1, 1, 1]);
    /// assert_eq!(grid[1].to_vec::<u32>()?, [0, 1, 2, 0, 1, 2]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn meshgrid(axes: &[&Tensor]) -> Vec<Tensor> {
        let shape: Shape = axes.iter().map(|t| t.numel()).collect();
        let mut grid = Vec::with_capacity(axes.len());
        for (i, axis) in axes.iter().enumerate() {
            if axis.rank() != 1 {
                let message = format!("input {i} has shape {}, not one axis", axis.shape());
                grid.push(Tensor::wrong("meshgrid", message, &[("input", axis)]));
                continue;
            }
            let mut line = vec![1; axes.len()];
            line[i] = axis.numel();
            grid.push(axis.reshape(line).expand(&shape));
        }
        grid
    }

    /// As [`meshgrid`](Tensor::meshgrid) with the first two axes of the result exchanged: `"xy"`, for `x` to the right
    /// and `y` down.
    #[track_caller]
    pub fn meshgrid_xy(axes: &[&Tensor]) -> Vec<Tensor> {
        let mut grid = Tensor::meshgrid(axes);
        if axes.len() > 1 {
            for tensor in &mut grid {
                *tensor = tensor.transpose(0, 1);
            }
        }
        grid
    }

    /// Every element is `value`; shape, dtype and device are those of this tensor.
    #[track_caller]
    pub fn full_like(&self, value: f64) -> Tensor {
        Tensor::full(self.shape(), value, self.dtype(), self.device())
    }

    /// One number from the host, of the dtype of its Rust type, as a tensor without axes. It is part of the program's
    /// memory; for a number that changes from step to step see [`number`](Tensor::number).
    #[track_caller]
    pub fn scalar<T: Element>(value: T, device: &Device) -> Tensor {
        Tensor::from_slice(&[value], Shape::scalar(), device)
    }

    /// A tensor from nested arrays, which give the shape.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::from_array([[1.0f32, 2.0, 3.0], [4.0, 5.0, 6.0]], &Device::cpu());
    /// assert_eq!(t.shape()[..], [2, 3]);
    /// ```
    #[track_caller]
    pub fn from_array<A: Nested>(array: A, device: &Device) -> Tensor {
        let (mut shape, mut elements) = (Shape::scalar(), Vec::new());
        A::sizes(&mut shape);
        array.flatten_into(&mut elements);
        Tensor::from_slice(&elements, shape, device)
    }

    /// A tensor whose element at each position, which is given as one number an axis, is what `value` says; computed
    /// on the host.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::from_fn([2, 2], |at| (10 * at[0] + at[1]) as i32, &Device::cpu());
    /// assert_eq!(t.to_vec::<i32>()?, [0, 1, 10, 11]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn from_fn<T: Element>(
        shape: impl Into<Shape>,
        mut value: impl FnMut(&[usize]) -> T,
        device: &Device,
    ) -> Tensor {
        let shape = shape.into();
        if !crate::tensor::countable(&shape) {
            let message = format!("shape {shape} has more than 2^32 elements, or would but for a size of 0");
            return wrong("from_fn", message, device);
        }
        let mut at = vec![0usize; shape.rank()];
        let mut elements = Vec::new();
        for _ in 0..shape.numel() {
            elements.push(value(&at));
            for (place, &size) in at.iter_mut().zip(shape.iter()).rev() {
                *place += 1;
                if *place < size {
                    break;
                }
                *place = 0;
            }
        }
        Tensor::from_slice(&elements, shape, device)
    }
}

/// Arrays of arrays of elements, for [`Tensor::from_array`].
pub trait Nested {
    /// What the innermost arrays hold.
    type Item: Element;
    /// Adds the sizes, from the outermost in.
    fn sizes(shape: &mut Shape);
    /// Adds the elements in row-major order.
    fn flatten_into(self, elements: &mut Vec<Self::Item>);
}

impl<A: Nested, const N: usize> Nested for [A; N] {
    type Item = A::Item;
    fn sizes(shape: &mut Shape) {
        shape.push(N);
        A::sizes(shape);
    }
    fn flatten_into(self, elements: &mut Vec<Self::Item>) {
        self.into_iter().for_each(|inner| inner.flatten_into(elements));
    }
}

macro_rules! innermost {
    ($($type:ident)+) => {$(
        impl Nested for $type {
            type Item = $type;
            fn sizes(_: &mut Shape) {}
            fn flatten_into(self, elements: &mut Vec<$type>) {
                elements.push(self);
            }
        }
    )+};
}

innermost!(f32 f64 i32 u32 bool);
