//! Pooling by the methods people call: PyTorch's options, the way back, adaptive windows.

use anygrad_graph::ops::interval::IntervalSum;
use anygrad_graph::{DType, Intervals, PoolOptions, Tensor};

use crate::case::{Case, Input, Lies, case, float, given};

fn of(shape: &[usize]) -> Input {
    Input::new(DType::F32, shape, (-2.0, 2.0))
}

fn o(kernel: usize) -> PoolOptions {
    PoolOptions::new(kernel)
}

fn options() -> Vec<(&'static str, PoolOptions, Vec<usize>)> {
    vec![
        ("1 axis", o(3).stride(2).padding(1), vec![2, 3, 8]),
        ("3 axes", o(2).stride([1, 2, 2]), vec![1, 2, 3, 4, 5]),
        ("sizes for each axis", PoolOptions::new([3, 2]).stride([1, 2]).padding([1, 0]), vec![2, 2, 5, 6]),
        ("ceil", o(3).stride(2).ceil(), vec![1, 2, 6, 8]),
        ("ceil, window beyond the input", o(3).stride(2).ceil(), vec![1, 1, 2, 2]),
        ("ceil, no window in the padding", o(2).stride(2).padding(1).ceil(), vec![1, 2, 5, 3]),
        ("ceil, padded", o(3).stride(2).padding(1).ceil(), vec![2, 1, 6, 7]),
        ("ceil, step beyond the window", o(2).stride(4).ceil(), vec![1, 1, 9, 6]),
        ("dilated", o(3).stride(1).dilation(2).padding(2), vec![1, 2, 6, 7]),
        ("dilated, ceil", o(2).stride(3).dilation(3).ceil(), vec![1, 2, 9, 8]),
        ("no samples", o(2).padding(1), vec![0, 2, 4, 5]),
        ("no channels", o(2), vec![2, 0, 4, 5]),
        ("one element", o(1), vec![1, 1, 1, 1]),
        ("overlapping by far", o(4).stride(1).padding(2), vec![1, 1, 5, 4]),
    ]
}

fn pools() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, options, shape) in options() {
        let with = |op, name: String, build: fn(&Tensor, &PoolOptions) -> Tensor| {
            let options = options.clone();
            case(op, name, [of(&shape)], move |t: &[Tensor]| build(&t[0], &options))
        };
        cases.push(with("window_gather", format!("by options, {name}"), |x, o| x.max_pool_with(o)));
        cases.push(with("window_sum", format!("by options, {name}"), |x, o| x.avg_pool_with(o)));
        cases.push(with("window_sum", format!("by options, {name}, without padding"), |x, o| {
            x.avg_pool_with(&o.clone().exclude_padding())
        }));
        cases.push(
            with("max_index", format!("by options, {name}"), |x, o| x.max_pool_with_index(o).1).order(0),
        );
    }
    cases.extend([
        case("window_gather", "by max_pool1d", [float([2, 2, 7])], |t: &[Tensor]| t[0].max_pool1d(3, 2)),
        case("window_gather", "by max_pool3d", [float([1, 2, 4, 4, 5])], |t: &[Tensor]| {
            t[0].max_pool3d(2, 2)
        }),
        case("window_sum", "by avg_pool1d", [float([2, 2, 7])], |t: &[Tensor]| t[0].avg_pool1d(3, 2)),
        case("window_sum", "by avg_pool3d", [float([1, 2, 4, 4, 5])], |t: &[Tensor]| t[0].avg_pool3d(2, 2)),
        case("window_sum", "a divisor of its own", [float([1, 2, 4, 5])], |t: &[Tensor]| {
            t[0].avg_pool_with(&o(2).padding(1).divisor(3))
        }),
        case("window_sum", "lp_pool", [float([1, 2, 6, 5]).range(0.5, 2.0)], |t: &[Tensor]| {
            t[0].lp_pool(3.0, &o(2).stride(1))
        }),
        case("window_sum", "lp_pool of signs", [float([1, 2, 6])], |t: &[Tensor]| {
            t[0].abs().maximum(0.1).lp_pool(2.0, &o(3).stride(2).ceil())
        })
        .order(1),
    ]);
    cases
}

fn unpools() -> Vec<Case> {
    let there_and_back = |name: &str, options: PoolOptions, shape: &[usize]| {
        let size = shape[2..].to_vec();
        // the places come from other numbers than those that are put there
        case(
            "window_scatter",
            format!("unpool, {name}"),
            [of(shape), of(shape).constant()],
            move |t: &[Tensor]| {
                let (_, index) = t[1].max_pool_with_index(&options);
                t[0].avg_pool_with(&options).square().max_unpool(&index, &options, &size)
            },
        )
    };
    vec![
        there_and_back("2 axes", o(2), &[2, 2, 6, 4]),
        there_and_back("2 axes with a rest", o(2), &[1, 2, 7, 5]),
        there_and_back("1 axis, overlapping", o(3).stride(1), &[2, 2, 7]),
        there_and_back("padded", o(3).stride(2).padding(1), &[1, 2, 6, 7]),
        there_and_back("dilated", o(2).stride(1).dilation(2).padding(1), &[1, 2, 5, 6]),
        there_and_back("3 axes", o(2).ceil(), &[1, 1, 3, 4, 5]),
        there_and_back("no samples", o(2), &[0, 1, 4, 4]),
        case(
            "window_scatter",
            "unpool, places outside of the windows",
            [float([1, 1, 2, 2]), given(DType::U32, &[1, 1, 2, 2], vec![5.0, 5.0, 16.0, 4e9])],
            |t: &[Tensor]| t[0].max_unpool(&t[1], &o(2), &[4, 4]),
        ),
    ]
}

