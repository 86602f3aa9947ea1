//! Convolutions by the methods people call: paddings by name, depthwise, transposed.

use anygrad_graph::{ConvOptions, Tensor};

use crate::case::{Case, Lies, case, float};

fn o() -> ConvOptions {
    ConvOptions::new()
}

fn forward() -> Vec<Case> {
    let with = |name: &str, x: &[usize], w: &[usize], options: ConvOptions| {
        case("conv", format!("with {name}"), [of(x), of(w)], move |t: &[Tensor]| {
            t[0].conv_with(&t[1], &options)
        })
    };
    vec![
        case("conv", "by conv1d", [float([2, 3, 7]), float([2, 3, 3])], |t: &[Tensor]| {
            t[0].conv1d(&t[1], 2, 1)
        }),
        case("conv", "by conv3d", [float([1, 2, 3, 4, 3]), float([2, 2, 2, 3, 1])], |t: &[Tensor]| {
            t[0].conv3d(&t[1], 1, 1)
        }),
        with(
            "sizes for each axis",
            &[1, 2, 7, 8],
            &[3, 2, 3, 2],
            o().stride([1, 2]).dilation([2, 1]).padding([1, 0]),
        ),
        with(
            "a pad for each side",
            &[2, 2, 5, 4],
            &[2, 2, 3, 3],
            o().padding_sides(&[(2, 0), (0, 1)]).stride(2),
        ),
        with("same, even kernel", &[1, 2, 5, 6], &[2, 2, 2, 4], o().same()),
        with("same, step 2", &[1, 2, 7, 6], &[2, 2, 3, 3], o().same().stride(2)),
        with("same, step beyond the kernel", &[1, 1, 8, 7], &[2, 1, 2, 1], o().same().stride(3)),
        with("same, dilated", &[2, 2, 9], &[2, 2, 3], o().same().dilation(2)),
        with("valid", &[2, 2, 9], &[2, 2, 3], o().padding(2).valid()),
        with("depthwise", &[2, 3, 5, 4], &[3, 1, 3, 3], o().depthwise().padding(1)),
        with("depthwise, two for each channel", &[2, 3, 5, 4], &[6, 1, 3, 2], o().depthwise().stride(2)),
        with("depthwise of no samples", &[0, 3, 5, 4], &[3, 1, 3, 3], o().depthwise()),
        with("depthwise of no channels", &[2, 0, 5, 4], &[0, 0, 3, 3], o().depthwise()),
        with("flip", &[1, 2, 6], &[2, 2, 3], o().flip()),
        with("windows that overlap by far", &[1, 1, 6, 6], &[1, 1, 5, 5], o().padding(3)),
        case(
            "conv",
            "with a bias in the options",
            [float([2, 3, 5, 5]), float([4, 3, 3, 3]), float([4])],
            |t: &[Tensor]| t[0].conv_with(&t[1], &o().bias(&t[2]).stride(2).padding(1)),
        ),
        case(
            "conv",
            "separable",
            [float([1, 3, 5, 5]), float([3, 1, 3, 3]), float([4, 3, 1, 1])],
            |t: &[Tensor]| t[0].conv_with(&t[1], &o().depthwise().same()).conv2d(&t[2], 1, 0),
        ),
    ]
}

fn transposed() -> Vec<Case> {
    let with = |name: &str, x: &[usize], w: &[usize], options: ConvOptions| {
        case("conv", format!("transposed with {name}"), [of(x), of(w)], move |t: &[Tensor]| {
            t[0].conv_transpose_with(&t[1], &options)
        })
    };
    vec![
        case("conv", "by conv_transpose1d", [float([2, 3, 4]), float([3, 2, 3])], |t: &[Tensor]| {
            t[0].conv_transpose1d(&t[1], 2, 1)
        }),
        case("conv", "by conv_transpose2d", [float([2, 3, 3, 4]), float([3, 2, 3, 3])], |t: &[Tensor]| {
            t[0].conv_transpose2d(&t[1], 2, 1)
        }),
        case(
            "conv",
            "by conv_transpose3d",
            [float([1, 2, 2, 3, 2]), float([2, 3, 2, 2, 3])],
            |t: &[Tensor]| t[0].conv_transpose3d(&t[1], 2, 0),
        ),
        with("one element", &[1, 1, 1], &[1, 1, 1], o()),
        with("output padding", &[1, 2, 3, 3], &[2, 2, 3, 3], o().stride(3).padding(1).output_padding([2, 0])),
        with("output padding below the dilation", &[1, 2, 4], &[2, 1, 3], o().dilation(3).output_padding(2)),
        with("groups", &[2, 4, 3, 4], &[4, 3, 3, 2], o().groups(2).stride(2)),
        with("one channel a group", &[1, 3, 3, 3], &[3, 2, 2, 2], o().depthwise().stride([2, 1])),
        with("dilation", &[1, 2, 4, 3], &[2, 2, 3, 2], o().dilation([2, 3]).padding(1)),
        with("more padding than reach", &[1, 2, 6, 6], &[2, 2, 2, 2], o().padding(2)),
        with(
            "a pad for each side",
            &[1, 2, 4, 4],
            &[2, 2, 3, 3],
            o().stride(2).padding_sides(&[(0, 1), (2, 0)]),
        ),
        with("same", &[1, 2, 3, 4], &[2, 2, 3, 4], o().stride(2).same()),
        with("same, kernel below the step", &[1, 2, 4], &[2, 2, 2], o().stride(3).same()),
        with("flip", &[1, 2, 4], &[2, 2, 3], o().flip().stride(2)),
        with("no samples", &[0, 2, 3, 3], &[2, 4, 2, 2], o()),
        with("no channels", &[2, 0, 3, 3], &[0, 4, 2, 2], o()),
        case(
            "conv",
            "transposed with a bias, other layouts",
            [
                float([2, 3, 3, 4]).lies(Lies::SlicedPermuted),
                float([3, 2, 2, 3]).lies(Lies::Flipped),
                float([2]).lies(Lies::Sliced),
            ],
            |t: &[Tensor]| t[0].conv_transpose_with(&t[1], &o().stride(2).bias(&t[2])),
        ),
    ]
}

fn of(shape: &[usize]) -> crate::case::Input {
    crate::case::Input::new(anygrad_graph::DType::F32, shape, (-2.0, 2.0))
}

pub fn cases() -> Vec<Case> {
    [forward(), transposed()].concat()
}
