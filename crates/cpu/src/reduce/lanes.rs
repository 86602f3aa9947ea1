//! All terms of a block in lanes of independent partial results, which are vectors of whatever width there is.

use std::marker::PhantomData;

use pulp::{Arch, Simd, WithSimd};

/// Terms of one chunk of a row, whether or not threads share the row.
pub(super) const CHUNK: usize = 1 << 15;

/// Terms added in `f32` before the total goes on in `f64`.
pub(super) const BLOCK: usize = 2048;

/// Independent partial results, enough to hide the latency of an addition. One number for all instruction sets, so that
/// the order of additions is one and the same.
const LANES: usize = 32;

/// How two results become one, within a block and between blocks.
pub(super) trait Fold: Sync {
    const START: f32;
    fn step(a: f32, b: f32) -> f32;
    fn join(a: f64, b: f64) -> f64;

    /// Whether [`Fold::vectors`] may overlook a NaN.
    const OVERLOOKS_NAN: bool = false;

    /// As `step`, for a vector of each.
    fn vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s;
}

pub(super) struct Sum;
pub(super) struct Prod;
pub(super) struct Max;
pub(super) struct Min;

impl Fold for Sum {
    const START: f32 = 0.0;
    #[inline(always)]
    fn step(a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    fn vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.add_f32s(a, b)
    }
    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        a + b
    }
}

impl Fold for Prod {
    const START: f32 = 1.0;
    #[inline(always)]
    fn step(a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    fn vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.mul_f32s(a, b)
    }
    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        a * b
    }
}

// The comparisons with NaN are false, so that one stays once it is there; `b != b` lets it in.
#[allow(clippy::eq_op)]
impl Fold for Max {
    const START: f32 = f32::NEG_INFINITY;
    const OVERLOOKS_NAN: bool = true;
    #[inline(always)]
    fn step(a: f32, b: f32) -> f32 {
        if b > a || b != b { b } else { a }
    }
    #[inline(always)]
    fn vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.select_f32s(simd.less_than_f32s(a, b), b, a)
    }
    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        if b > a || b != b { b } else { a }
    }
}

#[allow(clippy::eq_op)]
impl Fold for Min {
    const START: f32 = f32::INFINITY;
    const OVERLOOKS_NAN: bool = true;
    #[inline(always)]
    fn step(a: f32, b: f32) -> f32 {
        if b < a || b != b { b } else { a }
    }
    #[inline(always)]
    fn vectors<S: Simd>(simd: S, a: S::f32s, b: S::f32s) -> S::f32s {
        simd.select_f32s(simd.less_than_f32s(b, a), b, a)
    }
    #[inline(always)]
    fn join(a: f64, b: f64) -> f64 {
        if b < a || b != b { b } else { a }
    }
}

/// All of a block, which has [`BLOCK`] terms at most.
#[inline]
pub(super) fn lanes<F: Fold>(block: &[f32]) -> f64 {
    Arch::new().dispatch(Lanes::<F>(block, PhantomData))
}

/// A block, compiled for each instruction set.
struct Lanes<'a, F>(&'a [f32], PhantomData<F>);

impl<F: Fold> WithSimd for Lanes<'_, F> {
    type Output = f64;
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        block_total::<F, S>(simd, self.0)
    }
}

/// All of a block, in as many partial results as suit its length.
#[inline(always)]
pub(super) fn block_total<F: Fold, S: Simd>(simd: S, block: &[f32]) -> f64 {
    match block.len() {
        ..8 => block.iter().fold(f64::from(F::START), |a, &b| F::join(a, f64::from(b))),
        8..LANES => {
            let mut parts = [F::START; 8];
            scalars::<F>(block, &mut parts);
            joined::<F>(widened(parts))
        }
        // halves joined with halves: a chain would take as long as the terms before
        _ => {
            let parts = widened(in_lanes::<F, S>(simd, block));
            joined::<F>(halves::<F, 16, 8>(halves::<F, LANES, 16>(parts)))
        }
    }
}

