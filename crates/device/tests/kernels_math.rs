//! The scalar functions of `shaders/math*.wgsl`, on a device, against the host and published vectors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::pointwise::pointwise;
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step};
use anygrad_layout::{DType, Layout};
use common::{bits, close, floats, gpus, noise, run, words};

/// References of two arguments.
type Words = fn(u32, u32) -> u32;
type Numbers = fn(f64, f64) -> f64;

/// Runs one expression over rows of arguments (all of one type), on every device.
fn evaluate(wgsl: &'static str, from: DType, to: DType, arguments: &[Vec<u32>]) -> Vec<Vec<u32>> {
    let n = arguments[0].len();
    let source = |i| Source { kind: SourceKind::Buffer(i), dtype: from, layout: Layout::contiguous([n]) };
    let program = Pointwise {
        shape: [n].into(),
        inputs: (0..arguments.len()).map(source).collect(),
        numbers: vec![],
        steps: vec![Step { wgsl, args: (0..arguments.len() as u32).collect(), dtype: to }],
        outputs: vec![Sink { value: arguments.len() as u32, dtype: to, in_place: None }],
    };
    let inputs: Vec<&[u32]> = arguments.iter().map(Vec::as_slice).collect();
    let result =
        |gpu| run(gpu, &pointwise(&program, gpu.caps(), None).unwrap(), &inputs, &[n], &[]).remove(0);
    gpus().iter().map(result).collect()
}

/// Numbers at the edges of f32, and ordinary ones.
fn specials() -> Vec<f32> {
    let mut values =
        vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 88.7, 89.0, 104.0, 1e-6, 1e-3, 0.1, 0.2, 9.0, 30.0];
    values.extend([1e10, 16777216.0, 2147483648.0, 4294967296.0, 3.4e38, f32::MIN_POSITIVE, f32::INFINITY]);
    let negative: Vec<f32> = values.iter().map(|v| -v).collect();
    values.extend(negative);
    values.push(f32::NAN);
    values.extend(noise(1, 61).iter().map(|v| v * 20.0));
    values
}

/// Every pair of values, as two columns.
fn pairs(values: &[u32]) -> Vec<Vec<u32>> {
    let column = |pick: fn((u32, u32)) -> u32| {
        values.iter().flat_map(|a| values.iter().map(move |b| (*a, *b))).map(pick).collect()
    };
    vec![column(|p| p.0), column(|p| p.1)]
}

fn check_unary(wgsl: &'static str, tolerance: f64, reference: fn(f64) -> f64) {
    let values = specials();
    for out in evaluate(wgsl, DType::F32, DType::F32, &[bits(&values)]) {
        for (x, y) in values.iter().zip(floats(&out)) {
            // what f32 cannot hold is infinite, as it is on the device
            let wanted = f64::from(reference(f64::from(*x)) as f32);
            assert!(close(y, wanted, tolerance), "{wgsl} at {x}: {y}, wanted {wanted}");
        }
    }
}

#[test]
fn unary_functions_are_right_at_the_edges() {
    check_unary("ag_round($0)", 0.0, f64::round_ties_even);
    let sign = |x: f64| if x == 0.0 || x.is_nan() { x.abs() } else { x.signum() };
    check_unary("ag_sign($0)", 0.0, sign);
    check_unary("ag_clamp($0, -2.0, 2.0)", 0.0, |x| x.clamp(-2.0, 2.0));
    check_unary("select($0, ag_inf(), $0 > 1.0)", 0.0, |x| if x > 1.0 { f64::INFINITY } else { x });
    check_unary("ag_nan() * $0", 0.0, |_| f64::NAN);
}

#[test]
fn numbers_are_classified_by_their_bits() {
    let values = specials();
    for (wgsl, reference) in [
        ("ag_is_nan($0)", f32::is_nan as fn(f32) -> bool),
        ("ag_is_inf($0)", f32::is_infinite),
        ("ag_is_finite($0)", f32::is_finite),
    ] {
        for out in evaluate(wgsl, DType::F32, DType::Bool, &[bits(&values)]) {
            for (x, y) in values.iter().zip(out) {
                assert_eq!(y, u32::from(reference(*x)), "{wgsl} at {x}");
            }
        }
    }
}

#[test]
fn minimum_and_maximum_keep_nan() {
    let columns = pairs(&bits(&specials()));
    let cases: [(&str, Numbers); 2] = [("ag_min($0, $1)", f64::min), ("ag_max($0, $1)", f64::max)];
    for (wgsl, reference) in cases {
        for out in evaluate(wgsl, DType::F32, DType::F32, &columns) {
            for ((a, b), y) in floats(&columns[0]).iter().zip(floats(&columns[1])).zip(floats(&out)) {
                let either = a.is_nan() || b.is_nan();
                let wanted = if either { f64::NAN } else { reference(f64::from(*a), f64::from(b)) };
                assert!(close(y, wanted, 0.0), "{wgsl} at {a}, {b}: {y}");
            }
        }
    }
}

