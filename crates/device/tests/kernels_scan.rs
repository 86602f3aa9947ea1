//! Scans and orders along an axis: their text on every backend, and their results against loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::scan::{Scan, VARIANTS, scan};
use anygrad_device::kernels::sort::argsort;
use anygrad_device::{Caps, DeviceError, Gpu};
use anygrad_layout::{DType, Layout};
use common::{bits, check_text, close, floats, gpu, gpus, noise, run, sweep_caps, words};

const KINDS: [Scan; 5] = [Scan::Sum, Scan::Prod, Scan::Linear, Scan::MaxIndex, Scan::MinIndex];

/// Views and the axis to walk them along.
fn cases() -> Vec<(Layout, usize)> {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    vec![
        (dense(&[1]), 0),
        (dense(&[7]), 0),
        (dense(&[5, 7]), 1),
        (dense(&[5, 7]), 0),
        (dense(&[3, 4, 5, 6]), 2),
        (dense(&[6, 5, 4]).permute(&[2, 0, 1]), 1),
        (dense(&[9, 21]).slice(1, 20, 10, -2), 1),
        (dense(&[9, 21]).slice(0, 8, 9, -1), 0),
        (dense(&[4, 1]).expand(&[3, 4, 5]), 1),
        (dense(&[4, 1]).expand(&[3, 4, 5]), 2),
        (Layout { offset: 3, ..dense(&[2, 12]) }, 1),
        (dense(&[64]), 0),
        (dense(&[2, 65]), 1),
        (dense(&[1025]), 0),
        (dense(&[3, 2049]), 1),
        (dense(&[2500, 3]), 0),
    ]
}

fn long_scan(
    kind: Scan,
    view: &Layout,
    axis: usize,
    exclusive: bool,
    caps: &Caps,
    variant: &str,
) -> anygrad_device::Lowered {
    let inputs = if kind == Scan::Linear { vec![view, view] } else { vec![view] };
    scan(kind, &inputs, DType::F32, axis, exclusive, caps, Some(variant)).unwrap()
}

#[test]
fn every_text_is_valid_everywhere() {
    for caps in sweep_caps() {
        for (view, axis) in cases().into_iter().chain([(Layout::contiguous([20_000_000]), 0)]) {
            for kind in KINDS {
                for dtype in [DType::F32, DType::I32, DType::U32] {
                    if kind == Scan::Linear && dtype != DType::F32 {
                        continue;
                    }
                    for variant in VARIANTS {
                        let inputs = if kind == Scan::Linear { vec![&view, &view] } else { vec![&view] };
                        let exclusive = matches!(kind, Scan::Sum | Scan::Linear);
                        let lowered = scan(kind, &inputs, dtype, axis, exclusive, &caps, Some(variant));
                        check_text(&lowered.unwrap(), &caps);
                    }
                }
            }
            for dtype in [DType::F32, DType::I32, DType::U32, DType::Bool] {
                for descending in [false, true] {
                    check_text(&argsort(&view, dtype, axis, descending, &caps, None).unwrap(), &caps);
                }
            }
        }
    }
}

#[test]
fn every_variant_is_chosen_for_what_it_is_good_at() {
    let chosen = |shape: [usize; 2], axis: usize, caps: &Caps| {
        let view = Layout::contiguous(shape);
        let lowered = scan(Scan::Sum, &[&view], DType::F32, axis, false, caps, None).unwrap();
        (lowered.launches[0].variant, lowered.launches.len())
    };
    let [gpu, software, _] = sweep_caps();
    assert_eq!(chosen([100_000, 10], 1, &gpu), ("thread", 1));
    assert_eq!(chosen([300, 10_000], 0, &gpu), ("thread", 1));
    assert_eq!(chosen([1000, 1000], 1, &gpu), ("workgroup", 1));
    assert_eq!(chosen([1, 1 << 20], 1, &gpu), ("workgroup", 3));
    assert_eq!(chosen([1, 100_000_000], 1, &gpu), ("workgroup", 3));
    assert_eq!(chosen([1, 1 << 20], 1, &software), ("thread", 3));
}