/// A block in [`LANES`] partial results.
#[inline(always)]
fn in_lanes<F: Fold, S: Simd>(simd: S, block: &[f32]) -> [f32; LANES] {
    let mut parts = [F::START; LANES];
    let (front, rest) = block.split_at(block.len() / LANES * LANES);
    match S::F32_LANES {
        16 => in_vectors::<F, S, 2>(simd, front, &mut parts),
        8 => in_vectors::<F, S, 4>(simd, front, &mut parts),
        4 => in_vectors::<F, S, 8>(simd, front, &mut parts),
        _ => scalars::<F>(front, &mut parts),
    }
    scalars::<F>(rest, &mut parts);
    parts
}

/// Term by term to one part after another, from the first on again.
#[inline(always)]
fn scalars<F: Fold>(terms: &[f32], parts: &mut [f32]) {
    for piece in terms.chunks(parts.len()) {
        for (part, &x) in parts.iter_mut().zip(piece) {
            *part = F::step(*part, x);
        }
    }
}

/// As `scalars`, with all parts in `N` vectors that stay in registers.
#[inline(always)]
fn in_vectors<F: Fold, S: Simd, const N: usize>(simd: S, terms: &[f32], parts: &mut [f32; LANES]) {
    let start = simd.splat_f32s(F::START);
    let mut vectors = [start; N];
    let mut numbers = [simd.equal_f32s(start, start); N];
    let (pieces, _) = S::as_simd_f32s(terms).0.as_chunks::<N>();
    for piece in pieces {
        for ((vector, number), &terms) in vectors.iter_mut().zip(&mut numbers).zip(piece) {
            *vector = F::vectors(simd, *vector, terms);
            if F::OVERLOOKS_NAN {
                *number = simd.and_m32s(*number, simd.equal_f32s(terms, terms));
            }
        }
    }
    let nan = simd.splat_f32s(f32::NAN);
    for ((to, &vector), &number) in S::as_mut_simd_f32s(parts).0.iter_mut().zip(&vectors).zip(&numbers) {
        *to = simd.select_f32s(number, vector, nan);
    }
}

// Loops over sizes that are known, not `map` and `from_fn`: those are functions that are compiled for the least processor.

#[inline(always)]
fn widened<const N: usize>(parts: [f32; N]) -> [f64; N] {
    let mut wide = [0.0; N];
    for (wide, &part) in wide.iter_mut().zip(&parts) {
        *wide = f64::from(part);
    }
    wide
}

/// Eight partial results as one.
#[inline(always)]
fn joined<F: Fold>(parts: [f64; 8]) -> f64 {
    let [one] = halves::<F, 2, 1>(halves::<F, 4, 2>(halves::<F, 8, 4>(parts)));
    one
}

/// The first `H` of `N` partial results, joined with the second.
#[inline(always)]
fn halves<F: Fold, const N: usize, const H: usize>(parts: [f64; N]) -> [f64; H] {
    let mut half = [0.0; H];
    let (first, second) = parts.split_at(H);
    for ((half, &a), &b) in half.iter_mut().zip(first).zip(second) {
        *half = F::join(a, b);
    }
    half
}

/// Terms that are computed as they are added.
pub(crate) trait Terms {
    /// How many there are.
    fn len(&self) -> usize;

    /// One of them.
    fn scalar(&self, at: usize) -> f32;

    /// Adds terms `from .. to`, a whole number of rounds over all `N` vectors, to these sums.
    fn add_vectors<S: Simd, const N: usize>(&self, simd: S, from: usize, to: usize, sums: &mut [S::f32s; N]);
}

/// The sum of the terms of a row, in the order in which [`super::fast`] adds rows in memory.
#[inline(always)]
pub(crate) fn total<S: Simd, T: Terms>(simd: S, terms: &T) -> f32 {
    let (mut at, len) = (0, terms.len());
    let mut sum = 0.0;
    while at < len {
        let (mut part, end) = (0.0, len.min(at + CHUNK));
        while at < end {
            let stop = end.min(at + BLOCK);
            part += block_of_terms(simd, terms, at, stop);
            at = stop;
        }
        sum += part;
    }
    sum as f32
}

