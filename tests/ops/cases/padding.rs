//! Padding by a value, and by what is there.

use anygrad_graph::{PadMode, Tensor};

use crate::case::{Case, Input, Lies, case, float, given, int, truth, uint};

const MODES: [PadMode; 4] = [PadMode::Reflect, PadMode::Symmetric, PadMode::Replicate, PadMode::Circular];

fn by(mode: PadMode, name: &str, pads: &'static [(usize, usize)], input: Input) -> Case {
    case("pad_mode", format!("{mode:?} {name}"), [input], move |x: &[Tensor]| x[0].pad_mode(pads, mode))
}

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for mode in MODES {
        cases.extend([
            by(mode, "both sides", &[(2, 1)], float([4])),
            by(mode, "as far as it goes", &[(3, 3), (0, 2)], float([4, 5])),
            by(mode, "one side", &[(0, 0), (0, 2), (1, 0)], float([2, 3, 4])),
            by(mode, "by nothing", &[(0, 0)], float([3])),
            by(mode, "of a permutation", &[(1, 2), (2, 1)], float([3, 4]).lies(Lies::SlicedPermuted)),
            by(mode, "of repeats", &[(1, 1), (1, 0)], float([3, 2]).lies(Lies::Expanded)),
            by(mode, "i32", &[(1, 2)], int([5], -9.0, 9.0)).order(0),
            by(mode, "u32", &[(1, 2)], uint([5], 9)).order(0),
            by(mode, "bool", &[(1, 2)], truth([5])).order(0),
            case("pad_mode", format!("{mode:?} squared"), [float([3, 4])], move |x: &[Tensor]| {
                x[0].tanh().pad_mode(&[(1, 1), (2, 2)], mode).square()
            }),
        ]);
        if mode != PadMode::Reflect {
            cases.push(by(mode, "of one", &[(1, 1)], float([1])));
        }
    }
    cases.extend([
        by(PadMode::Replicate, "far beyond", &[(9, 7)], float([2])),
        by(PadMode::Circular, "beside nothing", &[(1, 1), (0, 0)], float([2, 0])),
    ]);
    cases.extend(values());
    cases
}

fn values() -> Vec<Case> {
    let infinite = given(anygrad_graph::DType::F32, &[3], vec![f64::NAN, f64::INFINITY, -0.0]);
    vec![
        case("pad_value", "around", [float([2, 3])], |x: &[Tensor]| x[0].pad_value(&[(1, 0), (2, 1)], 1.5)),
        case("pad_value", "by nothing", [float([2])], |x: &[Tensor]| x[0].pad_value(&[(0, 0)], 1.5)),
        case("pad_value", "of nothing", [float([0, 2])], |x: &[Tensor]| {
            x[0].pad_value(&[(2, 1), (0, 1)], -2.0)
        }),
        case("pad_value", "a tensor", [float([3, 2]), float([])], |x: &[Tensor]| {
            x[0].pad_value(&[(1, 1), (0, 2)], &x[1]).square()
        }),
        case("pad_value", "a part", [float([4, 3]).lies(Lies::Sliced)], |x: &[Tensor]| {
            x[0].pad_value(&[(0, 2), (1, 0)], 0.25)
        }),
        case("pad_value", "i32", [int([3], -9.0, 9.0)], |x: &[Tensor]| x[0].pad_value(&[(1, 2)], -7.0))
            .order(0),
        case("pad_value", "u32", [uint([3], 9)], |x: &[Tensor]| x[0].pad_value(&[(1, 2)], u32::MAX)).order(0),
        case("pad_value", "bool", [truth([3])], |x: &[Tensor]| x[0].pad_value(&[(1, 2)], 1.0)).order(0),
        case("pad_value", "infinity around infinities", [infinite], |x: &[Tensor]| {
            x[0].pad_value(&[(1, 2)], f64::NEG_INFINITY)
        })
        .special(),
    ]
}
