use anygrad_layout::DType;
use half::f16;

use crate::Word;

/// Elements in host memory. Truth values are `u32` words that are 0 or 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Storage {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Half precision.
    F16(Vec<f16>),
    /// Signed integers.
    I32(Vec<i32>),
    /// Unsigned integers and truth values.
    U32(Vec<u32>),
}

/// Runs `$body` with `$xs` bound to the vector inside a storage, whatever its type.
macro_rules! with_words {
    ($storage:expr, $xs:ident => $body:expr) => {
        match $storage {
            $crate::Storage::F32($xs) => $body,
            $crate::Storage::F64($xs) => $body,
            $crate::Storage::F16($xs) => $body,
            $crate::Storage::I32($xs) => $body,
            $crate::Storage::U32($xs) => $body,
        }
    };
}
pub(crate) use with_words;

/// The type in which elements of type `dtype` are kept: [`DType::Bool`] lies in `u32` words.
pub(crate) fn kept_as(dtype: DType) -> DType {
    if dtype == DType::Bool { DType::U32 } else { dtype }
}

impl Storage {
    /// `n` zeros (or `false`).
    pub fn zeros(dtype: DType, n: usize) -> Self {
        match dtype {
            DType::F64 => Storage::F64(vec![0.0; n]),
            DType::F16 => Storage::F16(vec![f16::ZERO; n]),
            DType::I32 => Storage::I32(vec![0; n]),
            DType::U32 | DType::Bool => Storage::U32(vec![0; n]),
            _ => Storage::F32(vec![0.0; n]),
        }
    }

    /// `values` rounded to `dtype`; integers lose the fraction and saturate, truth values are `value != 0`.
    pub fn from_f64(dtype: DType, values: &[f64]) -> Self {
        match dtype {
            DType::F64 => Storage::F64(values.to_vec()),
            DType::F16 => Storage::F16(values.iter().map(|&v| <f16 as Word>::from_f64(v)).collect()),
            DType::I32 => Storage::I32(values.iter().map(|&v| v as i32).collect()),
            DType::U32 => Storage::U32(values.iter().map(|&v| v as u32).collect()),
            DType::Bool => Storage::U32(values.iter().map(|&v| u32::from(v != 0.0)).collect()),
            _ => Storage::F32(values.iter().map(|&v| v as f32).collect()),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        with_words!(self, xs => xs.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type as kept: [`DType::U32`] for truth values.
    pub fn dtype(&self) -> DType {
        match self {
            Storage::F32(_) => DType::F32,
            Storage::F64(_) => DType::F64,
            Storage::F16(_) => DType::F16,
            Storage::I32(_) => DType::I32,
            Storage::U32(_) => DType::U32,
        }
    }

    /// Bytes that the elements take.
    pub fn bytes(&self) -> usize {
        self.len() * self.dtype().size()
    }

    /// The elements' memory, in the machine's byte order.
    pub fn as_bytes(&self) -> &[u8] {
        with_words!(self, xs => bytemuck::cast_slice(xs))
    }

    /// The elements, if they are of type `T`.
    pub fn as_slice<T: Word>(&self) -> Option<&[T]> {
        T::slice(self)
    }

    /// The elements, if they are of type `T`.
    pub fn as_mut_slice<T: Word>(&mut self) -> Option<&mut [T]> {
        T::slice_mut(self)
    }

    /// The elements, if they are `f32`.
    pub fn as_f32(&self) -> Option<&[f32]> {
        f32::slice(self)
    }

    /// The elements, if they are `f64`.
    pub fn as_f64(&self) -> Option<&[f64]> {
        f64::slice(self)
    }

    /// The elements, if they are `f16`.
    pub fn as_f16(&self) -> Option<&[f16]> {
        f16::slice(self)
    }

    /// The elements, if they are `i32`.
    pub fn as_i32(&self) -> Option<&[i32]> {
        i32::slice(self)
    }

    /// The elements, if they are `u32` words (truth values are, too).
    pub fn as_u32(&self) -> Option<&[u32]> {
        u32::slice(self)
    }

    /// Every element as `f64`, which is exact.
    pub fn to_f64_vec(&self) -> Vec<f64> {
        with_words!(self, xs => xs.iter().map(|&x| x.to_f64()).collect())
    }
}

impl Default for Storage {
    fn default() -> Self {
        Storage::F32(Vec::new())
    }
}

impl From<Vec<f32>> for Storage {
    fn from(elements: Vec<f32>) -> Self {
        Storage::F32(elements)
    }
}

impl From<Vec<f64>> for Storage {
    fn from(elements: Vec<f64>) -> Self {
        Storage::F64(elements)
    }
}

impl From<Vec<f16>> for Storage {
    fn from(elements: Vec<f16>) -> Self {
        Storage::F16(elements)
    }
}

impl From<Vec<i32>> for Storage {
    fn from(elements: Vec<i32>) -> Self {
        Storage::I32(elements)
    }
}

impl From<Vec<u32>> for Storage {
    fn from(elements: Vec<u32>) -> Self {
        Storage::U32(elements)
    }
}
