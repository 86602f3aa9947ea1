//! Compositions of reductions: truth, spread, norms, sums of exponentials.

use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Lies, case, float, given, int, truth, uint};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

pub fn cases() -> Vec<Case> {
    [truths(), spread(), norms(), exponentials()].concat()
}

fn truths() -> Vec<Case> {
    let whole = |op, name, input, build: fn(&[Tensor]) -> Tensor| case(op, name, [input], build).order(0);
    let mixed = || given(DType::F32, &[3, 3], vec![0.0, 0.0, -0.0, 1.0, 0.0, NAN, 2.0, -3.0, INF]);
    vec![
        whole("any", "of truth values", truth([5, 3]), |x| x[0].any(&[1])),
        whole("any", "of numbers", int([4, 3, 2], -1.0, 2.0), |x| x[0].any(&[0, 2])),
        whole("any", "with axes kept", truth([3, 2]), |x| x[0].any_keep(&[1]).logical_and(&x[0])),
        whole("any", "of all", truth([3, 2]), |x| x[0].any_all()),
        whole("any", "of nothing", truth([0, 3]), |x| x[0].any(&[0])),
        whole("any", "permuted", truth([3, 2]).lies(Lies::Permuted), |x| x[0].any(&[0])),
        whole("any", "special numbers", mixed(), |x| x[0].any(&[1])).special(),
        whole("all", "of truth values", truth([5, 2]), |x| x[0].all(&[1])),
        whole("all", "of numbers", uint([4, 3], 3), |x| x[0].all(&[0])),
        whole("all", "with axes kept", truth([3, 2]), |x| x[0].all_keep(&[0]).logical_or(&x[0])),
        whole("all", "of all", truth([1, 1]), |x| x[0].all_all()),
        whole("all", "of nothing", truth([0, 3]), |x| x[0].all(&[0])),
        whole("all", "special numbers", mixed(), |x| x[0].all(&[1])).special(),
        whole("count_nonzero", "of numbers", int([4, 7], -1.0, 2.0), |x| x[0].count_nonzero(&[1])),
        whole("count_nonzero", "of nothing", float([0, 2]), |x| x[0].count_nonzero(&[0])),
        whole("count_nonzero", "special numbers", mixed(), |x| x[0].count_nonzero(&[0])).special(),
    ]
}

fn spread() -> Vec<Case> {
    vec![
        case("var", "corrected", [float([4, 5, 6])], |x: &[Tensor]| x[0].var_with(&[0, 2], 1.0)),
        case("var", "corrected by 2.5", [float([4, 6])], |x: &[Tensor]| x[0].var_with(&[-1], 2.5)),
        case("var", "with axes kept", [float([4, 5])], |x: &[Tensor]| &x[0] * x[0].var_keep(&[1])),
        case("var", "of one", [float([3, 1])], |x: &[Tensor]| x[0].var(&[1])),
        case("var", "of one, corrected", [float([3, 1])], |x: &[Tensor]| x[0].var_with(&[1], 1.0)).special(),
        case("var", "of nothing", [float([0, 3])], |x: &[Tensor]| x[0].var(&[0])).order(0),
        // the numbers themselves have 2⁻¹⁰ between neighbours here, so f64 sees the same noise
        case("var", "of noise at 10000", [float([2, 300]).range(9999.0, 10001.0)], |x: &[Tensor]| {
            x[0].var(&[1])
        })
        .loose(2.0)
        .order(0),
        case("std", "over an axis", [float([4, 5])], |x: &[Tensor]| x[0].std(&[1])),
        case("std", "corrected", [float([4, 5])], |x: &[Tensor]| x[0].std_with(&[0], 1.0)),
        case("std", "with axes kept", [float([4, 5])], |x: &[Tensor]| &x[0] / (x[0].std_keep(&[1]) + 0.1)),
        case("std", "of equals", [given(DType::F32, &[2, 3], vec![7.0; 6])], |x: &[Tensor]| x[0].std(&[1]))
            .order(0),
        case("var_mean", "variance", [float([4, 5])], |x: &[Tensor]| x[0].var_mean(&[0], 1.0).0),
        case("var_mean", "mean", [float([4, 5])], |x: &[Tensor]| x[0].var_mean(&[0], 1.0).1),
    ]
}

