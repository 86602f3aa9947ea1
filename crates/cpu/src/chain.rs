//! Arithmetic that shares a loop: two steps, or steps and the sum of what they give.
//!
//! A step of the interpreter reads and writes whole blocks, and what it writes costs more than what it computes. These
//! loops keep what one step gives in registers for the next. They round as single steps do, and add in the order in which
//! sums of rows do, so the bits are the same.

use pulp::{Arch, Simd, WithSimd};

use crate::reduce::{Terms, total};
use crate::wide::{Map1, Map2, Map3, plain1, plain2, plain3};

/// Arithmetic on `f32` that loops put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Arithmetic {
    /// The sum of two.
    Add,
    /// The first without the second.
    Sub,
    /// The product of two.
    Mul,
    /// The product of one with itself.
    Square,
}

/// What becomes of a value `t` and another one `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum With {
    /// `t`
    Nothing,
    /// `t + x`
    Plus,
    /// `t − x`
    Minus,
    /// `x − t`
    From,
    /// `t · x`
    Times,
    /// `t²`
    Squared,
}

/// The numbers beside a value: one for each element, or one a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a> {
    pub values: &'a [f32],
    pub whole: bool,
}

impl<'a> Numbers<'a> {
    /// Those of row `row`, of `elements`.
    #[inline(always)]
    fn of(self, row: usize, elements: usize) -> (&'a [f32], f32) {
        match self.whole {
            true => (self.values.get(row * elements..(row + 1) * elements).unwrap_or_default(), 0.0),
            false => (&[], self.values.get(row).copied().unwrap_or_default()),
        }
    }
}

/// `t = a with b`, then `t with c`, over rows of `elements`.
pub(crate) struct Operands<'a> {
    pub a: &'a [f32],
    pub b: Numbers<'a>,
    pub c: Numbers<'a>,
    pub elements: usize,
}

/// Whether [`each`] knows the pair of steps.
pub(crate) fn is_pair(first: With, second: With) -> bool {
    !matches!((first, second), (With::Nothing | With::Squared, _) | (_, With::Nothing))
}

/// Whether [`sum`] knows the steps.
pub(crate) fn is_summed(first: With, second: With) -> bool {
    matches!(
        (first, second),
        (With::Times | With::Minus, With::Nothing | With::Times | With::Squared)
            | (With::Plus | With::From, With::Nothing | With::Squared)
    )
}

const NOTHING: u8 = With::Nothing as u8;
const PLUS: u8 = With::Plus as u8;
const MINUS: u8 = With::Minus as u8;
const FROM: u8 = With::From as u8;
const TIMES: u8 = With::Times as u8;
const SQUARED: u8 = With::Squared as u8;

/// Two steps for every element. `None` for a pair that has no loop.
pub(crate) fn each(first: With, second: With, operands: &Operands<'_>, out: &mut [f32]) -> Option<()> {
    macro_rules! second {
        ($first:ident) => {
            match second {
                With::Nothing => pair::<$first, NOTHING>(operands, out),
                With::Plus => pair::<$first, PLUS>(operands, out),
                With::Minus => pair::<$first, MINUS>(operands, out),
                With::From => pair::<$first, FROM>(operands, out),
                With::Times => pair::<$first, TIMES>(operands, out),
                With::Squared => pair::<$first, SQUARED>(operands, out),
            }
        };
    }
    match first {
        With::Plus => second!(PLUS),
        With::Minus => second!(MINUS),
        With::From => second!(FROM),
        With::Times => second!(TIMES),
        With::Nothing | With::Squared => return None,
    }
    Some(())
}

/// The sum over each row of what two steps give. `None` for a pair that has no loop.
pub(crate) fn sum(first: With, second: With, operands: &Operands<'_>, out: &mut [f32]) -> Option<()> {
    macro_rules! sums {
        ($(($one:ident $two:ident, $first:ident $second:ident))+) => {
            match (first, second) {
                $((With::$one, With::$two) => Arch::new().dispatch(Sums::<$first, $second>(operands, out)),)+
                _ => return None,
            }
        };
    }
    sums! {
        (Times Nothing, TIMES NOTHING) (Times Times, TIMES TIMES) (Times Squared, TIMES SQUARED)
        (Minus Nothing, MINUS NOTHING) (Minus Times, MINUS TIMES) (Minus Squared, MINUS SQUARED)
        (Plus Nothing, PLUS NOTHING) (Plus Squared, PLUS SQUARED)
        (From Nothing, FROM NOTHING) (From Squared, FROM SQUARED)
    }
    Some(())
}

#[inline(always)]
fn step<const WITH: u8>(t: f32, x: f32) -> f32 {
    match WITH {
        PLUS => t + x,
        MINUS => t - x,
        FROM => x - t,
        TIMES => t * x,
        SQUARED => t * t,
        _ => t,
    }
}

#[inline(always)]
fn vector_step<S: Simd, const WITH: u8>(simd: S, t: S::f32s, x: S::f32s) -> S::f32s {
    match WITH {
        PLUS => simd.add_f32s(t, x),
        MINUS => simd.sub_f32s(t, x),
        FROM => simd.sub_f32s(x, t),
        TIMES => simd.mul_f32s(t, x),
        SQUARED => simd.mul_f32s(t, t),
        _ => t,
    }
}

/// Two steps on an element, with what is one value a row; `AT` says for which of `b` and `c` numbers are given.
struct Both<const FIRST: u8, const SECOND: u8, const AT: u8>(f32, f32);

