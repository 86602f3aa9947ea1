//! How far the functions of `anygrad_cpu::math` are from `f64`, over all of `f32`: every exponent, densely where ordinary
//! numbers are, and where a formula changes into another.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use anygrad_cpu::math;

/// Units in the last place that every function may be off by.
const UNITS: f64 = 2.2;

/// Numbers of every size and both signs: each exponent with a walk over its digits, then ordinary numbers in small steps,
/// and what lies around the numbers where a formula gives way to another.
fn sweep() -> Vec<f32> {
    // odd, so that the walk meets every residue
    let mut values: Vec<f32> = (0..1u32 << 22).map(|i| f32::from_bits(i.wrapping_mul(1021))).collect();
    values.extend((-400_000..=400_000).map(|i| i as f32 * 0.000_27));
    values.extend((-100_000..=100_000).map(|i| 1.0 + i as f32 * 6e-8));
    let edges = [
        0.0f32,
        1e-45,
        1e-40,
        0.29,
        0.346_573_6,
        0.35,
        0.41,
        0.55,
        std::f32::consts::LN_2,
        std::f32::consts::FRAC_1_SQRT_2,
        std::f32::consts::FRAC_PI_4,
        1.0,
        std::f32::consts::SQRT_2,
        1.5,
        2.0,
        4.1,
        8.0,
        9.02,
        10.0,
        17.0,
        18.0,
        87.336_54,
        88.722_84,
        89.415_99,
        90.0,
        103.278_93,
        103.972_08,
        105.0,
        126.0,
        127.0,
        128.0,
        149.0,
        150.0,
        151.0,
        1e4,
        1e6,
        8_388_608.0,
        1e7,
        16_777_216.0,
        1e18,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::INFINITY,
        f32::NAN,
    ];
    for edge in edges {
        for step in -16i32..=16 {
            let near = f32::from_bits((edge.to_bits() as i32).wrapping_add(step) as u32);
            values.extend([near, -near]);
        }
    }
    // sines of multiples of π/2 are small
    values.extend((1..200_000).map(|k| (f64::from(k) * std::f64::consts::FRAC_PI_2) as f32));
    values
}

/// Distance of `got` from `exact` in units of the last place of `f32` there.
fn units(got: f32, exact: f64) -> f64 {
    let wanted = exact as f32;
    if wanted.is_nan() || got.is_nan() || wanted.is_infinite() || got.is_infinite() {
        let same = wanted.is_nan() && got.is_nan() || got == wanted;
        // the exact number may lie just beyond the largest
        let end =
            got.abs().min(wanted.abs()) == f32::MAX && got.is_sign_positive() == wanted.is_sign_positive();
        return if same || end { 0.0 } else { f64::INFINITY };
    }
    if got == 0.0 && wanted == 0.0 && got.is_sign_negative() != wanted.is_sign_negative() {
        return f64::INFINITY;
    }
    let exponent = (exact.abs().max(f64::from(f32::MIN_POSITIVE)).to_bits() >> 52) as i32 - 1023;
    (f64::from(got) - exact).abs() / 2f64.powi(exponent - 23)
}

fn check(name: &str, out: &[f32], exact: impl Fn(usize) -> f64, at: impl Fn(usize) -> String) {
    let (worst, i) = (0..out.len())
        .map(|i| (units(out[i], exact(i)), i))
        .fold((0.0, 0), |worst, one| if one.0 > worst.0 { one } else { worst });
    println!("{name}: {worst:.3} units at {}: {:e}, exactly {:e}", at(i), out[i], exact(i));
    assert!(worst <= UNITS, "{name} is off by {worst} units at {}: {:e}, not {:e}", at(i), out[i], exact(i));
}

fn unary(name: &str, f: impl Fn(f32) -> f32, exact: fn(f64) -> f64) {
    let x = sweep();
    let out: Vec<f32> = x.iter().map(|&x| f(x)).collect();
    check(name, &out, |i| exact(f64::from(x[i])), |i| format!("{:e}", x[i]));
}

fn blocks(name: &str, f: fn(&[f32], &mut [f32]), exact: fn(f64) -> f64) {
    let x = sweep();
    let mut out = vec![0.0; x.len()];
    f(&x, &mut out);
    check(name, &out, |i| exact(f64::from(x[i])), |i| format!("{:e}", x[i]));
}

#[test]
fn exponentials() {
    unary("exp", math::exp, f64::exp);
    unary("exp2", math::exp2, f64::exp2);
    unary("expm1", math::expm1, f64::exp_m1);
}

#[test]
fn logarithms() {
    unary("log", math::log, f64::ln);
    unary("log2", math::log2, f64::log2);
    unary("log1p", math::log1p, f64::ln_1p);
}

