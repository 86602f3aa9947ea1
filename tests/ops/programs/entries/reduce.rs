//! Reductions and what is made of them.

use crate::programs::entry::entries;

entries! { ENTRIES;
    sum(x: Number) [axes: axes(x)] => x.sum(&axes),
    sum_scaled(x: Float) [axes: axes(x)] => x.sum_keep(&axes) * 0.3,
    mean(x: Float) [axes: filled_axes(x)] => x.mean(&axes),
    mean_keep(x: Float) [axes: filled_axes(x)] => x.mean_keep(&axes),
    mean_all(x: Float) if x.numel() > 0 => x.mean_all(),
    // a tie that is one in f32 alone has another gradient
    #[exact] max(x: Exact) [axes: filled_axes(x)] => x.max(&axes),
    #[exact] min(x: Exact) [axes: filled_axes(x)] => x.min(&axes),
    #[exact] max_keep(x: Float) [axes: filled_axes(x)] => x.max_keep(&axes),
    #[exact] argmax(x: Exact) [axis: filled_axis(x)] => x.argmax(axis),
    #[exact] argmin(x: Exact) [axis: filled_axis(x)] => x.argmin(axis),
    softmax(x: Float) [axis: filled_axis(x)] => x.softmax(axis),
    log_softmax(x: Float) [axis: filled_axis(x)] => x.log_softmax(axis),
    var(x: Float) [axes: filled_axes(x)] => x.var(&axes),
    normalized(x: Float) [axis: filled_axis(x)]
        => (x - x.mean_keep(&[axis])) * ((x - x.mean_keep(&[axis])).square().mean_keep(&[axis]) + 0.1).rsqrt(),
}
