//! Views, padding, windows and numbers in a row: `tests/golden/movement.py`.

use anygrad_graph::{DType, PadMode, Tensor, Window};

use super::Build;

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("reshape", |x| x[0].reshape([4, -1, 3])),
    ("unflatten", |x| x[0].unflatten(1, [2, -1])),
    ("squeeze_all", |x| x[0].squeeze_all()),
    ("movedim", |x| x[0].movedim(0, 2)),
    ("channels first", |x| x[0].to_channels_first()),
    ("channels last", |x| x[0].to_channels_last()),
    ("slice_step", |x| x[0].slice_step(1, 1, 6, 2)),
    ("slice_step backwards", |x| x[0].slice_step(1, -2, 0, -3)),
    ("at", |x| x[0].at(1, -2)),
    ("split", |x| {
        let mut parts = x[0].split(&[1, 4, 2], 1);
        parts.reverse();
        concat(&parts, 1)
    }),
    ("split_every", |x| sums(&x[0].split_every(3, 0))),
    ("chunk", |x| sums(&x[0].chunk(4, 0))),
    ("unbind", |x| concat(&x[0].unbind(1), 0)),
    ("stack", |x| Tensor::stack(&[&x[0], &x[1], &x[0]], -1)),
    ("tile", |x| x[0].tile(&[2, 1, 3])),
    ("tile fewer", |x| x[0].tile(&[2])),
    ("repeat_interleave", |x| x[0].repeat_interleave(1, 3)),
    ("roll", |x| x[0].roll(&[1, -5], &[0, 1])),
    ("pad_value", |x| x[0].pad_value(&[(0, 1), (1, 2)], -1.5)),
    ("pad_reflect line", |x| x[0].pad_mode(&LINE, PadMode::Reflect)),
    ("pad_reflect plane", |x| x[0].pad_mode(&PLANE, PadMode::Reflect)),
    ("pad_reflect volume", |x| x[0].pad_mode(&VOLUME, PadMode::Reflect)),
    ("pad_replicate line", |x| x[0].pad_mode(&LINE, PadMode::Replicate)),
    ("pad_replicate plane", |x| x[0].pad_mode(&PLANE, PadMode::Replicate)),
    ("pad_replicate volume", |x| x[0].pad_mode(&VOLUME, PadMode::Replicate)),
    ("pad_circular line", |x| x[0].pad_mode(&LINE, PadMode::Circular)),
    ("pad_circular plane", |x| x[0].pad_mode(&PLANE, PadMode::Circular)),
    ("pad_circular volume", |x| x[0].pad_mode(&VOLUME, PadMode::Circular)),
    ("diagonal", |x| x[0].diagonal(1, 0, 2)),
    ("diagonal below", |x| x[0].diagonal(-2, 2, 1)),
    ("diag_embed", |x| x[0].diag_embed(1)),
    ("diag_embed below", |x| x[0].diag_embed(-2)),
    ("diag", |x| x[0].diag(-1)),
    ("diag of a matrix", |x| x[0].diag(1)),
    ("trace", |x| x[0].trace()),
    ("tril", |x| x[0].tril(-1)),
    ("triu", |x| x[0].triu(1)),
    ("eye", |x| &x[0] * Tensor::eye(3, 4, x[0].dtype(), x[0].device())),
    ("tri", |x| &x[0] * Tensor::tri(3, 5, 1, x[0].dtype(), x[0].device())),
    ("unfold", |x| x[0].unfold(1, 3, 2)),
    ("unfold first", |x| x[0].unfold(0, 2, 1)),
    ("im2col", |x| x[0].im2col(&plain())),
    ("im2col all", |x| x[0].im2col(&all())),
    ("col2im", |x| x[0].col2im(&[4, 5], &plain())),
    ("col2im all", |x| x[0].col2im(&[6, 4], &all())),
    ("arange", |x| &x[0] + Tensor::arange(-1.0, 2.0, 0.4, x[0].dtype(), x[0].device())),
    ("arange falling", |x| {
        &x[0] * Tensor::arange(5.0, -4.0, -2.0, DType::I32, x[0].device()).to_dtype(x[0].dtype())
    }),
    ("linspace", |x| &x[0] + Tensor::linspace(-0.3, 2.1, 8, x[0].dtype(), x[0].device())),
    ("logspace", |x| &x[0] * Tensor::logspace(-1.0, 1.0, 5, 2.0, x[0].dtype(), x[0].device())),
    ("meshgrid", |x| concat(&Tensor::meshgrid(&[&x[0], &x[1]]), 0)),
    ("meshgrid_xy", |x| concat(&Tensor::meshgrid_xy(&[&x[0], &x[1]]), 0)),
];

const LINE: [(usize, usize); 3] = [(0, 0), (0, 0), (3, 2)];
const PLANE: [(usize, usize); 4] = [(0, 0), (0, 0), (2, 0), (1, 2)];
const VOLUME: [(usize, usize); 5] = [(0, 0), (0, 0), (0, 1), (1, 2), (1, 0)];

fn concat(parts: &[Tensor], axis: isize) -> Tensor {
    Tensor::concat(&parts.iter().collect::<Vec<_>>(), axis)
}

fn sums(parts: &[Tensor]) -> Tensor {
    let sums: Vec<Tensor> = parts.iter().map(|part| part.sum(&[0])).collect();
    Tensor::stack(&sums.iter().collect::<Vec<_>>(), 0)
}

fn plain() -> Window {
    let mut window = Window::new(&[2, 3]);
    window.stride = [1; 3];
    window
}

fn all() -> Window {
    let mut window = Window::new(&[3, 2]);
    (window.stride, window.dilation) = ([1, 2, 1], [1, 2, 1]);
    (window.pad_lo, window.pad_hi) = ([0, 1, 2], [0, 1, 2]);
    window
}