#[inline(always)]
fn block_of_terms<S: Simd, T: Terms>(simd: S, terms: &T, from: usize, to: usize) -> f64 {
    match to - from {
        ..8 => (from..to).fold(0.0, |sum, at| sum + f64::from(terms.scalar(at))),
        8..LANES => {
            let mut parts = [0.0; 8];
            add_terms(terms, from, to, &mut parts);
            joined::<Sum>(widened(parts))
        }
        len => {
            let mut parts = [0.0; LANES];
            let end = from + len / LANES * LANES;
            match S::F32_LANES {
                16 => terms_in_vectors::<S, T, 2>(simd, terms, from, end, &mut parts),
                8 => terms_in_vectors::<S, T, 4>(simd, terms, from, end, &mut parts),
                4 => terms_in_vectors::<S, T, 8>(simd, terms, from, end, &mut parts),
                _ => add_terms(terms, from, end, &mut parts),
            }
            add_terms(terms, end, to, &mut parts);
            joined::<Sum>(halves::<Sum, 16, 8>(halves::<Sum, LANES, 16>(widened(parts))))
        }
    }
}

/// Term by term to one part after another, from the first on again.
#[inline(always)]
fn add_terms<T: Terms>(terms: &T, from: usize, to: usize, parts: &mut [f32]) {
    let round = parts.len().max(1);
    for first in (from..to).step_by(round) {
        for (part, at) in parts.iter_mut().zip(first..to) {
            *part += terms.scalar(at);
        }
    }
}

#[inline(always)]
fn terms_in_vectors<S: Simd, T: Terms, const N: usize>(
    simd: S,
    terms: &T,
    from: usize,
    to: usize,
    parts: &mut [f32; LANES],
) {
    let mut sums = [simd.splat_f32s(0.0); N];
    terms.add_vectors::<S, N>(simd, from, to, &mut sums);
    S::as_mut_simd_f32s(parts).0.copy_from_slice(&sums);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(set: Arch, block: &[f32]) -> [u64; 4] {
        let bits = |x: f64| if x.is_nan() { u64::MAX } else { x.to_bits() };
        let sum = set.dispatch(Lanes::<Sum>(block, PhantomData));
        let product = set.dispatch(Lanes::<Prod>(block, PhantomData));
        let most = set.dispatch(Lanes::<Max>(block, PhantomData));
        let least = set.dispatch(Lanes::<Min>(block, PhantomData));
        [sum, product, most, least].map(bits)
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        let noise: Vec<f32> = (0..300u32).map(|i| (i * 7919 % 1000) as f32 / 300.0 - 1.6).collect();
        for len in [1, 7, 8, 31, 32, 33, 64, 95, 300] {
            for odd in [None, Some(f32::NAN), Some(f32::INFINITY), Some(f32::NEG_INFINITY), Some(-0.0)] {
                for at in [0, len / 2, len - 1] {
                    let mut block = noise[..len].to_vec();
                    if let Some(odd) = odd {
                        block[at] = odd;
                    }
                    let found = totals(Arch::Scalar, &block);
                    assert_eq!(totals(Arch::new(), &block), found, "{odd:?} at {at} of {len}");
                    #[cfg(target_arch = "x86_64")]
                    if let Some(v3) = pulp::x86::V3::try_new() {
                        assert_eq!(totals(Arch::V3(v3), &block), found, "{odd:?} at {at} of {len}");
                    }
                    let extremes = [f32::max, f32::min].map(|of| block.iter().copied().reduce(of));
                    let expected = extremes.map(|x| match odd.is_some_and(f32::is_nan) {
                        true => u64::MAX,
                        false => f64::from(x.unwrap_or_default()).to_bits(),
                    });
                    assert_eq!(found[2..], expected, "{odd:?} at {at} of {len}");
                }
            }
        }
    }
}
