//! Tensors as the bytes that safetensors stores: little-endian, row-major.

use anygrad_graph::{DType, Device, Shape, Tensor, f16};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::error::Result;

/// What one entry of a file is made from. A tensor is read from its device only when its bytes are written, so that
/// saving needs the memory of the largest tensor and not that of all.
pub(super) enum Value {
    Tensor(Tensor),
    Count(u64),
}

impl Value {
    /// The dtype in the file, its name there, and the bytes of an element.
    pub fn stored(&self) -> (&'static str, usize) {
        match self {
            Value::Tensor(tensor) => match tensor.dtype() {
                DType::F64 => ("F64", 8),
                DType::F16 => ("F16", 2),
                // PyTorch counts in 64 bits
                DType::I32 => ("I64", 8),
                DType::U32 => ("U32", 4),
                _ => ("F32", 4),
            },
            Value::Count(_) => ("I64", 8),
        }
    }

    pub fn shape(&self) -> &[usize] {
        match self {
            Value::Tensor(tensor) => tensor.shape(),
            Value::Count(_) => &[],
        }
    }

    pub fn numel(&self) -> usize {
        match self {
            Value::Tensor(tensor) => tensor.numel(),
            Value::Count(_) => 1,
        }
    }

    pub fn bytes(&self) -> Result<Vec<u8>> {
        let tensor = match self {
            Value::Tensor(tensor) => tensor,
            Value::Count(count) => {
                return Ok(i64::try_from(*count).unwrap_or(i64::MAX).to_le_bytes().to_vec());
            }
        };
        Ok(match tensor.dtype() {
            DType::F64 => bytes(tensor.to_vec::<f64>()?, f64::to_le_bytes),
            DType::F16 => bytes(tensor.to_vec::<f16>()?, f16::to_le_bytes),
            DType::I32 => bytes(tensor.to_vec::<i32>()?, |x| i64::from(x).to_le_bytes()),
            DType::U32 => bytes(tensor.to_vec::<u32>()?, u32::to_le_bytes),
            _ => bytes(tensor.to_vec::<f32>()?, f32::to_le_bytes),
        })
    }
}

fn bytes<T, const N: usize>(values: Vec<T>, to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len().saturating_mul(N));
    values.into_iter().for_each(|value| bytes.extend_from_slice(&to_bytes(value)));
    bytes
}

fn words<const N: usize, T>(view: &TensorView<'_>, from_bytes: impl Fn([u8; N]) -> T) -> Vec<T> {
    view.data().as_chunks::<N>().0.iter().map(|&word| from_bytes(word)).collect()
}

/// Integers of any width; `None` if the tensor does not hold integers.
pub(super) fn integers(view: &TensorView<'_>) -> Option<Vec<i64>> {
    Some(match view.dtype() {
        Dtype::I64 => words(view, i64::from_le_bytes),
        Dtype::I32 => words(view, |word| i64::from(i32::from_le_bytes(word))),
        Dtype::U32 => words(view, |word| i64::from(u32::from_le_bytes(word))),
        Dtype::I16 => words(view, |word| i64::from(i16::from_le_bytes(word))),
        Dtype::U8 => words(view, |word| i64::from(u8::from_le_bytes(word))),
        _ => return None,
    })
}

/// The dtype a tensor of the file has if nobody asks for another; `None` for those that there is no tensor of.
pub(super) fn natural(found: Dtype) -> Option<DType> {
    Some(match found {
        Dtype::F64 => DType::F64,
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::I64 | Dtype::I32 | Dtype::I16 | Dtype::U8 => DType::I32,
        Dtype::U32 => DType::U32,
        _ => return None,
    })
}

/// A tensor of the file as one of `dtype` and `shape`, which holds as many elements; the error says what is wrong
/// with the tensor `name`.
pub(super) fn tensor(
    name: &str,
    view: &TensorView<'_>,
    shape: &Shape,
    dtype: DType,
    device: &Device,
) -> std::result::Result<Tensor, String> {
    let mismatch = |found: Dtype| format!("tensor {name} is {found:?}, the model's is {dtype}");
    Ok(match (dtype, view.dtype()) {
        (DType::F32, Dtype::F32) => Tensor::from_slice(&words(view, f32::from_le_bytes), shape, device),
        (DType::F16, Dtype::F16) => Tensor::from_slice(&words(view, f16::from_le_bytes), shape, device),
        // exact
        (DType::F32, Dtype::F16) => {
            let wide = words(view, |word| f32::from(f16::from_le_bytes(word)));
            Tensor::from_slice(&wide, shape, device)
        }
        (DType::F64, Dtype::F64) => Tensor::from_slice(&words(view, f64::from_le_bytes), shape, device),
        (DType::U32, Dtype::U32) => Tensor::from_slice(&words(view, u32::from_le_bytes), shape, device),
        (DType::I32, found) => {
            let narrow = integers(view).and_then(|values| {
                values.into_iter().map(|value| i32::try_from(value).ok()).collect::<Option<Vec<i32>>>()
            });
            match narrow {
                Some(values) => Tensor::from_slice(&values, shape, device),
                None => return Err(format!("tensor {name} ({found:?}) does not hold 32-bit integers")),
            }
        }
        (_, found) => return Err(mismatch(found)),
    })
}
