//! Reductions: their text on every backend, and their results against loops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::reduce::{Reduce, VARIANTS, reduce};
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step};
use anygrad_device::{Caps, DeviceError, Gpu};
use anygrad_layout::{DType, Layout};
use common::{bits, check_text, close, floats, gpu, gpus, noise, run, sweep_caps, words};

const KINDS: [Reduce; 6] =
    [Reduce::Sum, Reduce::Prod, Reduce::Max, Reduce::Min, Reduce::ArgMax, Reduce::ArgMin];

/// Views and the axes to reduce them over.
fn cases() -> Vec<(Layout, Vec<usize>)> {
    let dense = |shape: &[usize]| Layout::contiguous(shape);
    vec![
        (dense(&[1]), vec![0]),
        (dense(&[]), vec![]),
        (dense(&[7]), vec![]),
        (dense(&[5, 7]), vec![1]),
        (dense(&[5, 7]), vec![0]),
        (dense(&[5, 8]), vec![0, 1]),
        (dense(&[33, 300]), vec![1]),
        (dense(&[300, 33]), vec![0]),
        (dense(&[300, 36]), vec![0]),
        (dense(&[3, 50, 8]), vec![1]),
        (Layout { offset: 2, ..dense(&[30, 12]) }, vec![0]),
        (dense(&[3, 4, 5, 6]), vec![0, 2, 3]),
        (dense(&[3, 4, 5, 6]), vec![1, 2]),
        (dense(&[6, 5, 4]).permute(&[2, 0, 1]), vec![0, 2]),
        (dense(&[9, 21]).slice(1, 20, 10, -2), vec![1]),
        (dense(&[9, 21]).slice(0, 1, 4, 2), vec![0]),
        (dense(&[4, 1]).expand(&[3, 4, 5]), vec![0, 2]),
        (dense(&[2, 5000]), vec![1]),
        (dense(&[5000, 3]), vec![0]),
        (Layout { offset: 3, ..dense(&[2, 12]) }, vec![1]),
        (Layout { offset: 4, ..dense(&[2, 12]) }, vec![1]),
    ]
}

#[test]
fn every_text_is_valid_everywhere() {
    for caps in sweep_caps() {
        for (view, axes) in cases() {
            for kind in KINDS {
                for dtype in [DType::F32, DType::I32, DType::U32] {
                    for variant in VARIANTS {
                        let program = Pointwise::copy(&view, dtype);
                        check_text(&reduce(&program, kind, &axes, &caps, Some(variant)).unwrap(), &caps);
                    }
                }
            }
        }
    }
}

#[test]
fn every_variant_is_chosen_for_what_it_is_good_at() {
    let chosen = |shape: [usize; 2], axis: usize, caps: &Caps| {
        let program = Pointwise::copy(&Layout::contiguous(shape), DType::F32);
        reduce(&program, Reduce::Sum, &[axis], caps, None).unwrap().launches[0].variant
    };
    let [gpu, software, _] = sweep_caps();
    assert_eq!(chosen([100_000, 10], 1, &gpu), "thread");
    assert_eq!(chosen([10_000, 512], 0, &gpu), "two_stage");
    assert_eq!(chosen([512, 40_000], 0, &gpu), "thread");
    assert_eq!(chosen([1, 1 << 20], 1, &gpu), "two_stage");
    assert_eq!(chosen([1024, 1024], 1, &gpu), "workgroup");
    assert_eq!(chosen([1024, 1024], 1, &software), "thread");
    assert_eq!(chosen([1, 1 << 20], 1, &software), "two_stage");
}

