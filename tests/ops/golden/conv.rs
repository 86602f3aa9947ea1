//! Convolutions: `tests/golden/conv.py`.

use anygrad_graph::{ConvOptions, Tensor};

use super::Build;

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("conv1d", |x| x[0].conv1d(&x[1], 2, 1)),
    ("conv2d", |x| x[0].conv2d(&x[1], 2, 1)),
    ("conv3d", |x| x[0].conv3d(&x[1], 2, 1)),
    ("bias", |x| x[0].conv_with(&x[1], &o().padding(1).bias(&x[2]))),
    ("each_axis", |x| x[0].conv_with(&x[1], &o().stride([1, 2]).padding([2, 1]).dilation([2, 1]))),
    ("same", |x| x[0].conv_with(&x[1], &o().same())),
    ("same_dilated", |x| x[0].conv_with(&x[1], &o().same().dilation(3))),
    ("valid", |x| x[0].conv_with(&x[1], &o().valid())),
    ("groups", |x| x[0].conv_with(&x[1], &o().groups(2).stride(2))),
    ("depthwise", |x| x[0].conv_with(&x[1], &o().depthwise().padding(1))),
    ("same_strided", |x| x[0].conv_with(&x[1], &o().same().stride(2))),
    ("sides", |x| x[0].conv_with(&x[1], &o().padding_sides(&[(2, 1), (0, 3)]))),
    ("flip", |x| x[0].conv_with(&x[1], &o().flip().padding(1))),
    ("transpose1d", |x| x[0].conv_transpose1d(&x[1], 2, 1)),
    ("transpose2d", |x| x[0].conv_transpose2d(&x[1], 2, 1)),
    ("transpose3d", |x| x[0].conv_transpose3d(&x[1], 2, 1)),
    ("transpose_output_padding", |x| {
        transposed(x, o().stride([3, 2]).padding(1).output_padding([2, 1]).bias(&x[2]))
    }),
    ("transpose_groups", |x| transposed(x, o().stride(2).groups(2))),
    ("transpose_dilation", |x| transposed(x, o().dilation([2, 3]).padding(2))),
    ("transpose_everything", |x| {
        transposed(x, o().stride(3).padding(2).output_padding(1).groups(2).dilation(2))
    }),
    ("transpose_depthwise", |x| transposed(x, o().depthwise().stride(2))),
];

fn o() -> ConvOptions {
    ConvOptions::new()
}

fn transposed(x: &[Tensor], options: ConvOptions) -> Tensor {
    x[0].conv_transpose_with(&x[1], &options)
}