#[test]
fn hyperbolic_functions() {
    unary("tanh", math::tanh, f64::tanh);
    unary("sinh", math::sinh, f64::sinh);
    unary("cosh", math::cosh, f64::cosh);
    unary("sigmoid", math::sigmoid, |x| {
        if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
    });
    unary(
        "log1p_exp",
        math::log1p_exp,
        |x| if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() },
    );
}

#[test]
fn the_error_function() {
    unary("erf", math::erf, libm::erf);
}

#[test]
fn angles() {
    // of huge angles too: f64 reduces them exactly
    blocks("sin", math::sin, f64::sin);
    blocks("cos", math::cos, f64::cos);
    blocks("tan", math::tan, f64::tan);
}

#[test]
fn powers() {
    let x = sweep();
    let special = [
        0.0f32,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        -2.0,
        3.0,
        -3.0,
        1.5,
        -1.5,
        8_388_607.0,
        -8_388_607.5,
        16_777_215.0,
        16_777_216.0,
        1e30,
        -1e30,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        1e-40,
        -1e-40,
        f32::MAX,
        f32::MIN_POSITIVE,
    ];
    let mut pairs: Vec<(f32, f32)> =
        special.iter().flat_map(|&a| special.iter().map(move |&b| (a, b))).collect();
    for (i, &base) in x.iter().enumerate() {
        // any two sizes, exponents that keep the power in range, and whole exponents
        let other = x[(i * 7919 + 13) % x.len()];
        let aim = (f64::from(i as u32 % 4096) / 2048.0 - 1.0) * 104.0;
        let fitting = (aim / f64::from(base.abs()).ln()) as f32;
        pairs.extend([
            (base, other),
            (base, fitting),
            (base, fitting.round()),
            (base, (i % 64) as f32 - 32.0),
        ]);
    }
    let out: Vec<f32> = pairs.iter().map(|&(a, b)| math::pow(a, b)).collect();
    check("pow", &out, |i| f64::from(pairs[i].0).powf(f64::from(pairs[i].1)), |i| format!("{:?}", pairs[i]));
}

/// The edges of each function, by their bits.
#[test]
fn special_numbers() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    type Row<'a> = (&'a str, fn(f32) -> f32, &'a [(f32, f32)]);
    let table: &[Row<'_>] = &[
        (
            "exp",
            math::exp,
            &[(-inf, 0.0), (inf, inf), (0.0, 1.0), (-0.0, 1.0), (-200.0, 0.0), (200.0, inf), (nan, nan)],
        ),
        (
            "exp2",
            math::exp2,
            &[(-inf, 0.0), (inf, inf), (0.0, 1.0), (10.0, 1024.0), (-149.0, 1e-45), (128.0, inf), (nan, nan)],
        ),
        ("expm1", math::expm1, &[(-inf, -1.0), (inf, inf), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        (
            "log",
            math::log,
            &[(0.0, -inf), (-0.0, -inf), (-1.0, nan), (-inf, nan), (inf, inf), (1.0, 0.0), (nan, nan)],
        ),
        (
            "log2",
            math::log2,
            &[(0.0, -inf), (8.0, 3.0), (0.25, -2.0), (1e-45, -149.0), (-1.0, nan), (inf, inf), (1.0, 0.0)],
        ),
        (
            "log1p",
            math::log1p,
            &[(-1.0, -inf), (-2.0, nan), (0.0, 0.0), (-0.0, -0.0), (inf, inf), (nan, nan)],
        ),
        (
            "tanh",
            math::tanh,
            &[(inf, 1.0), (-inf, -1.0), (-100.0, -1.0), (0.0, 0.0), (-0.0, -0.0), (nan, nan)],
        ),
        ("sinh", math::sinh, &[(inf, inf), (-inf, -inf), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
        ("cosh", math::cosh, &[(inf, inf), (-inf, inf), (0.0, 1.0), (nan, nan)]),
        ("sigmoid", math::sigmoid, &[(inf, 1.0), (-inf, 0.0), (0.0, 0.5), (-200.0, 0.0), (nan, nan)]),
        ("log1p_exp", math::log1p_exp, &[(inf, inf), (-inf, 0.0), (100.0, 100.0), (nan, nan)]),
        ("erf", math::erf, &[(inf, 1.0), (-inf, -1.0), (0.0, 0.0), (-0.0, -0.0), (nan, nan)]),
    ];
    for (name, f, rows) in table {
        for &(x, wanted) in *rows {
            let got = f(x);
            let same = got.to_bits() == wanted.to_bits() || (got.is_nan() && wanted.is_nan());
            assert!(same, "{name} of {x}: {got}, wanted {wanted}");
        }
    }
}
