//! wgpu adapters, buffers, WGSL kernels and their dispatch: the room of anygrad that talks to a GPU.
//!
//! The upper rooms describe work as plain data ([`Launch`], [`Lowered`]), bind it to buffers in a
//! [`Plan`] and replay that plan. Nothing here knows tensors, gradients or CPU arithmetic.
//!
//! ```no_run
//! use anygrad_device::{Gpu, Options};
//! # fn main() -> Result<(), anygrad_device::DeviceError> {
//! let gpu = Gpu::open(0, &Options::default())?;
//! println!("{}", gpu.info());
//! let buffer = gpu.upload(&[1, 2, 3, 4])?;
//! assert_eq!(gpu.read(&buffer, 4)?, [1, 2, 3, 4]);
//! # Ok(())
//! # }
//! ```

mod adapter;
mod binds;
mod buffer;
mod counters;
mod error;
mod fault;
mod gpu;
mod guard;
mod kernel_cache;
pub mod kernels;
mod launch;
mod once;
mod pipeline;
mod plan;
mod pool;
mod recent;
mod timing;
mod transfer;
mod tuning;
mod waiting;
mod whole_file;

pub use adapter::{AdapterInfo, AdapterKind, adapters};
pub use buffer::Buffer;
pub use counters::{Counters, Memory};
pub use error::DeviceError;
pub use gpu::{Gpu, Limits, Options};
pub use kernel_cache::KernelCache;
pub use launch::*;
pub use plan::{Plan, PlanStep};
pub use transfer::Reading;
pub use tuning::{Case, Choices, Timing, Tuned, Tuning};
