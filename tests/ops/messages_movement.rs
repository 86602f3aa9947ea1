//! The exact texts of what a wrong call says: views, padding, windows, indices and numbers in a row.

use anygrad_graph::ops::pad::Pad;
use anygrad_graph::ops::scatter::LastMatch;
use anygrad_graph::ops::slicing::SliceStep;
use anygrad_graph::ops::windows::{Fold, Unfold};
use anygrad_graph::{DType, Device, Error, PadMode, Tensor, Window};

use crate::messages::{of, says, t};

fn index(values: &[i32]) -> Tensor {
    Tensor::from_slice(values, [values.len()], &Device::cpu())
}

/// Every part carries the error.
#[track_caller]
fn all_say(parts: Vec<Tensor>, expected: &str) {
    assert!(!parts.is_empty());
    parts.into_iter().for_each(|part| says(part, expected));
}

#[test]
fn shapes() {
    says(t([2, 3]).reshape([4, -1]), "reshape: 6 elements do not divide into [4, -1]");
    says(t([2, 3]).reshape([-1, -1]), "reshape: [-1, -1] leaves more than one size open");
    says(t([2, 3]).reshape([6, -2]), "reshape: size -2 is negative");
    says(t([0, 3]).reshape([0, -1]), "reshape: [0, -1] leaves a size open that could be anything");
    says(t([2, 6]).unflatten(1, [4, 2]), "unflatten: [4, 2] does not make up the 6 of axis 1 of [2, 6]");
    says(t([2, 6]).unflatten(1, [-1, 4]), "unflatten: 6 elements do not divide into [-1, 4]");
    says(t([2, 6]).unflatten(2, [-1, 4]), "unflatten: axis 2 is out of range for 2 axes");
    says(t([2, 3]).movedim(0, 2), "movedim: axis 2 is out of range for 2 axes");
    says(t([2, 3]).to_channels_first(), "to_channels_first: takes [N, …, C] of 3 to 5 axes, not [2, 3]");
    says(t([2]).to_channels_last(), "to_channels_last: takes [N, C, …] of 3 to 5 axes, not [2]");
}

#[test]
fn slices_and_parts() {
    says(t([2, 3]).slice_step(2, 0, 1, 1), "slice_step: axis 2 is out of range for 2 axes");
    says(t([2, 3]).slice_step(1, 0, 1, 0), "slice_step: the step is 0");
    let step = |start, len, step| Tensor::record(SliceStep { axis: 0, start, len, step }, &[&t([5])]);
    says(step(1, 3, 2), "slice_step: 3 elements from 1 by 2 exceed axis 0 of [5]");
    says(
        step(1, 2, usize::MAX),
        &format!("slice_step: 2 elements from 1 by {} exceed axis 0 of [5]", usize::MAX),
    );
    says(step(0, 1, 0), "slice_step: 1 elements from 0 by 0 exceed axis 0 of [5]");
    says(t([2, 3]).at(1, 3), "at: index 3 is out of range for axis 1 of [2, 3]");
    says(t([2, 3]).at(1, -4), "at: index -4 is out of range for axis 1 of [2, 3]");
    says(
        t([2, 3]).at(-1, isize::MIN),
        &format!("at: index {} is out of range for axis 1 of [2, 3]", isize::MIN),
    );
    all_say(t([2, 3]).split(&[1, 1], 1), "split: the sizes [1, 1] do not add up to 3");
    all_say(
        t([2]).split(&[usize::MAX, 3], 0),
        &format!("split: the sizes [{}, 3] do not add up to 2", usize::MAX),
    );
    all_say(t([2, 3]).split(&[], 5), "split: axis 5 is out of range for 2 axes");
    all_say(t([2, 3]).split_every(0, 0), "split_every: parts of size 0");
    all_say(t([2, 3]).chunk(0, 0), "chunk: 0 parts");
    all_say(t([]).unbind(0), "unbind: axis 0 is out of range for 0 axes");
}

#[test]
fn joining_and_repeating() {
    says(Tensor::stack(&[&t([2]), &t([3])], 0), "stack: shapes differ: [2] and [3]");
    says(Tensor::stack(&[&t([2]), &of(DType::I32, &[2])], 0), "stack: dtypes differ: f32 and i32");
    says(Tensor::stack(&[&t([2])], 2), "stack: axis 2 is out of range for 2 axes");
    says(Tensor::stack(&[], 0), "concat: no inputs");
    says(t([2, 3]).roll(&[1], &[0, 1]), "roll: 1 shifts for 2 axes");
    says(t([2, 3]).roll(&[1], &[2]), "roll: axis 2 is out of range for 2 axes");
    says(t([2, 3]).tile(&[1, usize::MAX]), "tile: the size overflows");
    says(
        t([2, 3]).tile(&[1 << 31, 1]),
        "expand: the result would have shape [2147483648, 2, 3]: more than 2^32 elements",
    );
    says(t([2]).repeat_interleave(0, usize::MAX), "repeat_interleave: the size overflows");
    says(t([2]).repeat_interleave(1, 2), "repeat_interleave: axis 1 is out of range for 1 axes");
}

