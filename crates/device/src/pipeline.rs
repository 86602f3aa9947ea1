//! Compiled kernels, cached by their text.

use std::sync::{Arc, Mutex};

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
    /// The pipeline of a launch, compiled at most once.
    pub(crate) fn pipeline(&self, launch: &Launch) -> Result<Arc<Pipeline>, DeviceError> {
        let accesses = launch.bindings.iter().map(|(_, access)| *access).collect();
        let signature = Signature { uniform: !launch.params.is_empty(), accesses };
        let key = (launch.source.clone(), signature);
        // Held while compiling: two threads that want the same kernel compile it once.
        let mut compiled = lock(&self.pipelines.compiled);
        if let Some(pipeline) = compiled.get(&key) {
            return Ok(pipeline);
        }
        let pipeline = Arc::new(self.compile(launch, &key.1)?);
        add(&self.counters.pipelines, 1);
        compiled.insert(key, pipeline.clone());
        Ok(pipeline)
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
            cache: None,
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
