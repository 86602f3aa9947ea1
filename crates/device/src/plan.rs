//! Many dispatches, prepared once and replayed.

use std::sync::{Arc, Mutex};

use smallvec::SmallVec;

use crate::binds::{BindCache, Bound, keep};
use crate::buffer::Place;
use crate::counters::add;
use crate::fault::lock;
use crate::pipeline::Pipeline;
use crate::{Access, Buffer, DeviceError, Gpu, Launch, Operand, Param};

/// Dispatches a submission. Few enough that no driver's watchdog takes a long plan for a hang.
pub(crate) const DISPATCHES: usize = 256;

/// Dispatches of the first submission, so that the device begins while the host encodes the rest (1.7 µs a dispatch);
/// each one after it may have twice as many. A submission costs the host as much as a dozen dispatches.
const FIRST_DISPATCHES: usize = 32;

/// Arithmetic a submission, for the same reason: a twentieth of a second at a teraflop a second.
const FLOPS: u64 = 50_000_000_000;

/// The same for a driver that runs shaders on the CPU, at 20 gigaflops a second.
const SOFTWARE_FLOPS: u64 = 4_000_000_000;

/// A launch and what it runs on.
#[derive(Clone, Debug)]
pub struct PlanStep {
    /// The dispatch.
    pub launch: Launch,
    /// For each binding of the launch, the place among the buffers of a run.
    pub slots: Vec<usize>,
    /// For each number of the launch, the place among the numbers of a run.
    pub numbers: Vec<usize>,
    /// What the step is, for messages.
    pub label: String,
}

/// Dispatches in order, compiled and checked. Running it uploads at most one block of parameters, compiles nothing
/// and reads nothing back.
pub struct Plan {
    gpu: Gpu,
    pub(crate) steps: Vec<Step>,
    /// All uniform blocks, one after the other; None if no step has parameters.
    params: Option<wgpu::Buffer>,
    /// Number of buffers and of numbers that a run must be given at least.
    buffers: usize,
    numbers: usize,
    /// Held for the whole of a run: what it writes to `params` must reach the queue with its dispatches.
    state: Mutex<ParamState>,
    binds: Arc<BindCache>,
}

/// A step ready to run.
pub(crate) struct Step {
    pub(crate) label: String,
    pub(crate) grid: [u32; 3],
    pub(crate) pipeline: Arc<Pipeline>,
    flops: u64,
    slots: SmallVec<[usize; 4]>,
    accesses: SmallVec<[Access; 4]>,
    /// Whether the whole block is bound in which the buffer lies.
    whole: SmallVec<[bool; 4]>,
    /// Offset and size of its uniform block; size 0 if it has none.
    block: (u64, u64),
}

/// The parameters as last written.
struct ParamState {
    words: Vec<u32>,
    /// Word and number: which words a run sets. They come first, in the first `numbered_words`.
    numbered: Vec<(usize, usize)>,
    numbered_words: usize,
    written: bool,
}

