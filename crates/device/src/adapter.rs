//! Which GPUs there are.

use std::fmt;
use std::sync::OnceLock;

use crate::DeviceError;

/// What sort of processor an adapter is, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AdapterKind {
    /// A graphics card with memory of its own.
    Discrete,
    /// A GPU that shares the memory of the CPU.
    Integrated,
    /// A GPU seen through a virtual machine.
    Virtual,
    /// Something the driver does not name.
    Other,
    /// A driver that runs shaders on the CPU: lavapipe, SwiftShader, WARP.
    Cpu,
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Cpu => "software",
        })
    }
}

/// What is known of an adapter before it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterInfo {
    /// The name the driver gives, for instance `NVIDIA H200`.
    pub name: String,
    /// `Vulkan`, `Metal` or `Dx12`.
    pub backend: String,
    /// What sort of processor it is.
    pub kind: AdapterKind,
    /// The driver and its version, as far as the driver tells.
    pub driver: String,
    /// PCI vendor, or what the backend puts in its place.
    pub vendor: u32,
    /// Threads that run in lockstep, least and most.
    pub subgroup_size: (u32, u32),
}

impl fmt::Display for AdapterInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {}", self.name, self.kind, self.backend)?;
        if !self.driver.is_empty() {
            write!(f, ", {}", self.driver)?;
        }
        f.write_str(")")
    }
}

impl AdapterInfo {
    fn new(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        let kind = match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Cpu => AdapterKind::Cpu,
            wgpu::DeviceType::Other => AdapterKind::Other,
        };
        let driver = [info.driver.as_str(), info.driver_info.as_str()];
        let driver = driver.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        Self {
            name: info.name,
            backend: format!("{:?}", info.backend),
            kind,
            driver,
            vendor: info.vendor,
            subgroup_size: (info.subgroup_min_size, info.subgroup_max_size),
        }
    }
}

/// The GPUs of this machine, the best kind first and software drivers last. A place in this list is what
/// [`Gpu::open`](crate::Gpu::open) takes. Empty where no driver is installed.
pub fn adapters() -> Vec<AdapterInfo> {
    found().into_iter().map(|(info, _)| info).collect()
}

/// The adapter at `index` of [`adapters`].
pub(crate) fn adapter(index: usize) -> Result<(AdapterInfo, wgpu::Adapter), DeviceError> {
    let mut found = found();
    if index < found.len() {
        return Ok(found.swap_remove(index));
    }
    let names = found.iter().map(|(info, _)| info.to_string()).collect::<Vec<_>>().join("; ");
    let found =
        if names.is_empty() { "no driver for Vulkan, Metal or DX12 reports any".into() } else { names };
    Err(DeviceError::NoAdapter { wanted: format!("at index {index}"), found })
}

/// One instance a process: making one loads the drivers anew, 20 to 60 ms.
fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| {
        let mut description = wgpu::InstanceDescriptor::new_without_display_handle();
        // The driver's own validation is for finding faults in wgpu: WGPU_VALIDATION=1 turns it on.
        description.flags = wgpu::InstanceFlags::empty();
        wgpu::Instance::new(description.with_env())
    })
}

fn found() -> Vec<(AdapterInfo, wgpu::Adapter)> {
    if wgpu::Instance::enabled_backend_features().is_empty() {
        return Vec::new(); // Instance::new would panic on such a platform
    }
    let adapters = pollster::block_on(instance().enumerate_adapters(wgpu::Backends::all()));
    let computes = |adapter: &wgpu::Adapter| adapter.limits().max_compute_workgroups_per_dimension > 0;
    let adapters = adapters.into_iter().filter(computes);
    let mut found: Vec<_> = adapters.map(|adapter| (AdapterInfo::new(&adapter), adapter)).collect();
    // The sort is stable, so adapters of one kind keep the order of their driver.
    found.sort_by_key(|(info, _)| info.kind);
    found
}
