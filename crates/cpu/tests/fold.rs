//! Folded windows and the last place of each index, against loops over multi-indices.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout};
use common::{Numbers, assert_close, flat, indices, layouts, storage_for, values, with_threads};

const TYPES: [DType; 4] = [DType::F32, DType::F64, DType::I32, DType::U32];

#[test]
fn windows_add_up_where_they_lie() {
    let (host, mut numbers) = (Host::new(), Numbers(1));
    // shape, axis, step, dilation, room behind the last window
    let cases: [(&[usize], usize, usize, usize, usize); 8] = [
        (&[4, 3], 0, 1, 1, 0),
        (&[3, 4], 0, 2, 3, 1),
        (&[2, 4, 3], 1, 2, 1, 2),
        (&[2, 4, 3], 0, 3, 2, 0),
        (&[2, 3, 4, 2], 1, 1, 2, 0),
        (&[1, 1], 0, 7, 7, 0),
        (&[0, 3], 0, 1, 1, 2),
        (&[2, 3, 0], 1, 1, 1, 2),
    ];
    for (shape, axis, step, dilation, room) in cases {
        let (count, size) = (shape[axis], shape[shape.len() - 1]);
        let length = count.saturating_sub(1) * step + size.saturating_sub(1) * dilation + 1 + room;
        let mut wide = shape[..shape.len() - 1].to_vec();
        wide[axis] = length;
        for (i, layout) in layouts(shape).iter().enumerate() {
            let data = storage_for(&mut numbers, TYPES[i % 4], layout);
            let x = View::new(&data, layout);
            let mut want = vec![0.0; wide.iter().product()];
            for (place, value) in indices(shape).iter().zip(values(x)) {
                let mut at = place[..shape.len() - 1].to_vec();
                at[axis] = place[axis] * step + place[shape.len() - 1] * dilation;
                want[flat(&at, &wide)] += value;
            }
            let got = fold(&host, x, axis, length, step, dilation).unwrap();
            assert_eq!(got.dtype(), x.dtype());
            assert_close(&got.to_f64_vec(), &want, 1e-6, "fold");
        }
    }
}

#[test]
fn a_fold_does_not_depend_on_the_threads() {
    let mut numbers = Numbers(2);
    let layout = Layout::contiguous([16, 3, 90, 40]);
    let data = storage_for(&mut numbers, DType::F32, &layout);
    let results = with_threads(|| fold(&Host::new(), View::new(&data, &layout), 2, 300, 2, 3).unwrap());
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn the_last_place_of_each_index() {
    let (host, mut numbers) = (Host::new(), Numbers(3));
    let shapes: [&[usize]; 5] = [&[9], &[3, 5], &[2, 7, 4], &[2, 0, 3], &[1, 4, 1]];
    for shape in shapes {
        for axis in 0..shape.len() {
            for (i, layout) in layouts(shape).iter().enumerate() {
                let (size, dtype) = ([0, 1, 4][i % 3], [DType::I32, DType::U32][i % 2]);
                let low = if dtype == DType::I32 { -1.0 } else { 0.0 };
                let all: Vec<f64> =
                    (0..layout.extent().max(1)).map(|_| numbers.below(size + 2) as f64 + low).collect();
                let data = Storage::from_f64(dtype, &all);
                let index = View::new(&data, layout);
                let mut wide = shape.to_vec();
                wide[axis] = size;
                let mut want = vec![f64::from(u32::MAX); wide.iter().product()];
                for (place, j) in indices(shape).into_iter().zip(values(index)) {
                    if j >= 0.0 && j < size as f64 {
                        let mut at = place.clone();
                        at[axis] = j as usize;
                        want[flat(&at, &wide)] = place[axis] as f64;
                    }
                }
                assert_eq!(last_match(&host, index, axis, size).unwrap().to_f64_vec(), want, "{layout:?}");
            }
        }
    }
}

#[test]
fn wrong_calls_are_errors() {
    let host = Host::new();
    let layout = Layout::contiguous([2, 3]);
    let (x, short) = (Storage::zeros(DType::F32, 6), Storage::zeros(DType::U32, 5));
    let run = |axis, length, step| fold(&host, View::new(&x, &layout), axis, length, step, 1);
    assert!(matches!(run(1, 9, 1), Err(CpuError::Axis { .. })));
    assert!(matches!(run(0, 3, 1), Err(CpuError::Shape { .. })));
    assert!(matches!(run(0, 9, usize::MAX), Err(CpuError::Shape { .. })));
    assert!(matches!(run(0, usize::MAX, 1), Err(CpuError::OutOfMemory { .. })));
    let last = |data, axis, size| last_match(&host, View::new(data, &layout), axis, size);
    assert!(matches!(last(&x, 0, 2), Err(CpuError::DType { .. })));
    assert!(matches!(last(&short, 0, 2), Err(CpuError::OutOfBounds { .. })));
    let index = Storage::zeros(DType::U32, 6);
    assert!(matches!(last(&index, 2, 2), Err(CpuError::Axis { .. })));
    assert!(matches!(last(&index, 0, usize::MAX), Err(CpuError::OutOfMemory { .. })));
}