impl<const FIRST: u8, const SECOND: u8, const AT: u8> Map1<f32, f32> for Both<FIRST, SECOND, AT> {
    #[inline(always)]
    fn map(&self, a: f32) -> f32 {
        step::<SECOND>(step::<FIRST>(a, self.0), self.1)
    }
}

impl<const FIRST: u8, const SECOND: u8, const AT: u8> Map2<f32, f32, f32> for Both<FIRST, SECOND, AT> {
    #[inline(always)]
    fn map(&self, a: f32, x: f32) -> f32 {
        let (b, c) = if AT == 1 { (x, self.1) } else { (self.0, x) };
        step::<SECOND>(step::<FIRST>(a, b), c)
    }
}

impl<const FIRST: u8, const SECOND: u8, const AT: u8> Map3<f32, f32, f32, f32> for Both<FIRST, SECOND, AT> {
    #[inline(always)]
    fn map(&self, a: f32, b: f32, c: f32) -> f32 {
        step::<SECOND>(step::<FIRST>(a, b), c)
    }
}

fn pair<const FIRST: u8, const SECOND: u8>(operands: &Operands<'_>, out: &mut [f32]) {
    Arch::new().dispatch(Pair::<FIRST, SECOND>(operands, out));
}

/// Loops over rows, compiled for each instruction set.
struct Pair<'a, const FIRST: u8, const SECOND: u8>(&'a Operands<'a>, &'a mut [f32]);
struct Sums<'a, const FIRST: u8, const SECOND: u8>(&'a Operands<'a>, &'a mut [f32]);

impl<const FIRST: u8, const SECOND: u8> WithSimd for Pair<'_, FIRST, SECOND> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self(Operands { a, b, c, elements }, out) = self;
        let needs_c = !matches!(SECOND, NOTHING | SQUARED);
        for (row, (a, out)) in a.chunks(*elements).zip(out.chunks_mut(*elements)).enumerate() {
            let (b_all, b_one) = b.of(row, *elements);
            let (c_all, c_one) = c.of(row, *elements);
            match (b.whole, c.whole && needs_c) {
                (false, false) => plain1(a, out, Both::<FIRST, SECOND, 0>(b_one, c_one)),
                (true, false) => plain2(a, b_all, out, Both::<FIRST, SECOND, 1>(b_one, c_one)),
                (false, true) => plain2(a, c_all, out, Both::<FIRST, SECOND, 2>(b_one, c_one)),
                (true, true) => plain3(a, b_all, c_all, out, Both::<FIRST, SECOND, 3>(b_one, c_one)),
            }
        }
    }
}

impl<const FIRST: u8, const SECOND: u8> WithSimd for Sums<'_, FIRST, SECOND> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(Operands { a, b, c, elements }, out) = self;
        let needs_c = !matches!(SECOND, NOTHING | SQUARED);
        for (row, (a, out)) in a.chunks(*elements).zip(out).enumerate() {
            let (b_all, b_one) = b.of(row, *elements);
            let (c_all, c_one) = c.of(row, *elements);
            *out = match (b.whole, c.whole && needs_c) {
                (false, false) => {
                    total(simd, &Row::<FIRST, SECOND, false, false> { a, b: b_all, b_one, c: c_all, c_one })
                }
                (true, false) => {
                    total(simd, &Row::<FIRST, SECOND, true, false> { a, b: b_all, b_one, c: c_all, c_one })
                }
                (false, true) => {
                    total(simd, &Row::<FIRST, SECOND, false, true> { a, b: b_all, b_one, c: c_all, c_one })
                }
                (true, true) => {
                    total(simd, &Row::<FIRST, SECOND, true, true> { a, b: b_all, b_one, c: c_all, c_one })
                }
            };
        }
    }
}

/// The terms of a row. `B` and `C` say which numbers there are one for each element of.
struct Row<'a, const FIRST: u8, const SECOND: u8, const B: bool, const C: bool> {
    a: &'a [f32],
    b: &'a [f32],
    b_one: f32,
    c: &'a [f32],
    c_one: f32,
}

impl<const FIRST: u8, const SECOND: u8, const B: bool, const C: bool> Terms for Row<'_, FIRST, SECOND, B, C> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.a.len()
    }

    #[inline(always)]
    fn scalar(&self, at: usize) -> f32 {
        let b = if B { self.b[at] } else { self.b_one };
        let c = if C { self.c[at] } else { self.c_one };
        step::<SECOND>(step::<FIRST>(self.a[at], b), c)
    }

    #[inline(always)]
    fn add_vectors<S: Simd, const N: usize>(&self, simd: S, from: usize, to: usize, sums: &mut [S::f32s; N]) {
        let cut = |xs: &[f32], there: bool| if there { from..to } else { xs.len()..xs.len() };
        let (a, _) = S::as_simd_f32s(&self.a[from..to]).0.as_chunks::<N>();
        let (b, _) = S::as_simd_f32s(&self.b[cut(self.b, B)]).0.as_chunks::<N>();
        let (c, _) = S::as_simd_f32s(&self.c[cut(self.c, C)]).0.as_chunks::<N>();
        let (b_one, c_one) = ([simd.splat_f32s(self.b_one); N], [simd.splat_f32s(self.c_one); N]);
        for (at, a) in a.iter().enumerate() {
            let b = if B { &b[at] } else { &b_one };
            let c = if C { &c[at] } else { &c_one };
            for (((sum, &a), &b), &c) in sums.iter_mut().zip(a).zip(b).zip(c) {
                let term = vector_step::<S, SECOND>(simd, vector_step::<S, FIRST>(simd, a, b), c);
                *sum = simd.add_f32s(*sum, term);
            }
        }
    }
}
