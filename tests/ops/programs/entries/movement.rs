//! Views, padding, joining and indexing.

use anygrad_graph::{DType, Tensor};

use crate::programs::entry::entries;

entries! { ENTRIES;
    #[exact] permute(x: Any) [order: order(x)] => x.permute(&order),
    #[exact] transpose(x: Any) if x.rank() >= 2 => x.t(),
    #[exact] flip(x: Any) [axes: axes(x)] => x.flip(&axes),
    #[exact] slice(x: Any) [axis: axis(x), start: within(0, x.size(axis)), len: within(0, x.size(axis) - start)]
        if len > 0 || x.numel() < 50
        => x.slice(axis, start, len),
    #[exact] part(x: Any) [axis: filled_axis(x), start: below(x.size(axis))]
        => x.slice(axis, start, (x.size(axis) - start).div_ceil(2)),
    #[exact] flatten(x: Any) [start: below(x.rank())] => x.flatten(start),
    #[exact] reshape(x: Any) [shape: other_shape(x)] => x.reshape(&shape[..]),
    #[exact] turned_flat(x: Any) if x.rank() >= 2 => x.t().flatten(0),
    #[exact] unsqueeze(x: Any) [axis: within(0, x.rank())] => x.unsqueeze(axis as isize),
    #[exact] squeeze(x: Any) [axis: axis(x)] if x.size(axis) == 1 => x.squeeze(axis),
    #[exact] expand(x: Any) [shape: larger(x)] => x.expand(&shape[..]),
    #[exact] pad(x: Any) [pads: pads(x)] => x.pad(&pads),
    #[exact] concat(x: Any, y: Like) [axis: axis(x)] => Tensor::concat(&[x, y], axis),
    #[exact] concat_three(x: Any) [axis: filled_axis(x)]
        => Tensor::concat(&[&x.slice(axis, 0, 1), x, &x.flip(&[axis])], axis),
    #[exact] index_select(x: Any) [axis: filled_axis(x), by: within(1, 7)] => x.index_select(
        axis,
        &(Tensor::iota(2 + x.size(axis), x.device()) * by as u32).remainder(x.size(axis) as u32)
    ),
    #[exact] index_computed(x: Any, i: Int) [axis: filled_axis(x)]
        if i.dtype() == DType::U32 && i.rank() == 1
        => x.index_select(axis, &i.remainder(x.size(axis) as u32)),
    #[exact] gather(x: Any) [axis: filled_axis(x), by: within(1, 7)] => x.gather(
        axis,
        &(Tensor::iota(x.numel(), x.device()) * by as u32).remainder(x.size(axis) as u32).reshape(x.shape())
    ),
    scatter_add(x: Float) [axis: axis(x), size: within(1, 6), by: within(1, 7)] => x.scatter_add(
        axis,
        &(Tensor::iota(x.numel(), x.device()) * by as u32).remainder(size as u32).reshape(x.shape()),
        size
    ),
}
