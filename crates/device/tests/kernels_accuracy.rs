//! How far the functions of `shaders/math*.wgsl` are from f64, over all of f32: every exponent, densely where ordinary
//! numbers are, and where a formula changes into another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::pointwise::pointwise;
use anygrad_device::kernels::{Pointwise, Sink, Source, SourceKind, Step};
use anygrad_layout::{DType, Layout};
use common::{bits, floats, gpus, run, words};

/// Every function is this close, relative to the result, or [`NEAR_ZERO`].
const RELATIVE: f64 = 1e-6;
/// Where a result crosses 0, as a sine does at multiples of pi, this error is allowed.
const NEAR_ZERO: f64 = 1e-7;

/// One expression over columns of arguments, on every device.
fn evaluate(wgsl: &'static str, arguments: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let n = arguments[0].len();
    let source =
        |i| Source { kind: SourceKind::Buffer(i), dtype: DType::F32, layout: Layout::contiguous([n]) };
    let program = Pointwise {
        shape: [n].into(),
        inputs: (0..arguments.len()).map(source).collect(),
        numbers: vec![],
        steps: vec![Step { wgsl, args: (0..arguments.len() as u32).collect(), dtype: DType::F32 }],
        outputs: vec![Sink { value: arguments.len() as u32, dtype: DType::F32, in_place: None }],
    };
    let columns: Vec<Vec<u32>> = arguments.iter().map(|column| bits(column)).collect();
    let inputs: Vec<&[u32]> = columns.iter().map(Vec::as_slice).collect();
    let result = |gpu| {
        floats(&run(gpu, &pointwise(&program, gpu.caps(), None).unwrap(), &inputs, &[n], &[]).remove(0))
    };
    gpus().iter().map(result).collect()
}

/// Numbers of every size and both signs, more of them between 1/1000 and 1000, and [-100, 100] evenly.
fn sweep() -> Vec<f32> {
    let mut values = Vec::new();
    for (i, word) in words(11, 40_000).into_iter().enumerate() {
        // any exponent, then small ones
        let exponent = if i % 2 == 0 { word >> 24 } else { 117 + (word >> 24) % 20 };
        values.push(f32::from_bits((word << 31) | (exponent << 23) | (word >> 1 & 0x7f_ffff)));
    }
    values.extend((0..=20_000).map(|i| (f64::from(i) * 0.01 - 100.0) as f32));
    // around the numbers where a formula gives way to another
    let edges = [
        0.29,
        0.34,
        0.346_573_6,
        0.35,
        0.41,
        0.414_213_56,
        0.5,
        0.55,
        std::f32::consts::FRAC_1_SQRT_2,
        std::f32::consts::FRAC_PI_4,
        1.0,
        std::f32::consts::SQRT_2,
        1.5,
        1.570_796_4,
        2.414_213_7,
        std::f32::consts::PI,
        4.1,
        9.02,
        10.0,
        18.0,
        88.722_84,
        89.4,
        90.0,
        103.97,
        105.0,
        127.99,
        128.0,
        149.0,
        151.0,
        8192.0,
        1e4,
        1e18,
        16_777_216.0,
        f32::MIN_POSITIVE,
        f32::MAX,
    ];
    for edge in edges {
        for step in -8i32..=8 {
            let near = f32::from_bits((edge.to_bits() as i32 + step) as u32);
            values.extend([near, -near]);
        }
    }
    // sines of large multiples of pi / 2 are small: the worst that a reduction meets
    values.extend((1..2000).map(|k| (f64::from(k) * std::f64::consts::FRAC_PI_2) as f32));
    values.extend((0..100).map(|k| (std::f64::consts::FRAC_PI_2 * 1.7f64.powi(k)) as f32));
    values
}

/// Error of `got` where `exact` is wanted: 0 for the same special value, infinite for another.
fn error(got: f32, exact: f64) -> f64 {
    // what f32 cannot hold is infinite, and numbers below the normal ones may be 0
    let wanted = f64::from(exact as f32);
    if wanted.is_nan() || !wanted.is_finite() || got.is_nan() || !got.is_finite() {
        let largest = exact.abs() > 3.4028e38 && f64::from(got.abs()) > 3.4028e38;
        let same = got.is_nan() == wanted.is_nan() && (wanted.is_nan() || f64::from(got) == wanted);
        return if same || (largest && (got > 0.0) == (exact > 0.0)) { 0.0 } else { f64::INFINITY };
    }
    let off = (f64::from(got) - exact).abs();
    if exact.abs() < 1.2e-38 && got.abs() < 1.2e-38 { 0.0 } else { off }
}

