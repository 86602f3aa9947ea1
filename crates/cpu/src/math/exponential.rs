use std::f32::consts::{LN_2, LOG2_E};

use super::{held, nearest};

/// The first part of ln 2, of 9 bits, so that its product with a whole number below 2¹⁵ is exact.
pub(super) const LN_2_UPPER: f32 = 0.693_359_375;
/// What is left of ln 2.
pub(super) const LN_2_LOWER: f32 = -0.000_212_194_44;

/// `x·2^k` for `k` from −252 to 254, in two steps, as one factor may be out of range.
#[inline(always)]
pub(super) fn scale(x: f32, k: i32) -> f32 {
    let half = k >> 1;
    x * power_of_two(half) * power_of_two(k.wrapping_sub(half))
}

/// `2^k` for `k` from −126 to 127.
#[inline(always)]
fn power_of_two(k: i32) -> f32 {
    f32::from_bits((k.wrapping_add(127) as u32) << 23)
}

/// `e^r − 1` for |r| ≤ 0.35.
#[inline(always)]
fn tail(r: f32) -> f32 {
    let p = 0.041_666_456 + r * (0.008_333_284_4 + r * (0.001_393_453_5 + r * 0.000_199_088_89));
    r + r * r * (0.5 + r * (0.166_666_67 + r * p))
}

/// `(r, k)` with `x = r + k·ln 2` and |r| at most half of ln 2, for |x| below a few hundred.
#[inline(always)]
fn reduced(x: f32) -> (f32, i32) {
    let (k, whole) = nearest(x * LOG2_E);
    ((x - k * LN_2_UPPER) - k * LN_2_LOWER, whole)
}

/// `eˣ`: 0 at −∞, +∞ at +∞.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    exp_times(x, 0)
}

/// `eˣ·2^shift` for a small shift.
#[inline(always)]
pub(super) fn exp_times(x: f32, shift: i32) -> f32 {
    // beyond, the scaling gives 0 and infinity
    let (r, k) = reduced(held(x, -105.0, 90.0));
    scale(1.0 + tail(r), k.wrapping_add(shift))
}

/// `2ˣ`.
#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    let x = held(x, -151.0, 129.0);
    let (k, whole) = nearest(x);
    scale(1.0 + tail((x - k) * LN_2), whole)
}

/// `eˣ − 1`, with all digits near 0.
#[inline(always)]
pub fn expm1(x: f32) -> f32 {
    let (r, k) = reduced(held(x, -18.0, 90.0));
    // 2^k·(e^r − 1 + 1 − 2^−k); with k = 0 the last two are 0
    let rest = 1.0 - scale(1.0, k.wrapping_neg());
    let value = scale(tail(r) + rest, k);
    // sums turn −0 into 0
    if x == 0.0 { x } else { value }
}
