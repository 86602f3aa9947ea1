//! What an op from outside of this crate is written with.
//!
//! - A composition needs nothing from here; [`custom_vjp`](crate::custom_vjp) gives it a gradient of its own.
//! - An elementwise op is a `static` [`Row`]: a CPU loop, a WGSL expression, a gradient. It fuses as the built-in ones.
//! - Any other op is a type that implements [`Op`]: a shape rule, a gradient, [`eval`](Op::eval) for the CPU and
//!   [`lower`](Op::lower) for a GPU, where [`Builder`] puts the kernel together. [`Tensor::record`](crate::Tensor::record)
//!   records it.
//!
//! Kernels are compiled without bounds checks, so each has to keep within its buffers.
//! [`Options::checked_shaders`](crate::Options::checked_shaders) and
//! [`guard_bands`](crate::Options::guard_bands) are for testing that it does. A text that does not compile is an error
//! that names the op and the line that recorded it.

pub use anygrad_cpu as cpu;
pub use anygrad_cpu::{
    BlockFn, CpuError, Host, Lane, LaneMut, Storage, View, Word, apply1, apply2, apply3, compare2, float1,
    float2, float3, number1, number2,
};
pub use anygrad_device as device;
pub use anygrad_device::kernels::{Builder, fold_groups, storage_type};
pub use anygrad_device::{Access, Caps, DeviceError, Launch, Lowered, Operand, Param};
pub use anygrad_layout::{DType, Layout, Shape};

pub use crate::op::{Gradients, Kind, Meta, Op, OpRef, Vjp};
pub use crate::pointwise::{Class, Pointwise, Row, Types};