#[test]
fn padding() {
    says(t([2]).pad_interior(&[(0, 0, usize::MAX)]), "pad: the size overflows");
    says(t([2]).pad_interior(&[]), "pad: 0 pairs of pads for the axes of [2]");
    let uneven = Pad { lo: vec![0], hi: vec![0], interior: vec![] };
    says(Tensor::record(uneven, &[&t([2])]), "pad: 1 pairs of pads for the axes of [2]");
    says(t([2]).pad_value(&[], 1.0), "pad: 0 pairs of pads for the axes of [2]");
    says(t([2]).pad_value(&[(1, 1)], t([2])), "pad_value: the value has shape [2], not that of a scalar");
    says(t([2]).pad_value(&[(1, 1)], of(DType::I32, &[])), "pad_value: the value is i32, the input f32");
    says(
        t([2, 3]).pad_mode(&[(1, 1)], PadMode::Circular),
        "pad_mode: 1 pairs of pads for the axes of [2, 3]",
    );
    let by = |lo, hi, mode| t([2, 3]).pad_mode(&[(0, 0), (lo, hi)], mode);
    says(
        by(3, 0, PadMode::Reflect),
        "pad_mode: Reflect by (3, 0) on axis 1 of [2, 3]: a pad is less than the size",
    );
    says(
        by(0, 4, PadMode::Symmetric),
        "pad_mode: Symmetric by (0, 4) on axis 1 of [2, 3]: a pad is at most the size",
    );
    says(
        by(4, 0, PadMode::Circular),
        "pad_mode: Circular by (4, 0) on axis 1 of [2, 3]: a pad is at most the size",
    );
    says(
        t([0]).pad_mode(&[(0, 1)], PadMode::Replicate),
        "pad_mode: Replicate by (0, 1) on axis 0 of [0]: a pad is nothing for an empty axis",
    );
    says(
        by(usize::MAX, 1, PadMode::Replicate),
        &format!("expand: the result would have shape [2, {}]: more than 2^32 elements", usize::MAX),
    );
}

#[test]
fn diagonals() {
    says(t([2, 3]).diagonal(0, 0, 2), "diagonal: axis 2 is out of range for 2 axes");
    says(t([2, 3]).diagonal(0, 1, -1), "diagonal: axes 1 and 1 of 2 axes are not two");
    says(t([]).diag_embed(0), "diag_embed: takes a diagonal of at least one axis, not [] by 0");
    says(t([2]).diag_embed(isize::MIN), "diag_embed: the size overflows");
    says(t([2, 2, 2]).diag(0), "diag: takes a vector or a matrix, not [2, 2, 2]");
    says(t([2]).trace(), "trace: takes matrices, not [2]");
    says(of(DType::Bool, &[2, 2]).trace(), "sum: does not take bool");
    says(t([2]).tril(0), "tril: takes matrices, not [2]");
    says(t([]).triu(0), "triu: takes matrices, not []");
    let cpu = Device::cpu();
    says(Tensor::tri(1 << 31, 1, 0, DType::F32, &cpu), "tri: an axis of [2147483648, 1] is longer than 2^30");
    says(
        Tensor::eye(70_000, 70_000, DType::F32, &cpu),
        "eq: the result would have shape [70000, 70000]: more than 2^32 elements",
    );
}

