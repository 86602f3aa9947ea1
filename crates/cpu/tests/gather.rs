//! Gathering and scattering against loops over multi-indices.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout};
use common::{Numbers, assert_close, flat, indices, layouts, storage_for, values, with_threads};

const TYPES: [DType; 4] = [DType::F32, DType::F64, DType::I32, DType::U32];

/// Indices from -1 (or 0) to `size`, so that some lie outside on either side.
fn index_storage(numbers: &mut Numbers, layout: &Layout, size: usize, signed: bool) -> Storage {
    let low = if signed { -1.0 } else { 0.0 };
    let all: Vec<f64> = (0..layout.extent().max(1)).map(|_| numbers.below(size + 2) as f64 + low).collect();
    Storage::from_f64(if signed { DType::I32 } else { DType::U32 }, &all)
}

#[test]
fn every_axis_of_every_layout() {
    let (host, mut numbers) = (Host::new(), Numbers(1));
    let shapes: [&[usize]; 5] = [&[4], &[3, 5], &[2, 3, 4], &[2, 0, 3], &[1, 4, 1]];
    for shape in shapes {
        for axis in 0..shape.len() {
            for picked in [0, 1, 3, 7] {
                let mut index_shape = shape.to_vec();
                index_shape[axis] = picked;
                for (i, x_layout) in layouts(shape).iter().enumerate() {
                    for (j, index_layout) in layouts(&index_shape).iter().enumerate() {
                        let dtype = TYPES[(i + j) % 4];
                        let x = storage_for(&mut numbers, dtype, x_layout);
                        let index = index_storage(&mut numbers, index_layout, shape[axis], (i + j) % 2 == 0);
                        let (x, index) = (View::new(&x, x_layout), View::new(&index, index_layout));
                        check(&host, x, index, axis);
                    }
                }
            }
        }
    }
}

/// Both directions: gathers from `x`, and scatters a gradient of the result's shape back.
fn check(host: &Host, x: View<'_>, index: View<'_>, axis: usize) {
    let (from, at) = (values(x), values(index));
    let size = x.shape()[axis];
    let source = |k: usize, position: &[usize]| {
        let picked = at[k];
        (picked >= 0.0 && picked < size as f64).then(|| {
            let mut position = position.to_vec();
            position[axis] = picked as usize;
            flat(&position, x.shape())
        })
    };
    let positions = indices(index.shape());
    let want: Vec<f64> =
        positions.iter().enumerate().map(|(k, p)| source(k, p).map_or(0.0, |i| from[i])).collect();
    let got = gather(host, x, index, axis).unwrap();
    assert_eq!(got.to_f64_vec(), want, "{:?} {:?} {axis}", x.layout, index.layout);

    let g = got;
    let mut sums = vec![0.0; from.len()];
    for (k, position) in positions.iter().enumerate() {
        if let Some(i) = source(k, position) {
            sums[i] += want[k];
        }
    }
    let g_layout = Layout::contiguous(index.shape());
    let back = scatter_add(host, View::new(&g, &g_layout), index, axis, size).unwrap();
    assert_eq!(back.dtype(), x.dtype());
    assert_close(&back.to_f64_vec(), &sums, 1e-6, "scatter_add");
}

#[test]
fn an_embedding_and_its_gradient() {
    let (host, mut numbers) = (Host::new(), Numbers(2));
    let table_layout = Layout::contiguous([50, 64]);
    let table = numbers.storage(DType::F32, 50 * 64);
    let tokens = Storage::from((0..2000).map(|_| numbers.below(50) as u32).collect::<Vec<_>>());
    let index_layout = Layout::contiguous([2000, 1]).expand(&[2000, 64]);
    let (table, index) = (View::new(&table, &table_layout), View::new(&tokens, &index_layout));
    check(&host, table, index, 0);
    let results = with_threads(|| {
        let rows = gather(&Host::new(), table, index, 0).unwrap();
        let layout = Layout::contiguous([2000, 64]);
        let back = scatter_add(&Host::new(), View::new(&rows, &layout), index, 0, 50).unwrap();
        (rows, back)
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn scattering_reads_views() {
    let (host, mut numbers) = (Host::new(), Numbers(3));
    for layout in layouts(&[3, 4, 5]) {
        let g = storage_for(&mut numbers, DType::F32, &layout);
        let index_layout = Layout::contiguous([3, 4, 5]);
        let index = index_storage(&mut numbers, &index_layout, 6, true);
        let (g, index) = (View::new(&g, &layout), View::new(&index, &index_layout));
        let mut want = vec![0.0; 3 * 6 * 5];
        for ((position, g), i) in indices(&[3, 4, 5]).iter().zip(values(g)).zip(values(index)) {
            if (0.0..6.0).contains(&i) {
                want[flat(&[position[0], i as usize, position[2]], &[3, 6, 5])] += g;
            }
        }
        let got = scatter_add(&host, g, index, 1, 6).unwrap().to_f64_vec();
        assert_close(&got, &want, 1e-6, "scatter_add");
    }
}

#[test]
fn wrong_calls_are_errors() {
    let host = Host::new();
    let (a, b) = (Layout::contiguous([2, 3]), Layout::contiguous([3, 3]));
    let (x, index) = (Storage::zeros(DType::F32, 9), Storage::zeros(DType::U32, 9));
    let view = View::new;
    assert!(gather(&host, view(&x, &a), view(&index, &b), 0).is_ok());
    assert!(matches!(gather(&host, view(&x, &a), view(&index, &b), 1), Err(CpuError::Shape { .. })));
    assert!(matches!(gather(&host, view(&x, &a), view(&index, &a), 2), Err(CpuError::Axis { .. })));
    assert!(matches!(gather(&host, view(&x, &a), view(&x, &a), 0), Err(CpuError::DType { .. })));
    let scattered = scatter_add(&host, view(&x, &a), view(&index, &b), 0, 4);
    assert!(matches!(scattered, Err(CpuError::Shape { .. })));
    let huge = scatter_add(&host, view(&x, &a), view(&index, &a), 0, usize::MAX);
    assert!(matches!(huge, Err(CpuError::OutOfMemory { .. })));
}