impl Plan {
    /// Checks the steps and compiles what is not compiled yet.
    ///
    /// # Errors
    /// [`DeviceError::Validation`] for a step that is wrong in itself (text, slots, numbers),
    /// [`DeviceError::TooLarge`] for one beyond the limits of the device, [`DeviceError::Lost`].
    pub fn new(gpu: &Gpu, steps: Vec<PlanStep>) -> Result<Self, DeviceError> {
        let inner = &gpu.0;
        inner.faults.alive()?;
        // An empty grid does nothing, and may well come with empty buffers.
        let steps: Vec<_> = steps.into_iter().filter(|step| !step.launch.grid.contains(&0)).collect();
        for step in &steps {
            check_step(gpu, step)?;
        }
        let (state, blocks) = lay_out_params(gpu, &steps);
        let numbers =
            steps.iter().flat_map(|step| &step.numbers).max().map_or(0, |most| most.saturating_add(1));
        let buffers =
            steps.iter().flat_map(|step| &step.slots).max().map_or(0, |most| most.saturating_add(1));
        let size = 4 * state.words.len() as u64;
        let params = if size == 0 {
            None
        } else {
            let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
            let label = Some("parameters");
            let description = wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false };
            let create = || inner.check(&"making a plan", size, || inner.device.create_buffer(&description));
            Some(inner.or_make_room(create)?)
        };
        let launches: Vec<_> = steps.iter().map(|step| (&step.launch, step.label.as_str())).collect();
        let pipelines = inner.pipelines(&launches)?;
        let ready = |((step, pipeline), block): ((PlanStep, Arc<Pipeline>), (u64, u64))| Step {
            pipeline,
            grid: step.launch.grid,
            flops: step.launch.flops,
            slots: step.slots.into(),
            accesses: step.launch.bindings.iter().map(|(_, access)| *access).collect(),
            whole: step.launch.bindings.iter().map(|(o, _)| matches!(o, Operand::Block(_))).collect(),
            label: step.label,
            block,
        };
        let steps: Vec<Step> = steps.into_iter().zip(pipelines).zip(blocks).map(ready).collect();
        let binds = BindCache::new(steps.len());
        inner.bind_caches.register(&binds);
        add(&inner.counters.plans, 1);
        let state = Mutex::new(state);
        Ok(Self { gpu: gpu.clone(), steps, params, buffers, numbers, state, binds })
    }

    /// The number of dispatches of a run.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether a run does nothing.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The device it runs on.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Hands all dispatches to the device and returns without waiting for it (unless it is many runs behind).
    /// `numbers` are 32-bit words: the bits of an f32, i32 or u32. No buffer that a step writes may be bound to the
    /// same step twice.
    ///
    /// # Errors
    /// [`DeviceError::Validation`] for buffers or numbers that do not fit the plan, [`DeviceError::Timeout`],
    /// [`DeviceError::OutOfMemory`], [`DeviceError::Lost`].
    pub fn run(&self, buffers: &[Buffer], numbers: &[u32]) -> Result<(), DeviceError> {
        let (mut start, mut most) = (0, FIRST_DISPATCHES);
        self.run_with(buffers, numbers, |groups| {
            while start < self.steps.len() {
                let end = self.submission_end(start, most);
                self.submit(start..end, groups)?;
                start = end;
                most = (2 * most).min(DISPATCHES);
            }
            Ok(())
        })
    }

    /// Checks the arguments of a run, writes its parameters, and calls `go` with the bind group of each step, all
    /// under the lock that makes runs of one plan take turns.
    pub(crate) fn run_with<T>(
        &self,
        buffers: &[Buffer],
        numbers: &[u32],
        go: impl FnOnce(&[wgpu::BindGroup]) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        self.gpu.0.faults.alive()?;
        let wrong = |message| Err(DeviceError::Validation { what: "running a plan".into(), message });
        if buffers.len() < self.buffers || numbers.len() < self.numbers {
            let wanted = format!("{} buffers and {} numbers", self.buffers, self.numbers);
            return wrong(format!("it takes {wanted}, not {} and {}", buffers.len(), numbers.len()));
        }
        for buffer in buffers {
            self.gpu.owns(buffer, "running a plan")?;
        }
        let mut state = lock(&self.state);
        self.write_params(&mut state, numbers)?;
        let groups = self.bind_groups(buffers)?;
        go(&groups)
    }

    fn write_params(&self, state: &mut ParamState, numbers: &[u32]) -> Result<(), DeviceError> {
        let Some(params) = &self.params else { return Ok(()) };
        let mut changed = !state.written;
        for (word, number) in &state.numbered {
            let value = numbers[*number];
            changed |= state.words[*word] != value;
            state.words[*word] = value;
        }
        if !changed {
            return Ok(());
        }
        let words = if state.written { &state.words[..state.numbered_words] } else { &state.words[..] };
        let data = bytemuck::cast_slice(words);
        let inner = &self.gpu.0;
        // If it fails, nothing may be taken for written.
        state.written = false;
        inner.check(&"writing parameters", 0, || inner.queue.write_buffer(params, 0, data))?;
        state.written = true;
        Ok(())
    }

    fn bind_groups(&self, buffers: &[Buffer]) -> Result<Vec<wgpu::BindGroup>, DeviceError> {
        let groups = self.find_groups(buffers, &mut self.binds.steps());
        self.binds.sweep();
        groups
    }

    fn find_groups(
        &self,
        buffers: &[Buffer],
        cache: &mut [Vec<Bound>],
    ) -> Result<Vec<wgpu::BindGroup>, DeviceError> {
        let mut groups = Vec::with_capacity(self.steps.len());
        for (step, kept) in self.steps.iter().zip(cache) {
            let id = |place: Place<'_>| (place.raw.id, place.offset);
            let places = (0..step.slots.len()).map(|at| step.place(at, buffers));
            let ids: SmallVec<[(u64, u64); 4]> = places.map(|place| place.map_or((0, 0), id)).collect();
            if let Some(bound) = kept.iter().find(|bound| bound.ids == ids) {
                groups.push(bound.group.clone());
                continue;
            }
            step.check_aliases(&ids)?;
            let bound = self.bind(step, ids, buffers)?;
            groups.push(bound.group.clone());
            keep(kept, bound);
        }
        Ok(groups)
    }

    fn bind(
        &self,
        step: &Step,
        ids: SmallVec<[(u64, u64); 4]>,
        buffers: &[Buffer],
    ) -> Result<Bound, DeviceError> {
        let inner = &self.gpu.0;
        let without_bytes = ids.iter().filter(|(id, _)| *id == 0).count();
        let empties = (0..without_bytes).map(|_| self.gpu.alloc(16)).collect::<Result<Vec<_>, _>>()?;
        let mut stand_ins = empties.iter().filter_map(Buffer::place);
        let mut entries = Vec::with_capacity(1 + step.slots.len());
        if let (Some(params), (offset, bytes)) = (&self.params, step.block)
            && let Some(size) = std::num::NonZeroU64::new(bytes)
        {
            let binding = wgpu::BufferBinding { buffer: params, offset, size: Some(size) };
            entries
                .push(wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(binding) });
        }
        for (binding, at) in (1..).zip(0..step.slots.len()) {
            if let Some(place) = step.place(at, buffers).or_else(|| stand_ins.next()) {
                entries.push(wgpu::BindGroupEntry { binding, resource: inner.binding(place) });
            }
        }
        add(&inner.counters.bind_groups, 1);
        let layout = &step.pipeline.bind_layout;
        let description = wgpu::BindGroupDescriptor { label: None, layout, entries: &entries };
        let group = inner.check(&step.label, 0, || inner.device.create_bind_group(&description))?;
        drop(entries);
        Ok(Bound { ids, group, _empties: empties })
    }

    /// Where the submission of at most `dispatches` ends that begins with step `start`.
    fn submission_end(&self, start: usize, dispatches: usize) -> usize {
        let most = if self.gpu.caps().software { SOFTWARE_FLOPS } else { FLOPS };
        let mut flops = 0_u64;
        let mut end = start;
        while end < self.steps.len() && end - start < dispatches && flops < most {
            flops = flops.saturating_add(self.steps[end].flops);
            end += 1;
        }
        end
    }

    fn submit(&self, range: std::ops::Range<usize>, groups: &[wgpu::BindGroup]) -> Result<(), DeviceError> {
        let inner = &self.gpu.0;
        let steps = &self.steps[range.clone()];
        let Some(first) = steps.first() else { return Ok(()) };
        add(&inner.counters.dispatches, steps.len() as u64);
        let commands = inner.check(&Dispatching(&first.label, steps.len()), 0, || {
            let mut encoder = inner.device.create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                let mut last: *const Pipeline = std::ptr::null();
                for (step, group) in steps.iter().zip(&groups[range]) {
                    if !std::ptr::eq(last, Arc::as_ptr(&step.pipeline)) {
                        pass.set_pipeline(&step.pipeline.pipeline);
                        last = Arc::as_ptr(&step.pipeline);
                    }
                    step.dispatch(&mut pass, group);
                }
            }
            encoder.finish()
        })?;
        inner.submit("running a plan", Some(commands)).map(|_| ())
    }
}

