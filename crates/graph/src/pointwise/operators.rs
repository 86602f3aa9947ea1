//! `+ - * /` between tensors and numbers.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::Tensor;

/// What can stand beside a tensor in an elementwise op: a tensor, or a number, which takes the tensor's dtype: a
/// number beside integers that is none itself is an error.
pub trait Operand {
    /// This operand as a tensor on the device of `like`, a number with its dtype.
    #[track_caller]
    fn like(self, like: &Tensor) -> Tensor;
}

impl Operand for &Tensor {
    fn like(self, _: &Tensor) -> Tensor {
        self.clone()
    }
}

impl Operand for Tensor {
    fn like(self, _: &Tensor) -> Tensor {
        self
    }
}

impl Operand for &&Tensor {
    fn like(self, _: &Tensor) -> Tensor {
        (*self).clone()
    }
}

macro_rules! numbers {
    ($($number:ident)+) => {$(
        impl Operand for $number {
            #[track_caller]
            fn like(self, like: &Tensor) -> Tensor {
                beside(f64::from(self), like)
            }
        }
    )+};
}

/// A number of the dtype of `like`. Beside integers it has to be one: 0.5 must not become 0 without a word. A
/// negative one beside u32 wraps, so that adding −1 takes 1 off.
#[track_caller]
fn beside(number: f64, like: &Tensor) -> Tensor {
    let dtype = like.dtype();
    let fits = number.fract() == 0.0 && number.abs() < f64::from(u32::MAX) + 1.0;
    if dtype.is_int() && !fits && like.check().is_ok() {
        let message = format!("{number} is not an {dtype}; convert the tensor beside it with to_dtype");
        return Tensor::wrong("number", message, &[("beside", like)]);
    }
    Tensor::number(number, dtype, like.device())
}

numbers!(f32 f64 i32 u32);

macro_rules! operator {
    ($($trait:ident $method:ident)+) => {$(
        impl<T: Operand> $trait<T> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                Tensor::$method(self, other)
            }
        }

        impl<T: Operand> $trait<T> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: T) -> Tensor {
                Tensor::$method(&self, other)
            }
        }

        operator!(@number $trait $method f32 f64 i32 u32);
    )+};
    (@number $trait:ident $method:ident $($number:ident)+) => {$(
        impl $trait<&Tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                Tensor::$method(&self.like(other), other)
            }
        }

        impl $trait<Tensor> for $number {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                Tensor::$method(&self.like(&other), &other)
            }
        }
    )+};
}

operator!(Add add  Sub sub  Mul mul  Div div);

impl Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(self)
    }
}

impl Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(&self)
    }
}

impl Tensor {
    /// Where `self` (bool) is true, the element of `x`, elsewhere that of `y`; either may be a number, which
    /// takes the other's dtype (f32 if both are numbers). See [`Tensor::where_op`].
    #[track_caller]
    pub fn select(&self, x: impl Choice, y: impl Choice) -> Tensor {
        let like = x.tensor().or(y.tensor()).cloned();
        let like = like.unwrap_or_else(|| Tensor::number(0.0, anygrad_layout::DType::F32, self.device()));
        let (x, y) = (x.like(&like), y.like(&like));
        self.where_op(&x, &y)
    }
}

/// A branch of [`Tensor::select`]: a tensor or a number.
pub trait Choice: Operand {
    /// The tensor, if it is one.
    fn tensor(&self) -> Option<&Tensor>;
}

impl Choice for &Tensor {
    fn tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}

impl Choice for Tensor {
    fn tensor(&self) -> Option<&Tensor> {
        Some(self)
    }
}

macro_rules! number_choices {
    ($($number:ident)+) => {$(
        impl Choice for $number {
            fn tensor(&self) -> Option<&Tensor> {
                None
            }
        }
    )+};
}

number_choices!(f32 f64 i32 u32);
