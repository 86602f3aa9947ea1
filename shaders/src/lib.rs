//! WGSL kernels as text: one file a kernel family, see `README.md` beside them.

/// Scalar functions that kernels may call; they get only those they name.
pub const MATH: &str = include_str!("../math.wgsl");
/// Body of the pointwise kernels.
pub const POINTWISE: &str = include_str!("../pointwise.wgsl");
/// Body of the naive matrix product.
pub const MATMUL_NAIVE: &str = include_str!("../matmul_naive.wgsl");
/// Body of the matrix product without workgroup memory, for software adapters.
pub const MATMUL_DIRECT: &str = include_str!("../matmul_direct.wgsl");
/// Body of the matrix product through workgroup memory.
pub const MATMUL_TILED: &str = include_str!("../matmul_tiled.wgsl");
/// Body of the second pass of a split reduction.
pub const SPLIT_SUM: &str = include_str!("../split_sum.wgsl");
/// Body of the reductions with one thread for each output or chunk.
pub const REDUCE_THREAD: &str = include_str!("../reduce_thread.wgsl");
/// Body of the reductions with one workgroup for each output or chunk.
pub const REDUCE_WORKGROUP: &str = include_str!("../reduce_workgroup.wgsl");
