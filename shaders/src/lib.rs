//! WGSL kernels as text: one file a kernel family, see `README.md` beside them.

/// Scalar functions that kernels may call; they get only those they name.
pub const MATH: &str = include_str!("../math.wgsl");
/// Body of the pointwise kernels.
pub const POINTWISE: &str = include_str!("../pointwise.wgsl");
