//! An open device.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::adapter::{self, AdapterInfo, AdapterKind};
use crate::binds::BindCaches;
use crate::counters::CounterCells;
use crate::fault::Faults;
use crate::guard::{Guards, guard_bytes};
use crate::kernel_cache::{KernelCache, Kernels};
use crate::pipeline::Pipelines;
use crate::pool::Pool;
use crate::transfer::Transfers;
use crate::waiting::Waiting;
use crate::{Caps, Choices, Counters, DeviceError, Memory};

/// How a device is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Keeps the bounds and loop checks that wgpu adds to shaders. The kernels of this crate own their bounds,
    /// so normal use goes without; tests go with.
    pub checked_shaders: bool,
    /// Surrounds every buffer with a pattern that [`Gpu::check_guards`] verifies. For tests: it costs memory
    /// and two writes a buffer.
    pub guard_bands: bool,
    /// How long to wait for one submission before that is an error. 60 seconds by default.
    pub timeout: Duration,
    /// Most bytes a kernel can bind of one buffer, where that is less than what the adapter can do. For tests of
    /// what a smaller adapter says.
    pub buffer_bytes: Option<u64>,
    /// How many compiled kernels are kept for programs to come, besides those of the plans that are kept anyway. 1024
    /// by default. A device that meets ever new programs would otherwise grow without end.
    pub pipelines: usize,
    /// Whether a software adapter is given the kernels of a GPU. For tests of what no GPU is at hand for: they are slow
    /// there, and sums of more than 65,535 terms may be wrong.
    pub as_hardware: bool,
    /// Where compiled kernels are kept for the next process: in the user's cache folder by default, which this crate
    /// writes to.
    pub kernel_cache: KernelCache,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checked_shaders: false,
            guard_bands: false,
            timeout: Duration::from_secs(60),
            buffer_bytes: None,
            pipelines: 1024,
            as_hardware: false,
            kernel_cache: KernelCache::User,
        }
    }
}

impl Options {
    /// With wgpu's checks in shaders, or without.
    pub fn checked_shaders(mut self, on: bool) -> Self {
        self.checked_shaders = on;
        self
    }

    /// With the kernels of a GPU on a software adapter, or without.
    pub fn as_hardware(mut self, on: bool) -> Self {
        self.as_hardware = on;
        self
    }

    /// With guard bands around buffers, or without.
    pub fn guard_bands(mut self, on: bool) -> Self {
        self.guard_bands = on;
        self
    }

    /// With buffers of at most this many bytes.
    pub fn buffer_bytes(mut self, most: u64) -> Self {
        self.buffer_bytes = Some(most);
        self
    }

    /// With another time to wait.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With compiled kernels kept elsewhere, or not at all, for the next process.
    pub fn kernel_cache(mut self, place: KernelCache) -> Self {
        self.kernel_cache = place;
        self
    }

    /// With another number of compiled kernels to keep.
    pub fn pipelines(mut self, most: usize) -> Self {
        self.pipelines = most;
        self
    }
}

/// What an open device can do beyond [`Caps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Most bytes of one buffer that a kernel can bind.
    pub buffer_bytes: u64,
    /// Most bytes of the parameters of one kernel.
    pub param_bytes: u64,
    /// Whether [`Plan::run_timed`](crate::Plan::run_timed) works.
    pub timestamps: bool,
}

/// An open GPU. Cheap to clone; every clone is the same device, and any thread may use it.
#[derive(Clone)]
pub struct Gpu(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) info: AdapterInfo,
    pub(crate) caps: Caps,
    pub(crate) limits: wgpu::Limits,
    pub(crate) options: Options,
    pub(crate) timestamps: bool,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) faults: Arc<Faults>,
    pub(crate) pool: Pool,
    pub(crate) guards: Guards,
    pub(crate) pipelines: Pipelines,
    /// Those that the driver keeps for the next process, if it can.
    pub(crate) kernels: Option<Kernels>,
    pub(crate) transfers: Transfers,
    pub(crate) counters: CounterCells,
    pub(crate) bind_caches: BindCaches,
    pub(crate) waiting: Waiting,
    next_id: AtomicU64,
}

