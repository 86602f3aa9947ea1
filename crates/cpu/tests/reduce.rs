//! Reductions against loops over multi-indices.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout};
use common::{Numbers, assert_close, flat, indices, layouts, storage_for, values, with_threads};

const KINDS: [Reduce; 6] =
    [Reduce::Sum, Reduce::Prod, Reduce::Max, Reduce::Min, Reduce::ArgMax, Reduce::ArgMin];

fn naive(x: &[f64], shape: &[usize], kind: Reduce, axes: &[usize]) -> Vec<f64> {
    let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
    let sizes = |axes: &[usize]| axes.iter().map(|&a| shape[a]).collect::<Vec<_>>();
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    indices(&sizes(&kept))
        .iter()
        .map(|outer| {
            let terms: Vec<f64> = indices(&sizes(&sorted))
                .iter()
                .map(|inner| {
                    let mut index = vec![0; shape.len()];
                    kept.iter().zip(outer).for_each(|(&a, &i)| index[a] = i);
                    sorted.iter().zip(inner).for_each(|(&a, &i)| index[a] = i);
                    x[flat(&index, shape)]
                })
                .collect();
            let extreme = |greater: bool| {
                let nan = terms.iter().position(|x| x.is_nan());
                let best =
                    terms.iter().copied().fold(terms[0], |a, b| if greater { a.max(b) } else { a.min(b) });
                nan.unwrap_or_else(|| terms.iter().position(|&x| x == best).unwrap())
            };
            match kind {
                Reduce::Sum => terms.iter().sum(),
                Reduce::Prod => terms.iter().product(),
                Reduce::Max => terms[extreme(true)],
                Reduce::Min => terms[extreme(false)],
                Reduce::ArgMax => extreme(true) as f64,
                _ => extreme(false) as f64,
            }
        })
        .collect()
}

fn subsets(rank: usize) -> Vec<Vec<usize>> {
    (0..1 << rank).map(|bits| (0..rank).filter(|a| bits >> a & 1 == 1).collect()).collect()
}

