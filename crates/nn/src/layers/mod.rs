//! The layers, one file each.

mod affine;
pub mod axes;
pub mod batch_norm;
pub mod conv;
pub mod conv_transpose;
pub mod depthwise;
pub mod dropout;
pub mod embedding;
pub mod flatten;
pub mod group_norm;
pub mod instance_norm;
mod kernels;
pub mod layer_norm;
pub mod linear;
pub mod local_response_norm;
pub mod pool;
pub mod recompute;
mod running;