#[test]
fn wrong_calls_are_errors() {
    let caps = Caps::portable();
    let program = Pointwise::copy(&Layout::contiguous([2, 3]), DType::F32);
    let message = |program: &Pointwise, kind, axes: &[usize], force| {
        reduce(program, kind, axes, &caps, force).unwrap_err().to_string()
    };
    assert!(message(&program, Reduce::Sum, &[2], None).contains("axis 2 of shape [2, 3] does not exist"));
    assert!(message(&program, Reduce::Sum, &[1, 1], None).contains("axis 1 occurs twice"));
    assert!(message(&program, Reduce::Sum, &[1], Some("tree")).contains("no variant tree"));
    let bools = Pointwise::copy(&Layout::contiguous([2, 3]), DType::Bool);
    assert!(message(&bools, Reduce::Sum, &[1], None).contains("of bool"));
    let nothing = Pointwise::copy(&Layout::contiguous([2, 0]), DType::F32);
    assert!(message(&nothing, Reduce::ArgMin, &[1], None).contains("ArgMin of nothing"));
    assert_eq!(reduce(&nothing, Reduce::Sum, &[1], &caps, None).unwrap().launches.len(), 1);
    assert!(reduce(&nothing, Reduce::Max, &[0], &caps, None).unwrap().launches.is_empty());
    let f64s = Pointwise::copy(&Layout::contiguous([2]), DType::F64);
    assert!(matches!(reduce(&f64s, Reduce::Sum, &[0], &caps, None), Err(DeviceError::Unsupported { .. })));
    let mut fused = program;
    fused.steps.push(Step { wgsl: "$0 * $1", args: [0u32, 1].as_slice().into(), dtype: DType::F32 });
    assert!(message(&fused, Reduce::Sum, &[1], None).contains("reads value 1"));
}

/// What a reduction gives for one output, from its terms in order.
fn reference(kind: Reduce, terms: &[f32]) -> f64 {
    let numbers = terms.iter().map(|x| f64::from(*x));
    let nan = terms.iter().position(|x| x.is_nan());
    let best = |better: fn(f32, f32) -> bool| {
        (0..terms.len()).fold(0, |best, i| if better(terms[i], terms[best]) { i } else { best })
    };
    match kind {
        Reduce::Sum => numbers.sum(),
        Reduce::Prod => numbers.product(),
        Reduce::Max if nan.is_none() => numbers.fold(f64::NEG_INFINITY, f64::max),
        Reduce::Min if nan.is_none() => numbers.fold(f64::INFINITY, f64::min),
        Reduce::Max | Reduce::Min => f64::NAN,
        Reduce::ArgMax => nan.unwrap_or_else(|| best(|a, b| a > b)) as f64,
        Reduce::ArgMin => nan.unwrap_or_else(|| best(|a, b| a < b)) as f64,
    }
}

/// The terms of each output, in order.
fn rows(view: &Layout, axes: &[usize], data: &[f32]) -> Vec<Vec<f32>> {
    let kept: Vec<usize> = (0..view.rank()).filter(|a| !axes.contains(a)).collect();
    let inner: Vec<usize> = (0..view.rank()).filter(|a| axes.contains(a)).collect();
    let order: Vec<usize> = kept.iter().chain(&inner).copied().collect();
    let terms: usize = inner.iter().map(|a| view.shape[*a]).product();
    let turned = view.permute(&order);
    let values: Vec<f32> = turned.offsets().map(|at| data[at]).collect();
    values.chunks(terms.max(1)).map(<[f32]>::to_vec).collect()
}

fn check_kinds(gpu: &Gpu, view: &Layout, axes: &[usize], data: &[f32], variants: &[&str]) {
    let rows = rows(view, axes, data);
    for kind in KINDS {
        for variant in variants {
            let program = Pointwise::copy(view, DType::F32);
            let lowered = reduce(&program, kind, axes, gpu.caps(), Some(variant)).unwrap();
            let out = run(gpu, &lowered, &[&bits(data)], &[rows.len()], &[]).remove(0);
            for (word, terms) in out.iter().zip(&rows) {
                // what f32 cannot hold is infinite
                let wanted = f64::from(reference(kind, terms) as f32);
                let index = matches!(kind, Reduce::ArgMax | Reduce::ArgMin);
                let value = if index { *word as f32 } else { f32::from_bits(*word) };
                assert!(
                    close(value, wanted, 1e-5),
                    "{kind:?} {variant} {view:?} {axes:?}: {value}, wanted {wanted}"
                );
            }
        }
    }
}

