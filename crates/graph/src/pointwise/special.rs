//! Functions of `f32` and `f64` under one name: of `f32` those that `anygrad-cpu` has for whole registers, of `f64` those of
//! the standard library, and of `libm` where that lacks one or loses digits near 0.

use anygrad_cpu::{Lane, LaneMut, apply1, math};

/// A float type that has these functions.
pub(super) trait Special: Sized {
    fn exp(self) -> Self;
    fn exp2(self) -> Self;
    fn expm1(self) -> Self;
    fn log(self) -> Self;
    fn log2(self) -> Self;
    fn log1p(self) -> Self;
    fn pow(self, y: Self) -> Self;
    fn sinh(self) -> Self;
    fn cosh(self) -> Self;
    fn tanh(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
    fn sigmoid(self) -> Self;
    fn log1p_exp(self) -> Self;
    fn erf(self) -> Self;
}

/// One function for both types, by the name it has in the trait.
macro_rules! functions {
    ($($name:ident)+) => {$(
        #[inline(always)]
        pub(super) fn $name<T: Special>(x: T) -> T {
            x.$name()
        }
    )+};
}

functions!(exp exp2 expm1 log log2 log1p sinh cosh tanh asinh acosh atanh sigmoid log1p_exp erf);

#[inline(always)]
pub(super) fn pow<T: Special>(x: T, y: T) -> T {
    x.pow(y)
}

macro_rules! vectorised {
    ($($name:ident)+) => {$(
        #[inline(always)]
        fn $name(self) -> Self {
            math::$name(self)
        }
    )+};
}

impl Special for f32 {
    vectorised!(exp exp2 expm1 log log2 log1p sinh cosh tanh sigmoid log1p_exp erf);
    #[inline(always)]
    fn pow(self, y: Self) -> Self {
        math::pow(self, y)
    }
    // in f64: rounded once, and every digit is right
    fn asinh(self) -> Self {
        libm::asinh(f64::from(self)) as f32
    }
    fn acosh(self) -> Self {
        acosh_from_one(f64::from(self)) as f32
    }
    fn atanh(self) -> Self {
        libm::atanh(f64::from(self)) as f32
    }
}

impl Special for f64 {
    fn exp(self) -> Self {
        f64::exp(self)
    }
    fn exp2(self) -> Self {
        f64::exp2(self)
    }
    fn expm1(self) -> Self {
        self.exp_m1()
    }
    fn log(self) -> Self {
        self.ln()
    }
    fn log2(self) -> Self {
        f64::log2(self)
    }
    fn log1p(self) -> Self {
        self.ln_1p()
    }
    fn pow(self, y: Self) -> Self {
        self.powf(y)
    }
    fn sinh(self) -> Self {
        f64::sinh(self)
    }
    fn cosh(self) -> Self {
        f64::cosh(self)
    }
    fn tanh(self) -> Self {
        f64::tanh(self)
    }
    fn asinh(self) -> Self {
        libm::asinh(self)
    }
    fn acosh(self) -> Self {
        acosh_from_one(self)
    }
    fn atanh(self) -> Self {
        libm::atanh(self)
    }
    // through e^−|x|, which cannot overflow
    fn sigmoid(self) -> Self {
        let e = f64::exp(-self.abs());
        if self < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
    }
    fn log1p_exp(self) -> Self {
        (if self > 0.0 { self } else { 0.0 }) + f64::exp(-self.abs()).ln_1p()
    }
    fn erf(self) -> Self {
        libm::erf(self)
    }
}

/// libm 0.2 gives a number for large negative arguments too.
fn acosh_from_one(x: f64) -> f64 {
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}

pub(super) fn sin(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    angles(args, out, math::sin, f64::sin)
}

pub(super) fn cos(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    angles(args, out, math::cos, f64::cos)
}

pub(super) fn tan(args: &[Lane<'_>], out: &mut LaneMut<'_>) -> Option<()> {
    angles(args, out, math::tan, f64::tan)
}

/// A function of angles: of `f32` a block at a time, as large angles are seen to one by one.
fn angles(
    args: &[Lane<'_>],
    out: &mut LaneMut<'_>,
    single: fn(&[f32], &mut [f32]),
    double: fn(f64) -> f64,
) -> Option<()> {
    match (args, out) {
        ([Lane::F32(x)], LaneMut::F32(out)) => single(x, out),
        (args, out @ LaneMut::F64(_)) => return apply1(args, out, double),
        _ => return None,
    }
    Some(())
}
