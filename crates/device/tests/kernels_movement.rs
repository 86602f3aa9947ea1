//! Copies, fills, pads, joins, gathers and scatters: their text on every backend, and their results against loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::movement::{
    SCATTER_VARIANTS, concat, copy, copy_into, fill, gather, pad, scatter_add,
};
use anygrad_device::{Caps, Lowered};
use anygrad_layout::{DType, Layout, Shape};
use common::{bits, check_text, close, floats, gpus, noise, run, run_over, sweep_caps, words};

/// The words a view shows, in order.
fn seen(layout: &Layout, words: &[u32]) -> Vec<u32> {
    layout.offsets().map(|at| words[at]).collect()
}

/// Views with the properties the kernels distinguish.
fn views() -> Vec<Layout> {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    vec![
        dense(&[1]),
        dense(&[]),
        dense(&[0, 4]),
        dense(&[3, 8]),
        dense(&[5, 7]),
        dense(&[4, 6]).permute(&[1, 0]),
        dense(&[2, 3, 4, 5]).permute(&[0, 2, 3, 1]),
        dense(&[9, 21]).slice(1, 20, 8, -2).slice(0, 2, 3, 3),
        dense(&[4, 1]).expand(&[3, 4, 8]),
        Layout { offset: 3, ..dense(&[2, 12]) },
        Layout { offset: 4, ..dense(&[2, 12]) },
    ]
}

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
fn a_copy_is_dense() {
    for view in views() {
        let data = words(1, view.extent());
        on_each(
            |caps| copy(&view, DType::U32, caps).unwrap(),
            |gpu, lowered| {
                assert_eq!(
                    run(gpu, lowered, &[&data], &[view.numel()], &[])[0],
                    seen(&view, &data),
                    "{view:?}"
                );
            },
        );
    }
}

#[test]
fn a_copy_into_a_region_leaves_the_rest() {
    for view in views() {
        let shape = &view.shape;
        let reversed: Vec<usize> = (0..shape.rank()).rev().collect();
        let mut targets = vec![Layout::contiguous(shape), Layout { offset: 5, ..Layout::contiguous(shape) }];
        targets.push(
            Layout::contiguous(reversed.iter().map(|a| shape[*a]).collect::<Shape>()).permute(&reversed),
        );
        for axis in 0..shape.rank() {
            let mut wide = shape.clone();
            wide[axis] = 2 * wide[axis] + 8;
            targets.push(Layout::contiguous(&wide).slice(axis, 4, shape[axis], 1));
            targets.push(Layout::contiguous(&wide).slice(axis, 2 * shape[axis], shape[axis], -2));
        }
        let data = words(2, view.extent());
        for into in targets {
            let before = words(3, into.extent() + 3);
            let mut wanted = before.clone();
            into.offsets().zip(seen(&view, &data)).for_each(|(at, value)| wanted[at] = value);
            on_each(
                |caps| copy_into(&view, DType::F32, &into, caps).unwrap(),
                |gpu, lowered| {
                    let out = run_over(gpu, lowered, &[&data], std::slice::from_ref(&before), &[]);
                    assert_eq!(out[0], wanted, "{view:?} into {into:?}");
                },
            );
        }
    }
}

#[test]
fn a_fill_reaches_every_element_and_no_more() {
    for n in [0usize, 1, 3, 4, 1000, 100_001] {
        on_each(
            |caps| fill(n, DType::I32, caps).unwrap(),
            |gpu, lowered| {
                let out = run(gpu, lowered, &[], &[n + 2], &[77]);
                assert!(out[0][..n].iter().all(|w| *w == 77) && out[0][n..] == [0xdead_beef; 2], "{n}");
            },
        );
    }
    on_each(
        |caps| fill(3, DType::Bool, caps).unwrap(),
        |gpu, lowered| assert_eq!(run(gpu, lowered, &[], &[3], &[1])[0], [1; 3]),
    );
}

#[test]
fn pads_surround_a_view() {
    for view in views() {
        let rank = view.rank();
        let pads: Vec<(Vec<usize>, Vec<usize>)> = vec![
            (vec![0; rank], vec![0; rank]),
            ((0..rank).map(|a| a % 3).collect(), (0..rank).map(|a| 2 - a % 3).collect()),
            ((0..rank).map(|a| usize::from(a == 0)).collect(), vec![0; rank]),
        ];
        for (lo, hi) in pads {
            let shape: Shape = (0..rank).map(|a| view.shape[a] + lo[a] + hi[a]).collect();
            let data = words(4, view.extent());
            let mut wanted = vec![99; shape.numel()];
            let mut inner = Layout::contiguous(&shape);
            (0..rank).for_each(|a| inner = inner.slice(a, lo[a], view.shape[a], 1));
            inner.offsets().zip(seen(&view, &data)).for_each(|(at, value)| wanted[at] = value);
            on_each(
                |caps| pad(&view, DType::U32, &lo, &hi, caps).unwrap(),
                |gpu, lowered| {
                    assert_eq!(
                        run(gpu, lowered, &[&data], &[shape.numel()], &[99])[0],
                        wanted,
                        "{view:?} {lo:?}"
                    );
                },
            );
        }
    }
}

