//! Pooling: `tests/golden/pool.py`.

use anygrad_graph::{PoolOptions, Tensor};

use super::Build;

/// All kinds of pooling with the same windows, all kinds of adaptive pooling to the same sizes, and the others.
macro_rules! table {
    (
        windows: $($window:literal $options:expr,)+
        adaptive: $($adaptive:literal $size:expr,)+
        others: $($other:literal $build:expr,)+
    ) => {&[
        $((concat!("max_", $window), |x| x[0].max_pool_with(&$options)),
        (concat!("index_", $window), |x| x[0].max_pool_with_index(&$options).1),
        (concat!("avg_", $window), |x| x[0].avg_pool_with(&$options)),
        (concat!("avg_exclude_", $window), |x| x[0].avg_pool_with(&$options.exclude_padding())),)+
        $((concat!("adaptive_avg_", $adaptive), |x| x[0].adaptive_avg_pool(&$size)),
        (concat!("adaptive_max_", $adaptive), |x| x[0].adaptive_max_pool(&$size)),
        (concat!("adaptive_index_", $adaptive), |x| x[0].adaptive_max_pool_with_index(&$size).1),)+
        $(($other, $build),)+
    ]};
}

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = table![
    windows:
    "1d" o(3).stride(2).padding(1),
    "2d" PoolOptions::new([3, 2]).stride([1, 2]).padding([1, 0]),
    "3d" o(2).stride(2).padding(1),
    "overlap" o(3).stride(1),
    "ceil" o(3).stride(2).ceil(),
    "ceil_padded" o(2).stride(2).padding(1).ceil(),
    "ceil_padded3" o(3).stride(2).padding(1).ceil(),
    "ceil_small" o(3).stride(2).ceil(),
    "ceil_gaps" o(2).stride(4).ceil(),
    adaptive:
    "3" [3],
    "3x2" [3, 2],
    "5x7" [5, 7],
    "3x4" [3, 4],
    "1x3" [1, 3],
    "2x3x2" [2, 3, 2],
    "1x1" [1, 1],
    others:
    "max_dilated" |x| x[0].max_pool_with(&o(3).stride(1).dilation(2).padding(1)),
    "index_dilated" |x| x[0].max_pool_with_index(&o(3).stride(1).dilation(2).padding(1)).1,
    "max_dilated_ceil" |x| x[0].max_pool_with(&o(2).stride(3).dilation(3).ceil()),
    "index_dilated_ceil" |x| x[0].max_pool_with_index(&o(2).stride(3).dilation(3).ceil()).1,
    "divisor" |x| x[0].avg_pool_with(&o(2).padding(1).divisor(3)),
    "lp" |x| x[0].lp_pool(3.0, &o(2).stride(1)),
    "unpool" |x| unpool(&x[0], o(2)),
    "unpool_size" |x| unpool(&x[0], o(2)),
    "unpool_padded" |x| unpool(&x[0], o(3).stride(3).padding(1)),
    "adaptive_ties" |x| x[0].adaptive_max_pool(&[2, 2]),
    "global_avg" |x| x[0].global_avg_pool(),
    "global_max" |x| x[0].global_max_pool(),
];

fn o(kernel: usize) -> PoolOptions {
    PoolOptions::new(kernel)
}

fn unpool(x: &Tensor, options: PoolOptions) -> Tensor {
    let (y, index) = x.max_pool_with_index(&options);
    y.square().max_unpool(&index, &options, &x.shape()[2..])
}
