//! Convolution against a reference that spreads, pads and crops the input in memory before it slides the kernel.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_cpu::*;
use anygrad_layout::{Conv, DType, Layout};
use common::{Numbers, assert_close, flat, indices, layouts, storage_for, values, with_threads};

/// One image of one channel: spread, then padded, then cropped.
fn prepare(x: &[f64], shape: &[usize], conv: &Conv) -> (Vec<f64>, Vec<usize>) {
    let first = 3 - conv.rank;
    let sizes: Vec<usize> = (0..conv.rank)
        .map(|a| {
            let spread = if shape[a] == 0 { 0 } else { (shape[a] - 1) * conv.input_dilation[first + a] + 1 };
            (spread as isize + conv.pad_lo[first + a] + conv.pad_hi[first + a]).max(0) as usize
        })
        .collect();
    let mut out = vec![0.0; sizes.iter().product()];
    for index in indices(shape) {
        let at: Option<Vec<usize>> = (0..conv.rank)
            .map(|a| {
                let at = (index[a] * conv.input_dilation[first + a]) as isize + conv.pad_lo[first + a];
                usize::try_from(at).ok().filter(|&i| i < sizes[a])
            })
            .collect();
        if let Some(at) = at {
            out[flat(&at, &sizes)] = x[flat(&index, shape)];
        }
    }
    (out, sizes)
}

