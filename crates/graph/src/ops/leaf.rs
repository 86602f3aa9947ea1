//! Where values come from: host memory, run-time numbers, and counting.

use std::panic::Location;

use anygrad_cpu::{Storage, View};
use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use crate::device::{Backend, Buffer, Device};
use crate::error::{Error, OpError};
use crate::op::{Kind, Meta, Op, OpRef};
use crate::scope;
use crate::{Element, Tensor};

/// A value that exists already.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Leaf;

impl Op for Leaf {
    fn name(&self) -> &'static str {
        "leaf"
    }
    fn kind(&self) -> Kind {
        Kind::Leaf
    }
    fn infer(&self, _: &[&Meta]) -> Result<Meta, String> {
        Err("a leaf is not recorded".into())
    }
}

/// A scalar that is given to each run, and no part of the program: a learning rate, a seed, a constant.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Number;

impl Op for Number {
    fn name(&self) -> &'static str {
        "number"
    }
    fn kind(&self) -> Kind {
        Kind::Number
    }
    fn infer(&self, _: &[&Meta]) -> Result<Meta, String> {
        Err("a number is not recorded".into())
    }
}

/// The u32 numbers 0, 1, 2 … along one axis. Never stored: views of it are index arithmetic.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Iota;

impl Op for Iota {
    fn name(&self) -> &'static str {
        "iota"
    }
    fn kind(&self) -> Kind {
        Kind::Iota
    }
    fn infer(&self, _: &[&Meta]) -> Result<Meta, String> {
        Err("iota is not recorded".into())
    }
}

impl Tensor {
    /// A tensor of `shape` with the elements of `data` in row-major order, copied to the device.
    ///
    /// Poisoned if the number of elements is not that of `shape`, or if the device cannot hold it: f64 lives on
    /// the CPU only.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let t = Tensor::from_slice(&[1, 2, 3, 4, 5, 6], [2, 3], &device);
    /// assert_eq!(t.to_vec::<i32>()?, [1, 2, 3, 4, 5, 6]);
    /// assert!(Tensor::from_slice(&[1.0f32], [2], &device).check().is_err());
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn from_slice<T: Element>(data: &[T], shape: impl Into<Shape>, device: &Device) -> Tensor {
        let (shape, site) = (shape.into(), scope::site(Location::caller()));
        if shape.checked_numel() != Some(data.len()) {
            let message = format!("shape {shape} does not hold {} elements", data.len());
            let error = OpError::at("from_slice", message, site);
            return Self::poisoned(device, error, site);
        }
        if !crate::tensor::countable(&shape) {
            let message = format!("shape {shape} has more than 2^32 elements, or would but for a size of 0");
            return Self::poisoned(device, OpError::at("from_slice", message, site), site);
        }
        match upload(device, data) {
            Ok(buffer) => Self::ready(Meta::new(shape, T::DTYPE), device, buffer, T::bounds(data), site),
            Err(error) => Self::poisoned(device, too_large("from_slice", &shape, error, site), site),
        }
    }

    /// A scalar that is given anew to each run. Two programs that differ only in their numbers share a plan, so
    /// a learning rate or a seed can change from step to step without a compilation.
    ///
    /// For an integer dtype the value is cut towards zero, NaN is 0, and what is out of range wraps, so that −1
    /// added to a u32 tensor is one less.
    #[track_caller]
    pub fn number(value: f64, dtype: DType, device: &Device) -> Tensor {
        let value = match dtype {
            DType::I32 => f64::from(value as i64 as i32),
            DType::U32 => f64::from(value as i64 as u32),
            _ => value,
        };
        let site = scope::site(Location::caller());
        if dtype == DType::F64 && !device.is_cpu() {
            return Self::poisoned(device, no_f64(device), site);
        }
        let meta = Meta { shape: Shape::scalar(), dtype };
        Self::pending(meta, device, OpRef::Static(&Number), SmallVec::new(), value, site)
    }

