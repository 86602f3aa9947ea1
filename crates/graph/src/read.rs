//! Reading values back to the host.

use std::fmt;

use anygrad_cpu::Storage;
use anygrad_device::Reading;
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

    /// As [`to_vec`](Tensor::to_vec), in two parts: the value is copied now, and waited for when it is needed. What is
    /// evaluated in between keeps the device busy, and is not waited for.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let mut weight = Tensor::ones([2], &device);
    /// let mut losses = Vec::new();
    /// for _ in 0..3 {
    ///     let loss = weight.square().sum_all();
    ///     losses.push(loss.to_vec_later::<f32>()?); // returns at once
    ///     weight = (&weight * 0.5).detached()?; // the next step begins
    /// }
    /// let losses = losses.into_iter().map(|loss| loss.wait()).collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(losses, [[2.0], [0.5], [0.125]]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`to_vec`](Tensor::to_vec), but for those of waiting.
    pub fn to_vec_later<T: Element>(&self) -> Result<Later<Vec<T>>, Error> {
        self.matches::<T>()?;
        let finish = |data: &Storage| T::read(data).unwrap_or_default();
        Ok(Later { source: Source::of(self)?, finish })
    }

    /// As [`item`](Tensor::item), in two parts; see [`to_vec_later`](Tensor::to_vec_later).
    ///
    /// # Errors
    /// As [`item`](Tensor::item), but for those of waiting.
    pub fn item_later(&self) -> Result<Later<f32>, Error> {
        self.one_element()?;
        Ok(Later { source: Source::of(self)?, finish: |data| first(data) as f32 })
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
        self.one_element()?;
        Ok(first(&storage(self)?))
    }

    fn one_element(&self) -> Result<(), Error> {
        self.check()?;
        if self.numel() == 1 {
            return Ok(());
        }
        let message = format!("the tensor has shape {}, not one element", self.shape());
        Err(Error::invalid("item", message))
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

/// A value on its way to the host; see [`Tensor::to_vec_later`]. Dropped, it is a read that nobody asked for.
#[must_use = "a value on its way is there for whoever waits for it"]
pub struct Later<T> {
    source: Source,
    finish: fn(&Storage) -> T,
}

enum Source {
    Here(Storage),
    Gpu(Reading, DType),
}

impl Source {
    fn of(tensor: &Tensor) -> Result<Self, Error> {
        Ok(match (&tensor.device().inner().backend, tensor.buffer()?) {
            (Backend::Gpu(gpu), Buffer::Gpu(buffer)) => {
                Source::Gpu(gpu.read_later(&buffer, tensor.bytes())?, tensor.dtype())
            }
            _ => Source::Here(storage(tensor)?),
        })
    }
}

impl<T> Later<T> {
    /// Whether the value is here, so that [`wait`](Later::wait) does not block.
    pub fn is_here(&self) -> bool {
        match &self.source {
            Source::Here(_) => true,
            Source::Gpu(reading, _) => reading.is_done(),
        }
    }

    /// The value, once it is here. What was evaluated after it is not waited for.
    ///
    /// # Errors
    /// The device failed, or did not finish within its time limit.
    pub fn wait(self) -> Result<T, Error> {
        let data = match self.source {
            Source::Here(data) => data,
            Source::Gpu(reading, dtype) => words(reading.wait()?, dtype),
        };
        Ok((self.finish)(&data))
    }
}

impl<T> fmt::Debug for Later<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_here() { "Later(here)" } else { "Later(on its way)" })
    }
}

/// The first element, 0 if there is none.
fn first(data: &Storage) -> f64 {
    match data {
        Storage::F32(v) => f64::from(v.first().copied().unwrap_or_default()),
        Storage::F64(v) => v.first().copied().unwrap_or_default(),
        Storage::F16(v) => v.first().copied().unwrap_or_default().to_f64(),
        Storage::I32(v) => f64::from(v.first().copied().unwrap_or_default()),
        Storage::U32(v) => f64::from(v.first().copied().unwrap_or_default()),
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

/// The elements as f64, which holds every value of every dtype.
pub(crate) fn as_f64(data: &Storage) -> Vec<f64> {
    match data {
        Storage::F32(v) => v.iter().copied().map(f64::from).collect(),
        Storage::F64(v) => v.to_vec(),
        Storage::F16(v) => v.iter().copied().map(f64::from).collect(),
        Storage::I32(v) => v.iter().copied().map(f64::from).collect(),
        Storage::U32(v) => v.iter().copied().map(f64::from).collect(),
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
