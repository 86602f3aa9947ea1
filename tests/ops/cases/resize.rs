//! Resizing along one to three axes, up and down, in every mode.

use anygrad_graph::{DType, Resize, Tensor};

use crate::case::{Case, Input, Lies, case, float, given};

const MODES: [Resize; 6] = [
    Resize::Nearest,
    Resize::NearestExact,
    Resize::Linear,
    Resize::LinearCorners,
    Resize::Cubic,
    Resize::CubicCorners,
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes: [(&[usize], &[usize]); 10] = [
        (&[2, 2, 5], &[8]),
        (&[2, 2, 8], &[5]),
        (&[1, 2, 3, 4], &[6, 8]),
        (&[1, 2, 4, 6], &[2, 3]),
        (&[2, 1, 3, 5], &[5, 3]),
        (&[1, 1, 1, 1], &[3, 2]),
        (&[1, 2, 4, 3], &[1, 1]),
        (&[1, 2, 4, 3], &[4, 3]),
        (&[1, 1, 2, 3, 2], &[3, 2, 3]),
        (&[0, 2, 3, 4], &[2, 6]),
    ];
    for mode in MODES {
        for (shape, size) in sizes {
            let x = Input::new(DType::F32, shape, (-2.0, 2.0));
            let name = format!("{mode:?} {shape:?} to {size:?}");
            cases.push(case("resize", name, [x], move |t: &[Tensor]| t[0].resize(size, mode)));
        }
        cases.push(case(
            "resize",
            format!("{mode:?} by 1.5"),
            [float([1, 2, 3, 5])],
            move |t: &[Tensor]| t[0].resize_by(1.5, mode),
        ));
        cases.push(
            // not at the edge, where 0·∞ depends on which inputs are outside
            case(
                "resize",
                format!("{mode:?} of NaN and infinity"),
                [given(DType::F32, &[1, 1, 7], vec![1.0, 2.0, f64::NAN, 3.0, 4.0, f64::INFINITY, 5.0])],
                move |t: &[Tensor]| t[0].resize(&[11], mode),
            )
            .special(),
        );
    }
    for lies in [Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::Expanded, Lies::SlicedPermuted] {
        for mode in [Resize::Nearest, Resize::Linear] {
            let x = float([2, 2, 3, 4]).lies(lies);
            let build = move |t: &[Tensor]| t[0].resize(&[5, 3], mode).square();
            cases.push(case("resize", format!("{mode:?} {lies:?}"), [x], build));
        }
    }
    cases
}
