//! Windows against loops over every tap of every position.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{DType, Layout, Window};
use common::{Numbers, assert_close, flat, indices, layouts, storage_for, values, with_threads};

/// For every output position of a plane, the input positions (row-major numbers) its window reads.
fn reads(window: &Window, spatial: &[usize]) -> (Vec<usize>, Vec<Vec<usize>>) {
    let first = 3 - window.rank;
    let out: Vec<usize> = (0..window.rank).map(|a| window.output_size(first + a, spatial[a])).collect();
    let taps: Vec<Vec<usize>> = indices(&window.kernel[first..]);
    let all = indices(&out)
        .iter()
        .map(|at| {
            taps.iter()
                .filter_map(|tap| {
                    let from: Option<Vec<usize>> = (0..window.rank)
                        .map(|a| {
                            let axis = first + a;
                            (at[a] * window.stride[axis] + tap[a] * window.dilation[axis])
                                .checked_sub(window.pad_lo[axis])
                                .filter(|&i| i < spatial[a])
                        })
                        .collect();
                    from.map(|from| flat(&from, spatial))
                })
                .collect()
        })
        .collect();
    (out, all)
}

fn random_window(numbers: &mut Numbers, rank: usize) -> Window {
    let mut window = Window::new(&[1, 1, 1][..rank]);
    for axis in 3 - rank..3 {
        window.kernel[axis] = 1 + numbers.below(4);
        window.stride[axis] = 1 + numbers.below(3);
        window.dilation[axis] = 1 + numbers.below(2);
        window.pad_lo[axis] = numbers.below(3);
        window.pad_hi[axis] = numbers.below(3);
    }
    window
}

fn on_last(sizes: &[usize]) -> [usize; 3] {
    let mut all = [1; 3];
    all.iter_mut().rev().zip(sizes.iter().rev()).for_each(|(to, &from)| *to = from);
    all
}

struct Case {
    window: Window,
    shape: Vec<usize>,
    out_shape: Vec<usize>,
    reads: Vec<Vec<usize>>,
}

fn case(window: Window, shape: Vec<usize>) -> Case {
    let (out, reads) = reads(&window, &shape[2..]);
    let out_shape = [&shape[..2], &out].concat();
    Case { window, shape, out_shape, reads }
}

fn cases(numbers: &mut Numbers) -> Vec<Case> {
    let mut cases: Vec<Case> = (0..150)
        .map(|round| {
            let rank = 1 + round % 3;
            let window = random_window(numbers, rank);
            let mut shape = vec![numbers.below(3), 1 + numbers.below(3)];
            (0..rank).for_each(|_| shape.push(1 + numbers.below(7)));
            case(window, shape)
        })
        .collect();
    // rows long enough for every way to compute them: side by side 2×2, of even and odd sizes, and each stride
    for (wide, high) in [(8, 8), (9, 11), (70, 5)] {
        cases.push(case(squares(2), vec![2, 2, high, wide]));
        cases.push(case(squares(3), vec![1, 2, 3, high, wide]));
        for stride in 1..4 {
            for (kernel, dilation, pad) in [(3, 1, 1), (3, 2, 2), (2, 1, 0), (5, 1, 4)] {
                let mut window = Window::new(&[kernel, kernel]);
                for axis in 1..3 {
                    window.stride[axis] = stride;
                    window.dilation[axis] = dilation;
                    (window.pad_lo[axis], window.pad_hi[axis]) = (pad, pad);
                }
                cases.push(case(window, vec![1, 2, high, wide]));
            }
        }
    }
    cases
}

/// 2×2 windows side by side over the last two of `rank` axes.
fn squares(rank: usize) -> Window {
    let mut window = Window::new(&[1, 2, 2][3 - rank..]);
    window.stride = [1, 2, 2];
    window
}

const TYPES: [DType; 4] = [DType::F32, DType::F64, DType::I32, DType::U32];

#[test]
fn sums_and_their_adjoints() {
    let (host, mut numbers) = (Host::new(), Numbers(1));
    for case in cases(&mut numbers) {
        let planes = case.shape[0] * case.shape[1];
        let plane: usize = case.shape[2..].iter().product();
        for (layout, dtype) in layouts(&case.shape).iter().zip(TYPES) {
            let x = storage_for(&mut numbers, dtype, layout);
            let x = View::new(&x, layout);
            let flat = values(x);
            let want: Vec<f64> = (0..planes)
                .flat_map(|p| case.reads.iter().map(move |taps| (p, taps)))
                .map(|(p, taps)| taps.iter().map(|&i| flat[p * plane + i]).sum())
                .collect();
            let got = window_sum(&host, x, &case.window).unwrap().to_f64_vec();
            assert_close(&got, &want, 1e-6, &format!("{layout:?} {:?}", case.window));
        }
        for (layout, dtype) in layouts(&case.out_shape).iter().zip(TYPES) {
            let g = storage_for(&mut numbers, dtype, layout);
            let g = View::new(&g, layout);
            let flat = values(g);
            let mut want = vec![0.0; planes * plane];
            for p in 0..planes {
                for (o, taps) in case.reads.iter().enumerate() {
                    taps.iter().for_each(|&i| want[p * plane + i] += flat[p * case.reads.len() + o]);
                }
            }
            let spatial = on_last(&case.shape[2..]);
            let got = window_sum_adjoint(&host, g, &case.window, spatial).unwrap().to_f64_vec();
            assert_close(&got, &want, 1e-6, &format!("adjoint {layout:?} {:?}", case.window));
        }
    }
}

