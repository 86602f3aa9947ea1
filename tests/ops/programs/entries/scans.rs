//! Scans, orders, norms, spread.

use crate::programs::entry::entries;

entries! { ENTRIES;
    // few elements: the product of many is beyond f32, and not beyond f64
    prod(x: Float) [axes: filled_axes(x)] if axes.iter().map(|&a| x.size(a)).product::<usize>() < 70
        => (x * 0.2 + 1.0).clamp(0.75, 1.25).prod(&axes).log(),
    cumsum(x: Float) [axis: axis(x)] => x.cumsum(axis) * 0.3,
    cumsum_whole(x: Int) [axis: axis(x)] => x.remainder(50).cumsum(axis),
    cumprod(x: Float) [axis: axis(x)] => (x.tanh() * 0.5 + 1.0).cumprod(axis),
    #[exact] cummax(x: Exact) [axis: axis(x)] => x.cummax(axis).0,
    #[exact] cummin_index(x: Exact) [axis: axis(x)] => x.cummin(axis).1,
    linear_scan(x: Float, y: Like) [axis: axis(x)] => (x.tanh() * 0.9).linear_scan(y, axis),
    logcumsumexp(x: Float) [axis: axis(x)] => x.clamp(-5.0, 5.0).logcumsumexp(axis),
    logsumexp(x: Float) [axes: filled_axes(x)] => x.logsumexp(&axes),
    norm(x: Float) [axes: filled_axes(x)] => (x + 0.1).norm(2.0, &axes),
    norm_one(x: Float) [axes: filled_axes(x)] => x.norm(1.0, &axes) * 0.2,
    var_with(x: Float) [axes: filled_axes(x)]
        if axes.iter().map(|&a| x.size(a)).product::<usize>() > 1
        => x.var_with(&axes, 1.0),
    softmin(x: Float) [axis: filled_axis(x)] => x.softmin(axis),
    #[exact] argsort(x: Exact) [axis: axis(x), descending: flag()] => x.argsort(axis, descending),
    #[exact] sort(x: Exact) [axis: axis(x), descending: flag()] => x.sort(axis, descending).0,
    sort_whole(x: Int) [axis: axis(x), descending: flag()] => x.sort(axis, descending).0,
    #[exact] topk(x: Exact) [axis: filled_axis(x), k: within(1, x.size(axis)), largest: flag()]
        => x.topk(k, axis, largest).0,
    #[exact] kth_value(x: Exact) [axis: filled_axis(x), k: within(1, x.size(axis))] => x.kth_value(k, axis).0,
    #[exact] median(x: Exact) [axis: filled_axis(x)] => x.median(axis),
    quantile(x: Exact) [axis: filled_axis(x), q: number(0.0, 1.0)] => x.quantile(q, axis),
    #[exact] max_with_index(x: Exact) [axis: filled_axis(x)] => x.max_with_index(axis).0,
    #[exact] max_index(x: Exact) [axis: filled_axis(x)] => x.max_with_index(axis).1,
    any(x: Bool) [axes: axes(x)] => x.any(&axes),
    all(x: Bool) [axes: axes(x)] => x.all(&axes),
    #[exact] count_nonzero(x: Exact) [axes: axes(x)] => x.count_nonzero(&axes),
}