fn adaptive() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes: [(&[usize], &[usize]); 9] = [
        (&[2, 3, 7], &[3]),
        (&[2, 2, 5, 7], &[3, 2]),
        (&[1, 2, 6, 8], &[3, 4]),
        (&[1, 2, 3, 4], &[5, 7]),
        (&[1, 2, 5, 4], &[5, 3]),
        (&[2, 2, 5, 4], &[1, 1]),
        (&[2, 2, 5, 4], &[1, 3]),
        (&[1, 2, 3, 4, 5], &[2, 3, 2]),
        (&[0, 2, 5, 4], &[2, 3]),
    ];
    for (shape, size) in sizes {
        let name = |what: &str| format!("{what} {shape:?} to {size:?}");
        cases.push(case("pooling", name("adaptive_avg_pool"), [of(shape)], |t: &[Tensor]| {
            t[0].adaptive_avg_pool(size)
        }));
        cases.push(case("pooling", name("adaptive_max_pool"), [of(shape)], |t: &[Tensor]| {
            t[0].adaptive_max_pool(size)
        }));
        let place = |t: &[Tensor]| t[0].adaptive_max_pool_with_index(size).1;
        cases.push(case("pooling", name("places of adaptive_max_pool"), [of(shape)], place).order(0));
    }
    let global: [(&str, Function); 2] =
        [("global_avg_pool", |x| x.global_avg_pool()), ("global_max_pool", |x| x.global_max_pool())];
    for (name, build) in global {
        for shape in [&[2, 3, 5][..], &[2, 3, 4, 5], &[1, 2, 3, 2, 3], &[0, 3, 4, 4], &[1, 1, 1, 1]] {
            cases.push(case("pooling", format!("{name} {shape:?}"), [of(shape)], move |t: &[Tensor]| {
                build(&t[0])
            }));
        }
    }
    let ties = [2.0, 2.0, f64::NAN, 1.0, 2.0, f64::NAN, f64::INFINITY, 3.0, 3.0, 0.0, f64::NEG_INFINITY, 3.0];
    let special: [(&str, Function); 4] = [
        ("values", |x| x.adaptive_max_pool(&[2, 2])),
        ("places", |x| x.adaptive_max_pool_with_index(&[2, 2]).1),
        ("means", |x| x.adaptive_avg_pool(&[2, 2])),
        ("global", |x| x.global_max_pool()),
    ];
    for (name, build) in special {
        let x = given(DType::F32, &[1, 1, 3, 4], ties.to_vec());
        cases.push(
            case("pooling", format!("ties and NaN, {name}"), [x], move |t: &[Tensor]| build(&t[0])).special(),
        );
    }
    cases
}

fn intervals() -> Vec<Case> {
    let mut cases = Vec::new();
    let rules = [
        ("adaptive", Intervals::Adaptive),
        ("picks", Intervals::Pick { step: 3, first: -2, over: 4 }),
        ("picked", Intervals::Picked { step: 3, first: 2, over: 4 }),
    ];
    let sum = |axis, size, intervals| {
        move |t: &[Tensor]| Tensor::record(IntervalSum { axis, size, intervals }, &[&t[0]])
    };
    for (name, rule) in rules {
        for lies in
            [Lies::Dense, Lies::Permuted, Lies::Sliced, Lies::Flipped, Lies::Expanded, Lies::SlicedPermuted]
        {
            let x = float([3, 5, 4]).lies(lies);
            cases.push(case("interval_sum", format!("{name}, {lies:?}"), [x], sum(1, 7, rule)));
        }
        for (n, m) in [(0, 0), (0, 3), (3, 0), (1, 1), (1, 6), (6, 1), (5, 5), (9, 4)] {
            cases.push(case("interval_sum", format!("{name}, {n} to {m}"), [float([2, n])], sum(1, m, rule)));
        }
        cases.push(case("interval_sum", format!("{name}, first axis"), [float([5, 3])], sum(0, 3, rule)));
        cases.push(case("interval_sum", format!("{name}, one axis"), [float([13])], sum(0, 4, rule)));
        cases.push(case("interval_sum", format!("{name}, none around"), [float([0, 5, 3])], sum(1, 3, rule)));
    }
    cases
}

type Function = fn(&Tensor) -> Tensor;

pub fn cases() -> Vec<Case> {
    [pools(), unpools(), adaptive(), intervals()].concat()
}
