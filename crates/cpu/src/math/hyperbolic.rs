use super::exponential::{exp, exp_times};
use super::logarithm::log1p;
use super::signed;

/// Hyperbolic tangent, in [−1, 1].
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let s = x * x;
    let p = -0.053_964_47 + s * (0.021_815_902 + s * (-0.008_515_218_3 + s * 0.002_509_773_5));
    let near = size + size * s * (-0.333_333_34 + s * (0.133_333_24 + s * p));
    // from 9.02 on it is 1 in f32; a NaN is not above
    let far = 1.0 - 2.0 / (exp(2.0 * if size > 10.0 { 10.0 } else { size }) + 1.0);
    signed(if size < 0.55 { near } else { far }, x)
}

/// Hyperbolic sine.
#[inline(always)]
pub fn sinh(x: f32) -> f32 {
    let size = x.abs();
    let s = x * x;
    let p = 0.008_333_339_4 + s * (0.000_198_380_99 + s * 2.806_300_7e-6);
    let near = size + size * s * (0.166_666_67 + s * p);
    // e^|x| / 2, and what is left of e^−|x| / 2
    let half = exp_times(size, -1);
    signed(if size < 1.0 { near } else { half - 0.25 / half }, x)
}

/// Hyperbolic cosine.
#[inline(always)]
pub fn cosh(x: f32) -> f32 {
    let half = exp_times(x.abs(), -1);
    half + 0.25 / half
}

/// The logistic function `1 / (1 + e^−x)`, from `e^−|x|`, which cannot overflow.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    (if x < 0.0 { e } else { 1.0 }) / (1.0 + e)
}

/// `ln(1 + eˣ)`, as `max(x, 0) + ln(1 + e^−|x|)`, which does not overflow.
#[inline(always)]
pub fn log1p_exp(x: f32) -> f32 {
    (if x > 0.0 { x } else { 0.0 }) + log1p(exp(-x.abs()))
}
