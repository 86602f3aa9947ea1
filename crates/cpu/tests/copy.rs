//! Copies, fills, pads and concatenations against loops over multi-indices.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout};
use common::{Numbers, flat, indices, layouts, storage_for, values};

const TYPES: [DType; 4] = [DType::F32, DType::F64, DType::I32, DType::U32];

#[test]
fn copies_are_in_row_major_order() {
    let (host, mut numbers) = (Host::new(), Numbers(1));
    let shapes: [&[usize]; 7] = [&[], &[1], &[5], &[3, 4], &[2, 0, 3], &[2, 3, 1, 5], &[67, 70]];
    for shape in shapes {
        for layout in layouts(shape) {
            for dtype in TYPES {
                let data = storage_for(&mut numbers, dtype, &layout);
                let view = View::new(&data, &layout);
                let got = copy(&host, view).unwrap();
                assert_eq!((got.dtype(), got.to_f64_vec()), (dtype, values(view)), "{layout:?}");
            }
        }
    }
}

#[test]
fn large_transpositions_are_complete() {
    let host = Host::new();
    let data = Storage::from((0..3 * 130 * 301).collect::<Vec<u32>>());
    for axes in [[0, 2, 1], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let layout = Layout::contiguous([3, 130, 301]).permute(&axes);
        let want: Vec<u32> = layout.offsets().map(|at| at as u32).collect();
        assert!(copy(&host, View::new(&data, &layout)).unwrap().as_u32() == Some(&want[..]), "{axes:?}");
    }
}

#[test]
fn fills_are_rounded_to_the_type() {
    let host = Host::new();
    assert_eq!(fill(&host, DType::F32, 2, 0.1).unwrap().as_f32().unwrap(), [0.1f32; 2]);
    assert_eq!(fill(&host, DType::I32, 1, -2.9).unwrap().as_i32().unwrap(), [-2]);
    assert_eq!(fill(&host, DType::Bool, 1, 7.0).unwrap().as_u32().unwrap(), [1]);
    assert!(fill(&host, DType::F64, 0, 1.0).unwrap().is_empty());
}

#[test]
fn pads_surround_the_view() {
    let (host, mut numbers) = (Host::new(), Numbers(2));
    let cases: [(&[usize], &[usize], &[usize]); 6] = [
        (&[3], &[2], &[0]),
        (&[2, 3], &[1, 0], &[0, 2]),
        (&[2, 3, 2], &[0, 1, 0], &[0, 1, 0]),
        (&[0, 2], &[1, 0], &[1, 1]),
        (&[], &[], &[]),
        (&[2, 1, 3], &[1, 1, 1], &[2, 2, 2]),
    ];
    for (shape, lo, hi) in cases {
        for layout in layouts(shape) {
            let data = storage_for(&mut numbers, DType::F32, &layout);
            let view = View::new(&data, &layout);
            let inner = values(view);
            let padded: Vec<usize> = (0..shape.len()).map(|a| shape[a] + lo[a] + hi[a]).collect();
            let want: Vec<f64> = indices(&padded)
                .iter()
                .map(|index| {
                    let at: Option<Vec<usize>> = (0..shape.len())
                        .map(|a| index[a].checked_sub(lo[a]).filter(|&i| i < shape[a]))
                        .collect();
                    at.map_or(9.0, |at| inner[flat(&at, shape)])
                })
                .collect();
            assert_eq!(pad(&host, view, lo, hi, 9.0).unwrap().to_f64_vec(), want, "{layout:?} {lo:?} {hi:?}");
        }
    }
    let layout = Layout::contiguous([2]);
    let data = Storage::zeros(DType::F32, 2);
    assert!(matches!(pad(&host, View::new(&data, &layout), &[], &[1], 0.0), Err(CpuError::Shape { .. })));
    let huge = pad(&host, View::new(&data, &layout), &[usize::MAX], &[1], 0.0);
    assert!(matches!(huge, Err(CpuError::OutOfMemory { .. })));
}