    /// Every element is `value`; takes no memory until a kernel needs it.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: f64, dtype: DType, device: &Device) -> Tensor {
        Self::number(value, dtype, device).expand(shape)
    }

    /// f32 zeros.
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>, device: &Device) -> Tensor {
        Self::full(shape, 0.0, DType::F32, device)
    }

    /// f32 ones.
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>, device: &Device) -> Tensor {
        Self::full(shape, 1.0, DType::F32, device)
    }

    /// Zeros of this tensor's shape, dtype and device.
    #[track_caller]
    pub fn zeros_like(&self) -> Tensor {
        Self::full(self.shape(), 0.0, self.dtype(), self.device())
    }

    /// Ones of this tensor's shape, dtype and device.
    #[track_caller]
    pub fn ones_like(&self) -> Tensor {
        Self::full(self.shape(), 1.0, self.dtype(), self.device())
    }

    /// The u32 numbers `0, 1 … count − 1`. Takes no memory.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::iota(6, &Device::cpu()).reshape([2, 3]).permute(&[1, 0]);
    /// assert_eq!(t.to_vec::<u32>()?, [0, 3, 1, 4, 2, 5]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn iota(count: usize, device: &Device) -> Tensor {
        let meta = Meta::new([count], DType::U32);
        let site = scope::site(Location::caller());
        if count > u32::MAX as usize {
            let error = Error::invalid("iota", format!("{count} does not fit in u32"));
            return Self::poisoned(device, error, site);
        }
        Self::pending(meta, device, OpRef::Static(&Iota), SmallVec::new(), 0.0, site)
    }

    /// The value on another device (a copy through host memory), or this tensor if it is there already. A copy is
    /// evaluated at once and has no history: gradients stop there.
    #[track_caller]
    pub fn to(&self, device: &Device) -> Tensor {
        let site = scope::site(Location::caller());
        if self.device() == device {
            return self.clone();
        }
        match crate::read::storage(self).and_then(|data| send(device, &data)) {
            Ok(buffer) => Self::ready(self.0.meta.clone(), device, buffer, self.0.bounds, site),
            Err(error) => Self::poisoned(device, too_large("to", self.shape(), error, site), site),
        }
    }
}

/// The error of an upload, with the call if it is the call that is wrong.
fn too_large(op: &'static str, shape: &Shape, error: Error, site: &'static Location<'static>) -> Error {
    match &error {
        Error::Device(device) if matches!(**device, anygrad_device::DeviceError::TooLarge { .. }) => {
            OpError::at(op, format!("{shape} for {device}"), site)
        }
        _ => error,
    }
}

fn no_f64(device: &Device) -> Error {
    Error::invalid("dtype", format!("f64 is computed on the CPU device only, not on {device}"))
}

/// The elements in a buffer of the device, from its pool: a loop that uploads a batch a step stays flat in memory.
fn upload<T: Element>(device: &Device, data: &[T]) -> Result<Buffer, Error> {
    match &device.inner().backend {
        Backend::Cpu(host) => {
            let mut storage = host.alloc(T::DTYPE, data.len())?;
            T::write(data, &mut storage)
                .ok_or_else(|| Error::invalid("from_slice", "storage of another dtype was allocated"))?;
            Ok(Buffer::Cpu(anygrad_cpu::Buffer::new(host, storage)))
        }
        Backend::Gpu(_) => send(device, &T::storage(data)),
    }
}

/// Host storage in a buffer of the device.
fn send(device: &Device, data: &Storage) -> Result<Buffer, Error> {
    match (&device.inner().backend, data) {
        (Backend::Cpu(host), _) => {
            let layout = Layout::contiguous([data.len()]);
            let storage = anygrad_cpu::copy(host, View { data, layout: &layout })?;
            Ok(Buffer::Cpu(anygrad_cpu::Buffer::new(host, storage)))
        }
        (Backend::Gpu(_), Storage::F64(_)) => Err(no_f64(device)),
        (Backend::Gpu(gpu), _) => Ok(Buffer::Gpu(gpu.upload(data.as_bytes())?)),
    }
}

/// The dense layout of a whole tensor.
pub(crate) fn dense(shape: &Shape) -> Layout {
    Layout::contiguous(shape.clone())
}
