//! Pooling windows and their adjoints against loops over every window.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::window::{
    VARIANTS, max_index, window_gather, window_scatter, window_sum, window_sum_adjoint,
};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Window};
use common::{bits, check_text, close, floats, gpu, noise, run, sweep_caps, words};

/// A view of planes and the window over it.
struct Case {
    x: Layout,
    window: Window,
}

/// The windows of one plane: for each, the places (row-major in the plane) it covers, in the order of its taps.
fn covered(window: &Window, sizes: [usize; 3]) -> Vec<Vec<usize>> {
    let outputs: [usize; 3] = std::array::from_fn(|axis| window.output_size(axis, sizes[axis]));
    let along = |axis: usize, o: usize| {
        let tap = move |t: usize| {
            (o * window.stride[axis] + t * window.dilation[axis]).checked_sub(window.pad_lo[axis])
        };
        (0..window.kernel[axis]).filter_map(tap).filter(move |place| *place < sizes[axis])
    };
    let mut windows = Vec::new();
    for z in 0..outputs[0] {
        for y in 0..outputs[1] {
            for x in 0..outputs[2] {
                let mut places = Vec::new();
                for at_z in along(0, z) {
                    for at_y in along(1, y) {
                        places.extend(along(2, x).map(|at_x| (at_z * sizes[1] + at_y) * sizes[2] + at_x));
                    }
                }
                windows.push(places);
            }
        }
    }
    windows
}

fn spatial(case: &Case) -> [usize; 3] {
    let mut sizes = [1; 3];
    let rank = case.window.rank;
    sizes[3 - rank..].copy_from_slice(&case.x.shape[case.x.rank() - rank..]);
    sizes
}

/// The shape of the outputs.
fn outputs(case: &Case) -> Vec<usize> {
    let (rank, sizes) = (case.window.rank, spatial(case));
    let mut shape = case.x.shape[..case.x.rank() - rank].to_vec();
    shape.extend((3 - rank..3).map(|axis| case.window.output_size(axis, sizes[axis])));
    shape
}

fn planes(case: &Case) -> usize {
    case.x.shape[..case.x.rank() - case.window.rank].iter().product()
}

fn cases() -> Vec<Case> {
    let case = |shape: &[usize], kernel: &[usize], edit: &dyn Fn(&mut Window)| {
        let mut window = Window::new(kernel);
        edit(&mut window);
        Case { x: Layout::contiguous(shape), window }
    };
    let same = &|_: &mut Window| {};
    let mut cases = vec![
        case(&[2, 3, 6, 8], &[2, 2], same),
        case(&[2, 3, 7, 9], &[2, 3], same),
        case(&[1, 2, 8, 8], &[3, 3], &|w| {
            w.stride = [1, 2, 2];
            (w.pad_lo, w.pad_hi) = ([0, 1, 1], [0, 1, 1]);
        }),
        case(&[2, 9, 11], &[3, 2], &|w| {
            w.stride = [1, 1, 1];
            w.dilation = [1, 2, 3];
            (w.pad_lo, w.pad_hi) = ([0, 2, 0], [0, 0, 3]);
        }),
        case(&[3, 17], &[4], &|w| {
            w.stride = [1, 1, 5];
            w.pad_lo = [0, 0, 1];
        }),
        case(&[17], &[5], &|w| w.stride = [1, 1, 2]),
        case(&[2, 2, 5, 6, 7], &[2, 3, 2], &|w| {
            w.stride = [2, 1, 3];
            w.dilation = [2, 1, 2];
            (w.pad_lo, w.pad_hi) = ([1, 0, 1], [0, 2, 1]);
        }),
        case(&[1, 1, 1, 1], &[1, 1], same),
        case(&[4, 5, 5], &[5, 5], same),
        // no window overlaps another, but all step over elements
        case(&[2, 11, 13], &[2, 2], &|w| {
            w.stride = [1, 4, 3];
            w.dilation = [1, 2, 2];
            w.pad_lo = [0, 1, 2];
        }),
        case(&[2, 12, 11], &[5, 6], &|w| w.stride = [1, 2, 1]),
        // some windows see padding only
        case(&[2, 2, 2], &[1, 1], &|w| (w.pad_lo, w.pad_hi) = ([0, 2, 1], [0, 1, 2])),
        case(&[2, 3, 3], &[4, 4], same),
        case(&[0, 3, 4, 4], &[2, 2], same),
        case(&[2, 3, 0, 4], &[2, 2], &|w| (w.pad_lo, w.pad_hi) = ([0, 2, 0], [0, 2, 0])),
    ];
    let view = |x: Layout| Case { x, window: Window::new(&[2, 2]) };
    cases.push(view(Layout::contiguous([2, 6, 8, 3]).permute(&[0, 3, 1, 2])));
    cases.push(view(Layout::contiguous([2, 3, 9, 16]).slice(3, 15, 8, -2).slice(1, 1, 2, 1)));
    cases.push(view(Layout::contiguous([1, 3, 1, 8]).expand(&[4, 3, 6, 8])));
    cases
}

