//! Folded windows, the last place of each index, and pads with room in between: their text on every backend, and
//! their results against loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::movement::{fold, last_match, pad_interior};
use anygrad_device::{Caps, Lowered};
use anygrad_layout::{DType, Layout, Shape};
use common::{bits, check_text, close, floats, gpus, noise, run, sweep_caps, words};

/// Validates the text for every kind of adapter, then gives the launches for each device.
fn on_each(make: impl Fn(&Caps) -> Lowered, mut check: impl FnMut(&anygrad_device::Gpu, &Lowered)) {
    for caps in sweep_caps() {
        check_text(&make(&caps), &caps);
    }
    for gpu in gpus() {
        check(gpu, &make(gpu.caps()));
    }
}

#[test]
fn windows_add_up_where_they_lie() {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    // x, axis, step, dilation, room behind the last window
    let cases = [
        (dense(&[4, 3]), 0, 1, 1, 0),
        (dense(&[4, 3]), 0, 2, 1, 3),
        (dense(&[3, 4]), 0, 2, 3, 0),
        (dense(&[2, 5, 3, 4]), 1, 3, 2, 1),
        (dense(&[2, 5, 3, 4]).permute(&[3, 2, 0, 1]), 1, 1, 1, 0),
        (dense(&[9, 21]).slice(1, 20, 8, -2).slice(0, 2, 3, 3), 0, 1, 2, 2),
        (dense(&[3, 1]).expand(&[5, 3, 2]), 1, 1, 1, 0),
        (dense(&[1, 1]), 0, usize::MAX, usize::MAX, 2),
        (dense(&[0, 3]), 0, 1, 1, 4),
        (dense(&[2, 3, 0]), 1, 2, 1, 4),
        (dense(&[0, 3, 2]), 1, 2, 1, 4),
    ];
    for (x, axis, step, dilation, room) in cases {
        let (count, size) = (x.shape[axis], x.shape[x.rank() - 1]);
        let reach = |n: usize, by: usize| n.saturating_sub(1).saturating_mul(by);
        let length = reach(count, step) + reach(size, dilation) + 1 + room;
        let mut shape: Shape = x.shape[..x.rank() - 1].into();
        shape[axis] = length;
        let data = noise(1, x.extent());
        let mut wanted = vec![0.0f64; shape.numel()];
        if x.numel() > 0 {
            let places = Layout::contiguous(&shape).windows(axis, count, step, size, dilation);
            x.offsets().zip(places.offsets()).for_each(|(from, to)| wanted[to] += f64::from(data[from]));
        }
        on_each(
            |caps| fold(&x, DType::F32, axis, length, (step, dilation), caps).unwrap(),
            |gpu, lowered| {
                let out = floats(&run(gpu, lowered, &[&bits(&data)], &[wanted.len()], &[0])[0]);
                for (y, wanted) in out.iter().zip(&wanted) {
                    assert!(close(*y, *wanted, 1e-6), "{x:?} {axis} {step} {dilation}: {y}, wanted {wanted}");
                }
            },
        );
    }
}

#[test]
fn a_fold_of_many_terms_stays_accurate() {
    // one thread adds 4,000 tenths for the middle
    let n = 4_000;
    let tenths = vec![0.1f32.to_bits()];
    let x = Layout::contiguous([1, 1]).expand(&[n, n]);
    on_each(
        |caps| fold(&x, DType::F32, 0, 2 * n - 1, (1, 1), caps).unwrap(),
        |gpu, lowered| {
            let out = floats(&run(gpu, lowered, &[&tenths], &[2 * n - 1], &[])[0]);
            assert!(close(out[n - 1], n as f64 * f64::from(0.1f32), 1e-5), "{}", out[n - 1]);
            assert!(out[0] == 0.1 && out[2 * n - 2] == 0.1);
        },
    );
}

