//! Slices with steps, padding that continues, diagonals, windows, and writing by index.

use anygrad_graph::{PadMode, Tensor};

use crate::programs::entry::entries;

entries! { ENTRIES;
    #[exact] slice_step(x: Any) [axis: axis(x), start: signed(-5, 5), step: signed(-3, 3)]
        if step != 0
        => x.slice_step(axis, start as isize, None, step as isize),
    #[exact] at(x: Any) [axis: filled_axis(x), index: below(x.size(axis))] => x.at(axis, index as isize),
    #[exact] pad_interior(x: Any) [axis: axis(x), lo: within(0, 2), interior: within(1, 3)] => {
        let at = if axis < 0 { axis + x.rank() as isize } else { axis };
        let pads = (0..x.rank() as isize).map(|i| if i == at { (lo, 0, interior) } else { (0, 1, 0) });
        x.pad_interior(&pads.collect::<Vec<_>>())
    },
    #[exact] pad_mode(x: Any) [lo: within(0, 1), hi: within(0, 1), mode: below(4)]
        if x.shape().iter().all(|&n| n > 1)
        => x.pad_mode(
            &vec![(lo, hi); x.rank()],
            [PadMode::Reflect, PadMode::Symmetric, PadMode::Replicate, PadMode::Circular][mode]
        ),
    #[exact] pad_value(x: Float) [pads: pads(x), value: number(-3.0, 3.0)] => x.pad_value(&pads, value),
    pad_value_whole(x: Int) [pads: pads(x), value: within(0, 9)] => x.pad_value(&pads, value as f64),
    #[exact] roll(x: Any) [axes: axes(x), shift: signed(-4, 4)]
        => x.roll(&vec![shift as isize; axes.len()], &axes),
    #[exact] tile(x: Any) [count: within(0, 3), last: within(1, 2)] => x.tile(&[count, last]),
    #[exact] repeat_interleave(x: Any) [axis: axis(x), count: within(1, 3)] => x.repeat_interleave(axis, count),
    #[exact] stack(x: Any, y: Like) [axis: within(0, x.rank())] => Tensor::stack(&[x, y, x], axis as isize),
    #[exact] diagonal(x: Any) [offset: signed(-2, 2)] if x.rank() >= 2 => x.diagonal(offset as isize, -1, 0),
    #[exact] diag_embed(x: Any) [offset: signed(-2, 2)] if x.rank() >= 1 => x.diag_embed(offset as isize),
    #[exact] tril(x: Any) [offset: signed(-2, 2)] if x.rank() >= 2 => x.tril(offset as isize),
    #[exact] triu(x: Any) [offset: signed(-2, 2)] if x.rank() >= 2 => x.triu(offset as isize),
    #[exact] unfold(x: Any) [axis: filled_axis(x), size: within(1, x.size(axis)), step: within(1, 3)]
        => x.unfold(axis, size, step),
    fold(x: Number) [axis: within(0, x.rank()), step: within(1, 3), room: within(0, 2)]
        if x.rank() >= 2 && axis + 1 < x.rank()
        => x.fold(
            axis as isize,
            x.size(axis as isize).saturating_sub(1) * step + x.size(-1).max(1) + room,
            step
        ),
    #[exact] scatter(x: Any, y: Like) [axis: filled_axis(x), by: within(1, 7)] => x.scatter(
        axis,
        &(Tensor::iota(x.numel(), x.device()) * by as u32).remainder(x.size(axis) as u32).reshape(x.shape()),
        y
    ),
    #[exact] index_copy(x: Any, y: Like) [axis: filled_axis(x), by: within(1, 7)] => x.index_copy(
        axis,
        &(Tensor::iota(x.size(axis), x.device()) * by as u32).remainder(x.size(axis) as u32),
        y
    ),
    index_add(x: Number, y: Like) [axis: filled_axis(x), by: within(1, 7)] => x.index_add(
        axis,
        &(Tensor::iota(x.size(axis), x.device()) * by as u32).remainder(x.size(axis) as u32),
        y
    ),
}