#[test]
fn windows() {
    says(t([5]).unfold(0, 6, 1), "unfold: a window of 6 by 1 does not fit axis 0 of [5]");
    says(t([5]).unfold(0, 0, 1), "unfold: size, step and dilation are at least 1");
    says(t([5]).unfold(0, 2, 0), "unfold: size, step and dilation are at least 1");
    says(t([5]).unfold(1, 2, 1), "unfold: axis 1 is out of range for 1 axes");
    let wide = Unfold { axis: 0, size: 3, step: 1, dilation: usize::MAX };
    says(
        Tensor::record(wide, &[&t([5])]),
        &format!("unfold: a window of 3 by {} does not fit axis 0 of [5]", usize::MAX),
    );
    says(t([3, 2]).fold(0, 3, 1), "fold: 3 windows of 2, 1 and 1 apart, exceed 3 elements");
    says(t([3]).fold(0, 3, 1), "fold: axis 0 and a last axis of windows do not fit [3]");
    says(of(DType::Bool, &[3, 2]).fold(0, 4, 1), "fold: does not take bool");
    let far = Fold { axis: 0, length: 9, step: usize::MAX, dilation: 2 };
    says(
        Tensor::record(far, &[&t([3, 2])]),
        &format!("fold: 3 windows of 2, {} and 2 apart, exceed 9 elements", usize::MAX),
    );
    let two = Window::new(&[2, 2]);
    says(t([1, 4, 4]).im2col(&two), "im2col: a window over 2 axes takes [N, C, …] of 4 axes, not [1, 4, 4]");
    says(t([1, 1, 1, 4]).im2col(&two), "im2col: the window [2, 2] does not fit input [1, 1, 1, 4]");
    let none = Window { stride: [0; 3], ..two.clone() };
    says(t([1, 1, 4, 4]).im2col(&none), "im2col: kernel, stride and dilation are at least 1");
    says(
        t([1, 1, 4, 4]).im2col(&Window { rank: 4, ..two.clone() }),
        "im2col: 4 spatial axes; 1 to 3 are possible",
    );
    let padded = |pad: usize| t([1, 1, 4, 4]).im2col(&Window { pad_hi: [0, pad, pad], ..two.clone() });
    says(padded(usize::MAX - 1), "pad: the size overflows");
    says(padded(70_000), "pad: the result would have shape [1, 1, 70004, 70004]: more than 2^32 elements");
    says(t([1, 4, 5]).col2im(&[4, 4], &two), "col2im: takes [N, C·4, 4] for images of [4, 4], not [1, 4, 5]");
    says(t([1, 5, 4]).col2im(&[4, 4], &two), "col2im: takes [N, C·4, 4] for images of [4, 4], not [1, 5, 4]");
    says(t([1, 4, 4]).col2im(&[4], &two), "col2im: the window [2, 2] does not fit images of [4]");
    says(
        t([1, 4, 4]).col2im(&[usize::MAX; 2], &two),
        &format!("col2im: takes [N, C·4, {0}] for images of [{0}, {0}], not [1, 4, 4]", usize::MAX),
    );
    says(t([1, 4, 4]).col2im(&[4, 4], &none), "col2im: kernel, stride and dilation are at least 1");
}

#[test]
fn writing_by_index() {
    let (x, s) = (t([3, 2]), t([2, 2]));
    let at = of(DType::U32, &[2, 2]);
    says(x.scatter(2, &at, &s), "scatter: axis 2 is out of range for 2 axes");
    says(x.scatter(0, &s, &s), "scatter: the index is f32, not u32 or i32");
    says(x.scatter(0, &at, &of(DType::I32, &[2, 2])), "scatter: dtypes differ: input f32, source i32");
    says(
        x.scatter(0, &at, &t([1, 2])),
        "scatter: index [2, 2] does not fit input [3, 2] and source [1, 2] along axis 0",
    );
    says(
        x.scatter(0, &of(DType::U32, &[2, 3]), &t([2, 3])),
        "scatter: index [2, 3] does not fit input [3, 2] and source [2, 3] along axis 0",
    );
    says(t([3]).scatter(0, &index(&[0, 3]), &t([2])), "scatter: index 3 is out of range for size 3");
    says(t([3]).scatter_add_into(0, &index(&[-1]), &t([2])), "scatter_add_into: index -1 is negative");
    says(
        x.scatter_add_into(0, &index(&[1]), &s),
        "scatter_add_into: index [1] does not fit input [3, 2] and source [2, 2] along axis 0",
    );
    says(
        of(DType::Bool, &[3]).scatter_add_into(0, &index(&[1]), &of(DType::Bool, &[1])),
        "scatter_add: does not take bool",
    );
    says(x.index_add(0, &at, &s), "index_add: the index has shape [2, 2], not one axis");
    says(x.index_add(0, &index(&[1]), &s), "index_add: source [2, 2] is not [1, 2]");
    says(x.index_copy(1, &index(&[1, 2]), &t([3, 2])), "index_copy: index 2 is out of range for size 2");
    says(x.index_copy(0, &index(&[1, 1]), &t([2])), "index_copy: source [2] is not [2, 2]");
    // what is wrong already stays the first error
    says(x.scatter(0, &at, &t([2]).sum(&[3])), "sum: axis 3 is out of range for 1 axes");
    says(t([2]).sum(&[3]).index_copy(0, &at, &s), "sum: axis 3 is out of range for 1 axes");
    let last = |index: Tensor, axis| Tensor::record(LastMatch { axis, size: 3 }, &[&index]);
    says(last(t([2]), 0), "last_match: the index is f32, not u32 or i32");
    says(last(index(&[1]), 1), "last_match: axis 1 is out of range for 1 axes");
}

