//! Loops over slices, compiled for the widest registers of the processor at hand.
//!
//! The crate is built for the processors that a target promises, which for x86-64 have registers of four `f32`. These
//! loops are compiled for AVX2 and AVX-512 as well, and which of them runs is decided when it runs. Nothing is
//! contracted or reordered, so the results are the same bits.

use pulp::{Arch, Simd, WithSimd};

/// What a loop does to an element. A trait with a method that asks to be inlined, rather than a closure, which cannot:
/// what is not inlined is compiled for the least processor, and the loop around it is not made vector code.
pub trait Map1<A, R> {
    /// The result for one element. Write `#[inline(always)]`.
    fn map(&self, a: A) -> R;
}

/// What a loop does to an element of each of two lists. See [`Map1`].
pub trait Map2<A, B, R> {
    /// The result for one element of each. Write `#[inline(always)]`.
    fn map(&self, a: A, b: B) -> R;
}

/// What a loop does to an element of each of three lists. See [`Map1`].
pub trait Map3<A, B, C, R> {
    /// The result for one element of each. Write `#[inline(always)]`.
    fn map(&self, a: A, b: B, c: C) -> R;
}

/// A closure, which is inlined if it is small.
pub(crate) struct Closure<F>(pub F);

impl<A, R, F: Fn(A) -> R> Map1<A, R> for Closure<F> {
    #[inline(always)]
    fn map(&self, a: A) -> R {
        (self.0)(a)
    }
}

impl<A, B, R, F: Fn(A, B) -> R> Map2<A, B, R> for Closure<F> {
    #[inline(always)]
    fn map(&self, a: A, b: B) -> R {
        (self.0)(a, b)
    }
}

impl<A, B, C, R, F: Fn(A, B, C) -> R> Map3<A, B, C, R> for Closure<F> {
    #[inline(always)]
    fn map(&self, a: A, b: B, c: C) -> R {
        (self.0)(a, b, c)
    }
}

/// Loops, to be compiled for each instruction set.
struct Loop1<'a, A, R, F>(&'a [A], &'a mut [R], F);
struct Loop2<'a, A, B, R, F>(&'a [A], &'a [B], &'a mut [R], F);
struct Loop3<'a, A, B, C, R, F>(&'a [A], &'a [B], &'a [C], &'a mut [R], F);

impl<A: Copy, R, F: Map1<A, R>> WithSimd for Loop1<'_, A, R, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        plain1(self.0, self.1, self.2);
    }
}

impl<A: Copy, B: Copy, R, F: Map2<A, B, R>> WithSimd for Loop2<'_, A, B, R, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        plain2(self.0, self.1, self.2, self.3);
    }
}

impl<A: Copy, B: Copy, C: Copy, R, F: Map3<A, B, C, R>> WithSimd for Loop3<'_, A, B, C, R, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        plain3(self.0, self.1, self.2, self.3, self.4);
    }
}

/// `out[i] = f(a[i])`, up to the end of the shorter one, for the processors that the target promises.
///
/// These are functions of slices since compilers know of parameters that they do not overlap.
#[inline(always)]
pub(crate) fn plain1<A: Copy, R>(a: &[A], out: &mut [R], f: impl Map1<A, R>) {
    for (to, &a) in out.iter_mut().zip(a) {
        *to = f.map(a);
    }
}

/// `out[i] = f(a[i], b[i])`, up to the end of the shortest one.
#[inline(always)]
pub(crate) fn plain2<A: Copy, B: Copy, R>(a: &[A], b: &[B], out: &mut [R], f: impl Map2<A, B, R>) {
    for ((to, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *to = f.map(a, b);
    }
}

/// `out[i] = f(a[i], b[i], c[i])`, up to the end of the shortest one.
#[inline(always)]
pub(crate) fn plain3<A: Copy, B: Copy, C: Copy, R>(
    a: &[A],
    b: &[B],
    c: &[C],
    out: &mut [R],
    f: impl Map3<A, B, C, R>,
) {
    for (((to, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
        *to = f.map(a, b, c);
    }
}

/// [`plain1`] for the processor at hand.
#[inline]
pub(crate) fn wide1<A: Copy, R>(a: &[A], out: &mut [R], f: impl Map1<A, R>) {
    Arch::new().dispatch(Loop1(a, out, f));
}

/// [`plain2`] for the processor at hand.
#[inline]
pub(crate) fn wide2<A: Copy, B: Copy, R>(a: &[A], b: &[B], out: &mut [R], f: impl Map2<A, B, R>) {
    Arch::new().dispatch(Loop2(a, b, out, f));
}

/// [`plain3`] for the processor at hand.
#[inline]
pub(crate) fn wide3<A: Copy, B: Copy, C: Copy, R>(
    a: &[A],
    b: &[B],
    c: &[C],
    out: &mut [R],
    f: impl Map3<A, B, C, R>,
) {
    Arch::new().dispatch(Loop3(a, b, c, out, f));
}

/// Each number of the first list, repeated that many times.
struct Spread<'a>(&'a [f32], &'a mut [f32], usize);

impl WithSimd for Spread<'_> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (row, &x) in self.1.chunks_exact_mut(self.2).zip(self.0) {
            for to in row {
                *to = x;
            }
        }
    }
}