fn check(wgsl: &'static str, absolute: bool, arguments: &[Vec<f32>], exact: &dyn Fn(&[f64]) -> f64) {
    for out in evaluate(wgsl, arguments) {
        let mut worst = (0.0, String::new());
        for (i, &got) in out.iter().enumerate() {
            let at: Vec<f64> = arguments.iter().map(|column| f64::from(column[i])).collect();
            let wanted = exact(&at);
            let off = error(got, wanted);
            let relative = off / wanted.abs().max(1e-300);
            let harmless = off == 0.0 || (absolute && off <= NEAR_ZERO);
            let badness = if harmless { 0.0 } else { relative };
            if badness > worst.0 {
                worst = (badness, format!("{wgsl} at {at:?}: {got:e}, wanted {wanted:e}"));
            }
        }
        println!("{wgsl}: {:.2e} {}", worst.0, worst.1);
        assert!(worst.0 <= RELATIVE, "off by {:.2e}: {}", worst.0, worst.1);
    }
}

fn unary(wgsl: &'static str, exact: fn(f64) -> f64) {
    check(wgsl, false, &[sweep()], &|x| exact(x[0]));
}

#[test]
fn exponentials_and_logarithms() {
    unary("ag_exp($0)", f64::exp);
    unary("ag_exp2($0)", f64::exp2);
    unary("ag_expm1($0)", f64::exp_m1);
    unary("ag_log($0)", f64::ln);
    unary("ag_log2($0)", f64::log2);
    unary("ag_log1p($0)", f64::ln_1p);
}

#[test]
fn trigonometric_functions_and_their_inverses() {
    // of huge arguments too: f64 reduces them exactly
    for (wgsl, exact) in
        [("ag_sin($0)", f64::sin as fn(f64) -> f64), ("ag_cos($0)", f64::cos), ("ag_tan($0)", f64::tan)]
    {
        check(wgsl, true, &[sweep()], &|x| exact(x[0]));
    }
    unary("ag_asin($0)", f64::asin);
    check("ag_acos($0)", true, &[sweep()], &|x| x[0].acos());
    unary("ag_atan($0)", f64::atan);
    let (y, x) = pairs(&sweep());
    check("ag_atan2($0, $1)", false, &[y, x], &|a| a[0].atan2(a[1]));
}

#[test]
fn hyperbolic_functions_and_their_inverses() {
    unary("ag_sinh($0)", f64::sinh);
    unary("ag_cosh($0)", f64::cosh);
    unary("ag_tanh($0)", f64::tanh);
    // the library functions lose digits near 0 in f64 too, but far behind those of f32
    unary("ag_asinh($0)", libm::asinh);
    // libm 0.2 has a value for acosh of large negative numbers
    unary("ag_acosh($0)", |x| if x < 1.0 { f64::NAN } else { libm::acosh(x) });
    unary("ag_atanh($0)", libm::atanh);
    unary("ag_sigmoid($0)", |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) });
    unary("ag_log1p_exp($0)", |x| x.max(0.0) + (-x.abs()).exp().ln_1p());
    unary("ag_erf($0)", libm::erf);
}

/// Pairs of any two sizes, and of two that are close, where quotients and powers are neither 0 nor infinite.
fn pairs(values: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let n = values.len();
    let mut left: Vec<f32> = (0..n).map(|i| values[i]).collect();
    let mut right: Vec<f32> = (0..n).map(|i| values[(i * 7919 + 13) % n]).collect();
    for (i, word) in words(5, 20_000).into_iter().enumerate() {
        let x = values[(i * 31) % n];
        left.push(x);
        right.push(x * (0.25 + (word >> 8) as f32 / 4_194_304.0));
    }
    (left, right)
}

#[test]
fn powers() {
    let values = sweep();
    let (mut base, mut exponent) = pairs(&values);
    // powers that stay in range: bases near 1 with large exponents, large bases with small ones
    for (i, word) in words(9, 60_000).into_iter().enumerate() {
        let x = match i % 3 {
            0 => 1.0 + ((word >> 8) as f32 / 16_777_216.0 - 0.5) * 0.01,
            1 => f32::from_bits((word >> 1) % 0x7f00_0000),
            _ => 0.5 + (word >> 8) as f32 / 8_388_608.0,
        };
        let aim = ((word & 0xff) as f32 / 128.0 - 1.0) * 87.0;
        base.push(if i % 7 == 0 { -x } else { x });
        let y = aim / x.ln();
        exponent.push(if i % 7 == 0 { y.round() } else { y });
    }
    check("ag_pow($0, $1)", false, &[base, exponent], &|a| a[0].powf(a[1]));
}

#[test]
fn remainders_are_exact() {
    let (x, y) = pairs(&sweep());
    check("ag_rem($0, $1)", false, &[x, y], &|a| {
        let r = a[0] % a[1];
        if r != 0.0 && (r < 0.0) != (a[1] < 0.0) { f64::from((r + a[1]) as f32) } else { r }
    });
}