#[test]
fn wrong_calls_are_errors() {
    let caps = Caps::portable();
    let (view, other) = (Layout::contiguous([2, 3]), Layout::contiguous([3, 2]));
    let message = |result: Result<anygrad_device::Lowered, DeviceError>| result.unwrap_err().to_string();
    let of = |kind, inputs: &[&Layout], dtype, axis, exclusive, force| {
        message(scan(kind, inputs, dtype, axis, exclusive, &caps, force))
    };
    assert!(of(Scan::Sum, &[&view], DType::F32, 2, false, None).contains("axis 2 of shape [2, 3]"));
    assert!(of(Scan::Sum, &[], DType::F32, 0, false, None).contains("Sum of 0 inputs"));
    assert!(of(Scan::Sum, &[&view], DType::Bool, 0, false, None).contains("Sum of bool"));
    assert!(of(Scan::Linear, &[&view, &view], DType::I32, 0, false, None).contains("Linear of i32"));
    assert!(of(Scan::Linear, &[&view, &other], DType::F32, 0, false, None).contains("beside shape"));
    assert!(of(Scan::MaxIndex, &[&view], DType::F32, 0, true, None).contains("before the first"));
    assert!(of(Scan::Sum, &[&view], DType::F32, 0, false, Some("tree")).contains("no variant tree"));
    assert!(message(argsort(&view, DType::F32, 2, false, &caps, None)).contains("axis 2 of shape [2, 3]"));
    assert!(message(argsort(&view, DType::F32, 0, false, &caps, Some("quick"))).contains("no variant quick"));
    let f64s = scan(Scan::Sum, &[&view], DType::F64, 0, false, &caps, None);
    assert!(matches!(f64s, Err(DeviceError::Unsupported { .. })));
    assert!(matches!(
        argsort(&view, DType::F64, 0, false, &caps, None),
        Err(DeviceError::Unsupported { .. })
    ));
    let empty = Layout::contiguous([2, 0]);
    assert!(scan(Scan::Sum, &[&empty], DType::F32, 0, false, &caps, None).unwrap().launches.is_empty());
    assert!(argsort(&empty, DType::F32, 1, false, &caps, None).unwrap().launches.is_empty());
}

/// The positions of each line in a dense result.
fn lines(shape: &[usize], axis: usize) -> Vec<Vec<usize>> {
    let right: usize = shape[axis + 1..].iter().product();
    let left: usize = shape[..axis].iter().product();
    let line = |l: usize, r: usize| (0..shape[axis]).map(|i| (l * shape[axis] + i) * right + r).collect();
    (0..left).flat_map(|l| (0..right).map(move |r| (l, r))).map(|(l, r)| line(l, r)).collect()
}

fn reference(kind: Scan, x: &[f32], exclusive: bool) -> Vec<f64> {
    let mut state = match kind {
        Scan::Prod => (1.0, 0),
        _ => (0.0f64, 0),
    };
    let mut out = Vec::new();
    for (i, &x) in x.iter().enumerate() {
        let wide = f64::from(x);
        let before = state;
        state = match kind {
            Scan::Sum => (state.0 + wide, 0),
            Scan::Prod => (state.0 * wide, 0),
            Scan::Linear => (if state.0 == 0.0 || wide == 0.0 { 0.0 } else { wide * state.0 } + wide, 0),
            Scan::MaxIndex if i == 0 || wide >= state.0 || x.is_nan() => (wide, i),
            Scan::MinIndex if i == 0 || wide <= state.0 || x.is_nan() => (wide, i),
            _ => state,
        };
        let shown = if exclusive { before } else { state };
        out.push(if matches!(kind, Scan::MaxIndex | Scan::MinIndex) { shown.1 as f64 } else { shown.0 });
    }
    out
}

