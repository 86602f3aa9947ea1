//! Values side by side in memory.

use anygrad_layout::DType;

use crate::device::{Backend, Buffer};
use crate::error::Error;
use crate::tensor::State;
use crate::{Device, Tensor};

/// Moves the values of `tensors` side by side in memory: on a GPU, a kernel that overwrites all of them then binds one
/// buffer, so an optimizer's step over many parameters takes few dispatches. They stay the tensors that they are.
/// Those that are pending are evaluated first.
///
/// Only f32 values on a GPU are moved, and only if there are two at least. Their memory is given back when the last of
/// them is gone.
///
/// ```
/// use anygrad_graph::{Device, Tensor, pack};
/// let device = Device::cpu();
/// let (a, b) = (Tensor::ones([3], &device), Tensor::zeros([2, 2], &device));
/// pack(&[&a, &b])?;
/// assert_eq!(a.to_vec::<f32>()?, [1.0; 3]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
///
/// # Errors
/// A tensor is poisoned or cannot be computed; the device is out of memory or lost. Then they are where they were.
pub fn pack(tensors: &[&Tensor]) -> Result<(), Error> {
    let mut devices: Vec<Device> = Vec::new();
    for tensor in tensors {
        tensor.buffer()?;
        if !tensor.device().is_cpu() && !devices.contains(tensor.device()) {
            devices.push(tensor.device().clone());
        }
    }
    devices.iter().try_for_each(|device| pack_on(device, tensors))
}

fn pack_on(device: &Device, tensors: &[&Tensor]) -> Result<(), Error> {
    let Backend::Gpu(gpu) = &device.inner().backend else { return Ok(()) };
    // no run meanwhile: it would hold the memory that they leave
    let _plans = device.inner().plans();
    let mut moved: Vec<&Tensor> = Vec::new();
    let mut buffers = Vec::new();
    for &tensor in tensors {
        let fits = tensor.device() == device && tensor.dtype() == DType::F32 && tensor.numel() > 0;
        if !fits || moved.iter().any(|other| other.is(tensor)) {
            continue;
        }
        if let State::Ready(Buffer::Gpu(buffer), _) = &*tensor.0.state() {
            buffers.push(buffer.clone());
            moved.push(tensor);
        }
    }
    if moved.len() < 2 {
        return Ok(());
    }
    for (tensor, buffer) in moved.into_iter().zip(gpu.pack(&buffers)?) {
        if let State::Ready(place, _) = &mut *tensor.0.state() {
            *place = Buffer::Gpu(buffer);
        }
    }
    Ok(())
}

impl Tensor {
    /// Whether the value lies side by side with others in memory; see [`pack`].
    pub fn is_packed(&self) -> bool {
        matches!(&*self.0.state(), State::Ready(Buffer::Gpu(buffer), _) if buffer.block().is_some())
    }
}
