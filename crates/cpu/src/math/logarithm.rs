use super::exponential::{LN_2_LOWER, LN_2_UPPER};

/// Bits of √½.
const ROOT_HALF: u32 = 0x3f35_04f3;

/// `(m, e)` with `x = m·2^e` and `m` from √½ to √2, for finite `x` above 0.
#[inline(always)]
fn mantissa(x: f32) -> (f32, f32) {
    // a subnormal is made normal first
    let small = x < f32::MIN_POSITIVE;
    let bits = (if small { x * 8_388_608.0 } else { x }).to_bits();
    let above = bits.wrapping_sub(ROOT_HALF);
    let e = (above as i32) >> 23;
    let m = f32::from_bits((above & 0x007f_ffff).wrapping_add(ROOT_HALF));
    (m, e as f32 - if small { 23.0 } else { 0.0 })
}

/// `ln(1 + f) − f` for `f` from √½ − 1 to √2 − 1: `f³·P(f) − f²/2`.
#[inline(always)]
fn tail(f: f32) -> f32 {
    let high =
        0.142_184_56 + f * (-0.123_838_45 + f * (0.118_742_55 + f * (-0.117_936_78 + f * 0.069_169_246)));
    let p = 0.333_333_1 + f * (-0.249_999_87 + f * (0.200_022_36 + f * (-0.166_692_7 + f * high)));
    let square = f * f;
    f * square * p - 0.5 * square
}

/// `value` where a logarithm of `x` is a finite number, else −∞ at 0, NaN below, `x` where it is +∞ or NaN.
#[inline(always)]
fn with_edges(x: f32, value: f32) -> f32 {
    let value = if x < f32::INFINITY { value } else { x };
    let value = if x < 0.0 { f32::NAN } else { value };
    if x == 0.0 { f32::NEG_INFINITY } else { value }
}

/// Natural logarithm: −∞ at 0, NaN below, +∞ at +∞.
#[inline(always)]
pub fn log(x: f32) -> f32 {
    let (m, e) = mantissa(x);
    let f = m - 1.0;
    with_edges(x, ((tail(f) + e * LN_2_LOWER) + f) + e * LN_2_UPPER)
}

/// Logarithm to base 2: −∞ at 0, NaN below, +∞ at +∞.
#[inline(always)]
pub fn log2(x: f32) -> f32 {
    let (m, e) = mantissa(x);
    let f = m - 1.0;
    // f·log₂e in two parts, the first of which is exact: f has 24 bits, its upper part and 1.4375 together fewer
    let upper = f32::from_bits(f.to_bits() & 0xffff_f000);
    let lower = (f - upper) + tail(f);
    let small = lower * std::f32::consts::LOG2_E + upper * 0.005_195_040_9;
    with_edges(x, (small + upper * 1.437_5) + e)
}

/// `ln(1 + x)`, with all digits near 0; −∞ at −1, NaN below.
#[inline(always)]
pub fn log1p(x: f32) -> f32 {
    let sum = 1.0 + x;
    let (m, e) = mantissa(sum);
    let near = x > -0.29 && x < 0.41;
    let (f, e) = if near { (x, 0.0) } else { (m - 1.0, e) };
    // what the sum has lost; nothing is where x is much larger than 1
    let lost = if near || x > 1e7 { 0.0 } else { (x - (sum - 1.0)) / sum };
    let value = (((tail(f) + e * LN_2_LOWER) + lost) + f) + e * LN_2_UPPER;
    let value = with_edges(sum, value);
    // the sum with e·ln 2 = 0 turned −0 into 0
    if x == 0.0 { x } else { value }
}