#[test]
fn every_set_of_axes_of_every_layout() {
    let (host, mut numbers) = (Host::new(), Numbers(1));
    let shapes: [&[usize]; 6] = [&[], &[1], &[9], &[3, 5], &[2, 3, 4], &[2, 5, 3, 7]];
    for shape in shapes {
        for layout in layouts(shape) {
            for dtype in [DType::F32, DType::F64, DType::I32, DType::U32] {
                let x = storage_for(&mut numbers, dtype, &layout);
                let view = View::new(&x, &layout);
                for axes in subsets(shape.len()) {
                    for kind in KINDS {
                        if kind == Reduce::Prod && !dtype.is_float() {
                            continue;
                        }
                        let got = reduce(&host, view, kind, &axes).unwrap().to_f64_vec();
                        let want = naive(&values(view), shape, kind, &axes);
                        let tolerance = match (dtype, kind) {
                            (DType::F32, Reduce::Sum | Reduce::Prod) => 1e-6,
                            (DType::F64, Reduce::Sum | Reduce::Prod) => 1e-14,
                            _ => 0.0,
                        };
                        assert_close(
                            &got,
                            &want,
                            tolerance,
                            &format!("{kind:?} {axes:?} {dtype} {layout:?}"),
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn long_reductions_on_any_threads() {
    let (host, mut numbers) = (Host::new(), Numbers(2));
    let cases: [(&[usize], &[usize]); 12] = [
        (&[3, 40_001], &[1]),
        (&[70_003], &[0]),
        (&[40_001, 3], &[0]),
        (&[9_001, 10], &[0]),
        (&[301, 300], &[0]),
        (&[4, 301, 300], &[1]),
        (&[16, 5, 33, 31], &[0, 2, 3]),
        (&[600, 5, 33], &[1]),
        (&[33, 5, 600], &[2, 0]),
        (&[2, 300_007], &[1]),
        (&[131, 2_500], &[0]),
        (&[5, 7, 9, 40], &[3]),
    ];
    for (shape, axes) in cases {
        let layout = Layout::contiguous(shape);
        let x = numbers.storage(DType::F32, layout.numel());
        for kind in [Reduce::Sum, Reduce::Max, Reduce::Min, Reduce::ArgMax] {
            let view = View::new(&x, &layout);
            let results = with_threads(|| reduce(&Host::new(), view, kind, axes).unwrap());
            assert!(results[0] == results[1] && results[0] == results[2], "{kind:?} {shape:?} {axes:?}");
            let wide = Storage::F64(x.to_f64_vec());
            let want = reduce(&host, View::new(&wide, &layout), kind, axes).unwrap().to_f64_vec();
            let tolerance = if kind == Reduce::Sum { 1e-6 } else { 0.0 };
            assert_close(&results[0].to_f64_vec(), &want, tolerance, &format!("{kind:?} {shape:?} {axes:?}"));
        }
    }
}

#[test]
fn sums_keep_their_precision() {
    let host = Host::new();
    let ones = Storage::from(vec![1.0f32; 10_000_000]);
    for (shape, axes) in [(&[10_000_000][..], &[0][..]), (&[1_000_000, 10], &[0, 1])] {
        let layout = Layout::contiguous(shape);
        let total = reduce(&host, View::new(&ones, &layout), Reduce::Sum, axes).unwrap();
        assert_eq!(total.as_f32().unwrap(), [1e7]);
    }
    let layout = Layout::contiguous([1_000_000, 10]);
    let columns = reduce(&host, View::new(&ones, &layout), Reduce::Sum, &[0]).unwrap();
    assert_eq!(columns.as_f32().unwrap(), [1e6; 10]);

    let mut numbers = Numbers(3);
    let terms: Vec<f32> = (0..1_000_000).map(|_| numbers.fine() as f32 + 1.0).collect();
    let exact: f64 = terms.iter().map(|&x| f64::from(x)).sum();
    let data = Storage::from(terms);
    let layout = Layout::contiguous([1_000_000]);
    let total = reduce(&host, View::new(&data, &layout), Reduce::Sum, &[0]).unwrap().to_f64_vec()[0];
    assert!((total - exact).abs() <= 1e-6 * exact, "{total} for {exact}");
}

#[test]
fn nan_and_infinities() {
    let host = Host::new();
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    // long enough for the lanes, as rows and as columns
    for (n, axis) in [(3, 0), (100, 0), (100, 1), (5000, 0), (5000, 1)] {
        let width = if axis == 0 { 1 } else { 8 };
        let layout = if axis == 0 { Layout::contiguous([n]) } else { Layout::contiguous([n, width]) };
        let run = |special: &[(usize, f32)], kind| {
            let mut x = vec![1.0f32; n * width];
            special.iter().for_each(|&(i, value)| x[i * width] = value);
            let x = Storage::from(x);
            reduce(&host, View::new(&x, &layout), kind, &[0]).unwrap().to_f64_vec()[0]
        };
        assert!(run(&[(1, nan)], Reduce::Max).is_nan() && run(&[(1, nan), (2, inf)], Reduce::Max).is_nan());
        assert!(run(&[(0, nan)], Reduce::Min).is_nan() && run(&[(2, nan), (1, -inf)], Reduce::Min).is_nan());
        assert!(run(&[(1, nan)], Reduce::Sum).is_nan() && run(&[(0, inf), (2, -inf)], Reduce::Sum).is_nan());
        assert_eq!(run(&[(1, inf)], Reduce::Sum), f64::INFINITY);
        assert_eq!(run(&[(1, -inf)], Reduce::Min), f64::NEG_INFINITY);
        assert_eq!(run(&[(2, nan), (1, nan), (0, inf)], Reduce::ArgMax), 1.0);
        assert_eq!(run(&[(2, nan), (0, -inf)], Reduce::ArgMin), 2.0);
        assert_eq!(run(&[(1, 5.0), (2, 5.0)], Reduce::ArgMax), 1.0);
        assert_eq!(run(&[], Reduce::ArgMin), 0.0);
    }
    let lowest = Storage::from(vec![-inf; 40]);
    let layout = Layout::contiguous([40]);
    let max = reduce(&host, View::new(&lowest, &layout), Reduce::Max, &[0]).unwrap();
    assert_eq!(max.as_f32().unwrap(), [-inf]);
}

#[test]
fn nothing_has_a_sum_and_a_product() {
    let host = Host::new();
    for dtype in [DType::F32, DType::F64, DType::I32, DType::U32] {
        let none = Storage::zeros(dtype, 0);
        let layout = Layout::contiguous([0, 3]);
        let run = |kind, axes: &[usize]| reduce(&host, View::new(&none, &layout), kind, axes);
        assert_eq!(run(Reduce::Sum, &[0]).unwrap().to_f64_vec(), [0.0; 3]);
        assert_eq!(run(Reduce::Prod, &[0, 1]).unwrap().to_f64_vec(), [1.0]);
        assert_eq!(run(Reduce::Max, &[1]).unwrap().len(), 0);
        assert_eq!(run(Reduce::Max, &[0]), Err(CpuError::Empty { op: "max" }));
        assert_eq!(run(Reduce::ArgMin, &[0, 1]), Err(CpuError::Empty { op: "argmin" }));
    }
}

#[test]
fn wrong_axes_are_errors() {
    let (host, x, layout) = (Host::new(), Storage::zeros(DType::F32, 6), Layout::contiguous([2, 3]));
    for axes in [&[2][..], &[0, 0]] {
        let result = reduce(&host, View::new(&x, &layout), Reduce::Sum, axes);
        assert!(matches!(result, Err(CpuError::Axis { op: "sum", rank: 2, .. })), "{axes:?}");
    }
}