/// What a submission is doing, said only if it fails.
struct Dispatching<'a>(&'a str, usize);

impl std::fmt::Display for Dispatching<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "dispatching {} kernels from {}", self.1, self.0)
    }
}

impl Step {
    /// Binds and dispatches; the pipeline is set.
    pub(crate) fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, group: &wgpu::BindGroup) {
        pass.set_bind_group(0, group, &[]);
        let [x, y, z] = self.grid;
        pass.dispatch_workgroups(x, y, z);
    }

    /// What binding `at` binds, if that has bytes.
    fn place<'a>(&self, at: usize, buffers: &'a [Buffer]) -> Option<Place<'a>> {
        let place = buffers.get(*self.slots.get(at)?)?.place()?;
        let whole = self.whole.get(at).copied().unwrap_or_default();
        Some(if whole { Place { offset: 0, bytes: None, ..place } } else { place })
    }

    /// A buffer that a kernel writes must not be bound to it a second time.
    fn check_aliases(&self, ids: &[(u64, u64)]) -> Result<(), DeviceError> {
        for (place, (id, access)) in ids.iter().zip(&self.accesses).enumerate() {
            let others = ids.iter().enumerate().filter(|(other, same)| *other != place && *same == id);
            if *access == Access::ReadWrite && id.0 != 0 && others.count() > 0 {
                let message = format!("binding {} is written, and its buffer is bound twice", place + 1);
                return Err(DeviceError::Validation { what: self.label.clone(), message });
            }
        }
        Ok(())
    }
}

