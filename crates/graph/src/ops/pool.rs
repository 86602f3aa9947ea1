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
        if sizes.iter().any(|&size| size > u32::MAX as usize) {
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

/// The spatial sizes of `[N, C, *n]`, as the last entries of three.
fn spatial(x: &Tensor) -> [usize; 3] {
    let mut sizes = [1; 3];
    sizes.iter_mut().rev().zip(x.shape().iter().skip(2).rev()).for_each(|(to, &from)| *to = from);
    sizes
}

impl Tensor {
    /// The largest element of each window of `[N, C, *n]`; the first of ties gets the gradient, padding is never
    /// chosen, NaN wins. Output sizes as [`Window::output_size`] gives.
    #[track_caller]
    pub fn max_pool(&self, window: &Window) -> Tensor {
        let index = Tensor::record(Pool::MaxIndex(window.clone()), &[self]);
        Tensor::record(Pool::Pick(window.clone()), &[self, &index])
    }

    /// The mean of each window of `[N, C, *n]`; padding counts as zeros, as in PyTorch's default.
    #[track_caller]
    pub fn avg_pool(&self, window: &Window) -> Tensor {
        // of the axes it has: what stands before them does not count
        let taps = window.kernel.iter().rev().take(window.rank).fold(1usize, |n, &k| n.saturating_mul(k));
        Tensor::record(Pool::Sum(window.clone()), &[self]) / taps as f64
    }

    /// Max pooling of `[N, C, H, W]` over square windows: out = `⌊(n − kernel) / stride⌋ + 1`.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [1, 1, 2, 2], &Device::cpu());
    /// assert_eq!(x.max_pool2d(2, 2).to_vec::<f32>()?, [4.0]);
    /// assert_eq!(x.avg_pool2d(2, 2).to_vec::<f32>()?, [2.5]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn max_pool2d(&self, kernel: usize, stride: usize) -> Tensor {
        self.max_pool(&square(kernel, stride))
    }

    /// Average pooling of `[N, C, H, W]` over square windows: out = `⌊(n − kernel) / stride⌋ + 1`.
    #[track_caller]
    pub fn avg_pool2d(&self, kernel: usize, stride: usize) -> Tensor {
        self.avg_pool(&square(kernel, stride))
    }
}

fn square(kernel: usize, stride: usize) -> Window {
    let mut window = Window::new(&[kernel, kernel]);
    window.stride = [1, stride, stride];
    window
}
