//! In `f64`, which reduces the angle without losing digits. Polynomials: FreeBSD's `k_sinf.c` and `k_cosf.c`
//! (Bruce D. Evans), within 2⁻³⁴.

use std::f64::consts::FRAC_2_PI;

use super::power::ROUND;
use crate::wide::{Map1, wide1};

/// The first 33 bits of π/2, whose product with a whole number below 2²⁰ is exact, and the rest (fdlibm).
const HALF_PI_UPPER: f64 = 1.570_796_326_734_125_614_17;
const HALF_PI_LOWER: f64 = 6.077_100_506_506_192_249_32e-11;

/// Up to here the formulas hold; larger angles are left to the system's library.
const LARGEST: f32 = 1_000_000.0;

/// `(r, q)` with `x = r + q·π/2` and |r| ≤ π/4; of `q` the lower two bits count.
#[inline(always)]
fn reduced(x: f32) -> (f64, u64) {
    let x = f64::from(x);
    let shifted = x * FRAC_2_PI + ROUND;
    let k = shifted - ROUND;
    ((x - k * HALF_PI_UPPER) - k * HALF_PI_LOWER, shifted.to_bits())
}

#[inline(always)]
fn sin_near(r: f64) -> f64 {
    let z = r * r;
    let high = -0.000_198_393_348_360_966_317_347 + z * 0.000_002_718_311_493_989_821_906_4;
    r * (1.0 + z * (-0.166_666_666_416_265_235_595 + z * (0.008_333_329_385_889_463_175_6 + z * high)))
}

#[inline(always)]
fn cos_near(r: f64) -> f64 {
    let z = r * r;
    let high = -0.001_388_676_377_460_992_946_92 + z * 0.000_024_390_448_796_277_409_065_4;
    1.0 + z * (-0.499_999_997_251_031_003_120 + z * (0.041_666_623_323_739_063_189_4 + z * high))
}

/// The sine of `r + q·π/2`.
#[inline(always)]
fn turned(r: f64, q: u64) -> f32 {
    let value = if q & 1 == 1 { cos_near(r) } else { sin_near(r) };
    // the second bit of the quadrant is the sign
    f64::from_bits(value.to_bits() ^ ((q & 2) << 62)) as f32
}

struct Sine;
struct Cosine;
struct Tangent;

impl Map1<f32, f32> for Sine {
    #[inline(always)]
    fn map(&self, x: f32) -> f32 {
        let (r, q) = reduced(x);
        turned(r, q)
    }
}

impl Map1<f32, f32> for Cosine {
    #[inline(always)]
    fn map(&self, x: f32) -> f32 {
        let (r, q) = reduced(x);
        turned(r, q.wrapping_add(1))
    }
}

impl Map1<f32, f32> for Tangent {
    #[inline(always)]
    fn map(&self, x: f32) -> f32 {
        let (r, q) = reduced(x);
        let (sine, cosine) = (sin_near(r), cos_near(r));
        let (over, under) = if q & 1 == 1 { (-cosine, sine) } else { (sine, cosine) };
        (over / under) as f32
    }
}

/// `out[i] = near.map(x[i])`, and `far(x[i])` where the formulas do not hold.
fn patched(x: &[f32], out: &mut [f32], near: impl Map1<f32, f32>, far: fn(f32) -> f32) {
    wide1(x, out, near);
    // without an early exit, which makes vector code of it
    if !x.iter().fold(false, |any, &x| any | (x.abs() > LARGEST)) {
        return;
    }
    for (to, &x) in out.iter_mut().zip(x) {
        if x.abs() > LARGEST {
            *to = far(x);
        }
    }
}

/// The sine of each `x` in radians; NaN for infinities. Lists of one length.
pub fn sin(x: &[f32], out: &mut [f32]) {
    patched(x, out, Sine, f32::sin);
}

/// The cosine of each `x` in radians; NaN for infinities. Lists of one length.
pub fn cos(x: &[f32], out: &mut [f32]) {
    patched(x, out, Cosine, f32::cos);
}

/// The tangent of each `x` in radians; NaN for infinities. Lists of one length.
pub fn tan(x: &[f32], out: &mut [f32]) {
    patched(x, out, Tangent, f32::tan);
}
