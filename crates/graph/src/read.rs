//! Reading values back to the host.

use anygrad_cpu::Storage;
use anygrad_layout::DType;

use crate::device::{Backend, Buffer};
use crate::error::Error;
use crate::{Element, Tensor};

impl Tensor {
    /// The elements in row-major order. Evaluates the tensor if need be and waits for the device.
    ///
    /// # Errors
    /// The first error of the calls this tensor is made of; `T` is not the tensor's dtype; the device failed.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, Error> {
        self.check()?;
        self.matches::<T>()?;
        T::read(&storage(self)?).ok_or_else(|| self.mismatch::<T>())
    }

    /// As [`to_vec`](Tensor::to_vec), without blocking the thread.
    ///
    /// # Errors
    /// As [`to_vec`](Tensor::to_vec).
    pub async fn to_vec_async<T: Element>(&self) -> Result<Vec<T>, Error> {
        self.matches::<T>()?;
        let data = match (&self.device().inner().backend, self.buffer()?) {
            (Backend::Gpu(gpu), Buffer::Gpu(buffer)) => {
                words(gpu.read_async(&buffer, self.bytes()).await?, self.dtype())
            }
            _ => storage(self)?,
        };
        T::read(&data).ok_or_else(|| self.mismatch::<T>())
    }

    /// The value of a tensor of one element, as f32. Evaluates the tensor if need be and waits for the device.
    ///
    /// # Errors
    /// As [`to_vec`](Tensor::to_vec); the tensor has not one element.
    pub fn item(&self) -> Result<f32, Error> {
        self.item_f64().map(|value| value as f32)
    }

    /// As [`item`](Tensor::item), as f64, which holds every value of every dtype.
    ///
    /// # Errors
    /// As [`item`](Tensor::item).
    pub fn item_f64(&self) -> Result<f64, Error> {
        self.check()?;
        if self.numel() != 1 {
            let message = format!("the tensor has shape {}, not one element", self.shape());
            return Err(Error::invalid("item", message));
        }
        Ok(match storage(self)? {
            Storage::F32(v) => f64::from(v.first().copied().unwrap_or_default()),
            Storage::F64(v) => v.first().copied().unwrap_or_default(),
            Storage::F16(v) => v.first().copied().unwrap_or_default().to_f64(),
            Storage::I32(v) => f64::from(v.first().copied().unwrap_or_default()),
            Storage::U32(v) => f64::from(v.first().copied().unwrap_or_default()),
        })
    }

    fn matches<T: Element>(&self) -> Result<(), Error> {
        self.check()?;
        if T::DTYPE == self.dtype() { Ok(()) } else { Err(self.mismatch::<T>()) }
    }

    fn mismatch<T: Element>(&self) -> Error {
        let message = format!("the tensor is {}, not {}; to_dtype converts", self.dtype(), T::DTYPE);
        Error::invalid("to_vec", message)
    }

    /// Bytes of the value in device memory.
    pub fn bytes(&self) -> usize {
        self.numel().saturating_mul(self.dtype().size())
    }
}

/// The value in host storage.
pub(crate) fn storage(tensor: &Tensor) -> Result<Storage, Error> {
    match (&tensor.device().inner().backend, tensor.buffer()?) {
        (_, Buffer::Cpu(buffer)) => Ok(buffer.storage().clone()),
        (Backend::Gpu(gpu), Buffer::Gpu(buffer)) => {
            Ok(words(gpu.read(&buffer, tensor.bytes())?, tensor.dtype()))
        }
        _ => Err(Error::invalid("read", "the value is not on its device")),
    }
}

fn words(bytes: Vec<u8>, dtype: DType) -> Storage {
    // the bytes may lie at any address, so words are collected one by one where a cast does not fit
    match dtype {
        DType::F32 => Storage::F32(bytemuck::pod_collect_to_vec(&bytes)),
        DType::F16 => Storage::F16(bytemuck::pod_collect_to_vec(&bytes)),
        DType::I32 => Storage::I32(bytemuck::pod_collect_to_vec(&bytes)),
        _ => Storage::U32(bytemuck::pod_collect_to_vec(&bytes)),
    }
}
