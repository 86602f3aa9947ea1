//! Activation functions: compositions, on ordinary numbers and at the ends of f32.

use anygrad_graph::Tensor;

use crate::case::{Case, Lies, case, float, given, truth};
use anygrad_graph::DType;

type Function = fn(&Tensor) -> Tensor;

const FUNCTIONS: [(&str, Function); 19] = [
    ("relu6", |x| x.relu6()),
    ("leaky_relu", |x| x.leaky_relu(0.01)),
    ("elu", |x| x.elu(1.5)),
    ("selu", |x| x.selu()),
    ("celu", |x| x.celu(0.7)),
    ("gelu", |x| x.gelu()),
    ("gelu_tanh", |x| x.gelu_tanh()),
    ("silu", |x| x.silu()),
    ("mish", |x| x.mish()),
    ("softplus", |x| x.softplus(2.0, 5.0)),
    ("softplus without threshold", |x| x.softplus(1.0, f64::INFINITY)),
    ("log_sigmoid", |x| x.log_sigmoid()),
    ("softsign", |x| x.softsign()),
    ("hard_tanh", |x| x.hard_tanh(-1.0, 2.0)),
    ("hard_sigmoid", |x| x.hard_sigmoid()),
    ("hard_swish", |x| x.hard_swish()),
    ("threshold", |x| x.threshold(0.5, -3.0)),
    ("prelu", |x| x.prelu(&(x.flatten(0).slice(0, 0, 1) * 0.1))),
    ("step", |x| x.step()),
];

/// Ordinary f32 numbers, and those at which exponentials overflow or a formula would give 0·∞.
const SPECIAL: [f64; 15] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    -1.0,
    6.0,
    -20.0,
    60.0,
    100.0,
    -120.0,
    1e10,
    3e38,
    -3e38,
];

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = FUNCTIONS.into_iter().flat_map(|(name, f)| of_function(name, f)).collect();
    cases.extend([
        case("prelu", "a slope each channel", [float([2, 3, 4]), float([3])], |x: &[Tensor]| {
            x[0].prelu(&x[1])
        }),
        case("prelu", "of a vector", [float([5]), float([5])], |x: &[Tensor]| x[0].prelu(&x[1])),
        case("prelu", "one slope", [float([2, 3]), float([1])], |x: &[Tensor]| x[0].prelu(&x[1])),
        case("glu", "middle axis", [float([2, 6, 3])], |x: &[Tensor]| x[0].glu(1)),
        case("glu", "of nothing", [float([2, 0])], |x: &[Tensor]| x[0].glu(-1)),
        case("maxout", "last axis", [float([3, 6])], |x: &[Tensor]| x[0].maxout(-1, 2)),
        case("maxout", "first axis", [float([6, 5]).lies(Lies::Permuted)], |x: &[Tensor]| x[0].maxout(0, 3)),
        case("maxout", "one piece", [float([4])], |x: &[Tensor]| x[0].maxout(0, 1)),
        case("masked_fill", "with broadcasting", [truth([4, 1]), float([3, 1, 5])], |x: &[Tensor]| {
            x[1].masked_fill(&x[0], f64::NEG_INFINITY).exp()
        }),
        case("masked_fill", "by a tensor", [truth([3]), float([2, 3]), float([])], |x: &[Tensor]| {
            x[1].masked_fill(&x[0], &x[2])
        }),
    ]);
    cases
}

fn of_function(name: &'static str, f: Function) -> Vec<Case> {
    let build = move |x: &[Tensor]| f(&x[0]);
    let order = if name == "step" { 0 } else { 2 };
    let shapes: [(&str, &[usize]); 5] =
        [("odd", &[7, 13]), ("one", &[1, 1]), ("none", &[0, 3]), ("vectors", &[8, 8]), ("three", &[3, 4, 5])];
    let mut cases: Vec<Case> = shapes
        .into_iter()
        // a slope for prelu is taken from the first element
        .filter(|(size, _)| !(*size == "none" && name == "prelu"))
        .map(|(size, shape)| {
            let lies = if size == "three" { Lies::SlicedPermuted } else { Lies::Dense };
            let input = crate::case::Input::new(DType::F32, shape, (-5.0, 5.0)).lies(lies);
            case(name, size, [input], build).order(order)
        })
        .collect();
    let special = given(DType::F32, &[SPECIAL.len()], SPECIAL.to_vec());
    cases.push(case(name, "special numbers", [special], build).special());
    // finite inputs have finite gradients, however large they are
    let finite: Vec<f64> = SPECIAL.into_iter().filter(|x| x.is_finite() && x.abs() < 1e30).collect();
    let finite = given(DType::F32, &[finite.len()], finite);
    if order > 0 && name != "prelu" {
        cases.push(
            case(name, "gradient of special numbers", [finite], move |x: &[Tensor]| {
                anygrad_graph::grad(&f(&x[0]).sum_all(), &[&x[0]]).remove(0)
            })
            .special(),
        );
    }
    cases
}
