//! WGSL kernels as text: one file a kernel family, see `README.md` beside them.

/// Scalar functions that kernels may call; they get only those they name.
pub const MATH: [&str; 7] = [
    include_str!("../math.wgsl"),
    include_str!("../math_half.wgsl"),
    include_str!("../math_integer.wgsl"),
    include_str!("../math_power.wgsl"),
    include_str!("../math_remainder.wgsl"),
    include_str!("../math_trigonometry.wgsl"),
    include_str!("../math_random.wgsl"),
];
/// Body of the pointwise kernels.
pub const POINTWISE: &str = include_str!("../pointwise.wgsl");
/// Body of the naive matrix product.
pub const MATMUL_NAIVE: &str = include_str!("../matmul_naive.wgsl");
/// Body of the matrix product by subgroups of eight threads, for software adapters.
pub const MATMUL_LANES: &str = include_str!("../matmul_lanes.wgsl");
/// Body of the matrix product without workgroup memory, for software adapters without such subgroups.
pub const MATMUL_DIRECT: &str = include_str!("../matmul_direct.wgsl");
/// Body of the matrix product through workgroup memory.
pub const MATMUL_TILED: &str = include_str!("../matmul_tiled.wgsl");
/// Body of the products of single rows.
pub const MATMUL_VECTOR: &str = include_str!("../matmul_vector.wgsl");
/// Body of the second pass of a split reduction.
pub const SPLIT_SUM: &str = include_str!("../split_sum.wgsl");
/// Body of the reductions with one thread for each output or chunk.
pub const REDUCE_THREAD: &str = include_str!("../reduce_thread.wgsl");
/// Body of the reductions with one workgroup for each output or chunk.
pub const REDUCE_WORKGROUP: &str = include_str!("../reduce_workgroup.wgsl");
/// Body of the kernels over rows with one thread for each row.
pub const ROWS_THREAD: &str = include_str!("../rows_thread.wgsl");
/// Body of the kernels over rows with one workgroup for each row.
pub const ROWS_WORKGROUP: &str = include_str!("../rows_workgroup.wgsl");
/// Body that writes the zeros a reduction over nothing gives.
pub const ZEROS: &str = include_str!("../zeros.wgsl");
/// Body of the naive convolution.
pub const CONV_NAIVE: &str = include_str!("../conv_naive.wgsl");
/// Body of the convolution through workgroup memory.
pub const CONV_TILED: &str = include_str!("../conv_tiled.wgsl");
/// Body of the convolution without workgroup memory, for software adapters.
pub const CONV_DIRECT: &str = include_str!("../conv_direct.wgsl");
/// Body that packs the weights of the direct convolution.
pub const CONV_PACK_WEIGHT: &str = include_str!("../conv_pack_weight.wgsl");
/// Body that pads the input of the direct convolution.
pub const CONV_PACK_INPUT: &str = include_str!("../conv_pack_input.wgsl");
/// Body of the scatter-add in which each output scans the indices.
pub const SCATTER_SCAN: &str = include_str!("../scatter_scan.wgsl");
/// Chains terms of equal index.
pub const SCATTER_LINK: &str = include_str!("../scatter_link.wgsl");
/// Body of the scatter-add in which each output follows its chain.
pub const SCATTER_CHAIN: &str = include_str!("../scatter_chain.wgsl");
/// Body that adds windows up where they lie.
pub const FOLD: &str = include_str!("../fold.wgsl");
/// Body of the sum over pooling windows.
pub const WINDOW_SUM: &str = include_str!("../window_sum.wgsl");
/// Body of the place of the largest element of pooling windows.
pub const WINDOW_MAX_INDEX: &str = include_str!("../window_max_index.wgsl");
/// Body that picks elements of planes by their place.
pub const WINDOW_GATHER: &str = include_str!("../window_gather.wgsl");
/// Body of the adjoints of window ops.
pub const WINDOW_ADJOINT: &str = include_str!("../window_adjoint.wgsl");
/// Body that marks windows of padding only.
pub const WINDOW_NO_PLACE: &str = include_str!("../window_no_place.wgsl");
/// Body of the scans with one thread for each chunk of a line.
pub const SCAN_THREAD: &str = include_str!("../scan_thread.wgsl");
/// Body of the scans with one workgroup for each chunk of a line.
pub const SCAN_WORKGROUP: &str = include_str!("../scan_workgroup.wgsl");
/// Body that sorts small blocks.
pub const SORT_BLOCK: &str = include_str!("../sort_block.wgsl");
/// Body that merges sorted runs in pairs.
pub const SORT_MERGE: &str = include_str!("../sort_merge.wgsl");
/// Body of the sum over intervals of an axis.
pub const INTERVAL_SUM: &str = include_str!("../interval_sum.wgsl");
/// Body of attention and its gradients with rows read by each thread.
pub const ATTENTION_THREAD: &str = include_str!("../attention_thread.wgsl");
/// Body of attention and its gradients by subgroups of eight threads, for software adapters.
pub const ATTENTION_LANES: &str = include_str!("../attention_lanes.wgsl");
/// Body of attention and its gradients through workgroup memory.
pub const ATTENTION_TILED: &str = include_str!("../attention_tiled.wgsl");
