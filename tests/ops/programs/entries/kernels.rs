//! Products, convolutions, pooling.

use anygrad_graph::{AttentionOptions, Conv, PoolOptions, Resize};

use crate::programs::entry::entries;

entries! { ENTRIES;
    matmul(x: Float, y: Other)
        if x.rank() >= 1 && y.rank() >= 1 && x.size(-1) == y.size(if y.rank() == 1 { 0 } else { -2 })
            && (x.rank() <= 2 || y.rank() <= 2)
        => x.matmul(y) * 0.2,
    matmul_self(x: Float) if x.rank() >= 2 => x.matmul(&x.t().tanh()) * 0.2,
    matmul_turned(x: Float, y: Other) if x.rank() == 2 && y.rank() == 2 && x.size(0) == y.size(0)
        => x.t().matmul(y) * 0.2,
    attention(x: Float) [causal: within(0, 1)] if x.rank() >= 2 && x.size(-1) <= 64
        => x.scaled_dot_product_attention(&x.tanh(), x, &AttentionOptions::new().causal(causal == 1)),
    attention_to(x: Float, y: Other)
        if x.rank() >= 2 && y.rank() == 2 && x.size(-1) == y.size(-1) && x.size(-1) <= 64
        => x.scaled_dot_product_attention(&y.tanh(), y, &AttentionOptions::new()),
    attention_masked(x: Exact) if x.rank() >= 2 && (1..=64).contains(&x.size(-1))
        => x.scaled_dot_product_attention(
            &x.tanh(),
            x,
            &AttentionOptions::new().mask(&x.slice(-1, 0, 1).gt(0.0).t()),
        ),
    conv1d(x: Float) [taps: within(1, 3), pad: within(0, 1)] if x.rank() == 3 && x.size(2) >= taps
        => {
            let mut conv = Conv::new(1);
            (conv.pad_lo[2], conv.pad_hi[2]) = (pad as isize, pad as isize);
            x.conv(&x.slice(2, 0, taps).tanh(), &conv) * 0.2
        },
    conv2d(x: Float) [taps: within(1, 3), stride: within(1, 2), padding: within(0, 2)]
        if x.rank() == 4 && x.size(2) >= taps && x.size(3) >= taps
        => x.conv2d(&x.slice(2, 0, taps).slice(3, 0, taps).tanh(), stride, padding) * 0.1,
    avg_pool2d(x: Float) [kernel: within(1, 3), stride: within(1, 3)]
        if x.rank() == 4 && x.size(2) >= kernel && x.size(3) >= kernel
        => x.avg_pool2d(kernel, stride),
    #[exact] max_pool2d(x: Exact) [kernel: within(1, 3), stride: within(1, 3)]
        if x.rank() == 4 && x.size(2) >= kernel && x.size(3) >= kernel
        => x.max_pool2d(kernel, stride),
    #[exact] max_pool_with(x: Exact) [kernel: within(2, 3), padding: within(0, 1), dilation: within(1, 2)]
        if x.rank() == 4 && x.size(2) > 4 && x.size(3) > 4
        => x.max_pool_with(&PoolOptions::new(kernel).padding(padding).dilation(dilation).stride(2)),
    avg_pool_with(x: Float) [kernel: within(2, 3), padding: within(0, 1)]
        if x.rank() == 4 && x.size(2) > 2 && x.size(3) > 2
        => x.avg_pool_with(&PoolOptions::new(kernel).padding(padding).ceil().exclude_padding()),
    adaptive_avg_pool(x: Float) [rows: within(1, 4), columns: within(1, 4)]
        if x.rank() == 4 && x.size(2) > 0 && x.size(3) > 0
        => x.adaptive_avg_pool(&[rows, columns]),
    #[exact] adaptive_max_pool(x: Exact) [size: within(1, 4)] if x.rank() == 3 && x.size(2) > 0
        => x.adaptive_max_pool(&[size]),
    resize(x: Float) [size: within(1, 9), mode: below(6)] if x.rank() == 3 && x.size(2) > 0
        => x.resize(
            &[size],
            [
                Resize::Nearest,
                Resize::NearestExact,
                Resize::Linear,
                Resize::LinearCorners,
                Resize::Cubic,
                Resize::CubicCorners
            ][mode]
        ),
    resize_both(x: Float) [rows: within(1, 6), columns: within(1, 6)]
        if x.rank() == 4 && x.size(2) > 0 && x.size(3) > 0
        => x.resize(&[rows, columns], Resize::Linear),
}
