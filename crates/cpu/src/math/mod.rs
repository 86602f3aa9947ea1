//! Functions of `f32` that compilers make vector code of.
//!
//! Each is a formula without branches and calls: both sides of a case are computed, and one is taken. Inlined into a
//! loop that `wide.rs` compiles for wide registers, they take a nanosecond or less an element, where the
//! functions of the system's library take ten. They are made of + - * / and bits, each rounded as IEEE 754 says, so the
//! bits of a result are the same whatever the processor. All are within 2.2 units in the last place, most within 1,
//! (`tests/math.rs` sweeps them), give NaN for NaN, and keep the sign of 0 where the function is odd.
//!
//! Polynomials whose source is not named are least-squares fits, made minimax by reweighting, as those of
//! `shaders/math_power.wgsl`.
// nine digits say which f32 is meant, as fewer do not always
#![allow(clippy::excessive_precision)]

mod error;
mod exponential;
mod hyperbolic;
mod logarithm;
mod power;
mod trigonometric;

pub use error::erf;
pub use exponential::{exp, exp2, expm1};
pub use hyperbolic::{cosh, log1p_exp, sigmoid, sinh, tanh};
pub use logarithm::{log, log1p, log2};
pub use power::pow;
pub use trigonometric::{cos, sin, tan};

/// 1.5·2²³. Added to a number below 2²², it leaves the nearest whole number in the lower bits.
const ROUND: f32 = 12_582_912.0;

/// The whole number nearest to `x`, halves to even, for |x| < 2²²: as a float and as an integer.
#[inline(always)]
fn nearest(x: f32) -> (f32, i32) {
    let shifted = x + ROUND;
    (shifted - ROUND, (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32))
}

/// `x` with the sign of `sign`, for `x` from 0 on.
#[inline(always)]
fn signed(x: f32, sign: f32) -> f32 {
    f32::from_bits(x.to_bits() | (sign.to_bits() & 0x8000_0000))
}

/// `x` held between `low` and `high`; NaN stays. One instruction a side, unlike `f32::clamp`, which may panic.
#[inline(always)]
fn held(x: f32, low: f32, high: f32) -> f32 {
    let x = if x > high { high } else { x };
    if x < low { low } else { x }
}