#[test]
fn maxima_are_found_gathered_and_scattered() {
    let (host, mut numbers) = (Host::new(), Numbers(2));
    for case in cases(&mut numbers) {
        let planes = case.shape[0] * case.shape[1];
        let plane: usize = case.shape[2..].iter().product();
        for (layout, dtype) in layouts(&case.shape).iter().zip(TYPES) {
            // coarse values, so that there are ties
            let coarse: Vec<f64> = (0..layout.extent().max(1))
                .map(|_| numbers.below(4) as f64 - if dtype == DType::U32 { 0.0 } else { 2.0 })
                .collect();
            let x = Storage::from_f64(dtype, &coarse);
            let x = View::new(&x, layout);
            let flat = values(x);
            let mut want = Vec::new();
            for p in 0..planes {
                for taps in &case.reads {
                    let mut best: Option<usize> = None;
                    for &i in taps {
                        if best.is_none_or(|b| flat[p * plane + i] > flat[p * plane + b]) {
                            best = Some(i);
                        }
                    }
                    want.push(best.map_or(NO_INDEX, |i| i as u32));
                }
            }
            let index = max_index(&host, x, &case.window).unwrap();
            assert_eq!(index.as_u32().unwrap(), want, "{layout:?} {:?}", case.window);

            let out_layout = Layout::contiguous(case.out_shape.as_slice());
            let index = View::new(&index, &out_layout);
            let got = window_gather(&host, x, index).unwrap().to_f64_vec();
            let picked = |(o, &i): (usize, &u32)| {
                if i == NO_INDEX { 0.0 } else { flat[o / case.reads.len() * plane + i as usize] }
            };
            assert_eq!(got, want.iter().enumerate().map(picked).collect::<Vec<_>>());

            let g = numbers.storage(dtype, out_layout.numel());
            let g = View::new(&g, &out_layout);
            let mut sums = vec![0.0; planes * plane];
            for (o, (&i, g)) in want.iter().zip(values(g)).enumerate() {
                if i != NO_INDEX {
                    sums[o / case.reads.len() * plane + i as usize] += g;
                }
            }
            let spatial = on_last(&case.shape[2..]);
            let got = window_scatter(&host, g, index, &case.window, spatial).unwrap().to_f64_vec();
            assert_close(&got, &sums, 1e-6, "scatter");
        }
    }
}

#[test]
fn nan_wins_and_padding_never_does() {
    let host = Host::new();
    let layout = Layout::contiguous([1, 1, 4]);
    let mut window = Window::new(&[3]);
    (window.stride[2], window.pad_lo[2], window.pad_hi[2]) = (1, 1, 1);
    let run = |x: [f32; 4]| {
        let x = Storage::from(x.to_vec());
        max_index(&host, View::new(&x, &layout), &window).unwrap().as_u32().unwrap().to_vec()
    };
    assert_eq!(run([-1.0, -2.0, -3.0, -4.0]), [0, 0, 1, 2]);
    assert_eq!(run([9.0, f32::NAN, f32::NAN, 9.0]), [1, 1, 1, 2]);
    assert_eq!(run([f32::NEG_INFINITY; 4]), [0, 0, 1, 2]);
    // the first NaN of each square, and of each three
    let layout = Layout::contiguous([1, 1, 2, 8]);
    let nan = f32::NAN;
    let x = [1.0, 2.0, nan, nan, 3.0, f32::INFINITY, -1.0, -1.0, nan, 9.0, 0.0, nan, nan, 5.0, -1.0, -0.5];
    let x = Storage::from(x.to_vec());
    let found = |window: &Window| {
        max_index(&host, View::new(&x, &layout), window).unwrap().as_u32().unwrap().to_vec()
    };
    assert_eq!(found(&squares(2)), [8, 2, 12, 15]);
    let mut threes = Window::new(&[1, 3]);
    (threes.stride, threes.pad_lo, threes.pad_hi) = ([1, 1, 2], [0, 0, 1], [0, 0, 1]);
    assert_eq!(found(&threes), [1, 2, 3, 5, 8, 11, 11, 13]);
}

#[test]
fn large_planes_on_any_threads() {
    let mut numbers = Numbers(3);
    let layout = Layout::contiguous([8, 6, 33, 31]);
    let x = numbers.storage(DType::F32, layout.numel());
    let mut window = Window::new(&[3, 3]);
    (window.stride, window.pad_lo) = ([1, 2, 2], [0, 1, 1]);
    let results = with_threads(|| {
        let host = Host::new();
        let x = View::new(&x, &layout);
        let index = max_index(&host, x, &window).unwrap();
        let out_layout = Layout::contiguous([8, 6, 16, 15]);
        let picked = window_gather(&host, x, View::new(&index, &out_layout)).unwrap();
        let view = View::new(&picked, &out_layout);
        let back = window_scatter(&host, view, View::new(&index, &out_layout), &window, [1, 33, 31]).unwrap();
        let spread = window_sum_adjoint(&host, view, &window, [1, 33, 31]).unwrap();
        (index, back, spread, window_sum(&host, x, &window).unwrap())
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn wrong_calls_are_errors() {
    let (host, layout) = (Host::new(), Layout::contiguous([1, 1, 4, 4]));
    let x = Storage::zeros(DType::F32, 16);
    let x = View::new(&x, &layout);
    assert!(matches!(window_sum(&host, x, &Window::new(&[2])), Err(CpuError::Shape { .. })));
    let mut still = Window::new(&[2, 2]);
    still.stride[2] = 0;
    assert!(matches!(window_sum(&host, x, &still), Err(CpuError::Invalid { .. })));
    let adjoint = window_sum_adjoint(&host, x, &Window::new(&[2, 2]), [1, 4, 4]);
    assert!(matches!(adjoint, Err(CpuError::Shape { .. })));
    assert!(matches!(window_gather(&host, x, x), Err(CpuError::DType { .. })));
}
