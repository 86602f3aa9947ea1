//! Where tensors are computed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use anygrad_device::{AdapterKind, Gpu, Options, adapters};

use crate::error::Error;
use crate::plan::Cache;

/// Where tensors are computed and held: the CPU, or a GPU reached through wgpu. Cloning is cheap; two handles
/// are equal if they are the same open device.
///
/// ```
/// use anygrad_graph::Device;
/// let device = Device::cpu();
/// assert!(device.to_string().starts_with("CPU"));
/// ```
#[derive(Clone)]
pub struct Device(Arc<Inner>);

pub(crate) struct Inner {
    pub backend: Backend,
    why: String,
    /// Also the lock that runs take turns by; every handle of the CPU has the same one, since their tensors mix.
    pub plans: Arc<Mutex<Cache>>,
    pub hits: AtomicU64,
    pub misses: AtomicU64,
}

pub(crate) enum Backend {
    Cpu(anygrad_cpu::Host),
    Gpu(Gpu),
}

/// A value in the memory of its device.
#[derive(Clone)]
pub(crate) enum Buffer {
    Cpu(anygrad_cpu::Buffer),
    Gpu(anygrad_device::Buffer),
}

impl Buffer {
    pub fn is_unique(&self) -> bool {
        match self {
            Self::Cpu(buffer) => buffer.is_unique(),
            Self::Gpu(buffer) => buffer.is_unique(),
        }
    }
}

/// Why a device runs that was named by the user.
const ASKED: &str = "asked for by name";

/// What a device has done and holds, for tests and profiles; see [`Device::stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of tensors and temporaries in use.
    pub live_bytes: usize,
    /// Bytes kept for reuse.
    pub pooled_bytes: usize,
    /// The most bytes that were in use at once, since [`Device::reset_peak`] if that was called.
    pub peak_bytes: usize,
    /// Programs that were found in the plan cache.
    pub plan_hits: u64,
    /// Programs that had to be planned.
    pub plan_misses: u64,
    /// GPU pipelines compiled.
    pub pipelines: u64,
    /// GPU kernels dispatched.
    pub dispatches: u64,
    /// Command buffers handed to the GPU.
    pub submits: u64,
}

impl Device {
    /// The CPU of this machine. Every call gives the same device.
    pub fn cpu() -> Self {
        static CPU: OnceLock<Device> = OnceLock::new();
        CPU.get_or_init(|| {
            let host = anygrad_cpu::Host::new();
            Self::new(Backend::Cpu(host), "chosen by the program".into(), Arc::default())
        })
        .clone()
    }

    /// The best device of this machine: a GPU if there is one, else the CPU. A software Vulkan adapter is
    /// slower than the CPU backend and is used only on request ([`Device::software`]).
    ///
    /// `ANYGRAD_DEVICE=auto|cpu|gpu|gpu:1|software` overrides the choice. [`Device::why`] says what was chosen
    /// and why.
    ///
    /// # Errors
    /// An unknown value of `ANYGRAD_DEVICE`, or a GPU that was asked for and cannot be opened.
    pub fn auto() -> Result<Self, Error> {
        match std::env::var("ANYGRAD_DEVICE") {
            Ok(name) if !name.is_empty() && name != "auto" => {
                let device = Self::from_name(&name)?;
                Ok(device.because(format!("ANYGRAD_DEVICE={name}")))
            }
            _ => Self::best(),
        }
    }

    fn best() -> Result<Self, Error> {
        let found = adapters();
        let gpu = found.iter().position(|a| a.kind != AdapterKind::Cpu);
        match gpu {
            Some(index) => match Self::open(index) {
                Ok(device) => Ok(device.because("the first GPU found".into())),
                Err(error) => {
                    log::warn!("the GPU could not be opened, the CPU is used: {error}");
                    Ok(Self::cpu().because(format!("the GPU could not be opened: {error}")))
                }
            },
            None if found.is_empty() => Ok(Self::cpu().because("no GPU was found".into())),
            None => Ok(Self::cpu().because(format!(
                "no GPU was found; the software adapter {} is slower, ask for it by name",
                found.first().map(|a| a.name.as_str()).unwrap_or_default()
            ))),
        }
    }

    /// The GPU number `index`, counted from 0 over the real GPUs, best first.
    ///
    /// # Errors
    /// There is no such GPU, or it cannot be opened; the message lists what was found.
    pub fn gpu(index: usize) -> Result<Self, Error> {
        let found = adapters();
        let at =
            found.iter().enumerate().filter(|(_, a)| a.kind != AdapterKind::Cpu).map(|(i, _)| i).nth(index);
        match at {
            Some(at) => Self::open(at),
            None => {
                Err(Error::invalid("device", format!("there is no GPU {index}; found: {}", list(&found))))
            }
        }
    }

    /// A software implementation of Vulkan (lavapipe, SwiftShader), for testing GPU programs without a GPU.
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub fn software() -> Result<Self, Error> {
        let found = adapters();
        match found.iter().position(|a| a.kind == AdapterKind::Cpu) {
            Some(at) => Self::open(at),
            None => Err(Error::invalid(
                "device",
                format!("there is no software Vulkan adapter; found: {}", list(&found)),
            )),
        }
    }