impl Gpu {
    /// Opens the adapter at place `index` of [`adapters`](crate::adapters) with all that it can do.
    ///
    /// # Errors
    /// [`DeviceError::NoAdapter`] where the list is shorter, [`DeviceError::Unsupported`] where the driver refuses.
    pub fn open(index: usize, options: &Options) -> Result<Self, DeviceError> {
        let (info, adapter) = adapter::adapter(index)?;
        let wanted =
            wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::PIPELINE_CACHE;
        let features = adapter.features() & wanted;
        let mut limits = adapter.limits();
        if let Some(most) = options.buffer_bytes {
            limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.min(most);
        }
        let description = wgpu::DeviceDescriptor {
            label: Some("anygrad"),
            required_features: features,
            required_limits: limits.clone(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&description))
            .map_err(|error| DeviceError::Unsupported { what: format!("opening {info}: {error}") })?;
        let faults = Faults::watch(&device);
        let caps = Caps {
            software: info.kind == AdapterKind::Cpu && !options.as_hardware,
            max_groups: limits.max_compute_workgroups_per_dimension,
            max_threads: limits.max_compute_invocations_per_workgroup,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            storage_buffers: limits.max_storage_buffers_per_shader_stage,
            subgroups: features.contains(wgpu::Features::SUBGROUP),
            subgroup_size: match info.subgroup_size {
                (least, most) if least == most && features.contains(wgpu::Features::SUBGROUP) => most,
                _ => 0,
            },
            choices: Choices::default(),
        };
        let kept = features.contains(wgpu::Features::PIPELINE_CACHE);
        let kernels = if kept { Kernels::open(&device, &info, &options.kernel_cache) } else { None };
        log::info!("opened {info}");
        Ok(Self(Arc::new(Inner {
            caps,
            pool: Pool::new(&limits, 2 * guard_bytes(options)),
            guards: Guards::default(),
            pipelines: Pipelines::new(options.pipelines),
            kernels,
            transfers: Transfers::default(),
            limits,
            options: options.clone(),
            timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
            info,
            device,
            queue,
            faults,
            counters: CounterCells::default(),
            bind_caches: BindCaches::default(),
            waiting: Waiting::default(),
            next_id: AtomicU64::new(1),
        })))
    }

    /// What is known of the adapter.
    pub fn info(&self) -> &AdapterInfo {
        &self.0.info
    }

    /// What kernel selection may know of the adapter.
    pub fn caps(&self) -> &Caps {
        &self.0.caps
    }

    /// The largest sizes.
    pub fn limits(&self) -> Limits {
        Limits {
            buffer_bytes: self.0.pool.largest(),
            param_bytes: self.0.limits.max_uniform_buffer_binding_size,
            timestamps: self.0.timestamps,
        }
    }

    /// The options it was opened with.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The memory it holds now.
    pub fn memory(&self) -> Memory {
        self.0.pool.memory()
    }

    /// Begins to look for the peak of the memory anew.
    pub fn reset_peak(&self) {
        self.0.pool.reset_peak();
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        self.0.counters.snapshot()
    }

    /// Waits until everything handed to the device is done.
    ///
    /// # Errors
    /// [`DeviceError::Timeout`] after the time of [`Options::timeout`], [`DeviceError::Lost`].
    pub fn wait(&self) -> Result<(), DeviceError> {
        // Uploads that no submission has carried yet count as handed over.
        if self.0.transfers.pending.load(Relaxed) > 0 {
            self.0.submit("waiting", None)?;
        }
        self.0.wait_for("waiting", None)
    }

    /// Gives the memory that waits in the pool back to the driver.
    pub fn trim(&self) {
        let freed = self.0.pool.drain();
        self.0.release(freed);
    }

    /// Destroys the device and with it the contents of every buffer: everything that follows, on every clone,
    /// answers [`DeviceError::Lost`].
    pub fn destroy(&self) {
        self.0.device.destroy();
        let _ = self.0.device.poll(wgpu::PollType::Poll); // runs the callback that tells the reason
        self.0.faults.lose("destroyed");
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gpu({})", self.0.info)
    }
}

impl Inner {
    /// A number no other buffer of this device has.
    pub(crate) fn id(&self) -> u64 {
        self.next_id.fetch_add(1, Relaxed)
    }

    /// Runs wgpu calls; see [`Faults::check`].
    pub(crate) fn check<T>(
        &self,
        what: &dyn fmt::Display,
        bytes: u64,
        calls: impl FnOnce() -> T,
    ) -> Result<T, DeviceError> {
        self.faults.check(&self.device, what, bytes, calls)
    }

    /// Lets go of buffers for good. Bind groups hold on to the buffers they name, so those go too.
    pub(crate) fn release(&self, freed: Vec<crate::pool::Raw>) {
        if freed.is_empty() {
            return;
        }
        self.forget_guards(&freed);
        self.bind_caches.forget(&freed);
    }
}
