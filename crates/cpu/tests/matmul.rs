//! Matrix products against three loops over multi-indices.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout};
use common::{Numbers, assert_close, layouts, storage_for, values, with_threads};

fn naive(a: &[f64], b: &[f64], batch: usize, [m, k, n]: [usize; 3]) -> Vec<f64> {
    let mut out = vec![0.0; batch * m * n];
    for s in 0..batch {
        for i in 0..m {
            for j in 0..n {
                out[(s * m + i) * n + j] =
                    (0..k).map(|p| a[(s * m + i) * k + p] * b[(s * k + p) * n + j]).sum();
            }
        }
    }
    out
}

#[test]
fn every_layout_of_every_type_equals_the_loops() {
    let host = Host::new();
    let mut numbers = Numbers(1);
    let cases: [(&[usize], [usize; 3]); 9] = [
        (&[], [1, 1, 1]),
        (&[], [2, 16, 1]),
        (&[], [17, 33, 9]),
        (&[3], [5, 7, 4]),
        (&[2, 3], [1, 20, 30]),
        (&[4], [3, 0, 2]),
        (&[0], [3, 4, 2]),
        (&[], [0, 4, 2]),
        (&[1], [70, 65, 67]),
    ];
    for (batch, [m, k, n]) in cases {
        let a_shape = [batch, &[m, k]].concat();
        let b_shape = [batch, &[k, n]].concat();
        for a_layout in layouts(&a_shape) {
            for b_layout in layouts(&b_shape) {
                for dtype in [DType::F32, DType::F64, DType::I32, DType::U32] {
                    let a = storage_for(&mut numbers, dtype, &a_layout);
                    let b = storage_for(&mut numbers, dtype, &b_layout);
                    let (a, b) = (View::new(&a, &a_layout), View::new(&b, &b_layout));
                    let got = matmul(&host, a, b).unwrap().to_f64_vec();
                    let want = naive(&values(a), &values(b), batch.iter().product(), [m, k, n]);
                    let tolerance = if dtype == DType::F32 { 2e-6 } else { 1e-14 };
                    assert_close(&got, &want, tolerance, &format!("{a_layout:?} · {b_layout:?} {dtype}"));
                }
            }
        }
    }
}

#[test]
fn a_shared_matrix_serves_the_whole_batch() {
    let host = Host::new();
    let mut numbers = Numbers(2);
    let a_layouts = [Layout::contiguous([6, 5, 8]), Layout::contiguous([5, 6, 8]).permute(&[1, 0, 2])];
    for a_layout in a_layouts {
        for m in [5, 1] {
            let a_layout = a_layout.slice(1, 0, m, 1);
            let b_layout = Layout::contiguous([1, 8, 7]).expand(&[6, 8, 7]);
            let (a, b) = (numbers.storage(DType::F32, 240), numbers.storage(DType::F32, 56));
            let (a, b) = (View::new(&a, &a_layout), View::new(&b, &b_layout));
            let got = matmul(&host, a, b).unwrap().to_f64_vec();
            assert_close(&got, &naive(&values(a), &values(b), 6, [m, 8, 7]), 2e-6, "shared");
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_threads() {
    let mut numbers = Numbers(3);
    for (batch, [m, k, n]) in
        [(1, [200, 700, 300]), (7, [64, 130, 65]), (1, [1, 5000, 400]), (1, [400, 5000, 1])]
    {
        let (a_layout, b_layout) = (Layout::contiguous([batch, m, k]), Layout::contiguous([batch, k, n]));
        let (a, b) = (numbers.storage(DType::F32, batch * m * k), numbers.storage(DType::F32, batch * k * n));
        let run = || matmul(&Host::new(), View::new(&a, &a_layout), View::new(&b, &b_layout)).unwrap();
        let results = with_threads(run);
        assert!(results[0] == results[1] && results[0] == results[2], "{m}x{k}x{n}");
        let (x, y) = (a.to_f64_vec(), b.to_f64_vec());
        assert_close(&results[0].to_f64_vec(), &naive(&x, &y, batch, [m, k, n]), 3e-6, "large");
    }
}

#[test]
fn integers_wrap_and_infinities_pass() {
    let host = Host::new();
    let layout = Layout::contiguous([1, 1]);
    let one = |a: Storage, b: Storage| matmul(&host, View::new(&a, &layout), View::new(&b, &layout)).unwrap();
    assert_eq!(one(vec![i32::MAX].into(), vec![2i32].into()).as_i32().unwrap(), [-2]);
    assert_eq!(one(vec![u32::MAX].into(), vec![2u32].into()).as_u32().unwrap(), [u32::MAX - 1]);
    assert!(one(vec![f32::INFINITY].into(), vec![0.0f32].into()).as_f32().unwrap()[0].is_nan());
}

#[test]
fn operands_that_do_not_fit_are_errors() {
    let host = Host::new();
    let (a, b) = (Layout::contiguous([2, 3]), Layout::contiguous([4, 2]));
    let (x, y) = (Storage::zeros(DType::F32, 6), Storage::zeros(DType::F32, 8));
    let view = View::new;
    let shape = CpuError::Shape { op: "matmul", left: vec![2, 3], right: vec![4, 2] };
    assert_eq!(matmul(&host, view(&x, &a), view(&y, &b)), Err(shape));
    let flat = Layout::contiguous([6]);
    assert!(matches!(matmul(&host, view(&x, &flat), view(&x, &flat)), Err(CpuError::Shape { .. })));
    let square = Layout::contiguous([3, 2]);
    let ints = Storage::zeros(DType::I32, 6);
    assert!(matches!(matmul(&host, view(&x, &a), view(&ints, &square)), Err(CpuError::DType { .. })));
    let short = Storage::zeros(DType::F32, 5);
    assert!(matches!(matmul(&host, view(&short, &a), view(&x, &square)), Err(CpuError::OutOfBounds { .. })));
}