    /// The device called `name`: `auto`, `cpu`, `gpu`, `gpu:1`, `software`.
    ///
    /// # Errors
    /// An unknown name, or a device that is not there.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        match name {
            "auto" => Self::auto(),
            "cpu" => Ok(Self::cpu().because(ASKED.into())),
            "gpu" => Ok(Self::gpu(0)?.because(ASKED.into())),
            "software" => Ok(Self::software()?.because(ASKED.into())),
            _ => match name.strip_prefix("gpu:").and_then(|n| n.parse().ok()) {
                Some(index) => Ok(Self::gpu(index)?.because(ASKED.into())),
                None => Err(Error::invalid(
                    "device",
                    format!("unknown device \"{name}\"; it is one of auto, cpu, gpu, gpu:N, software"),
                )),
            },
        }
    }

    /// Opens the adapter at `index` of [`adapters`] with `options`; [`Device::gpu`] is the plain way.
    ///
    /// # Errors
    /// The adapter is not there or cannot be opened.
    pub fn open_with(index: usize, options: &Options) -> Result<Self, Error> {
        let gpu = Gpu::open(index, options)?;
        Ok(Self::new(Backend::Gpu(gpu), "chosen by the program".into(), Arc::default()))
    }

    fn open(index: usize) -> Result<Self, Error> {
        Self::open_with(index, &Options::default())
    }

    fn new(backend: Backend, why: String, plans: Arc<Mutex<Cache>>) -> Self {
        Self(Arc::new(Inner { backend, why, plans, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }))
    }

    fn because(self, why: String) -> Self {
        let plans = self.0.plans.clone();
        match &self.0.backend {
            Backend::Cpu(host) => Self::new(Backend::Cpu(host.clone()), why, plans),
            Backend::Gpu(gpu) => Self::new(Backend::Gpu(gpu.clone()), why, plans),
        }
    }

    /// Why this device was chosen, in a few words.
    pub fn why(&self) -> &str {
        &self.0.why
    }

    /// Whether this is the CPU backend.
    pub fn is_cpu(&self) -> bool {
        matches!(self.0.backend, Backend::Cpu(_))
    }

    /// Gives memory that was freed and is kept for later back, to the driver or the system: between a training and
    /// something else that needs it. What comes next allocates anew.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// drop(Tensor::ones([1000], &device).detached()?);
    /// device.trim();
    /// assert!(device.stats().pooled_bytes < 1 << 30);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    pub fn trim(&self) {
        match &self.0.backend {
            Backend::Cpu(host) => host.trim(),
            Backend::Gpu(gpu) => gpu.trim(),
        }
    }

    /// Begins to look for [`Stats::peak_bytes`] anew, to see what a part of a program takes.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor, explain};
    /// let device = Device::cpu();
    /// let x = Tensor::ones([1000], &device).detached()?;
    /// let y = x.exp().sum_all();
    /// let expected = explain(&[&y])?;
    /// let before = device.stats().live_bytes;
    /// device.reset_peak();
    /// y.item()?;
    /// assert_eq!(device.stats().peak_bytes - before, expected.temporary_bytes);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    pub fn reset_peak(&self) {
        match &self.0.backend {
            Backend::Cpu(host) => host.reset_peak(),
            Backend::Gpu(gpu) => gpu.reset_peak(),
        }
    }

    /// What this device has done and holds.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            plan_hits: self.0.hits.load(Ordering::Relaxed),
            plan_misses: self.0.misses.load(Ordering::Relaxed),
            ..Stats::default()
        };
        match &self.0.backend {
            Backend::Cpu(host) => {
                let memory = host.memory();
                stats.live_bytes = memory.live_bytes;
                stats.pooled_bytes = memory.pooled_bytes;
                stats.peak_bytes = memory.peak_bytes;
            }
            Backend::Gpu(gpu) => {
                let (memory, counters) = (gpu.memory(), gpu.counters());
                stats.live_bytes = memory.live_bytes as usize;
                stats.pooled_bytes = memory.pooled_bytes as usize;
                stats.peak_bytes = memory.peak_bytes as usize;
                stats.pipelines = counters.pipelines;
                stats.dispatches = counters.dispatches;
                stats.submits = counters.submits;
            }
        }
        stats
    }

    /// Waits until the device has finished all work given to it.
    ///
    /// # Errors
    /// The device was lost, or did not finish within its time limit.
    pub fn wait(&self) -> Result<(), Error> {
        match &self.0.backend {
            Backend::Cpu(_) => Ok(()),
            Backend::Gpu(gpu) => Ok(gpu.wait()?),
        }
    }

    /// The GPU behind this device, if it is one: adapter data, limits, counters.
    pub fn as_gpu(&self) -> Option<&Gpu> {
        match &self.0.backend {
            Backend::Cpu(_) => None,
            Backend::Gpu(gpu) => Some(gpu),
        }
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    pub fn plans(&self) -> MutexGuard<'_, Cache> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(found: &[anygrad_device::AdapterInfo]) -> String {
    if found.is_empty() {
        return "no adapter at all".into();
    }
    found.iter().map(|a| a.to_string()).collect::<Vec<_>>().join("; ")
}

/// Two CPU handles are equal however they were chosen: both hold their values in host memory.
impl PartialEq for Device {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0.backend, &other.0.backend) {
            (Backend::Cpu(_), Backend::Cpu(_)) => true,
            _ => Arc::ptr_eq(&self.0, &other.0),
        }
    }
}

impl Eq for Device {}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.backend {
            Backend::Cpu(host) => write!(f, "CPU ({})", host.description()),
            Backend::Gpu(gpu) => write!(f, "{}", gpu.info()),
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Device({self})")
    }
}