fn reference(x: &[f64], x_shape: &[usize], w: &[f64], w_shape: &[usize], conv: &Conv) -> Vec<f64> {
    let first = 3 - conv.rank;
    let (spatial, kernel) = (&x_shape[2..], &w_shape[2..]);
    let plane: usize = spatial.iter().product();
    let taps: usize = kernel.iter().product();
    let out_sizes: Vec<usize> =
        (0..conv.rank).map(|a| conv.output_size(first + a, spatial[a], kernel[a])).collect();
    let (channels, per_group) = (w_shape[0], w_shape[0] / conv.groups);
    let mut out = Vec::new();
    for n in 0..x_shape[0] {
        for o in 0..channels {
            let group = o / per_group.max(1);
            let inputs: Vec<(Vec<f64>, Vec<usize>)> = (0..w_shape[1])
                .map(|c| {
                    let start = (n * x_shape[1] + group * w_shape[1] + c) * plane;
                    prepare(&x[start..start + plane], spatial, conv)
                })
                .collect();
            for at in indices(&out_sizes) {
                let mut sum = 0.0;
                for (c, (input, sizes)) in inputs.iter().enumerate() {
                    for tap in indices(kernel) {
                        let from: Vec<usize> = (0..conv.rank)
                            .map(|a| at[a] * conv.stride[first + a] + tap[a] * conv.dilation[first + a])
                            .collect();
                        let tap: Vec<usize> = (0..conv.rank)
                            .map(|a| if conv.flip { kernel[a] - 1 - tap[a] } else { tap[a] })
                            .collect();
                        let weight = w[(o * w_shape[1] + c) * taps + flat(&tap, kernel)];
                        sum += input[flat(&from, sizes)] * weight;
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

fn check(x_shape: &[usize], w_shape: &[usize], conv: &Conv, numbers: &mut Numbers, all_layouts: bool) {
    let host = Host::new();
    let pick = |shape: &[usize]| if all_layouts { layouts(shape) } else { vec![Layout::contiguous(shape)] };
    for x_layout in pick(x_shape) {
        for w_layout in pick(w_shape) {
            for dtype in [DType::F32, DType::F64, DType::I32, DType::U32] {
                let x = storage_for(numbers, dtype, &x_layout);
                let w = storage_for(numbers, dtype, &w_layout);
                let (x, w) = (View::new(&x, &x_layout), View::new(&w, &w_layout));
                let got = anygrad_cpu::conv(&host, x, w, conv).unwrap().to_f64_vec();
                let want = reference(&values(x), x_shape, &values(w), w_shape, conv);
                let tolerance = if dtype == DType::F32 { 2e-6 } else { 1e-13 };
                assert_close(&got, &want, tolerance, &format!("{dtype} {x_layout:?} {w_layout:?} {conv:?}"));
            }
        }
    }
}

fn on_last(values: &[isize]) -> [isize; 3] {
    let mut all = [0; 3];
    all.iter_mut().rev().zip(values.iter().rev()).for_each(|(to, &from)| *to = from);
    all
}

#[test]
fn random_geometries_equal_the_reference() {
    let mut numbers = Numbers(5);
    let mut nonempty = 0;
    for round in 0..700 {
        let rank = 1 + round % 3;
        let groups = 1 + numbers.below(3);
        let mut conv = Conv::new(rank);
        (conv.groups, conv.flip) = (groups, numbers.below(2) == 0);
        let (mut x_shape, mut w_shape) = (vec![numbers.below(4)], vec![groups * (1 + numbers.below(3))]);
        let channels = 1 + numbers.below(3);
        x_shape.push(groups * channels);
        w_shape.push(channels);
        for a in 3 - rank..3 {
            x_shape.push(1 + numbers.below(8));
            w_shape.push(1 + numbers.below(4));
            conv.stride[a] = 1 + numbers.below(3);
            conv.dilation[a] = 1 + numbers.below(2);
            conv.input_dilation[a] = 1 + numbers.below(3);
            conv.pad_lo[a] = numbers.below(6) as isize - 2;
            conv.pad_hi[a] = numbers.below(6) as isize - 2;
        }
        nonempty += usize::from(
            (3 - rank..3).all(|a| conv.output_size(a, x_shape[a + rank - 1], w_shape[a + rank - 1]) > 0),
        );
        check(&x_shape, &w_shape, &conv, &mut numbers, false);
    }
    assert!(nonempty > 400, "{nonempty} cases had any output");
}

#[test]
fn views_of_every_kind_are_read() {
    let mut numbers = Numbers(6);
    let mut conv = Conv::new(2);
    (conv.pad_lo, conv.pad_hi) = (on_last(&[1, 2]), on_last(&[0, 1]));
    check(&[3, 2, 5, 4], &[4, 2, 3, 2], &conv, &mut numbers, true);
    check(&[3, 2, 5, 4], &[4, 2, 1, 1], &Conv::new(2), &mut numbers, true);
    check(&[2, 3, 7], &[2, 3, 1], &Conv::new(1), &mut numbers, true);
    conv.groups = 2;
    conv.flip = true;
    check(&[2, 4, 5, 4], &[2, 2, 3, 2], &conv, &mut numbers, true);
}

#[test]
fn empty_operands_have_their_meaning() {
    let mut numbers = Numbers(7);
    check(&[0, 2, 5], &[3, 2, 2], &Conv::new(1), &mut numbers, false);
    check(&[2, 2, 5], &[0, 2, 2], &Conv::new(1), &mut numbers, false);
    check(&[2, 2, 1], &[3, 2, 2], &Conv::new(1), &mut numbers, false);
    // no channels: every sum is empty
    let host = Host::new();
    let (x, w) = (Layout::contiguous([2, 0, 5]), Layout::contiguous([3, 0, 2]));
    for dtype in [DType::F32, DType::F64] {
        let none = Storage::zeros(dtype, 0);
        // dirty memory must not show through
        host.recycle(Storage::from_f64(dtype, &[7.0; 24]));
        let out =
            anygrad_cpu::conv(&host, View::new(&none, &x), View::new(&none, &w), &Conv::new(1)).unwrap();
        assert_eq!(out.to_f64_vec(), [0.0; 24]);
    }
}

/// Shapes that split and join images and terms: forward, input gradient and weight gradient of layers.
#[test]
fn layers_and_their_gradients_equal_f64_on_any_threads() {
    let mut numbers = Numbers(8);
    let padded = |p: isize| Conv { pad_lo: on_last(&[p, p]), pad_hi: on_last(&[p, p]), ..Conv::new(2) };
    let strided = Conv { stride: [1, 2, 2], ..padded(1) };
    let spread = Conv { input_dilation: [1, 2, 2], flip: true, ..padded(1) };
    let grouped = Conv { groups: 8, ..padded(1) };
    let cases: [(&[usize], &[usize], Conv); 14] = [
        (&[16, 1, 28, 28], &[6, 1, 5, 5], padded(2)),
        (&[1, 16, 28, 28], &[6, 16, 28, 28], padded(2)),
        (&[6, 16, 12, 12], &[16, 16, 8, 8], padded(0)),
        (&[5, 16, 8, 8], &[6, 16, 5, 5], Conv { flip: true, ..padded(4) }),
        (&[1, 24, 90, 90], &[8, 24, 3, 3], padded(1)),
        (&[3, 40, 9, 9], &[32, 40, 1, 1], padded(0)),
        (&[3, 8, 17, 17], &[8, 8, 3, 3], strided),
        (&[3, 8, 9, 9], &[8, 8, 3, 3], spread.clone()),
        (&[3, 8, 30, 30], &[16, 1, 3, 3], grouped),
        // few outputs of many inputs, for several images and for one
        (&[6, 16, 10, 9], &[5, 16, 5, 4], Conv { flip: true, ..padded(4) }),
        (&[1, 40, 23, 20], &[3, 40, 3, 3], padded(1)),
        (&[4, 32, 9, 9], &[4, 32, 3, 3], Conv { dilation: [1, 2, 3], ..padded(-1) }),
        // gradients of strided layers
        (&[3, 20, 8, 8], &[16, 20, 3, 3], Conv { pad_hi: on_last(&[2, 2]), ..spread.clone() }),
        (&[2, 8, 7, 9], &[5, 8, 1, 1], Conv { input_dilation: [1, 3, 2], ..padded(0) }),
    ];
    for (x_shape, w_shape, conv) in cases {
        let (x_layout, w_layout) = (Layout::contiguous(x_shape), Layout::contiguous(w_shape));
        let x = numbers.storage(DType::F32, x_layout.numel());
        let w = numbers.storage(DType::F32, w_layout.numel());
        let run = |x: &Storage, w: &Storage| {
            anygrad_cpu::conv(&Host::new(), View::new(x, &x_layout), View::new(w, &w_layout), &conv).unwrap()
        };
        let results = with_threads(|| run(&x, &w));
        assert!(results[0] == results[1] && results[0] == results[2], "{x_shape:?} {w_shape:?}");
        let wide = |s: &Storage| Storage::F64(s.to_f64_vec());
        let want = run(&wide(&x), &wide(&w)).to_f64_vec();
        assert_close(&results[0].to_f64_vec(), &want, 3e-6, &format!("{x_shape:?} {w_shape:?} {conv:?}"));
    }
}

/// Wide 3×3 kernels of stride 1, forward, and the two forms their gradients have.
fn winograd_cases() -> Vec<([usize; 4], [usize; 4], Conv)> {
    let padded =
        |lo: [isize; 2], hi: [isize; 2]| Conv { pad_lo: on_last(&lo), pad_hi: on_last(&hi), ..Conv::new(2) };
    let flipped = |p: isize| Conv { flip: true, ..padded([p, p], [p, p]) };
    vec![
        ([3, 16, 7, 9], [17, 16, 3, 3], padded([1, 1], [1, 1])),
        ([2, 18, 8, 6], [16, 18, 3, 3], padded([0, 0], [0, 0])),
        ([2, 16, 5, 5], [16, 16, 3, 3], padded([-1, 2], [3, -1])),
        ([1, 16, 1, 1], [16, 16, 3, 3], padded([1, 1], [1, 1])),
        ([40, 16, 4, 4], [16, 16, 3, 3], flipped(1)),
        ([2, 20, 33, 45], [16, 20, 3, 3], flipped(2)),
        ([1, 16, 3, 300], [16, 16, 3, 3], padded([1, 1], [1, 1])),
        ([16, 5, 9, 8], [18, 5, 9, 8], padded([1, 1], [1, 1])),
        ([20, 33, 7, 7], [16, 33, 5, 5], padded([0, 0], [0, 0])),
        ([16, 3, 40, 37], [16, 3, 40, 37], padded([1, 1], [1, 1])),
        ([16, 1, 6, 9], [16, 1, 7, 8], padded([2, 0], [1, 1])),
    ]
}

#[test]
fn winograd_equals_the_formula_on_any_threads() {
    let mut numbers = Numbers(9);
    for (x_shape, w_shape, conv) in winograd_cases() {
        for (x_layout, w_layout) in layouts(&x_shape).iter().zip(layouts(&w_shape).iter().rev()) {
            let x = storage_for(&mut numbers, DType::F32, x_layout);
            let w = storage_for(&mut numbers, DType::F32, w_layout);
            let run = |x: &Storage, w: &Storage| {
                let (x, w) = (View::new(x, x_layout), View::new(w, w_layout));
                anygrad_cpu::conv(&Host::new(), x, w, &conv).unwrap()
            };
            let results = with_threads(|| run(&x, &w));
            assert!(results[0] == results[1] && results[0] == results[2], "{x_layout:?} {w_layout:?}");
            let wide = |s: &Storage| Storage::F64(s.to_f64_vec());
            let want = run(&wide(&x), &wide(&w)).to_f64_vec();
            let what = format!("{x_layout:?} {w_layout:?} {conv:?}");
            assert_close(&results[0].to_f64_vec(), &want, 2e-6, &what);
        }
    }
}

/// What is not finite stays in the outputs that read it, and is what the formula says.
#[test]
fn winograd_keeps_what_is_not_finite_where_it_is() {
    let mut numbers = Numbers(10);
    for (x_shape, w_shape, conv) in winograd_cases() {
        let (x_layout, w_layout) = (Layout::contiguous(x_shape), Layout::contiguous(w_shape));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut x = numbers.storage(DType::F32, x_layout.numel()).to_f64_vec();
            let at = numbers.below(x.len());
            x[at] = bad;
            let w = numbers.storage(DType::F32, w_layout.numel()).to_f64_vec();
            let run = |dtype| {
                let (x, w) = (Storage::from_f64(dtype, &x), Storage::from_f64(dtype, &w));
                let (x, w) = (View::new(&x, &x_layout), View::new(&w, &w_layout));
                anygrad_cpu::conv(&Host::new(), x, w, &conv).unwrap().to_f64_vec()
            };
            let what = format!("{x_shape:?} {w_shape:?} {conv:?}, {bad} at {at}");
            assert_close(&run(DType::F32), &run(DType::F64), 2e-6, &what);
        }
    }
}

#[test]
fn wrong_calls_are_errors() {
    let host = Host::new();
    let run = |x_shape: &[usize], w_shape: &[usize], conv: &Conv| {
        let (x_layout, w_layout) = (Layout::contiguous(x_shape), Layout::contiguous(w_shape));
        let (x, w) =
            (Storage::zeros(DType::F32, x_layout.numel()), Storage::zeros(DType::F32, w_layout.numel()));
        anygrad_cpu::conv(&host, View::new(&x, &x_layout), View::new(&w, &w_layout), conv).err()
    };
    let conv = Conv::new(2);
    assert_eq!(run(&[1, 2, 3, 3], &[1, 2, 2, 2], &conv), None);
    let differ = |call| assert!(matches!(call, Some(CpuError::Shape { .. })), "{call:?}");
    differ(run(&[1, 3, 3, 3], &[1, 2, 2, 2], &conv));
    differ(run(&[1, 2, 3], &[1, 2, 2, 2], &conv));
    differ(run(&[1, 2, 3, 3], &[3, 1, 2, 2], &Conv { groups: 2, ..conv.clone() }));
    let invalid = |call| assert!(matches!(call, Some(CpuError::Invalid { .. })), "{call:?}");
    invalid(run(&[1, 2, 3, 3], &[1, 2, 2, 2], &Conv { groups: 0, ..conv.clone() }));
    invalid(run(&[1, 2, 3, 3], &[1, 2, 2, 2], &Conv { stride: [1, 0, 1], ..conv.clone() }));
    invalid(run(&[1, 2, 3, 3], &[1, 2, 2, 2], &Conv { rank: 4, ..conv.clone() }));
    invalid(run(&[1, 2, 3, 3], &[1, 2, 2, 2], &Conv { pad_lo: [0, 0, isize::MIN], ..conv }));
}