#[test]
fn results_are_those_of_a_loop() {
    for gpu in gpus() {
        for (view, axes) in cases() {
            // near 1, so that products stay in range; few different values, so that extremes repeat
            let data: Vec<f32> =
                noise(1, view.extent()).iter().map(|x| 1.0 + (x * 50.0).round() / 2500.0).collect();
            check_kinds(gpu, &view, &axes, &data, VARIANTS);
        }
    }
}

#[test]
fn nan_infinity_and_signs_are_kept() {
    for gpu in gpus() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let negative_nan = f32::from_bits(0xffc0_0001);
        for special in [
            vec![1.0, nan, 3.0, 2.0, nan],
            vec![-inf, -inf, -inf],
            vec![inf, 1.0, inf],
            vec![-inf, -1.0, 5.0, inf],
            vec![negative_nan, 0.0],
            vec![-5.0, -2.0, -2.0],
            vec![f32::MAX, f32::MIN],
        ] {
            for length in [special.len(), 600, 2048] {
                // the special values in the middle of a row that no extreme of theirs can lose against
                let mut row = vec![special[special.len() - 1]; length];
                let at = (length - special.len()) / 2;
                row[at..at + special.len()].copy_from_slice(&special);
                check_kinds(gpu, &Layout::contiguous([length]), &[0], &row, VARIANTS);
            }
        }
    }
}

