//! The ops that are not elementwise, one file each: the methods, the shape rule, the gradient, the CPU meaning and
//! the GPU lowering.

pub mod activation;
mod adaptive;
pub mod after;
pub mod attention;
mod attention_options;
mod axes;
pub mod contract;
pub mod conv;
mod conv_options;
mod convolve;
mod diagonal;
pub mod einsum;
mod equation;
pub mod gather;
pub mod interval;
mod joining;
pub mod leaf;
pub mod linalg;
mod linalg_methods;
pub mod matmul;
pub mod movement;
pub mod norm;
pub mod pad;
mod padding;
mod per_axis;
pub mod pool;
mod pool_options;
mod pooling;
mod range;
pub mod reduce;
mod resize;
pub mod scan;
pub mod scatter;
mod select;
pub mod slicing;
pub mod softmax;
pub mod sort;
pub mod spread;
pub mod stop;
pub mod truth;
pub mod windows;

pub use attention_options::AttentionOptions;
pub use conv_options::ConvOptions;
pub use padding::PadMode;
pub use per_axis::PerAxis;
pub use pool_options::PoolOptions;
pub use range::Nested;
pub use resize::Resize;

use anygrad_cpu::{CpuError, View};
use anygrad_device::DeviceError;

use crate::Tensor;
use crate::op::{Meta, Op};

/// The inputs of a kernel as an array; their number was checked by `infer`.
pub(crate) fn views<'a, const N: usize>(
    op: &'static str,
    inputs: &[View<'a>],
) -> Result<[View<'a>; N], CpuError> {
    <[View<'a>; N]>::try_from(inputs)
        .map_err(|_| CpuError::Unsupported { op, dtype: anygrad_layout::DType::F32 })
}

/// Records `op` for the method `name`: what is wrong with the inputs is said in its name.
#[track_caller]
pub(crate) fn record_as(name: &'static str, op: impl Op, inputs: &[&Tensor]) -> Tensor {
    let metas: Vec<&Meta> = inputs.iter().map(|t| &t.0.meta).collect();
    if inputs.iter().all(|t| t.0.error.is_none())
        && let Err(message) = op.infer(&metas)
    {
        let labels: Vec<String> = (0..inputs.len()).map(|i| op.label(i, inputs.len())).collect();
        let labelled: Vec<(&str, &Tensor)> =
            labels.iter().map(String::as_str).zip(inputs.iter().copied()).collect();
        return Tensor::wrong(name, message, &labelled);
    }
    Tensor::record(op, inputs)
}

/// The error of an op that has no kernel for what it was given.
pub(crate) fn no_kernel(op: &str) -> DeviceError {
    DeviceError::Unsupported { what: format!("{op}, which has no kernel") }
}

/// Axis `axis` of `rank` axes, negative counting from the end.
pub(crate) fn axis_of(axis: isize, rank: usize) -> Result<usize, String> {
    let from_end = if axis < 0 { axis + rank as isize } else { axis };
    match usize::try_from(from_end) {
        Ok(at) if at < rank => Ok(at),
        _ => Err(format!("axis {axis} is out of range for {rank} axes")),
    }
}

/// Axes in ascending order without repeats.
pub(crate) fn axes_of(axes: &[isize], rank: usize) -> Result<Vec<usize>, String> {
    let mut found = axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable();
    match found.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("axis {} is named twice", pair[0])),
        None => Ok(found),
    }
}
