use anygrad_layout::DType;
use half::f16;

use crate::{Lane, LaneMut, Storage};

/// An element type as it lies in memory: `f32`, `f64`, `f16`, `i32` or `u32` (which also holds truth values).
///
/// The trait is closed: it exists so that one generic loop serves the variants of [`Storage`].
pub trait Word:
    Copy + Default + PartialEq + PartialOrd + Send + Sync + bytemuck::Pod + sealed::Sealed
{
    /// The element type; never [`DType::Bool`].
    const DTYPE: DType;
    /// The elements of a storage of this type, or `None`.
    fn slice(storage: &Storage) -> Option<&[Self]>;
    /// The elements of a storage of this type, or `None`.
    fn slice_mut(storage: &mut Storage) -> Option<&mut [Self]>;
    /// A storage of these elements.
    fn wrap(elements: Vec<Self>) -> Storage;
    /// The elements of a lane of this type, or `None`.
    fn lane<'a>(lane: &Lane<'a>) -> Option<&'a [Self]>;
    /// The elements of a lane of this type, or `None`.
    fn lane_mut<'b>(lane: &'b mut LaneMut<'_>) -> Option<&'b mut [Self]>;
    /// The nearest value; integers saturate and lose the fraction.
    fn from_f64(value: f64) -> Self;
    /// The same value; exact for every word.
    fn to_f64(self) -> f64;
    /// Sum; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// Product; integers wrap.
    fn times(self, other: Self) -> Self;
    /// Whether this is a floating-point NaN.
    fn is_nan(self) -> bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for half::f16 {}
    impl Sealed for i32 {}
    impl Sealed for u32 {}
}

macro_rules! word {
    ($type:ty, $variant:ident, $plus:expr, $times:expr, $nan:expr, $from:expr) => {
        impl Word for $type {
            const DTYPE: DType = DType::$variant;
            #[inline]
            fn slice(storage: &Storage) -> Option<&[Self]> {
                if let Storage::$variant(xs) = storage { Some(xs) } else { None }
            }
            #[inline]
            fn slice_mut(storage: &mut Storage) -> Option<&mut [Self]> {
                if let Storage::$variant(xs) = storage { Some(xs) } else { None }
            }
            #[inline]
            fn wrap(elements: Vec<Self>) -> Storage {
                Storage::$variant(elements)
            }
            #[inline]
            fn lane<'a>(lane: &Lane<'a>) -> Option<&'a [Self]> {
                if let Lane::$variant(xs) = lane { Some(xs) } else { None }
            }
            #[inline]
            fn lane_mut<'b>(lane: &'b mut LaneMut<'_>) -> Option<&'b mut [Self]> {
                if let LaneMut::$variant(xs) = lane { Some(xs) } else { None }
            }
            #[inline]
            fn from_f64(value: f64) -> Self {
                $from(value)
            }
            #[inline]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline]
            fn plus(self, other: Self) -> Self {
                $plus(self, other)
            }
            #[inline]
            fn times(self, other: Self) -> Self {
                $times(self, other)
            }
            #[inline]
            fn is_nan(self) -> bool {
                $nan(self)
            }
        }
    };
}

word!(f32, F32, |a, b| a + b, |a, b| a * b, f32::is_nan, |x| x as f32);
word!(f64, F64, |a, b| a + b, |a, b| a * b, f64::is_nan, |x| x);
// half's own arithmetic goes through f32 too; its conversion from f64 does so on some processors only
word!(f16, F16, |a, b| a + b, |a, b| a * b, f16::is_nan, |x| f16::from_f32(x as f32));
word!(i32, I32, i32::wrapping_add, i32::wrapping_mul, |_| false, |x| x as i32);
word!(u32, U32, u32::wrapping_add, u32::wrapping_mul, |_| false, |x| x as u32);
