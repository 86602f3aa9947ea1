//! Values side by side in memory.

use anygrad_layout::DType;

use crate::device::{Backend, Buffer};
use crate::error::Error;
use crate::tensor::State;
use crate::{Device, Tensor};

/// The same values, side by side in memory: on a GPU, a kernel that overwrites all of them then binds one buffer. So an
/// optimizer's step over many parameters takes few dispatches. `tensors` are evaluated first if need be.
///
/// Only f32 values on a GPU are moved, and only if there are two at least; all others come back as they are, as
/// handles without a history.
///
/// ```
/// use anygrad_graph::{Device, Tensor, pack};
/// let device = Device::cpu();
/// let (a, b) = (Tensor::ones([3], &device), Tensor::zeros([2, 2], &device));
/// let packed = pack(&[&a, &b])?;
/// assert_eq!(packed[0].to_vec::<f32>()?, [1.0; 3]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
///
/// # Errors
/// A tensor is poisoned or cannot be computed; the device is out of memory or lost.
pub fn pack(tensors: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
    let mut packed = tensors.iter().map(|tensor| tensor.detached()).collect::<Result<Vec<_>, _>>()?;
    let mut devices: Vec<Device> = Vec::new();
    for tensor in tensors {
        if !tensor.device().is_cpu() && !devices.contains(tensor.device()) {
            devices.push(tensor.device().clone());
        }
    }
    for device in devices {
        let Backend::Gpu(gpu) = &device.inner().backend else { continue };
        let fits = |t: &Tensor| t.device() == &device && t.dtype() == DType::F32 && t.numel() > 0;
        let places: Vec<usize> = (0..packed.len()).filter(|&at| fits(&packed[at])).collect();
        if places.len() < 2 {
            continue;
        }
        let mut buffers = Vec::with_capacity(places.len());
        for &at in &places {
            if let Buffer::Gpu(buffer) = packed[at].buffer()? {
                buffers.push(buffer);
            }
        }
        for (at, buffer) in places.into_iter().zip(gpu.pack(&buffers)?) {
            packed[at] = packed[at].moved(Buffer::Gpu(buffer));
        }
    }
    Ok(packed)
}

impl Tensor {
    /// Whether the value lies side by side with others in memory; see [`pack`].
    pub fn is_packed(&self) -> bool {
        matches!(&*self.0.state(), State::Ready(Buffer::Gpu(buffer), _) if buffer.block().is_some())
    }
}
