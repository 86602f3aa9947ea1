//! In `f64`, as the exponent multiplies the error of the logarithm by up to 150.

use std::f64::consts::{LN_2, LOG2_E, SQRT_2};

/// 1.5·2⁵²: see [`ROUND`](super::ROUND).
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0;

/// `xʸ` with the rules of C's `pow`: a negative base has a value for whole exponents only, `x⁰` and `1ʸ` are 1.
#[inline(always)]
pub fn pow(x: f32, y: f32) -> f32 {
    let (size, exponent) = (x.abs(), y.abs());
    let log = if size == 0.0 { f64::NEG_INFINITY } else { log2(f64::from(size)) };
    let log = if size < f32::INFINITY { log } else { f64::from(size) };
    // 1^∞ is 1, although the product would be NaN
    let product = if size == 1.0 && exponent == f32::INFINITY { 0.0 } else { f64::from(y) * log };
    let power = exp2(product) as f32;
    // from 2²³ on every number is whole, and adding 2²³ to one below rounds it to a whole number
    let shifted = if exponent < 8_388_608.0 { exponent + 8_388_608.0 } else { exponent };
    let whole = exponent >= 8_388_608.0 || shifted - 8_388_608.0 == exponent;
    let odd = whole && exponent < 16_777_216.0 && shifted.to_bits() & 1 == 1;
    let negative = x.to_bits() >> 31 == 1;
    let power = if negative && odd { -power } else { power };
    let no_number = x < 0.0 && !whole && size < f32::INFINITY && exponent < f32::INFINITY;
    let power = if no_number { f32::NAN } else { power };
    if y == 0.0 || x == 1.0 { 1.0 } else { power }
}

/// Logarithm to base 2 of a finite number above 0 that is not subnormal, within 2⁻⁴⁰ of it.
#[inline(always)]
fn log2(x: f64) -> f64 {
    let above = x.to_bits().wrapping_sub((SQRT_2 * 0.5).to_bits());
    // the exponent as a float without a conversion of 64-bit integers, which older processors lack
    let e = f64::from_bits(((above >> 52).wrapping_add(2048) & 0xfff) | 0x4330_0000_0000_0000)
        - (4_503_599_627_370_496.0 + 2048.0);
    let m = f64::from_bits((above & 0x000f_ffff_ffff_ffff).wrapping_add((SQRT_2 * 0.5).to_bits()));
    // ln m = 2·artanh((m − 1) / (m + 1)), by its series up to s¹⁷
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let high = 1.0 / 11.0 + z * (1.0 / 13.0 + z * (1.0 / 15.0 + z * (1.0 / 17.0)));
    let series = 1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0 + z * high)));
    (2.0 * LOG2_E) * (s + s * z * series) + e
}

/// 2ˣ within 2⁻³⁵, where it is a number of f32; 0 or too large for f32 beyond.
#[inline(always)]
fn exp2(x: f64) -> f64 {
    let x = if x > 200.0 { 200.0 } else { x };
    let x = if x < -200.0 { -200.0 } else { x };
    let shifted = x + ROUND;
    let r = (x - (shifted - ROUND)) * LN_2;
    // the series of eʳ up to r¹⁰
    let high = 1.0 / 720.0
        + r * (1.0 / 5040.0 + r * (1.0 / 40_320.0 + r * (1.0 / 362_880.0 + r * (1.0 / 3_628_800.0))));
    let p = 1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * high));
    let exp = 1.0 + r * (1.0 + r * (0.5 + r * p));
    exp * f64::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(1023) << 52)
}
