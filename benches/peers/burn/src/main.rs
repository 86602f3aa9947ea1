//! Burn as a contestant: its backends for the CPU (`flex`, which it recommends, and `ndarray`, the one before), and its
//! wgpu backend, on Vulkan, with fusion and autotune.
//!
//! Flex and ndarray have finished when an operation returns. On wgpu operations are queued: every run ends with
//! `Device::sync`, which runs what is queued and waits for the device, while the results are still held; a fused kernel
//! would not write what nobody holds.

mod kernels;
mod models;
#[path = "../../protocol.rs"]
mod protocol;
mod steps;

use burn::tensor::Device;

fn main() {
    protocol::play(|device, kind, sizes| {
        let device = match device {
            #[cfg(feature = "cpu")]
            "flex" => Device::flex(),
            #[cfg(feature = "cpu")]
            #[allow(deprecated)]
            "ndarray" => Device::ndarray(),
            #[cfg(feature = "wgpu")]
            "wgpu" => Device::vulkan(burn::tensor::DeviceKind::DefaultDevice),
            _ => panic!("no device is called {device}"),
        };
        steps::step(kind, &device).or_else(|| kernels::kernel(kind, sizes, &device))
    });
}