#[test]
fn the_last_place_of_each_index_is_found() {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    let cases = [
        (dense(&[7]), 0, 5),
        (dense(&[4, 9, 3]), 1, 6),
        (dense(&[9, 3, 4]).permute(&[2, 0, 1]), 1, 4),
        (dense(&[3, 1]).expand(&[4, 3, 5]), 0, 3),
        (dense(&[6, 5]).slice(0, 5, 3, -2), 0, 4),
        (dense(&[0, 3]), 0, 4),
        (dense(&[3, 4]), 0, 0),
        // many threads for each place
        (dense(&[40_000]), 0, 5_000),
        (dense(&[70_000]), 0, 3),
    ];
    for (index, axis, size) in cases {
        let at: Vec<u32> =
            words(2, index.extent()).iter().map(|w| (w % (size as u32 + 3)).wrapping_sub(2)).collect();
        let mut shape = index.shape.clone();
        shape[axis] = size;
        let out = Layout::contiguous(&shape);
        let mut wanted = vec![u32::MAX; out.numel()];
        let mut lines = out.clone();
        lines.shape = index.shape.clone();
        let step = std::mem::replace(&mut lines.strides[axis], 0) as usize;
        let inner: usize = index.shape[axis + 1..].iter().product();
        for (i, (from, line)) in index.offsets().zip(lines.offsets()).enumerate() {
            if (at[from] as usize) < size {
                wanted[line + at[from] as usize * step] = (i / inner % index.shape[axis]) as u32;
            }
        }
        for dtype in [DType::I32, DType::U32] {
            on_each(
                |caps| last_match(&index, dtype, axis, size, caps).unwrap(),
                |gpu, lowered| {
                    assert_eq!(run(gpu, lowered, &[&at], &[wanted.len()], &[0])[0], wanted, "{index:?}");
                },
            );
        }
    }
}

#[test]
fn pads_leave_room_between() {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    let cases: [(Layout, [&[usize]; 3]); 6] = [
        (dense(&[3]), [&[1], &[2], &[2]]),
        (dense(&[3, 4]), [&[0, 4], &[1, 0], &[1, 3]]),
        (dense(&[3, 4]).permute(&[1, 0]), [&[0, 0], &[1, 2], &[0, 1]]),
        (dense(&[9, 21]).slice(1, 20, 8, -2).slice(0, 2, 3, 3), [&[1, 1], &[0, 0], &[2, 1]]),
        (dense(&[1, 2]), [&[0, 0], &[0, 0], &[usize::MAX, 1]]),
        (dense(&[0, 2]), [&[2, 0], &[1, 0], &[5, 1]]),
    ];
    for (x, [lo, hi, interior]) in cases {
        let step = |a: usize| if x.shape[a] > 1 { interior[a] + 1 } else { 1 };
        let sized =
            |a: usize| lo[a] + hi[a] + if x.shape[a] == 0 { 0 } else { (x.shape[a] - 1) * step(a) + 1 };
        let shape: Shape = (0..x.rank()).map(sized).collect();
        let mut inner = Layout::contiguous(&shape);
        (0..x.rank()).for_each(|a| inner = inner.slice(a, lo[a], x.shape[a], step(a) as isize));
        let data = words(4, x.extent());
        let mut wanted = vec![99; shape.numel()];
        inner.offsets().zip(x.offsets()).for_each(|(to, from)| wanted[to] = data[from]);
        on_each(
            |caps| pad_interior(&x, DType::I32, lo, hi, interior, caps).unwrap(),
            |gpu, lowered| {
                assert_eq!(run(gpu, lowered, &[&data], &[wanted.len()], &[99])[0], wanted, "{x:?} {lo:?}");
            },
        );
    }
}

#[test]
fn wrong_calls_are_errors() {
    let caps = Caps::portable();
    let a = Layout::contiguous([2, 3]);
    let text = |result: Result<Lowered, anygrad_device::DeviceError>| result.unwrap_err().to_string();
    assert!(text(fold(&a, DType::F32, 1, 9, (1, 1), &caps)).contains("axis 1"));
    assert!(text(fold(&a, DType::F32, 0, 3, (1, 1), &caps)).contains("2 windows of 3"));
    assert!(text(fold(&a, DType::F32, 0, 9, (usize::MAX, 1), &caps)).contains("2 windows of 3"));
    assert!(text(fold(&a, DType::Bool, 0, 9, (1, 1), &caps)).contains("bool"));
    assert!(text(fold(&a, DType::F64, 0, 9, (1, 1), &caps)).contains("f64"));
    assert!(text(fold(&a, DType::F32, 0, 1 << 40, (1, 1), &caps)).contains("fold"));
    assert!(text(last_match(&a, DType::F32, 0, 4, &caps)).contains("not f32"));
    assert!(text(last_match(&a, DType::U32, 2, 4, &caps)).contains("axis 2"));
    assert!(text(last_match(&a, DType::U32, 0, 1 << 40, &caps)).contains("last_match"));
    assert!(text(pad_interior(&a, DType::F32, &[1], &[1, 1], &[1, 1], &caps)).contains("1 and 2 pads"));
    let huge = pad_interior(&a, DType::F32, &[0, 0], &[0, 0], &[1 << 40, 1], &caps);
    assert!(text(huge).contains("pad"));
}