/// The elements of a view in row-major order.
fn dense(layout: &Layout, values: &[u32]) -> Vec<u32> {
    layout.offsets().map(|at| values[at]).collect()
}

fn largest(values: &[f32], places: &[usize]) -> u32 {
    let mut best: Option<usize> = None;
    for &place in places {
        let wins = |b: usize| values[place] > values[b] || values[place].is_nan() && !values[b].is_nan();
        if best.is_none_or(wins) {
            best = Some(place);
        }
    }
    best.map_or(u32::MAX, |place| place as u32)
}

/// Values with many ties, and every special number.
fn special(seed: u32, n: usize) -> Vec<f32> {
    let value = |word: u32| match word % 19 {
        0 => f32::NAN,
        1 => f32::NEG_INFINITY,
        2 => f32::INFINITY,
        3 => -0.0,
        rest => (rest / 4) as f32 - 2.0,
    };
    words(seed, n).into_iter().map(value).collect()
}

/// All launches of a case over some capabilities; the forced variant is the only one.
fn lowered(case: &Case, caps: &Caps) -> Vec<Lowered> {
    let (force, rank, sizes) = (Some(VARIANTS[0]), case.window.rank, spatial(case));
    let out = Layout::contiguous(outputs(case));
    vec![
        window_sum(&case.x, &case.window, caps, force).unwrap(),
        max_index(&case.x, &case.window, caps, force).unwrap(),
        window_gather(&case.x, &out, rank, DType::F32, caps, force).unwrap(),
        window_sum_adjoint(&out, &case.window, sizes, caps, force).unwrap(),
        window_scatter(&out, &out, &case.window, sizes, caps, force).unwrap(),
    ]
}

#[test]
fn every_text_is_valid_everywhere() {
    for case in cases() {
        for caps in sweep_caps() {
            lowered(&case, &caps).iter().for_each(|lowered| check_text(lowered, &caps));
        }
    }
}

#[test]
fn sums_and_their_adjoint() {
    let Some(gpu) = gpu() else { return };
    for case in cases() {
        let (sizes, planes) = (spatial(&case), planes(&case));
        let plane: usize = sizes.iter().product();
        let windows = covered(&case.window, sizes);
        let x = noise(1, case.x.extent());
        let elements = floats(&dense(&case.x, &bits(&x)));
        let lowered = window_sum(&case.x, &case.window, gpu.caps(), None).unwrap();
        let out = floats(&run(gpu, &lowered, &[&bits(&x)], &[planes * windows.len()], &[])[0]);
        for (i, got) in out.iter().enumerate() {
            let (p, o) = (i / windows.len(), i % windows.len());
            let sum: f64 = windows[o].iter().map(|at| f64::from(elements[p * plane + at])).sum();
            assert!(close(*got, sum, 1e-6), "{:?} {:?}: {got} for {sum}", case.x, case.window);
        }

        // g is a view too: every second column
        let mut doubled = outputs(&case);
        let last = doubled.len() - 1;
        doubled[last] *= 2;
        let g_layout = Layout::contiguous(&doubled).slice(last, 0, doubled[last] / 2, 2);
        let g = noise(2, g_layout.extent());
        let given = floats(&dense(&g_layout, &bits(&g)));
        let mut expected = vec![0.0; planes * plane];
        for (i, value) in given.iter().enumerate() {
            let (p, o) = (i / windows.len(), i % windows.len());
            windows[o].iter().for_each(|at| expected[p * plane + at] += f64::from(*value));
        }
        let lowered = window_sum_adjoint(&g_layout, &case.window, sizes, gpu.caps(), None).unwrap();
        let out = floats(&run(gpu, &lowered, &[&bits(&g)], &[planes * plane], &[])[0]);
        for (got, sum) in out.iter().zip(&expected) {
            assert!(close(*got, *sum, 1e-6), "{:?} {:?}: {got} for {sum}", case.x, case.window);
        }
    }
}