#[test]
fn picking() {
    let x = t([3, 4]);
    says(
        x.gather(0, &of(DType::U32, &[2, 5])),
        "gather: index [2, 5] does not fit input [3, 4] along axis 0",
    );
    says(
        x.take_along_axis(&of(DType::U32, &[2, 1]), 1),
        "take_along_axis: index [2, 1] does not broadcast with [3, 4] beside axis 1",
    );
    says(
        x.take_along_axis(&index(&[1]), 0),
        "take_along_axis: index [1] does not broadcast with [3, 4] beside axis 0",
    );
    says(t([3]).take_along_axis(&index(&[3]), 0), "take_along_axis: index 3 is out of range for size 3");
    says(x.index_select(2, &index(&[1])), "index_select: axis 2 is out of range for 2 axes");
    says(x.embedding(&index(&[3])), "embedding: index 3 is out of range for size 3");
    says(x.embedding(&t([1])), "embedding: the index is f32, not u32 or i32");
    says(t([]).embedding(&index(&[0])), "embedding: the table is a scalar");
    let line = |error: Error| error.to_string().split("\n  ").next().unwrap_or_default().to_owned();
    assert_eq!(line(x.masked_select(&x).unwrap_err()), "masked_select: the mask is f32, not bool");
    assert_eq!(
        line(x.masked_select(&of(DType::Bool, &[3])).unwrap_err()),
        "masked_select: shapes do not broadcast: [3, 4] and [3]"
    );
    let error = x.masked_select(&x).unwrap_err().to_string();
    assert!(error.contains("at tests/ops/messages_movement.rs:"), "{error}");
    assert_eq!(line(x.sum(&[5]).nonzero().unwrap_err()), "sum: axis 5 is out of range for 2 axes");
}

#[test]
fn numbers_in_a_row() {
    let cpu = Device::cpu();
    let arange = |start, end, step, dtype| Tensor::arange(start, end, step, dtype, &cpu);
    says(arange(0.0, 3.0, 0.0, DType::F32), "arange: no numbers lead from 0 to 3 by 0");
    says(arange(0.0, 3.0, -1.0, DType::F32), "arange: no numbers lead from 0 to 3 by -1");
    says(arange(f64::NAN, 3.0, 1.0, DType::F32), "arange: no numbers lead from NaN to 3 by 1");
    says(arange(0.0, f64::INFINITY, 1.0, DType::F32), "arange: no numbers lead from 0 to inf by 1");
    says(
        arange(0.0, 1e12, 1.0, DType::F32),
        "arange: from 0 to 1000000000000 by 1 are more than 2^32 numbers",
    );
    says(arange(0.0, 3.0, 0.5, DType::I32), "arange: 0 to 2.5 by 0.5 are not i32 numbers");
    says(arange(1.0, -3.0, -1.0, DType::U32), "arange: 1 to -2 by -1 are not u32 numbers");
    says(arange(0.0, 3.0, 1.0, DType::Bool), "arange: does not give bool");
    says(Tensor::linspace(0.0, 1.0, 3, DType::I32, &cpu), "linspace: gives floats, not i32");
    says(Tensor::logspace(0.0, 1.0, 3, 2.0, DType::Bool, &cpu), "linspace: gives floats, not bool");
    says(
        Tensor::meshgrid(&[&t([2]), &t([2, 2])]).remove(1),
        "meshgrid: input 1 has shape [2, 2], not one axis",
    );
    says(
        Tensor::from_fn([1 << 20, 1 << 20], |_| 0.0f32, &cpu),
        "from_fn: shape [1048576, 1048576] has more than 2^32 elements, or would but for a size of 0",
    );
}

/// Methods that are made of several ops say the caller's line, not their own.
#[test]
fn errors_name_the_callers_line() {
    let x = t([2, 3]);
    let made: [Tensor; 8] = [
        x.tile(&[1 << 31, 1]),
        x.pad_mode(&[(0, 0), (usize::MAX, 0)], PadMode::Replicate),
        Tensor::stack(&[&x, &t([2])], 0),
        x.split(&[1], 0).remove(0),
        x.scatter(0, &x, &x),
        Tensor::linspace(0.0, 1.0, 3, DType::I32, &Device::cpu()),
        Tensor::eye(70_000, 70_000, DType::F32, &Device::cpu()),
        x.im2col(&Window::new(&[2])),
    ];
    for tensor in made {
        let error = tensor.check().map(|t| format!("{t:?}")).unwrap_or_else(|error| error.to_string());
        assert!(error.contains("\n  at tests/ops/messages_movement.rs:"), "{error}");
    }
}