#[test]
fn joined_views_follow_each_other() {
    for (shape, axis) in [([2usize, 3, 4], 0), ([2, 3, 4], 1), ([2, 3, 4], 2), ([1, 5, 1], 1)] {
        let sized = |n: usize| {
            let mut shape = shape;
            shape[axis] = n;
            Layout::contiguous(shape)
        };
        let flipped = sized(shape[axis]).slice(axis, shape[axis] - 1, shape[axis], -1);
        let parts = [sized(1), flipped, sized(0), sized(8)];
        let data: Vec<Vec<u32>> = (0..4).map(|i| words(5 + i, parts[i as usize].extent())).collect();
        let inputs: Vec<&[u32]> = data.iter().map(Vec::as_slice).collect();
        let whole = sized(9 + shape[axis]);
        let mut wanted = vec![0; whole.numel()];
        let mut start = 0;
        for (part, data) in parts.iter().zip(&data) {
            let n = part.shape[axis];
            whole.slice(axis, start, n, 1).offsets().zip(seen(part, data)).for_each(|(at, v)| wanted[at] = v);
            start += n;
        }
        on_each(
            |caps| concat(&parts.iter().collect::<Vec<_>>(), DType::Bool, axis, caps).unwrap(),
            |gpu, lowered| assert_eq!(run(gpu, lowered, &inputs, &[whole.numel()], &[])[0], wanted),
        );
    }
}

/// More views than one dispatch joins, in fours and one by one.
#[test]
fn many_views_are_joined_in_few_dispatches() {
    for (columns, variant) in [(4usize, "several vec4"), (3, "several")] {
        let part = Layout::contiguous([2usize, 7, columns]).permute(&[1, 0, 2]);
        let parts = vec![&part; 40];
        let data: Vec<Vec<u32>> = (0..40).map(|i| words(i, part.extent())).collect();
        let inputs: Vec<&[u32]> = data.iter().map(Vec::as_slice).collect();
        let wanted: Vec<u32> = data.iter().flat_map(|data| seen(&part, data)).collect();
        on_each(
            |caps| {
                let lowered = concat(&parts, DType::U32, 0, caps).unwrap();
                assert!(lowered.launches.len() <= 40usize.div_ceil(7), "{}", lowered.launches.len());
                assert!(lowered.launches[0].variant == variant, "{}", lowered.launches[0].variant);
                lowered
            },
            |gpu, lowered| assert_eq!(run(gpu, lowered, &inputs, &[wanted.len()], &[])[0], wanted),
        );
    }
}

/// A view of indices from `low` to `high`, exclusive, and the words it lies in.
fn indices(layout: &Layout, low: i32, high: i32) -> Vec<u32> {
    words(9, layout.extent()).iter().map(|w| (low + (w % (high - low) as u32) as i32) as u32).collect()
}

/// Data of a shape, an index that replaces the size of an axis, and the axis: plain, permuted, and the rows of an
/// embedding, whose index is the same along a row.
fn indexed() -> Vec<(Layout, Layout, usize)> {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    vec![
        (dense(&[5]), dense(&[7]), 0),
        (dense(&[4, 5]), dense(&[4, 1]), 1),
        (dense(&[4, 5, 3]), dense(&[4, 9, 3]), 1),
        (dense(&[3, 5, 4]).permute(&[2, 1, 0]), dense(&[2, 4, 3]).permute(&[1, 0, 2]), 1),
        (dense(&[50, 8]), dense(&[37, 1]).expand(&[37, 8]), 0),
        (dense(&[50, 7]), dense(&[37, 1]).expand(&[37, 7]), 0),
        (Layout { offset: 2, ..dense(&[50, 8]) }, dense(&[37, 1]).expand(&[37, 8]), 0),
        (dense(&[3, 40, 2, 6]), dense(&[3, 33, 1, 1]).expand(&[3, 33, 2, 6]), 1),
        (dense(&[0, 4]), dense(&[3, 1]).expand(&[3, 4]), 0),
        (dense(&[5, 4]), dense(&[0, 4]), 0),
    ]
}

#[test]
fn gathering_follows_the_index() {
    for (x, index, axis) in indexed() {
        for dtype in [DType::I32, DType::U32] {
            let data = words(10, x.extent());
            let size = x.shape[axis] as i32;
            let at = indices(&index, -2, size + 2);
            let places = Layout::contiguous(&index.shape);
            let mut fixed = x.clone();
            fixed.shape = index.shape.clone();
            fixed.strides[axis] = 0;
            let wanted: Vec<u32> = fixed
                .offsets()
                .zip(seen(&index, &at))
                .map(|(base, j)| match j as i32 {
                    j if (0..size).contains(&j) => {
                        data[(base as isize + j as isize * x.strides[axis]) as usize]
                    }
                    _ => 0,
                })
                .collect();
            on_each(
                |caps| gather(&x, &index, dtype, DType::U32, axis, caps).unwrap(),
                |gpu, lowered| {
                    let out = run(gpu, lowered, &[&data, &at], &[places.numel()], &[]);
                    assert_eq!(out[0], wanted, "{x:?} {index:?}");
                },
            );
        }
    }
    let caps = Caps::portable();
    let variant = |x: Layout| {
        let index = Layout::contiguous([3, 1]).expand(&[3, 8]);
        gather(&x, &index, DType::U32, DType::F32, 0, &caps).unwrap().launches[0].variant
    };
    assert_eq!(variant(Layout::contiguous([5, 8])), "rows");
    assert_eq!(variant(Layout { offset: 1, ..Layout::contiguous([5, 8]) }), "strided");
}

