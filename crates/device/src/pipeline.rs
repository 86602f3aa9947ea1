//! Compiled kernels, cached by their text.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use wgpu::naga;

use crate::counters::add;
use crate::fault::lock;
use crate::gpu::Inner;
use crate::recent::Recent;
use crate::{Access, DeviceError, Launch};

/// What the bind group of a kernel looks like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Signature {
    /// Whether binding 0 is a uniform block.
    uniform: bool,
    accesses: SmallVec<[Access; 8]>,
}

/// A compiled kernel.
pub(crate) struct Pipeline {
    pub(crate) pipeline: wgpu::ComputePipeline,
    pub(crate) bind_layout: wgpu::BindGroupLayout,
}

/// The text and what it binds: all that a pipeline depends on.
type Key = (Arc<str>, Signature);

type Layouts = (wgpu::BindGroupLayout, wgpu::PipelineLayout);

/// The pipelines a device used last: a driver may take a tenth of a second to compile one. Plans hold their own as
/// long as they are there, so a program that runs again and again never loses any.
pub(crate) struct Pipelines {
    compiled: Mutex<Recent<Key, Arc<Pipeline>>>,
    /// Explicit and shared, so that bind groups fit every pipeline of the same signature.
    layouts: Mutex<Recent<Signature, Layouts>>,
}

impl Pipelines {
    pub(crate) fn new(most: usize) -> Self {
        Self { compiled: Mutex::new(Recent::new(most)), layouts: Mutex::new(Recent::new(most)) }
    }
}

impl Inner {
    /// The pipelines of launches, each compiled at most once, and those that are missing by several threads. What a
    /// launch is for stands beside it, for messages.
    pub(crate) fn pipelines(&self, launches: &[(&Launch, &str)]) -> Result<Vec<Arc<Pipeline>>, DeviceError> {
        let key = |launch: &Launch| {
            let accesses = launch.bindings.iter().map(|(_, access)| *access).collect();
            (launch.source.clone(), Signature { uniform: !launch.params.is_empty(), accesses })
        };
        let keys: Vec<Key> = launches.iter().map(|(launch, _)| key(launch)).collect();
        // Held while compiling: two threads that want the same kernel compile it once.
        let mut compiled = lock(&self.pipelines.compiled);
        let mut ready: FxHashMap<&Key, Arc<Pipeline>> = FxHashMap::default();
        let mut missing: Vec<(&Key, &Launch, &str)> = Vec::new();
        let mut wanted: FxHashSet<&Key> = FxHashSet::default();
        for (key, &(launch, label)) in keys.iter().zip(launches) {
            if !wanted.insert(key) {
                continue;
            }
            match compiled.get(key) {
                Some(pipeline) => drop(ready.insert(key, pipeline)),
                None => missing.push((key, launch, label)),
            }
        }
        let start = Instant::now();
        let compile = |&(key, launch, label): &(&Key, &Launch, &str)| {
            self.compile(launch, &key.1).map_err(|error| error.of(label))
        };
        // what was compiled before a failure is kept all the same
        let mut failure = None;
        for ((key, ..), pipeline) in missing.iter().zip(side_by_side(&missing, compile)) {
            match pipeline {
                Ok(pipeline) => {
                    let pipeline = Arc::new(pipeline);
                    add(&self.counters.pipelines, 1);
                    compiled.insert((*key).clone(), pipeline.clone());
                    ready.insert(key, pipeline);
                }
                Err(error) if failure.is_none() => failure = Some(error),
                Err(_) => {}
            }
        }
        drop(compiled);
        if let Some(kernels) = self.kernels.as_ref().filter(|_| !missing.is_empty()) {
            kernels.compiled(start.elapsed());
        }
        let internal =
            || DeviceError::Internal { what: "compiling".into(), message: "a kernel is lost".into() };
        match failure {
            Some(error) => Err(error),
            None => keys.iter().map(|key| ready.get(key).cloned().ok_or_else(internal)).collect(),
        }
    }

    fn compile(&self, launch: &Launch, signature: &Signature) -> Result<Pipeline, DeviceError> {
        let what = format!("compiling {}/{}", launch.family, launch.variant);
        let (bind_layout, layout) = self.layouts(signature)?;
        let module = self.check(&what, 0, || self.shader(launch))?;
        // After wgpu has accepted the text: its messages on a wrong one are better.
        self.check_workgroup_memory(launch, &what)?;
        let description = wgpu::ComputePipelineDescriptor {
            label: Some(&what),
            layout: Some(&layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[],
                zero_initialize_workgroup_memory: self.options.checked_shaders,
            },
            cache: self.kernels.as_ref().map(|kernels| &kernels.cache),
        };
        let pipeline = self.check(&what, 0, || self.device.create_compute_pipeline(&description))?;
        Ok(Pipeline { pipeline, bind_layout })
    }

