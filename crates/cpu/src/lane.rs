//! The loops that the rows of an op table are made of.
//!
//! A row is a [`BlockFn`], written with one of the helpers below, whose closures say what happens to one
//! element:
//!
//! ```
//! use anygrad_cpu::{BlockFn, Lane, LaneMut, float2, number2};
//! let add: BlockFn =
//!     |args, out| number2(args, out, |a, b| a + b, |a, b| a + b, i32::wrapping_add, u32::wrapping_add);
//! let mut sums = [0.0f32; 2];
//! let done = add(&[Lane::F32(&[1.0, 2.0]), Lane::F32(&[0.5, 0.5])], &mut LaneMut::F32(&mut sums));
//! assert_eq!((done, sums), (Some(()), [1.5, 2.5]));
//! // a row that has no meaning for the types at hand returns None, which becomes an error
//! let power: BlockFn = |args, out| float2(args, out, f32::powf, f64::powf);
//! assert_eq!(power(&[Lane::U32(&[1]), Lane::U32(&[1])], &mut LaneMut::U32(&mut [0])), None);
//! ```

use anygrad_layout::DType;
use half::f16;

use crate::Word;
use crate::wide::{Closure, Map1, Map2, Map3, plain1, plain2, plain3, wide1, wide2, wide3};

