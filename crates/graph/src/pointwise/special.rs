//! Functions that the standard library lacks, or has only with few digits near 0.

/// A float type that `libm` has functions for.
pub(super) trait Special {
    fn erf(self) -> Self;
    fn asinh(self) -> Self;
    fn acosh(self) -> Self;
    fn atanh(self) -> Self;
}

impl Special for f32 {
    fn erf(self) -> Self {
        libm::erff(self)
    }
    // in f64: rounded once, and every digit is right
    fn asinh(self) -> Self {
        libm::asinh(f64::from(self)) as f32
    }
    fn acosh(self) -> Self {
        f64::from(self).acosh_from_one() as f32
    }
    fn atanh(self) -> Self {
        libm::atanh(f64::from(self)) as f32
    }
}

impl Special for f64 {
    fn erf(self) -> Self {
        libm::erf(self)
    }
    fn asinh(self) -> Self {
        libm::asinh(self)
    }
    fn acosh(self) -> Self {
        self.acosh_from_one()
    }
    fn atanh(self) -> Self {
        libm::atanh(self)
    }
}

trait FromOne {
    fn acosh_from_one(self) -> Self;
}

impl FromOne for f64 {
    /// libm 0.2 gives a number for large negative arguments too.
    fn acosh_from_one(self) -> f64 {
        if self < 1.0 { f64::NAN } else { libm::acosh(self) }
    }
}

pub(super) fn erf<T: Special>(x: T) -> T {
    x.erf()
}

pub(super) fn asinh<T: Special>(x: T) -> T {
    x.asinh()
}

pub(super) fn acosh<T: Special>(x: T) -> T {
    x.acosh()
}

pub(super) fn atanh<T: Special>(x: T) -> T {
    x.atanh()
}