    #[allow(unsafe_code)]
    fn shader(&self, launch: &Launch) -> wgpu::ShaderModule {
        let source = wgpu::ShaderSource::Wgsl(launch.source.as_ref().into());
        let description = wgpu::ShaderModuleDescriptor { label: Some(launch.family), source };
        if self.options.checked_shaders {
            return self.device.create_shader_module(description);
        }
        // SAFETY: the texts of this crate's kernels own every bound: each index is compared with sizes that the
        // generator derived from the buffers bound to it, loops end, and shared memory is written before it is read.
        // The tests run the same texts with the checks on and between guard bands.
        unsafe {
            self.device.create_shader_module_trusted(description, wgpu::ShaderRuntimeChecks::unchecked())
        }
    }

    fn layouts(&self, signature: &Signature) -> Result<Layouts, DeviceError> {
        let mut layouts = lock(&self.pipelines.layouts);
        if let Some(layouts) = layouts.get(signature) {
            return Ok(layouts);
        }
        let storage =
            |access: &Access| wgpu::BufferBindingType::Storage { read_only: *access == Access::Read };
        let uniform = signature.uniform.then_some((0, wgpu::BufferBindingType::Uniform));
        let storages = signature.accesses.iter().map(storage);
        let entries: Vec<_> = uniform
            .into_iter()
            .chain((1..).zip(storages))
            .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
                count: None,
            })
            .collect();
        let made = self.check(&"laying out bindings", 0, || {
            let description = wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries };
            let bind = self.device.create_bind_group_layout(&description);
            let description = wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(&bind)],
                immediate_size: 0,
            };
            let pipeline = self.device.create_pipeline_layout(&description);
            (bind, pipeline)
        })?;
        layouts.insert(signature.clone(), made.clone());
        Ok(made)
    }

    /// wgpu does not compare workgroup memory with the limit, and drivers answer with undefined behaviour.
    fn check_workgroup_memory(&self, launch: &Launch, what: &str) -> Result<(), DeviceError> {
        if !launch.source.contains("workgroup>") {
            return Ok(());
        }
        let invalid = |message| DeviceError::Validation { what: what.to_owned(), message };
        let module =
            naga::front::wgsl::parse_str(&launch.source).map_err(|error| invalid(error.to_string()))?;
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).map_err(|error| invalid(error.to_string()))?;
        let shared = module.global_variables.iter().map(|(_, variable)| variable);
        let shared = shared.filter(|variable| variable.space == naga::AddressSpace::WorkGroup);
        // Every variable may start at the next multiple of 16.
        let bytes = shared.map(|variable| u64::from(layouter[variable.ty].size).next_multiple_of(16)).sum();
        let limit = u64::from(self.caps.workgroup_bytes);
        if bytes > limit {
            let what = format!("workgroup memory of {}/{}", launch.family, launch.variant);
            return Err(DeviceError::TooLarge { bytes, limit, what });
        }
        Ok(())
    }
}

/// Threads that compile at once at most. Drivers share tables between them, and gain little from more.
const COMPILERS: usize = 8;

/// As few kernels as this are compiled by the thread that wants them: others would have to be started.
const FEW: usize = 2;

/// Compiling that takes longer is spoken of, and again each time as long has passed.
const SPEAK: Duration = Duration::from_secs(1);

/// What `make` gives for each of `items`, in their order, made by several threads.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    make: impl Fn(&T) -> Result<R, DeviceError> + Sync,
) -> Vec<Result<R, DeviceError>> {
    let progress = Progress::new(items.len());
    let make = |item: &T| {
        let made = make(item);
        progress.step();
        made
    };
    if items.len() <= FEW {
        return items.iter().map(make).collect();
    }
    let taken = AtomicUsize::new(0);
    let next = || {
        let at = taken.fetch_add(1, Relaxed);
        Some((at, items.get(at)?))
    };
    let work = || {
        let mut made = Vec::new();
        while let Some((at, item)) = next() {
            made.push((at, make(item)));
        }
        made
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let others = cores.min(COMPILERS).min(items.len()) - 1;
    let mut made = std::thread::scope(|scope| {
        // a thread that cannot be started is one that does not help
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (0..others).filter_map(spawn).collect();
        let mut made = work();
        made.extend(others.into_iter().filter_map(|other| other.join().ok()).flatten());
        made
    });
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, made)| made).collect()
}

/// Tells how far compiling has got, if it takes long.
struct Progress {
    start: Instant,
    total: usize,
    /// How many are done, and how often it was told.
    done: Mutex<(usize, u32)>,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self { start: Instant::now(), total, done: Mutex::new((0, 0)) }
    }

    fn step(&self) {
        let mut done = lock(&self.done);
        done.0 += 1;
        let elapsed = self.start.elapsed();
        if elapsed >= SPEAK * (done.1 + 1) {
            done.1 = (elapsed.as_secs_f64() / SPEAK.as_secs_f64()) as u32;
            log::info!(
                "compiling kernels: {} of {} after {:.1} s",
                done.0,
                self.total,
                elapsed.as_secs_f64()
            );
        }
    }
}
