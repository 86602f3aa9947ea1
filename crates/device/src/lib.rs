//! wgpu adapters, buffers, WGSL kernels and their dispatch: the room of anygrad that talks to a GPU.
//!
//! The upper rooms describe work as plain data ([`Launch`], [`Lowered`]), bind it to buffers in a
//! [`Plan`] and replay that plan. Nothing here knows tensors, gradients or CPU arithmetic.

mod error;
pub mod kernels;
mod launch;

pub use error::DeviceError;
pub use launch::*;