#[test]
fn pads_leave_room_between() {
    let (host, mut numbers) = (Host::new(), Numbers(4));
    let cases: [[&[usize]; 4]; 5] = [
        [&[3], &[2], &[0], &[2]],
        [&[2, 3], &[1, 0], &[0, 2], &[3, 1]],
        [&[3, 1, 2], &[0, 1, 0], &[0, 1, 0], &[0, usize::MAX, 1]],
        [&[0, 2], &[1, 0], &[1, 1], &[5, 2]],
        [&[], &[], &[], &[]],
    ];
    for [shape, lo, hi, interior] in cases {
        let step = |a: usize| if shape[a] > 1 { interior[a] + 1 } else { 1 };
        let sized = |a: usize| lo[a] + hi[a] + if shape[a] == 0 { 0 } else { (shape[a] - 1) * step(a) + 1 };
        let padded: Vec<usize> = (0..shape.len()).map(sized).collect();
        for layout in layouts(shape) {
            let data = storage_for(&mut numbers, DType::F32, &layout);
            let view = View::new(&data, &layout);
            let mut want = vec![9.0; padded.iter().product()];
            for (index, value) in indices(shape).iter().zip(values(view)) {
                let at: Vec<usize> = (0..shape.len()).map(|a| lo[a] + index[a] * step(a)).collect();
                want[flat(&at, &padded)] = value;
            }
            let got = pad_interior(&host, view, lo, hi, interior, 9.0).unwrap();
            assert_eq!(got.to_f64_vec(), want, "{layout:?} {lo:?} {interior:?}");
        }
    }
    let layout = Layout::contiguous([2]);
    let data = Storage::zeros(DType::F32, 2);
    let huge = pad_interior(&host, View::new(&data, &layout), &[0], &[1], &[usize::MAX], 0.0);
    assert!(matches!(huge, Err(CpuError::OutOfMemory { .. })));
    let uneven = pad_interior(&host, View::new(&data, &layout), &[0], &[1], &[], 0.0);
    assert!(matches!(uneven, Err(CpuError::Shape { .. })));
}

#[test]
fn concatenations_keep_the_order() {
    let (host, mut numbers) = (Host::new(), Numbers(3));
    let base = [2usize, 3, 4];
    for axis in 0..3 {
        for dtype in TYPES {
            let parts: Vec<(Layout, Storage)> = [1, 0, 5, 2]
                .iter()
                .enumerate()
                .map(|(i, &size)| {
                    let mut shape = base;
                    shape[axis] = size;
                    let choices = layouts(&shape);
                    let layout = choices[i % choices.len()].clone();
                    let data = storage_for(&mut numbers, dtype, &layout);
                    (layout, data)
                })
                .collect();
            let views: Vec<View<'_>> = parts.iter().map(|(layout, data)| View::new(data, layout)).collect();
            let mut shape = base;
            shape[axis] = 8;
            let want: Vec<f64> = indices(&shape)
                .into_iter()
                .map(|mut index| {
                    let mut part = 0;
                    while index[axis] >= views[part].shape()[axis] {
                        index[axis] -= views[part].shape()[axis];
                        part += 1;
                    }
                    values(views[part])[flat(&index, views[part].shape())]
                })
                .collect();
            assert_eq!(concat(&host, &views, axis).unwrap().to_f64_vec(), want, "axis {axis}");
        }
    }
}

#[test]
fn concatenations_that_do_not_fit_are_errors() {
    let host = Host::new();
    let (a, b) = (Layout::contiguous([2, 3]), Layout::contiguous([3, 2]));
    let (x, i) = (Storage::zeros(DType::F32, 6), Storage::zeros(DType::I32, 6));
    let run = |views: &[View<'_>], axis| concat(&host, views, axis);
    assert_eq!(run(&[], 0), Err(CpuError::Empty { op: "concat" }));
    assert!(matches!(run(&[View::new(&x, &a)], 2), Err(CpuError::Axis { axis: 2, rank: 2, .. })));
    assert!(matches!(run(&[View::new(&x, &a), View::new(&x, &b)], 0), Err(CpuError::Shape { .. })));
    assert!(matches!(run(&[View::new(&x, &a), View::new(&i, &a)], 0), Err(CpuError::DType { .. })));
}
