//! Contractions and convolutions by their options.

use anygrad_graph::{ConvOptions, Tensor, einsum};

use crate::programs::entry::entries;

/// Steps, spread, groups and sides of a convolution, by two bits each.
fn options(bits: usize, taps: usize) -> ConvOptions {
    let options = ConvOptions::new().stride(1 + (bits & 1)).dilation(1 + (bits >> 1 & 1));
    match bits >> 2 & 3 {
        0 => options.padding(taps / 2),
        1 => options.same().stride(1),
        2 => options.padding_sides(&[(0, 1), (1, 0)]),
        _ => options.padding(1),
    }
}

entries! { ENTRIES;
    outer(x: Float, y: Other) if x.rank() == 1 && y.rank() == 1 => x.outer(y),
    dot(x: Float, y: Like) if x.rank() == 1 => x.dot(y) * 0.2,
    linear(x: Float, y: Other) if x.rank() >= 1 && y.rank() == 2 && x.size(-1) == y.size(1)
        => x.linear(y, None) * 0.2,
    einsum_pair(x: Float, y: Other) if x.rank() == 2 && y.rank() == 2 && x.size(0) == y.size(0)
        => einsum("ki,kj->ij", &[x, y]) * 0.2,
    einsum_batch(x: Float, y: Like) if x.rank() == 3 => einsum("bij,bkj->bik", &[x, &y.tanh()]) * 0.2,
    einsum_sum(x: Float) if x.rank() == 3 => einsum("abc->ca", &[x]) * 0.3,
    tensordot(x: Float, y: Like) if x.rank() == 3 => x.tensordot(&y.tanh(), &[0, 2], &[0, 2]) * 0.1,
    kron(x: Float, y: Other) if x.rank() == 2 && y.rank() == 2 && x.numel() * y.numel() < 2000 => x.kron(y),
    matrix_power(x: Float) [power: signed(0, 3)] if x.rank() == 2 && x.size(0) == x.size(1)
        => (x.tanh() * 0.2).matrix_power(power),
    conv_with(x: Float) [taps: within(1, 3), bits: below(16)]
        if x.rank() == 4 && x.size(1) > 0 && x.size(2) > 2 * taps && x.size(3) > 2 * taps
        => x.conv_with(&x.slice(2, 0, taps).slice(3, 0, taps).tanh(), &options(bits, taps)) * 0.1,
    conv_transpose2d(x: Float) [taps: within(1, 3), stride: within(1, 2)]
        if x.rank() == 4 && x.size(0) > 0 && x.size(1) > 0 && x.size(2) >= taps && x.size(3) >= taps
        => x.conv_transpose2d(
            &x.slice(0, 0, 1).slice(2, 0, taps).slice(3, 0, taps).tanh().permute(&[1, 0, 2, 3]),
            stride,
            0
        ) * 0.1,
    depthwise(x: Float)
        if x.rank() == 4 && x.size(1) > 0 && x.size(0) > 0 && x.size(2) > 2 && x.size(3) > 2
        => x.conv_with(
            &x.slice(0, 0, 1).slice(2, 0, 2).slice(3, 0, 2).permute(&[1, 0, 2, 3]).tanh(),
            &ConvOptions::new().depthwise()
        ) * 0.2,
    split(x: Any) [axis: filled_axis(x), count: within(1, 3)]
        => Tensor::concat(&x.chunk(count, axis).iter().rev().collect::<Vec<_>>(), axis),
}