#[test]
fn integers_wrap_and_compare_by_their_type() {
    for gpu in gpus() {
        let data = words(3, 7 * 130);
        let view = Layout::contiguous([7, 130]);
        for variant in VARIANTS {
            let result = |kind, dtype| {
                let lowered = reduce(&Pointwise::copy(&view, dtype), kind, &[1], gpu.caps(), Some(variant));
                run(gpu, &lowered.unwrap(), &[&data], &[7], &[]).remove(0)
            };
            let wanted = |fold: fn(&[u32]) -> u32| data.chunks(130).map(fold).collect::<Vec<_>>();
            let signed = |row: &[u32]| row.iter().map(|w| *w as i32).collect::<Vec<_>>();
            assert_eq!(
                result(Reduce::Sum, DType::I32),
                wanted(|r| r.iter().fold(0, |a, b| a.wrapping_add(*b)))
            );
            assert_eq!(
                result(Reduce::Prod, DType::U32),
                wanted(|r| r.iter().fold(1, |a, b| a.wrapping_mul(*b)))
            );
            assert_eq!(result(Reduce::Max, DType::U32), wanted(|r| *r.iter().max().unwrap()));
            let rows: Vec<Vec<i32>> = data.chunks(130).map(signed).collect();
            let low: Vec<u32> = rows.iter().map(|r| *r.iter().min().unwrap() as u32).collect();
            assert_eq!(result(Reduce::Min, DType::I32), low);
            let first = |r: &Vec<i32>| r.iter().position(|x| x == r.iter().min().unwrap()).unwrap() as u32;
            assert_eq!(result(Reduce::ArgMin, DType::I32), rows.iter().map(first).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_fused_program_is_reduced_as_it_is_computed() {
    for gpu in gpus() {
        // Σ (a - mean)² with the mean of each row broadcast, and a run-time factor
        let shape = [6usize, 40];
        let buffer = |i, layout: Layout| Source { kind: SourceKind::Buffer(i), dtype: DType::F32, layout };
        let program = Pointwise {
            shape: shape.into(),
            inputs: vec![
                buffer(0, Layout::contiguous([40, 6]).permute(&[1, 0])),
                buffer(1, Layout::contiguous([6, 1]).expand(&shape)),
            ],
            numbers: vec![DType::F32],
            steps: vec![
                Step { wgsl: "$0 - $1", args: [0u32, 1].as_slice().into(), dtype: DType::F32 },
                Step { wgsl: "$0 * $0 * $1", args: [3u32, 2].as_slice().into(), dtype: DType::F32 },
            ],
            outputs: vec![Sink { value: 4, dtype: DType::F32, in_place: None }],
        };
        let (a, mean) = (noise(4, 240), noise(5, 6));
        for variant in VARIANTS {
            for axis in [0usize, 1] {
                let lowered = reduce(&program, Reduce::Sum, &[axis], gpu.caps(), Some(variant)).unwrap();
                let inputs: [&[u32]; 2] = [&bits(&a), &bits(&mean)];
                let out = run(gpu, &lowered, &inputs, &[shape[1 - axis]], &[3.0f32.to_bits()]).remove(0);
                let mut wanted = vec![0.0f64; shape[1 - axis]];
                for i in 0..6 {
                    for j in 0..40 {
                        let d = f64::from(a[j * 6 + i]) - f64::from(mean[i]);
                        wanted[if axis == 0 { j } else { i }] += d * d * 3.0;
                    }
                }
                for (y, wanted) in floats(&out).iter().zip(&wanted) {
                    assert!(close(*y, *wanted, 2e-6), "{variant} over {axis}: {y}, wanted {wanted}");
                }
            }
        }
    }
}

#[test]
fn an_empty_sum_is_zero_and_an_empty_product_one() {
    for gpu in gpus() {
        let program = Pointwise::copy(&Layout::contiguous([3, 0]), DType::F32);
        for (kind, wanted) in [(Reduce::Sum, 0.0f32), (Reduce::Prod, 1.0)] {
            let lowered = reduce(&program, kind, &[1], gpu.caps(), None).unwrap();
            assert_eq!(floats(&run(gpu, &lowered, &[&[]], &[3], &[])[0]), [wanted; 3]);
        }
    }
}

#[test]
fn long_sums_stay_accurate() {
    let Some(gpu) = gpu() else { return };
    let sum = |n: usize, data: &[f32], variant: Option<&str>, caps: &Caps| {
        let program = Pointwise::copy(&Layout::contiguous([n]), DType::F32);
        let lowered = reduce(&program, Reduce::Sum, &[0], caps, variant).unwrap();
        f32::from_bits(run(gpu, &lowered, &[&bits(data)], &[1], &[])[0][0])
    };
    let portable = Caps::portable();
    let n = 10_000_000;
    let ones = vec![1.0f32; n];
    assert_eq!(sum(n, &ones, None, gpu.caps()), n as f32);
    assert_eq!(sum(n, &ones, None, &portable), n as f32);
    for n in [1_000_000, 131_072, 32_767] {
        let data: Vec<f32> = noise(6, n).iter().map(|x| x + 0.25).collect();
        let wanted: f64 = data.iter().map(|x| f64::from(*x)).sum();
        for (variant, caps) in [
            (None, gpu.caps()),
            (None, &portable),
            (Some("two_stage"), gpu.caps()),
            (Some("workgroup"), &portable),
            (Some("thread"), gpu.caps()),
        ] {
            if variant == Some("thread") && n == 1_000_000 {
                let program = Pointwise::copy(&Layout::contiguous([n]), DType::F32);
                let error = reduce(&program, Reduce::Sum, &[0], caps, variant).unwrap_err().to_string();
                assert!(error.contains("does not fit"), "{error}");
                continue;
            }
            let y = f64::from(sum(n, &data, variant, caps));
            assert!((y - wanted).abs() <= 1e-6 * wanted.abs(), "{variant:?} {n}: {y}, wanted {wanted}");
        }
    }
}

#[test]
fn the_same_call_gives_the_same_bits() {
    let Some(gpu) = gpu() else { return };
    let data = bits(&noise(7, 300 * 1000));
    for (axis, outputs) in [(0, 1000), (1, 300)] {
        let program = Pointwise::copy(&Layout::contiguous([300, 1000]), DType::F32);
        let lowered = reduce(&program, Reduce::Sum, &[axis], gpu.caps(), None).unwrap();
        let first = run(gpu, &lowered, &[&data], &[outputs], &[]);
        (0..5).for_each(|_| assert_eq!(run(gpu, &lowered, &[&data], &[outputs], &[]), first));
    }
}