fn norms() -> Vec<Case> {
    let mut cases = Vec::new();
    for p in [1.0, 2.0, 3.0, 0.5, 2.5, -1.0, -2.0, INF, f64::NEG_INFINITY] {
        let name = format!("of order {p}");
        // away from 0, where most have kinks
        let input = float([4, 5]).range(0.3, 2.0);
        cases.push(case("norm", name, [input], move |x: &[Tensor]| x[0].norm(p, &[1])).loose_slopes(3.0));
        let rest =
            given(DType::F32, &[4, 3], vec![0.0, 0.0, 0.0, 0.0, -2.0, 1.0, NAN, 1.0, 0.0, INF, 1.0, 0.0]);
        let name = format!("of order {p}, special numbers");
        cases.push(case("norm", name, [rest], move |x: &[Tensor]| x[0].norm(p, &[1])).special());
    }
    cases.extend([
        case("norm", "of order 0", [int([4, 5], -1.0, 2.0)], |x: &[Tensor]| {
            x[0].to_dtype(DType::F32).norm(0.0, &[1])
        })
        .order(0),
        case("norm", "with axes kept", [float([2, 3, 4])], |x: &[Tensor]| {
            &x[0] / x[0].norm_keep(2.0, &[0, 2])
        }),
        case("norm", "permuted", [float([3, 4]).lies(Lies::Permuted)], |x: &[Tensor]| x[0].norm(2.0, &[0])),
        case("norm", "of nothing", [float([0, 3])], |x: &[Tensor]| x[0].norm(2.0, &[0])),
        case("norm", "of ones sign", [float([3]).range(-2.0, -0.5)], |x: &[Tensor]| x[0].norm(3.0, &[0])),
    ]);
    cases
}

fn exponentials() -> Vec<Case> {
    let rows =
        [[1000.0, 999.0, 0.0], [-INF, -INF, -INF], [INF, 1.0, 2.0], [NAN, INF, 1.0], [-INF, 3.0, -2000.0]];
    let rows = || given(DType::F32, &[5, 3], rows.concat());
    let pairs: Vec<f64> = vec![INF, -INF, 0.0, NAN, 1000.0];
    let left: Vec<f64> = pairs.iter().flat_map(|&x| [x; 5]).collect();
    vec![
        case("logsumexp", "over an axis", [float([4, 5])], |x: &[Tensor]| x[0].logsumexp(&[1])),
        case("logsumexp", "over two axes", [float([4, 5, 3])], |x: &[Tensor]| x[0].logsumexp(&[0, -1])),
        case("logsumexp", "with axes kept", [float([4, 5])], |x: &[Tensor]| {
            &x[0] - x[0].logsumexp_keep(&[1])
        }),
        case("logsumexp", "of nothing", [float([0, 2])], |x: &[Tensor]| x[0].logsumexp(&[0])).special(),
        case("logsumexp", "special numbers", [rows()], |x: &[Tensor]| x[0].logsumexp(&[1])).special(),
        case("logcumsumexp", "special numbers", [rows()], |x: &[Tensor]| x[0].logcumsumexp(1)).special(),
        case("softmax", "special numbers", [rows()], |x: &[Tensor]| x[0].softmax(1)).special(),
        case("log_softmax", "special numbers", [rows()], |x: &[Tensor]| x[0].log_softmax(1)).special(),
        case("softmax", "of nothing", [float([0, 2])], |x: &[Tensor]| x[0].softmax(0)),
        case("softmin", "over an axis", [float([4, 5])], |x: &[Tensor]| x[0].softmin(1)),
        case("logaddexp", "broadcast", [float([4, 1]), float([3])], |x: &[Tensor]| x[0].logaddexp(&x[1])),
        case("logaddexp", "with a number", [float([4])], |x: &[Tensor]| x[0].logaddexp(0.5)),
        case(
            "logaddexp",
            "special numbers",
            [given(DType::F32, &[25], left), given(DType::F32, &[25], pairs.repeat(5))],
            |x: &[Tensor]| x[0].logaddexp(&x[1]),
        )
        .special(),
    ]
}