fn check(gpu: &Gpu, caps: &Caps, view: &Layout, axis: usize, data: &[f32]) {
    let values: Vec<f32> = view.offsets().map(|at| data[at]).collect();
    for kind in KINDS {
        for variant in VARIANTS {
            for exclusive in [false, true] {
                let index = matches!(kind, Scan::MaxIndex | Scan::MinIndex);
                // an exclusive product is as an exclusive sum
                if exclusive && (index || kind == Scan::Prod) {
                    continue;
                }
                let lowered = long_scan(kind, view, axis, exclusive, caps, variant);
                let inputs: Vec<Vec<u32>> = vec![bits(data); if kind == Scan::Linear { 2 } else { 1 }];
                let inputs: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
                let out = run(gpu, &lowered, &inputs, &[values.len()], &[]).remove(0);
                for line in lines(&view.shape, axis) {
                    let x: Vec<f32> = line.iter().map(|&at| values[at]).collect();
                    let want = reference(kind, &x, exclusive);
                    let largest = want.iter().filter(|x| x.is_finite()).fold(1.0f64, |m, x| m.max(x.abs()));
                    for (&at, want) in line.iter().zip(want) {
                        let got = if index { out[at] as f32 } else { f32::from_bits(out[at]) };
                        let near = close(got, want, 1e-5) || (f64::from(got) - want).abs() < 1e-6 * largest;
                        assert!(near, "{kind:?} {variant} {view:?} {axis}: {got}, wanted {want}");
                    }
                }
            }
        }
    }
}

#[test]
fn results_are_those_of_a_loop() {
    for gpu in gpus() {
        for (view, axis) in cases() {
            // near 1 and few values, so that products stay in range and extremes repeat
            let data: Vec<f32> =
                noise(1, view.extent()).iter().map(|x| 0.998 + (x * 50.0).round() / 25_000.0).collect();
            check(gpu, gpu.caps(), &view, axis, &data);
            // as on a GPU, where that makes a difference
            if view.shape[axis] > 1000 {
                check(gpu, &Caps::portable(), &view, axis, &data);
            }
        }
    }
}

