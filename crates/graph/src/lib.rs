//! Tensors, ops, autodiff, programs and plans.
//!
//! A [`Tensor`] is a node in a lazy graph. [`grad`] records gradients as more graph. [`eval`] lowers a graph to a
//! flat [`Program`], finds or makes its plan, and runs it: on the CPU through an interpreter of fused blocks, on a
//! GPU as a replayed list of kernels.
//!
//! ```
//! use anygrad_graph::{Device, Tensor, grad};
//! let device = Device::auto()?;
//! let w = Tensor::from_slice(&[0.5f32, -0.5], [2, 1], &device);
//! let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0], [2, 2], &device);
//! let loss = x.matmul(&w).tanh().square().mean_all();
//! let step = &w - &grad(&loss, &[&w])[0] * 0.1;
//! assert_eq!(step.to_vec::<f32>()?.len(), 2);
//! # Ok::<(), anygrad_graph::Error>(())
//! ```
#![forbid(unsafe_code)]

mod backend;
mod device;
mod display;
mod dot;
mod element;
mod error;
mod eval;
mod explain;
pub mod extend;
mod fuse;
mod grad;
mod halves;
mod non_finite;
mod numbers;
pub mod op;
pub mod ops;
mod pack;
mod plan;
pub mod pointwise;
mod profile;
mod program;
mod read;
mod rng;
mod scope;
mod sizes;
mod tensor;
mod tune;
mod unfused;

pub use anygrad_device::{AdapterInfo, AdapterKind, KernelCache, Options, adapters};
pub use anygrad_device::{Timing, Tuned, Tuning};
pub use anygrad_layout::{Conv, DType, Intervals, Layout, Shape, Window};
pub use device::{Device, Stats};
pub use dot::to_dot;
pub use element::Element;
pub use error::{Error, OpError};
pub use eval::eval;
pub use explain::{Explanation, KernelLine, NodeCounts, explain};
pub use grad::{
    GradCheck, GradReport, WorstElement, checkpoint, custom_vjp, grad, grad_check, grad_or_zeros, grad_with,
    gradient, hessian, hessian_vector_product, jacobian, value_and_grad,
};
pub use non_finite::{NonFinite, find_non_finite};
pub use ops::einsum::einsum;
pub use ops::{AttentionOptions, ConvOptions, Nested, PadMode, PerAxis, PoolOptions, Resize};
pub use pack::pack;
pub use profile::{KernelTime, Profile, profile};
pub use program::{Home, Instr, Program};
pub use read::Later;
pub use rng::Rng;
pub use scope::{current as current_scope, recorded_at, scoped};
pub use sizes::Sizes;
pub use tensor::Tensor;
pub use unfused::eval_unfused;

/// The type of the elements of f16 tensors.
pub use half::f16;
