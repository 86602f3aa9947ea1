//! On which devices tests run.

use anygrad_graph::Device;

/// The CPU, and a GPU (or a driver that plays one) unless `ANYGRAD_GPU=off`; there has to be one for `require`.
pub fn devices() -> Vec<Device> {
    let wish = std::env::var("ANYGRAD_GPU").unwrap_or_default();
    let gpu = match wish.as_str() {
        "off" => None,
        "require" => Some(Device::gpu(0).or_else(|_| Device::software()).unwrap()),
        _ => Device::gpu(0).or_else(|_| Device::software()).ok(),
    };
    std::iter::once(Device::cpu()).chain(gpu).collect()
}
