//! The loops over scores, compiled for wide registers. Partial sums are as many for every instruction set, so that the
//! bits are the same.

use pulp::{Arch, Simd, WithSimd};

use crate::math;

/// Independent partial results.
const LANES: usize = 16;

/// Rows of scores on their way to weights, with what each query knows so far.
pub(super) struct Soften<'a> {
    /// Scores, `[rows, columns]`; become `e^(score·factor − most)`.
    pub scores: &'a mut [f32],
    pub columns: usize,
    pub factor: f32,
    /// For each row the largest score so far, and the sum of the exponentials.
    pub most: &'a mut [f32],
    pub total: &'a mut [f32],
    /// `[rows, features]`: what is multiplied where the largest score changes.
    pub outputs: &'a mut [f32],
    pub features: usize,
}

impl Soften<'_> {
    pub fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Soften<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let states = self.most.iter_mut().zip(self.total.iter_mut());
        let rows = self.scores.chunks_exact_mut(self.columns).zip(states);
        for ((row, (most, total)), output) in rows.zip(self.outputs.chunks_exact_mut(self.features)) {
            let now = largest(row, self.factor, *most);
            let sum = exponentials(row, self.factor, now);
            if now != *most {
                let shrink = math::exp(*most - now);
                *total *= shrink;
                output.iter_mut().for_each(|x| *x *= shrink);
                *most = now;
            }
            *total += sum;
        }
    }
}

/// The largest of `row·factor` and `least`; overlooks NaN.
#[inline(always)]
fn largest(row: &[f32], factor: f32, least: f32) -> f32 {
    let mut lanes = [least; LANES];
    let mut chunks = row.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (most, &x) in lanes.iter_mut().zip(chunk) {
            let x = x * factor;
            *most = if x > *most { x } else { *most };
        }
    }
    let rest = chunks.remainder().iter().map(|&x| x * factor);
    lanes.into_iter().chain(rest).fold(least, |most, x| if x > most { x } else { most })
}

/// Turns `x` into `e^(x·factor − most)`, and gives the sum.
#[inline(always)]
fn exponentials(row: &mut [f32], factor: f32, most: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let mut chunks = row.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for (sum, x) in lanes.iter_mut().zip(chunk) {
            *x = math::exp(*x * factor - most);
            *sum += *x;
        }
    }
    let mut rest = 0.0;
    for x in chunks.into_remainder() {
        *x = math::exp(*x * factor - most);
        rest += *x;
    }
    lanes.into_iter().sum::<f32>() + rest
}

/// Rows of scores and of the gradients of weights on their way to weights and the gradients of scores.
pub(super) struct Weigh<'a> {
    /// Scores, `[rows, columns]`, −∞ where a key is not read; become weights.
    pub scores: &'a mut [f32],
    /// Gradients of weights; become those of the products of queries and keys.
    pub slopes: &'a mut [f32],
    pub columns: usize,
    pub factor: f32,
    pub scale: f32,
    /// For each row the logarithm of the sum of exponentials, and the mean of the gradients of weights.
    pub logs: &'a [f32],
    pub means: &'a [f32],
}

impl Weigh<'_> {
    pub fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Weigh<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let rows = self.scores.chunks_exact_mut(self.columns).zip(self.slopes.chunks_exact_mut(self.columns));
        for ((scores, slopes), (&log, &mean)) in rows.zip(self.logs.iter().zip(self.means)) {
            weigh(scores, slopes, self.factor, self.scale, log, mean);
        }
    }
}

// a function of slices, of which compilers know that they do not overlap
#[inline(always)]
fn weigh(scores: &mut [f32], slopes: &mut [f32], factor: f32, scale: f32, log: f32, mean: f32) {
    for (score, slope) in scores.iter_mut().zip(slopes) {
        let x = *score;
        let weight = math::exp(x * factor - log);
        let ds = weight * (*slope - mean) * scale;
        // 0 times an infinite slope is not 0
        *slope = if x == f32::NEG_INFINITY { 0.0 } else { ds };
        *score = weight;
    }
}