/// NaN, infinities, zeros with their signs, and the ends of each range, by their bits.
#[test]
fn special_numbers() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let table: &[(&'static str, &[(f32, f32)])] = &[
        (
            "ag_exp($0)",
            &[(-inf, 0.0), (inf, inf), (0.0, 1.0), (-0.0, 1.0), (-200.0, 0.0), (200.0, inf), (nan, nan)],
        ),
        (
            "ag_exp2($0)",
            &[
                (-inf, 0.0),
                (inf, inf),
                (0.0, 1.0),
                (10.0, 1024.0),
                (-126.0, f32::MIN_POSITIVE),
                (128.0, inf),
                (nan, nan),
            ],
        ),
        ("ag_expm1($0)", &[(-inf, -1.0), (inf, inf), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        (
            "ag_log($0)",
            &[(0.0, -inf), (-0.0, -inf), (-1.0, nan), (-inf, nan), (inf, inf), (1.0, 0.0), (nan, nan)],
        ),
        (
            "ag_log2($0)",
            &[(0.0, -inf), (8.0, 3.0), (0.25, -2.0), (-1.0, nan), (inf, inf), (1.0, 0.0), (nan, nan)],
        ),
        ("ag_log1p($0)", &[(-1.0, -inf), (-2.0, nan), (0.0, 0.0), (-0.0, -0.0), (inf, inf), (nan, nan)]),
        ("ag_sin($0)", &[(inf, nan), (-inf, nan), (nan, nan), (0.0, 0.0), (-0.0, -0.0)]),
        ("ag_cos($0)", &[(inf, nan), (-inf, nan), (nan, nan), (0.0, 1.0), (-0.0, 1.0)]),
        ("ag_tan($0)", &[(inf, nan), (nan, nan), (0.0, 0.0), (-0.0, -0.0)]),
        ("ag_asin($0)", &[(1.5, nan), (-inf, nan), (nan, nan), (0.0, 0.0), (-0.0, -0.0)]),
        ("ag_acos($0)", &[(1.5, nan), (inf, nan), (nan, nan), (1.0, 0.0)]),
        ("ag_atan($0)", &[(0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        ("ag_sinh($0)", &[(inf, inf), (-inf, -inf), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        ("ag_cosh($0)", &[(inf, inf), (-inf, inf), (0.0, 1.0), (nan, nan)]),
        ("ag_tanh($0)", &[(inf, 1.0), (-inf, -1.0), (-100.0, -1.0), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        ("ag_sigmoid($0)", &[(inf, 1.0), (-inf, 0.0), (0.0, 0.5), (-200.0, 0.0), (nan, nan)]),
        ("ag_asinh($0)", &[(inf, inf), (-inf, -inf), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        ("ag_acosh($0)", &[(inf, inf), (1.0, 0.0), (0.5, nan), (-inf, nan), (nan, nan)]),
        ("ag_atanh($0)", &[(1.0, inf), (-1.0, -inf), (1.5, nan), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        ("ag_log1p_exp($0)", &[(inf, inf), (-inf, 0.0), (100.0, 100.0), (nan, nan)]),
        ("ag_erf($0)", &[(inf, 1.0), (-inf, -1.0), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
    ];
    for (wgsl, rows) in table {
        let (x, wanted): (Vec<f32>, Vec<f32>) = rows.iter().copied().unzip();
        for out in evaluate(wgsl, std::slice::from_ref(&x)) {
            for ((x, got), wanted) in x.iter().zip(out).zip(&wanted) {
                let same = got.to_bits() == wanted.to_bits() || (got.is_nan() && wanted.is_nan());
                assert!(same, "{wgsl} at {x}: {got} ({:#x}), wanted {wanted}", got.to_bits());
            }
        }
    }
}

/// The angles of C's `atan2` for zeros and infinities, by their bits.
#[test]
fn angles_of_the_axes() {
    let values = [0.0f32, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1e-30, -3e30];
    let y: Vec<f32> = values.iter().flat_map(|y| [*y; 9]).collect();
    let x: Vec<f32> = values.iter().cycle().take(81).copied().collect();
    for out in evaluate("ag_atan2($0, $1)", &[y.clone(), x.clone()]) {
        for ((y, x), got) in y.iter().zip(&x).zip(out) {
            let wanted = y.atan2(*x);
            let close = (f64::from(got) - f64::from(wanted)).abs() <= 2.5e-7 * f64::from(wanted.abs());
            let same = got.is_nan() == wanted.is_nan() && got.is_sign_negative() == wanted.is_sign_negative();
            assert!(
                wanted.is_nan() && got.is_nan() || close && same,
                "atan2({y}, {x}): {got}, wanted {wanted}"
            );
        }
    }
}