/// Repeats each number of `from` for the next `times` of `out`, which is at least 1.
pub(crate) fn wide_spread(from: &[f32], out: &mut [f32], times: usize) {
    Arch::new().dispatch(Spread(from, out, times));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math;

    /// Every instruction set that this processor has.
    fn sets() -> Vec<Arch> {
        let mut sets = vec![Arch::Scalar, Arch::new()];
        #[cfg(target_arch = "x86_64")]
        sets.extend(pulp::x86::V3::try_new().map(Arch::V3));
        sets
    }

    struct Exponentials;
    struct Logarithms;
    struct Others;
    struct Powers;
    struct Contractible;

    impl Map1<f32, [f32; 4]> for Exponentials {
        #[inline(always)]
        fn map(&self, x: f32) -> [f32; 4] {
            [math::exp(x), math::exp2(x), math::expm1(x), math::sigmoid(x)]
        }
    }

    impl Map1<f32, [f32; 4]> for Logarithms {
        #[inline(always)]
        fn map(&self, x: f32) -> [f32; 4] {
            [math::log(x), math::log2(x), math::log1p(x), math::log1p_exp(x)]
        }
    }

    impl Map1<f32, [f32; 4]> for Others {
        #[inline(always)]
        fn map(&self, x: f32) -> [f32; 4] {
            [math::tanh(x), math::sinh(x), math::cosh(x), math::erf(x)]
        }
    }

    impl Map2<f32, f32, f32> for Powers {
        #[inline(always)]
        fn map(&self, x: f32, y: f32) -> f32 {
            math::pow(x, y)
        }
    }

    /// What a processor that multiplies and adds at once could round once.
    impl Map3<f32, f32, f32, f32> for Contractible {
        #[inline(always)]
        fn map(&self, a: f32, b: f32, c: f32) -> f32 {
            a * b + c * b - a
        }
    }

    /// The bits, and one and the same for all NaN, whose bits nobody promises.
    fn bits(x: f32) -> u32 {
        if x.is_nan() { u32::MAX } else { x.to_bits() }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        // an odd number, so that every loop has a rest
        let x: Vec<f32> = (0..100_003u32).map(|i| f32::from_bits(i.wrapping_mul(42_943))).collect();
        let y: Vec<f32> = x.iter().rev().map(|y| y * 1e-3).collect();
        let all = |set: Arch| -> Vec<u32> {
            let mut four = vec![[0.0; 4]; x.len()];
            let mut one = vec![0.0; x.len()];
            let mut found = Vec::new();
            set.dispatch(Loop1(&x, &mut four, Exponentials));
            found.extend(four.as_flattened().iter().copied().map(bits));
            set.dispatch(Loop1(&x, &mut four, Logarithms));
            found.extend(four.as_flattened().iter().copied().map(bits));
            set.dispatch(Loop1(&x, &mut four, Others));
            found.extend(four.as_flattened().iter().copied().map(bits));
            set.dispatch(Loop2(&x, &y, &mut one, Powers));
            found.extend(one.iter().copied().map(bits));
            set.dispatch(Loop3(&x, &y, &x, &mut one, Contractible));
            found.extend(one.iter().copied().map(bits));
            found
        };
        let least = all(Arch::Scalar);
        for set in sets() {
            assert!(all(set) == least, "{set:?}");
        }
    }
}