#[test]
fn scattering_adds_up_in_order() {
    for (x, index, axis) in indexed() {
        let size = x.shape[axis];
        let g = Layout::contiguous(&index.shape);
        let reversed: Vec<usize> = (0..g.rank()).rev().collect();
        let turned =
            Layout::contiguous(reversed.iter().map(|a| g.shape[*a]).collect::<Shape>()).permute(&reversed);
        for g in [g, turned] {
            let data = noise(11, g.extent());
            let at = indices(&index, -1, size as i32 + 1);
            let mut shape = index.shape.clone();
            shape[axis] = size;
            let out = Layout::contiguous(&shape);
            let mut fixed = out.clone();
            fixed.shape = index.shape.clone();
            fixed.strides[axis] = 0;
            let mut wanted = vec![0.0f64; out.numel()];
            for ((base, j), from) in fixed.offsets().zip(seen(&index, &at)).zip(g.offsets()) {
                if (0..size as i32).contains(&(j as i32)) {
                    wanted[base + j as usize * out.strides[axis] as usize] += f64::from(data[from]);
                }
            }
            for variant in SCATTER_VARIANTS {
                let make = |caps: &Caps| {
                    scatter_add(&g, &index, DType::I32, DType::F32, axis, size, caps, Some(variant))
                };
                if let Err(e) = make(&Caps::portable()) {
                    assert!(*variant == "linked" && e.to_string().contains("does not fit"), "{e}");
                    continue;
                }
                on_each(
                    |caps| make(caps).unwrap(),
                    |gpu, lowered| {
                        let out = run(gpu, lowered, &[&bits(&data), &at], &[wanted.len()], &[]);
                        for (y, wanted) in floats(&out[0]).iter().zip(&wanted) {
                            assert!(close(*y, *wanted, 1e-5), "{variant} {index:?}: {y}, wanted {wanted}");
                        }
                    },
                );
            }
        }
    }
}

#[test]
fn a_scatter_of_many_equal_indices_stays_accurate() {
    // ten thousand tenths in a row would be off by 1e-4
    // and more terms than one dispatch takes
    let n = 40_000;
    let tenths = vec![0.1f32.to_bits(); n];
    for variant in SCATTER_VARIANTS {
        on_each(
            |caps| {
                let line = Layout::contiguous([n]);
                scatter_add(&line, &line, DType::U32, DType::F32, 0, 3, caps, Some(variant)).unwrap()
            },
            |gpu, lowered| {
                let out = floats(&run(gpu, lowered, &[&tenths, &vec![1; n]], &[3], &[])[0]);
                assert!(out[0] == 0.0 && out[2] == 0.0 && close(out[1], n as f64 * f64::from(0.1f32), 1e-5));
            },
        );
    }
}

#[test]
fn wrong_calls_are_errors() {
    let caps = Caps::portable();
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    let (a, b) = (dense(&[2, 3]), dense(&[3, 2]));
    let text = |result: Result<Lowered, anygrad_device::DeviceError>| result.unwrap_err().to_string();
    assert!(text(copy_into(&a, DType::F32, &b, &caps)).contains("shape [2, 3] into shape [3, 2]"));
    let expanded = dense(&[1, 3]).expand(&[2, 3]);
    assert!(text(copy_into(&a, DType::F32, &expanded, &caps)).contains("more than once"));
    assert!(text(pad(&a, DType::F32, &[1], &[1, 1], &caps)).contains("1 and 2 pads"));
    assert!(text(concat(&[], DType::F32, 0, &caps)).contains("nothing to join"));
    assert!(
        text(concat(&[&a, &b], DType::F32, 0, &caps)).contains("[3, 2] does not join [2, 3] along axis 0")
    );
    assert!(text(concat(&[&a], DType::F32, 2, &caps)).contains("axis 2"));
    assert!(text(gather(&a, &b, DType::U32, DType::F32, 1, &caps)).contains("index of shape [3, 2]"));
    assert!(text(gather(&a, &a, DType::F32, DType::F32, 1, &caps)).contains("not f32"));
    assert!(text(gather(&a, &a, DType::U32, DType::F32, 2, &caps)).contains("axis 2"));
    assert!(text(gather(&a, &a, DType::U32, DType::F64, 1, &caps)).contains("f64"));
    let scatter = |dtype, force| text(scatter_add(&a, &a, DType::U32, dtype, 0, 4, &caps, force));
    assert!(scatter(DType::Bool, None).contains("bool"));
    assert!(scatter(DType::F32, Some("linked")).contains("does not fit"));
    assert!(scatter(DType::F32, Some("fast")).contains("no variant fast"));
}
