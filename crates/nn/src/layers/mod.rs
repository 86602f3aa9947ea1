//! The layers, one file each.

pub mod adaptive_pool;
mod affine;
pub mod axes;
pub mod batch_norm;
pub mod bilinear;
pub mod conv;
pub mod conv_transpose;
pub mod depthwise;
pub mod dropout;
pub mod embedding;
pub mod embedding_bag;
pub mod flatten;
pub mod group_norm;
pub mod instance_norm;
mod kernels;
pub mod layer_norm;
pub mod linear;
pub mod local_response_norm;
pub mod maxout;
pub mod noise;
pub mod pool;
pub mod prelu;
mod rate;
pub mod recompute;
pub mod residual;
mod running;
pub mod upsample;