/// Compares a step with itself and with the limits of the device.
fn check_step(gpu: &Gpu, step: &PlanStep) -> Result<(), DeviceError> {
    let launch = &step.launch;
    let name = || format!("{} ({}/{})", step.label, launch.family, launch.variant);
    let wrong = |message| Err(DeviceError::Validation { what: name(), message });
    if step.slots.len() != launch.bindings.len() {
        return wrong(format!("{} bindings, but {} slots", launch.bindings.len(), step.slots.len()));
    }
    for param in &launch.params {
        if let Param::Number(index) = param
            && *index >= step.numbers.len()
        {
            return wrong(format!("it uses number {index} of {}", step.numbers.len()));
        }
    }
    let caps = gpu.caps();
    let sizes = [
        ("the grid of", launch.grid.into_iter().max().unwrap_or(0).into(), caps.max_groups.into()),
        ("storage buffers of", launch.bindings.len() as u64, caps.storage_buffers.into()),
        ("parameter bytes of", 4 * launch.params.len() as u64, gpu.limits().param_bytes),
    ];
    for (what, bytes, limit) in sizes {
        if bytes > limit {
            return Err(DeviceError::TooLarge { bytes, limit, what: format!("{what} {}", name()) });
        }
    }
    Ok(())
}

/// Lays the uniform blocks of all steps out in one buffer, those with run-time numbers first, so that a run writes
/// one range. Returns the block (offset, size in bytes) of each step.
fn lay_out_params(gpu: &Gpu, steps: &[PlanStep]) -> (ParamState, Vec<(u64, u64)>) {
    let align = (gpu.0.limits.min_uniform_buffer_offset_alignment as usize).div_ceil(16).max(1) * 4;
    let is_numbered =
        |step: &PlanStep| step.launch.params.iter().any(|param| matches!(param, Param::Number(_)));
    let mut state = ParamState { words: Vec::new(), numbered: Vec::new(), numbered_words: 0, written: false };
    let mut blocks = vec![(0, 0); steps.len()];
    for with_numbers in [true, false] {
        for (step, block) in steps.iter().zip(&mut blocks) {
            if step.launch.params.is_empty() || is_numbered(step) != with_numbers {
                continue;
            }
            let start = state.words.len();
            for param in &step.launch.params {
                let word = match param {
                    Param::Word(word) => *word,
                    Param::Number(index) => {
                        state.numbered.push((state.words.len(), step.numbers[*index]));
                        0
                    }
                };
                state.words.push(word);
            }
            // A uniform block takes whole vectors of 16 bytes.
            state.words.resize(state.words.len().next_multiple_of(4), 0);
            *block = (4 * start as u64, 4 * (state.words.len() - start) as u64);
            state.words.resize(state.words.len().next_multiple_of(align), 0);
        }
        if with_numbers {
            state.numbered_words = state.words.len();
        }
    }
    (state, blocks)
}