/// A block of values that a step reads: borrowed from an operand or from a register.
#[derive(Clone, Copy, Debug)]
pub enum Lane<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
    /// Half precision.
    F16(&'a [f16]),
    /// Signed integers.
    I32(&'a [i32]),
    /// Unsigned integers and truth values.
    U32(&'a [u32]),
}

/// The block of values that a step writes, of the same length as those it reads.
#[derive(Debug)]
pub enum LaneMut<'a> {
    /// Single precision.
    F32(&'a mut [f32]),
    /// Double precision.
    F64(&'a mut [f64]),
    /// Half precision.
    F16(&'a mut [f16]),
    /// Signed integers.
    I32(&'a mut [i32]),
    /// Unsigned integers and truth values.
    U32(&'a mut [u32]),
}

/// One row of an op table: computes every element of `out` from the same element of each argument.
/// `None` says that it has no meaning for these types or this number of arguments.
pub type BlockFn = fn(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()>;

/// `out[i] = f(a[i])` for exactly these types. A closure of more than a few operations is better a [`Map1`].
#[inline(always)]
pub fn apply1<A: Word, R: Word>(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f: impl Fn(A) -> R + Copy,
) -> Option<()> {
    map1(args, out, Closure(f))
}

/// `out[i] = f(a[i], b[i])` for exactly these types.
#[inline(always)]
pub fn apply2<A: Word, B: Word, R: Word>(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f: impl Fn(A, B) -> R + Copy,
) -> Option<()> {
    map2(args, out, Closure(f))
}

/// `out[i] = f(a[i], b[i], c[i])` for exactly these types.
#[inline(always)]
pub fn apply3<A: Word, B: Word, C: Word, R: Word>(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f: impl Fn(A, B, C) -> R + Copy,
) -> Option<()> {
    map3(args, out, Closure(f))
}

/// `out[i] = f.map(a[i])` for exactly these types.
#[inline(always)]
pub fn map1<A: Word, R: Word>(args: &[Lane<'_>], out: &mut LaneMut<'_>, f: impl Map1<A, R>) -> Option<()> {
    let ([a], Some(out)) = (args, R::lane_mut(out)) else { return None };
    let a = A::lane(a)?;
    if plain(&[A::DTYPE, R::DTYPE]) {
        plain1(a, out, f);
    } else {
        wide1(a, out, f);
    }
    Some(())
}

/// `out[i] = f.map(a[i], b[i])` for exactly these types.
#[inline(always)]
pub fn map2<A: Word, B: Word, R: Word>(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f: impl Map2<A, B, R>,
) -> Option<()> {
    let ([a, b], Some(out)) = (args, R::lane_mut(out)) else { return None };
    let (a, b) = (A::lane(a)?, B::lane(b)?);
    if plain(&[A::DTYPE, B::DTYPE, R::DTYPE]) {
        plain2(a, b, out, f);
    } else {
        wide2(a, b, out, f);
    }
    Some(())
}

/// `out[i] = f.map(a[i], b[i], c[i])` for exactly these types.
#[inline(always)]
pub fn map3<A: Word, B: Word, C: Word, R: Word>(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f: impl Map3<A, B, C, R>,
) -> Option<()> {
    let ([a, b, c], Some(out)) = (args, R::lane_mut(out)) else { return None };
    let (a, b, c) = (A::lane(a)?, B::lane(b)?, C::lane(c)?);
    if plain(&[A::DTYPE, B::DTYPE, C::DTYPE, R::DTYPE]) {
        plain3(a, b, c, out, f);
    } else {
        wide3(a, b, c, out, f);
    }
    Some(())
}

/// Whether a loop over these types is compiled for the least processor alone: `f64` is the oracle, where speed is not
/// worth another copy of every loop.
#[inline(always)]
fn plain(dtypes: &[DType]) -> bool {
    dtypes.contains(&DType::F64)
}

/// A function of one number, for the floating-point types.
#[inline(always)]
pub fn float1(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f32: impl Fn(f32) -> f32 + Copy,
    f64: impl Fn(f64) -> f64 + Copy,
) -> Option<()> {
    match out {
        LaneMut::F32(_) => apply1(args, out, f32),
        LaneMut::F64(_) => apply1(args, out, f64),
        _ => None,
    }
}

/// A function of two numbers, for the floating-point types.
#[inline(always)]
pub fn float2(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f32: impl Fn(f32, f32) -> f32 + Copy,
    f64: impl Fn(f64, f64) -> f64 + Copy,
) -> Option<()> {
    match out {
        LaneMut::F32(_) => apply2(args, out, f32),
        LaneMut::F64(_) => apply2(args, out, f64),
        _ => None,
    }
}

/// A function of three numbers, for the floating-point types.
#[inline(always)]
pub fn float3(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f32: impl Fn(f32, f32, f32) -> f32 + Copy,
    f64: impl Fn(f64, f64, f64) -> f64 + Copy,
) -> Option<()> {
    match out {
        LaneMut::F32(_) => apply3(args, out, f32),
        LaneMut::F64(_) => apply3(args, out, f64),
        _ => None,
    }
}

/// A function of one number, for all types but `f16`, whose arithmetic is that of `f32` between conversions.
#[inline(always)]
pub fn number1(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f32: impl Fn(f32) -> f32 + Copy,
    f64: impl Fn(f64) -> f64 + Copy,
    i32: impl Fn(i32) -> i32 + Copy,
    u32: impl Fn(u32) -> u32 + Copy,
) -> Option<()> {
    match out {
        LaneMut::F32(_) => apply1(args, out, f32),
        LaneMut::F64(_) => apply1(args, out, f64),
        LaneMut::I32(_) => apply1(args, out, i32),
        LaneMut::U32(_) => apply1(args, out, u32),
        LaneMut::F16(_) => None,
    }
}

/// A function of two numbers, for all types but `f16`.
#[inline(always)]
pub fn number2(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f32: impl Fn(f32, f32) -> f32 + Copy,
    f64: impl Fn(f64, f64) -> f64 + Copy,
    i32: impl Fn(i32, i32) -> i32 + Copy,
    u32: impl Fn(u32, u32) -> u32 + Copy,
) -> Option<()> {
    match out {
        LaneMut::F32(_) => apply2(args, out, f32),
        LaneMut::F64(_) => apply2(args, out, f64),
        LaneMut::I32(_) => apply2(args, out, i32),
        LaneMut::U32(_) => apply2(args, out, u32),
        LaneMut::F16(_) => None,
    }
}

/// A condition on two numbers of one type, for all types but `f16`; the result is a truth value.
#[inline(always)]
pub fn compare2(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    f32: impl Fn(f32, f32) -> bool + Copy,
    f64: impl Fn(f64, f64) -> bool + Copy,
    i32: impl Fn(i32, i32) -> bool + Copy,
    u32: impl Fn(u32, u32) -> bool + Copy,
) -> Option<()> {
    match args.first()? {
        Lane::F32(_) => apply2(args, out, |a, b| u32::from(f32(a, b))),
        Lane::F64(_) => apply2(args, out, |a, b| u32::from(f64(a, b))),
        Lane::I32(_) => apply2(args, out, |a, b| u32::from(i32(a, b))),
        Lane::U32(_) => apply2(args, out, |a, b| u32::from(u32(a, b))),
        Lane::F16(_) => None,
    }
}

/// `args = [condition, a, b]`: `a[i]` where the condition is not 0, else `b[i]`, for all types.
#[inline(always)]
pub fn select(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    match out {
        LaneMut::F32(_) => apply3(args, out, |c: u32, a: f32, b: f32| if c != 0 { a } else { b }),
        LaneMut::F64(_) => apply3(args, out, |c: u32, a: f64, b: f64| if c != 0 { a } else { b }),
        LaneMut::F16(_) => apply3(args, out, |c: u32, a: f16, b: f16| if c != 0 { a } else { b }),
        LaneMut::I32(_) => apply3(args, out, |c: u32, a: i32, b: i32| if c != 0 { a } else { b }),
        LaneMut::U32(_) => apply3(args, out, |c: u32, a: u32, b: u32| if c != 0 { a } else { b }),
    }
}

/// The value of one argument as the output's type: integers lose the fraction and saturate (NaN becomes 0),
/// `i32` and `u32` keep the bits, rounding is to nearest, from `f64` to `f16` by way of `f32`.
#[inline(always)]
pub fn convert(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    match (args.first()?, &out) {
        (Lane::F32(_), LaneMut::F32(_)) => apply1(args, out, |x: f32| x),
        (Lane::F32(_), LaneMut::F64(_)) => apply1(args, out, f64::from as fn(f32) -> f64),
        (Lane::F32(_), LaneMut::I32(_)) => apply1(args, out, |x: f32| x as i32),
        (Lane::F32(_), LaneMut::U32(_)) => apply1(args, out, |x: f32| x as u32),
        (Lane::F64(_), LaneMut::F32(_)) => apply1(args, out, |x: f64| x as f32),
        (Lane::F64(_), LaneMut::F64(_)) => apply1(args, out, |x: f64| x),
        (Lane::F64(_), LaneMut::I32(_)) => apply1(args, out, |x: f64| x as i32),
        (Lane::F64(_), LaneMut::U32(_)) => apply1(args, out, |x: f64| x as u32),
        (Lane::I32(_), LaneMut::F32(_)) => apply1(args, out, |x: i32| x as f32),
        (Lane::I32(_), LaneMut::F64(_)) => apply1(args, out, |x: i32| f64::from(x)),
        (Lane::I32(_), LaneMut::I32(_)) => apply1(args, out, |x: i32| x),
        (Lane::I32(_), LaneMut::U32(_)) => apply1(args, out, |x: i32| x as u32),
        (Lane::U32(_), LaneMut::F32(_)) => apply1(args, out, |x: u32| x as f32),
        (Lane::U32(_), LaneMut::F64(_)) => apply1(args, out, |x: u32| f64::from(x)),
        (Lane::U32(_), LaneMut::I32(_)) => apply1(args, out, |x: u32| x as i32),
        (Lane::U32(_), LaneMut::U32(_)) => apply1(args, out, |x: u32| x),
        (Lane::F16(_), LaneMut::F16(_)) => apply1(args, out, |x: f16| x),
        (Lane::F16(_), LaneMut::F64(_)) => apply1(args, out, f16::to_f64),
        (Lane::F16(_), LaneMut::I32(_)) => apply1(args, out, |x: f16| x.to_f32() as i32),
        (Lane::F16(_), LaneMut::U32(_)) => apply1(args, out, |x: f16| x.to_f32() as u32),
        (Lane::F64(_), LaneMut::F16(_)) => apply1(args, out, <f16 as Word>::from_f64),
        // what f32 cannot hold exactly is far beyond the largest f16
        (Lane::I32(_), LaneMut::F16(_)) => apply1(args, out, |x: i32| f16::from_f32(x as f32)),
        (Lane::U32(_), LaneMut::F16(_)) => apply1(args, out, |x: u32| f16::from_f32(x as f32)),
        (Lane::F16(_), LaneMut::F32(_)) | (Lane::F32(_), LaneMut::F16(_)) => match (args, out) {
            ([Lane::F16(a)], LaneMut::F32(out)) if a.len() == out.len() => {
                crate::half::widen(a, out);
                Some(())
            }
            ([Lane::F32(a)], LaneMut::F16(out)) if a.len() == out.len() => {
                crate::half::narrow(a, out);
                Some(())
            }
            _ => None,
        },
    }
}

/// As [`convert`], to a truth value: 1 where the argument is not 0 (NaN is not 0).
#[inline(always)]
pub fn truth(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    match args.first()? {
        Lane::F32(_) => apply1(args, out, |x: f32| u32::from(x != 0.0)),
        Lane::F64(_) => apply1(args, out, |x: f64| u32::from(x != 0.0)),
        Lane::I32(_) => apply1(args, out, |x: i32| u32::from(x != 0)),
        Lane::U32(_) => apply1(args, out, |x: u32| u32::from(x != 0)),
        Lane::F16(_) => apply1(args, out, |x: f16| u32::from(x.to_f32() != 0.0)),
    }
}

impl<'a> LaneMut<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            LaneMut::F32(xs) => xs.len(),
            LaneMut::F64(xs) => xs.len(),
            LaneMut::F16(xs) => xs.len(),
            LaneMut::I32(xs) => xs.len(),
            LaneMut::U32(xs) => xs.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Elements `at .. at + len`, to be read.
    pub(crate) fn read(&self, at: usize, len: usize) -> Lane<'_> {
        match self {
            LaneMut::F32(xs) => Lane::F32(&xs[at..at + len]),
            LaneMut::F64(xs) => Lane::F64(&xs[at..at + len]),
            LaneMut::F16(xs) => Lane::F16(&xs[at..at + len]),
            LaneMut::I32(xs) => Lane::I32(&xs[at..at + len]),
            LaneMut::U32(xs) => Lane::U32(&xs[at..at + len]),
        }
    }

    /// Elements `at .. at + len`, to be written.
    pub(crate) fn write(&mut self, at: usize, len: usize) -> LaneMut<'_> {
        match self {
            LaneMut::F32(xs) => LaneMut::F32(&mut xs[at..at + len]),
            LaneMut::F64(xs) => LaneMut::F64(&mut xs[at..at + len]),
            LaneMut::F16(xs) => LaneMut::F16(&mut xs[at..at + len]),
            LaneMut::I32(xs) => LaneMut::I32(&mut xs[at..at + len]),
            LaneMut::U32(xs) => LaneMut::U32(&mut xs[at..at + len]),
        }
    }

    /// The first `len` elements, which are cut off from this lane.
    pub(crate) fn split_off(&mut self, len: usize) -> LaneMut<'a> {
        fn cut<'a, T>(xs: &mut &'a mut [T], len: usize) -> &'a mut [T] {
            let (head, tail) = std::mem::take(xs).split_at_mut(len);
            *xs = tail;
            head
        }
        match self {
            LaneMut::F32(xs) => LaneMut::F32(cut(xs, len)),
            LaneMut::F64(xs) => LaneMut::F64(cut(xs, len)),
            LaneMut::F16(xs) => LaneMut::F16(cut(xs, len)),
            LaneMut::I32(xs) => LaneMut::I32(cut(xs, len)),
            LaneMut::U32(xs) => LaneMut::U32(cut(xs, len)),
        }
    }
}