#[test]
fn nan_infinity_and_zero_are_kept() {
    for gpu in gpus() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        for special in [
            vec![1.0, nan, 3.0, nan, 2.0],
            vec![inf, 1.0, -inf, 2.0],
            vec![2.0, 0.0, 3.0, 0.0, inf],
            vec![-inf, -inf],
            vec![0.0, 1e30, 1e30, 0.0],
        ] {
            for length in [special.len(), 300, 2500] {
                let mut row = vec![0.5; length];
                let at = (length - special.len()) / 2;
                row[at..at + special.len()].copy_from_slice(&special);
                let view = Layout::contiguous([length]);
                for kind in KINDS {
                    // a huge number in f32 is not one in f64
                    if special.contains(&1e30) && kind != Scan::Linear {
                        continue;
                    }
                    for variant in VARIANTS {
                        let zeros = vec![0; length];
                        let linear = kind == Scan::Linear;
                        let lowered = long_scan(kind, &view, 0, false, gpu.caps(), variant);
                        // a recurrence of zeros stays 0 whatever its factors
                        let inputs: &[&[u32]] = if linear { &[&bits(&row), &zeros] } else { &[&bits(&row)] };
                        let out = run(gpu, &lowered, inputs, &[length], &[]).remove(0);
                        let want = if linear { vec![0.0; length] } else { reference(kind, &row, false) };
                        for (i, (&word, &want)) in out.iter().zip(&want).enumerate() {
                            let index = matches!(kind, Scan::MaxIndex | Scan::MinIndex);
                            let got = if index { word as f32 } else { f32::from_bits(word) };
                            assert!(
                                close(got, want, 1e-5),
                                "{kind:?} {variant} {special:?} [{i}] of {length}: {got}, wanted {want}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn integers_wrap() {
    for gpu in gpus() {
        let data = words(3, 3 * 1500);
        let view = Layout::contiguous([3, 1500]);
        for variant in VARIANTS {
            let of = |kind, dtype| {
                let lowered = scan(kind, &[&view], dtype, 1, false, gpu.caps(), Some(variant)).unwrap();
                run(gpu, &lowered, &[&data], &[data.len()], &[]).remove(0)
            };
            let wanted = |start: u32, join: fn(u32, u32) -> u32| -> Vec<u32> {
                let row = |row: &[u32]| {
                    let mut state = start;
                    row.iter()
                        .map(|&x| {
                            state = join(state, x);
                            state
                        })
                        .collect::<Vec<_>>()
                };
                data.chunks(1500).flat_map(row).collect()
            };
            assert_eq!(of(Scan::Sum, DType::I32), wanted(0, u32::wrapping_add));
            assert_eq!(of(Scan::Prod, DType::U32), wanted(1, u32::wrapping_mul));
        }
    }
}

#[test]
fn long_lines_stay_accurate_and_the_same() {
    let Some(gpu) = gpu() else { return };
    let n = 1_000_003;
    let data: Vec<f32> = noise(6, n).iter().map(|x| x + 1.25).collect();
    let view = Layout::contiguous([n]);
    for caps in [gpu.caps(), &Caps::portable()] {
        for variant in VARIANTS {
            let lowered = long_scan(Scan::Sum, &view, 0, false, caps, variant);
            let out = run(gpu, &lowered, &[&bits(&data)], &[n], &[]).remove(0);
            assert_eq!(run(gpu, &lowered, &[&bits(&data)], &[n], &[]).remove(0), out);
            let mut exact = 0.0f64;
            for (i, (got, x)) in floats(&out).iter().zip(&data).enumerate() {
                exact += f64::from(*x);
                let error = (f64::from(*got) - exact).abs();
                assert!(error <= 1e-6 * exact, "{variant} [{i}]: {got}, wanted {exact}");
            }
        }
    }
    // the order of n elements, most of them several times
    let keys: Vec<u32> = words(7, n).iter().map(|w| w % 100_000).collect();
    let lowered = argsort(&view, DType::U32, 0, false, gpu.caps(), None).unwrap();
    let out = run(gpu, &lowered, &[&keys], &[n], &[]).remove(0);
    let mut want: Vec<u32> = (0..n as u32).collect();
    want.sort_by_key(|&i| keys[i as usize]);
    assert!(out == want, "a wrong order");
}

#[test]
fn orders_are_those_of_a_stable_sort() {
    for gpu in gpus() {
        for (view, axis) in cases() {
            let data: Vec<f32> = noise(8, view.extent()).iter().map(|x| (x * 9.0).round() - 0.0).collect();
            let values: Vec<f32> = view.offsets().map(|at| data[at]).collect();
            for descending in [false, true] {
                let lowered = argsort(&view, DType::F32, axis, descending, gpu.caps(), None).unwrap();
                let out = run(gpu, &lowered, &[&bits(&data)], &[values.len()], &[]).remove(0);
                for line in lines(&view.shape, axis) {
                    let mut want: Vec<u32> = (0..line.len() as u32).collect();
                    let of = |i: u32| values[line[i as usize]];
                    want.sort_by(|&a, &b| {
                        let order = of(a).partial_cmp(&of(b)).unwrap();
                        if descending { order.reverse() } else { order }
                    });
                    let got: Vec<u32> = line.iter().map(|&at| out[at]).collect();
                    assert_eq!(got, want, "{descending} {view:?} {axis}");
                }
            }
        }
        let nan = f32::NAN;
        let special =
            [2.0, nan, 1.0, f32::from_bits(0xffc0_0001), f32::INFINITY, f32::NEG_INFINITY, -0.0, 0.0];
        let view = Layout::contiguous([8]);
        let order = |descending| {
            let lowered = argsort(&view, DType::F32, 0, descending, gpu.caps(), None).unwrap();
            run(gpu, &lowered, &[&bits(&special)], &[8], &[]).remove(0)
        };
        assert_eq!(order(false), [5, 6, 7, 2, 0, 4, 1, 3]);
        assert_eq!(order(true), [1, 3, 4, 0, 2, 6, 7, 5]);
        let signed = [3i32, -1, i32::MIN, i32::MAX, 0].map(|x| x as u32);
        let lowered = argsort(&Layout::contiguous([5]), DType::I32, 0, false, gpu.caps(), None).unwrap();
        assert_eq!(run(gpu, &lowered, &[&signed], &[5], &[]).remove(0), [2, 1, 4, 0, 3]);
    }
}
