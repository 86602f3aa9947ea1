//! The layers, one file each.

pub mod batch_norm;
pub mod conv2d;
pub mod dropout;
pub mod flatten;
pub mod linear;
pub mod pool;
pub mod recompute;