#[test]
fn maxima_their_places_and_the_adjoint() {
    let Some(gpu) = gpu() else { return };
    for case in cases() {
        let (sizes, planes, rank) = (spatial(&case), planes(&case), case.window.rank);
        let plane: usize = sizes.iter().product();
        let windows = covered(&case.window, sizes);
        let count = planes * windows.len();
        for x in [noise(3, case.x.extent()), special(4, case.x.extent())] {
            let elements = floats(&dense(&case.x, &bits(&x)));
            let lowered = max_index(&case.x, &case.window, gpu.caps(), None).unwrap();
            let index = run(gpu, &lowered, &[&bits(&x)], &[count], &[]).remove(0);
            let expected: Vec<u32> = (0..count)
                .map(|i| {
                    let (p, o) = (i / windows.len(), i % windows.len());
                    largest(&elements[p * plane..(p + 1) * plane], &windows[o])
                })
                .collect();
            assert_eq!(index, expected, "{:?} {:?}", case.x, case.window);

            let out = Layout::contiguous(outputs(&case));
            let lowered = window_gather(&case.x, &out, rank, DType::F32, gpu.caps(), None).unwrap();
            let picked = run(gpu, &lowered, &[&bits(&x), &index], &[count], &[]).remove(0);
            let values: Vec<u32> = (0..count)
                .map(|i| match index[i] {
                    u32::MAX => 0,
                    at => elements[i / windows.len() * plane + at as usize].to_bits(),
                })
                .collect();
            assert_eq!(picked, values, "{:?} {:?}", case.x, case.window);

            let g = noise(5, count);
            let mut sums = vec![0.0; planes * plane];
            for (i, at) in index.iter().enumerate().filter(|(_, at)| **at != u32::MAX) {
                sums[i / windows.len() * plane + *at as usize] += f64::from(g[i]);
            }
            let lowered = window_scatter(&out, &out, &case.window, sizes, gpu.caps(), None).unwrap();
            let back = run(gpu, &lowered, &[&bits(&g), &index], &[planes * plane], &[]).remove(0);
            for (got, sum) in floats(&back).iter().zip(&sums) {
                assert!(close(*got, *sum, 1e-6), "{:?} {:?}: {got} for {sum}", case.x, case.window);
            }
        }
    }
}

#[test]
fn gathers_words_of_any_type_and_reads_0_outside() {
    let Some(gpu) = gpu() else { return };
    let (x, index) = (Layout::contiguous([2, 3, 4]), Layout::contiguous([5, 2]).permute(&[1, 0]));
    let index = index.reshape(&[2, 5, 1]).unwrap();
    let words = words(9, 24);
    let places = [0, 11, 12, u32::MAX, 3, 7, 1, 1, 5, 6];
    for dtype in [DType::F32, DType::I32, DType::U32, DType::Bool] {
        let lowered = window_gather(&x, &index, 2, dtype, gpu.caps(), None).unwrap();
        let got = run(gpu, &lowered, &[&words, &places], &[10], &[]).remove(0);
        let wanted: Vec<u32> = index
            .offsets()
            .enumerate()
            .map(|(i, at)| match places[at] {
                place if place < 12 => words[i / 5 * 12 + place as usize],
                _ => 0,
            })
            .collect();
        assert_eq!(got, wanted, "{dtype}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let caps = Caps::portable();
    let x = Layout::contiguous([2, 4, 4]);
    let window = Window::new(&[2, 2]);
    let validation =
        |result: Result<Lowered, DeviceError>| matches!(result, Err(DeviceError::Validation { .. }));
    assert!(validation(window_sum(&Layout::contiguous([4]), &window, &caps, None)));
    assert!(validation(window_sum(&x, &window, &caps, Some("fast"))));
    assert!(validation(max_index(&x, &Window { stride: [1, 0, 1], ..window.clone() }, &caps, None)));
    assert!(validation(max_index(&x, &Window { kernel: [1, 0, 1], ..window.clone() }, &caps, None)));
    assert!(validation(window_sum(&x, &Window { rank: 0, ..window.clone() }, &caps, None)));
    let g = Layout::contiguous([2, 2, 2]);
    assert!(validation(window_sum_adjoint(&g, &window, [1, 4, 6], &caps, None)));
    assert!(validation(window_sum_adjoint(&g, &window, [2, 4, 4], &caps, None)));
    assert!(validation(window_scatter(&g, &x, &window, [1, 4, 4], &caps, None)));
    assert!(validation(window_gather(&x, &Layout::contiguous([3, 2, 2]), 2, DType::F32, &caps, None)));
    let f64 = window_gather(&x, &g, 2, DType::F64, &caps, None);
    assert!(matches!(f64, Err(DeviceError::Unsupported { .. })));
    let wide = Layout::contiguous([300, 300]);
    let (everything, software) = (Window::new(&[300, 300]), Caps { software: true, ..Caps::portable() });
    assert!(window_sum(&wide, &everything, &caps, None).is_ok());
    let cut = window_sum(&wide, &everything, &software, None);
    assert!(matches!(cut, Err(DeviceError::Unsupported { .. })));
}