#[test]
fn remainders_have_the_sign_of_the_divisor() {
    let columns = pairs(&bits(&specials()));
    for out in evaluate("ag_rem($0, $1)", DType::F32, DType::F32, &columns) {
        for ((x, y), r) in floats(&columns[0]).iter().zip(floats(&columns[1])).zip(floats(&out)) {
            let (x, y) = (f64::from(*x), f64::from(y));
            let mut wanted = x % y;
            if wanted != 0.0 && (wanted < 0.0) != (y < 0.0) {
                wanted += y;
            }
            // exact but for the addition that mends the sign, whatever the quotient
            assert!(close(r, wanted, 1e-7), "rem({x}, {y}) = {r}, wanted {wanted}");
        }
    }
    let mut values = vec![0u32, 1, 2, 3, 7, 0xffff_ffff, 0xffff_fffd, 0x8000_0000, 0x7fff_ffff, 0x8000_0001];
    values.extend(words(3, 30));
    let columns = pairs(&values);
    let cases: [(&str, DType, Words); 4] = [
        ("ag_rem_u32($0, $1)", DType::U32, |a, b| a.checked_rem(b).unwrap_or(0)),
        ("ag_idiv_u32($0, $1)", DType::U32, |a, b| a.checked_div(b).unwrap_or(0)),
        ("ag_idiv_i32($0, $1)", DType::I32, |a, b| {
            if b == 0 { 0 } else { (a as i32).wrapping_div(b as i32) as u32 }
        }),
        ("ag_rem_i32($0, $1)", DType::I32, |a, b| {
            let (a, b) = (i64::from(a as i32), i64::from(b as i32));
            if b == 0 { 0 } else { (a - b * (a as f64 / b as f64).floor() as i64) as u32 }
        }),
    ];
    for (wgsl, dtype, reference) in cases {
        for out in evaluate(wgsl, dtype, dtype, &columns) {
            for ((a, b), y) in columns[0].iter().zip(&columns[1]).zip(out) {
                assert_eq!(y, reference(*a, *b), "{wgsl} at {}, {}", *a as i32, *b as i32);
            }
        }
    }
}

#[test]
fn conversions_saturate_like_rust() {
    let values = specials();
    for out in evaluate("ag_f32_to_i32($0)", DType::F32, DType::I32, &[bits(&values)]) {
        values.iter().zip(out).for_each(|(x, y)| assert_eq!(y as i32, *x as i32, "{x}"));
    }
    for out in evaluate("ag_f32_to_u32($0)", DType::F32, DType::U32, &[bits(&values)]) {
        values.iter().zip(out).for_each(|(x, y)| assert_eq!(y, *x as u32, "{x}"));
    }
    for out in evaluate("ag_unit_float($0)", DType::U32, DType::F32, &[vec![0, 255, 256, 1 << 31, u32::MAX]])
    {
        assert_eq!(floats(&out), [0.0, 0.0, 1.0 / 16_777_216.0, 0.5, 1.0 - 1.0 / 16_777_216.0]);
    }
}

#[test]
fn threefry_gives_the_published_vectors() {
    // the known answers of Random123 1.14, tests/kat_vectors, threefry2x32 with 20 rounds: counter, key, result
    let known: [[u32; 6]; 3] = [
        [0, 0, 0, 0, 0x6b20_0159, 0x99ba_4efe],
        [!0, !0, !0, !0, 0x1cb9_96fc, 0xbb00_2be7],
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344, 0xc492_3a9c, 0x483d_f7a0],
    ];
    let columns: Vec<Vec<u32>> = (0..4).map(|i| known.iter().map(|row| row[i]).collect()).collect();
    let words = [
        ("ag_threefry_block(vec2<u32>($0, $1), vec2<u32>($2, $3)).x", 4),
        ("ag_threefry_block(vec2<u32>($0, $1), vec2<u32>($2, $3)).y", 5),
    ];
    for (wgsl, word) in words {
        for out in evaluate(wgsl, DType::U32, DType::U32, &columns) {
            assert_eq!(out, known.map(|row| row[word]));
        }
    }
    for out in evaluate("ag_threefry($0, $1, $2)", DType::U32, DType::U32, &[vec![0], vec![0], vec![0]]) {
        assert_eq!(out, [0x6b20_0159]);
    }
}

#[test]
fn division_by_multiplication_is_exact() {
    // the magic numbers of a divisor, as the kernel builder makes them
    let magic = |d: u32| {
        let shift = d.next_power_of_two().trailing_zeros();
        ((1u64 << (31 + shift)).div_ceil(u64::from(d)) as u32, shift)
    };
    let mut rows: Vec<[u32; 4]> = Vec::new();
    for d in [1, 2, 3, 5, 7, 10, 64, 65, 1000, 65_535, 65_537, 0x3fff_ffff, 0x4000_0001, 0x7fff_ffff] {
        let (m, s) = magic(d);
        let mut add = |i: u64| rows.push([(i.min(0x7fff_ffff)) as u32, m, s, d]);
        for k in [0u64, 1, 2, 3, 1000, 12_345, u64::from(0x7fff_ffff / d)] {
            (0..3).for_each(|e| add((k * u64::from(d) + e).saturating_sub(1)));
        }
        words(d, 20).iter().for_each(|w| add(u64::from(w >> 1)));
    }
    let columns: Vec<Vec<u32>> = (0..3).map(|c| rows.iter().map(|row| row[c]).collect()).collect();
    for out in evaluate("ag_divide($0, $1, $2)", DType::U32, DType::U32, &columns) {
        for (row, q) in rows.iter().zip(out) {
            assert_eq!(q, row[0] / row[3], "{} / {}", row[0], row[3]);
        }
    }
}
