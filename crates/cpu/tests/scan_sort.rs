//! Scans and orders along an axis against the plainest loops.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout};
use common::{Numbers, assert_close, layouts, storage_for, values, with_threads};

const SHAPES: [&[usize]; 6] = [&[1], &[9], &[3, 5], &[2, 3, 4], &[2, 0, 3], &[2, 5, 1, 7]];

/// The elements of each line along `axis`, from dense elements.
fn lines(x: &[f64], shape: &[usize], axis: usize) -> Vec<Vec<f64>> {
    let right: usize = shape[axis + 1..].iter().product();
    let block = shape[axis] * right;
    let line = |at: usize| {
        (0..shape[axis]).map(|i| x[at / right * block + at % right + i * right]).collect::<Vec<_>>()
    };
    (0..shape[..axis].iter().product::<usize>() * right).map(line).collect()
}

fn reference(kind: Scan, inputs: &[Vec<f64>], exclusive: bool) -> Vec<f64> {
    let x = inputs.last().unwrap();
    let upto = |i: usize| if exclusive { &x[..i] } else { &x[..=i] };
    let last = |i: usize, best: fn(f64, f64) -> f64| {
        let best = upto(i).iter().copied().reduce(best).unwrap();
        upto(i).iter().rposition(|&x| x == best).unwrap() as f64
    };
    let of = |i: usize| match kind {
        Scan::Sum => upto(i).iter().sum(),
        Scan::Prod => upto(i).iter().product(),
        Scan::Linear => (0..upto(i).len()).fold(0.0, |h, j| inputs[0][j] * h + x[j]),
        Scan::MaxIndex => last(i, f64::max),
        _ => last(i, f64::min),
    };
    (0..x.len()).map(of).collect()
}

#[test]
fn every_scan_along_every_axis_of_every_layout() {
    let (host, mut numbers) = (Host::new(), Numbers(1));
    for shape in SHAPES {
        for layout in layouts(shape) {
            for dtype in [DType::F32, DType::F64, DType::I32, DType::U32] {
                let data =
                    [storage_for(&mut numbers, dtype, &layout), storage_for(&mut numbers, dtype, &layout)];
                let views = [View::new(&data[0], &layout), View::new(&data[1], &layout)];
                for axis in 0..shape.len() {
                    for kind in [Scan::Sum, Scan::Prod, Scan::Linear, Scan::MaxIndex, Scan::MinIndex] {
                        if !dtype.is_float() && matches!(kind, Scan::Prod | Scan::Linear) {
                            continue;
                        }
                        let inputs = if kind == Scan::Linear { &views[..] } else { &views[..1] };
                        for exclusive in [false, true] {
                            if exclusive && matches!(kind, Scan::MaxIndex | Scan::MinIndex) {
                                assert!(scan(&host, kind, inputs, axis, exclusive).is_err());
                                continue;
                            }
                            let got = scan(&host, kind, inputs, axis, exclusive).unwrap().to_f64_vec();
                            let parts: Vec<Vec<Vec<f64>>> =
                                inputs.iter().map(|&view| lines(&values(view), shape, axis)).collect();
                            let want: Vec<f64> = (0..parts[0].len())
                                .flat_map(|line| {
                                    let inputs: Vec<Vec<f64>> =
                                        parts.iter().map(|p| p[line].clone()).collect();
                                    reference(kind, &inputs, exclusive)
                                })
                                .collect();
                            let got: Vec<f64> = lines(&got, shape, axis).concat();
                            assert_close(&got, &want, 1e-6, &format!("{kind:?} {axis} {dtype} {layout:?}"));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn orders_are_stable_and_put_nan_last() {
    let (host, mut numbers) = (Host::new(), Numbers(2));
    for shape in SHAPES {
        for layout in layouts(shape) {
            for dtype in [DType::F32, DType::F64, DType::I32, DType::U32] {
                let mut few = storage_for(&mut numbers, DType::I32, &layout).to_f64_vec();
                // few different numbers, so that some are equal; signed zeros are
                few.iter_mut().for_each(|x| *x = if dtype == DType::U32 { x.abs() % 3.0 } else { *x % 3.0 });
                let data = Storage::from_f64(dtype, &few);
                let view = View::new(&data, &layout);
                for axis in 0..shape.len() {
                    for descending in [false, true] {
                        let got = argsort(&host, view, axis, descending).unwrap().to_f64_vec();
                        let want: Vec<f64> = lines(&values(view), shape, axis)
                            .iter()
                            .flat_map(|line| {
                                let mut order: Vec<usize> = (0..line.len()).collect();
                                order.sort_by(|&a, &b| {
                                    let order = line[a].partial_cmp(&line[b]).unwrap();
                                    if descending { order.reverse() } else { order }
                                });
                                order.into_iter().map(|i| i as f64).collect::<Vec<_>>()
                            })
                            .collect();
                        assert_eq!(
                            lines(&got, shape, axis).concat(),
                            want,
                            "{axis} {dtype} {descending} {layout:?}"
                        );
                    }
                }
            }
        }
    }
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let special = [2.0, nan, 1.0, -nan, inf, -inf, -0.0, 0.0];
    for dtype in [DType::F32, DType::F64] {
        let (data, layout) = (Storage::from_f64(dtype, &special), Layout::contiguous([8]));
        let order = |descending| argsort(&host, View::new(&data, &layout), 0, descending).unwrap();
        assert_eq!(order(false).as_u32().unwrap(), [5, 6, 7, 2, 0, 4, 1, 3]);
        assert_eq!(order(true).as_u32().unwrap(), [1, 3, 4, 0, 2, 6, 7, 5]);
    }
}

#[test]
fn extremes_so_far_keep_nan_and_the_last_of_equals() {
    let host = Host::new();
    let x = Storage::from(vec![1.0f32, 1.0, f32::NAN, 2.0, f32::NAN, 3.0]);
    let layout = Layout::contiguous([6]);
    for kind in [Scan::MaxIndex, Scan::MinIndex] {
        let index = scan(&host, kind, &[View::new(&x, &layout)], 0, false).unwrap();
        assert_eq!(index.as_u32().unwrap(), [0, 1, 2, 2, 4, 4]);
    }
}

#[test]
fn long_lines_keep_their_precision_on_any_threads() {
    let mut numbers = Numbers(3);
    let terms: Vec<f32> = (0..1_000_000).map(|_| numbers.fine() as f32 + 1.0).collect();
    let x = Storage::from(terms.clone());
    for shape in [&[1_000_000][..], &[10, 100_000], &[1000, 10, 100]] {
        let layout = Layout::contiguous(shape);
        let view = View::new(&x, &layout);
        for axis in 0..shape.len() {
            let sums = with_threads(|| scan(&Host::new(), Scan::Sum, &[view], axis, false).unwrap());
            let orders = with_threads(|| argsort(&Host::new(), view, axis, false).unwrap());
            assert!(sums[0] == sums[1] && sums[0] == sums[2], "{shape:?} {axis}");
            assert!(orders[0] == orders[1] && orders[0] == orders[2], "{shape:?} {axis}");
        }
    }
    let layout = Layout::contiguous([1_000_000]);
    let sums = scan(&Host::new(), Scan::Sum, &[View::new(&x, &layout)], 0, false).unwrap();
    let mut exact = 0.0f64;
    for (&got, &term) in sums.as_f32().unwrap().iter().zip(&terms) {
        exact += f64::from(term);
        assert!((f64::from(got) - exact).abs() <= 1e-7 * exact.abs(), "{got} for {exact}");
    }
}

#[test]
fn wrong_calls_are_errors() {
    let (host, x, layout) = (Host::new(), Storage::zeros(DType::F32, 6), Layout::contiguous([2, 3]));
    let (view, other) = (View::new(&x, &layout), Layout::contiguous([3, 2]));
    assert!(matches!(scan(&host, Scan::Sum, &[view], 2, false), Err(CpuError::Axis { op: "cumsum", .. })));
    assert!(matches!(argsort(&host, view, 2, false), Err(CpuError::Axis { op: "argsort", .. })));
    assert!(matches!(scan(&host, Scan::Sum, &[], 0, false), Err(CpuError::Invalid { .. })));
    assert!(matches!(scan(&host, Scan::Sum, &[view, view], 0, false), Err(CpuError::Invalid { .. })));
    let two = [view, View::new(&x, &other)];
    assert!(matches!(scan(&host, Scan::Linear, &two, 0, false), Err(CpuError::Shape { .. })));
}
