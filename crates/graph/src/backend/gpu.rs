//! A program on a GPU: groups become launches, stored values become slots, and a run replays them.

mod store;

use anygrad_device::kernels::Pointwise;
use anygrad_device::kernels::pointwise as kernel;
use anygrad_device::kernels::rows::{RowSink, RowStep, RowWork, Rows, rows};
use anygrad_device::kernels::together::together;
use anygrad_device::{self as device, Gpu, Lowered as Kernels, Operand, PlanStep};
use anygrad_layout::DType;

use crate::backend::slots::{Assigned, Slot, Slots};
use crate::device::Buffer;
use crate::error::Error;
use crate::fuse::{Base, Fused, Group, RowRules, Rules, Work};
use crate::plan::Schedule;
use crate::program::{Lowered, Program, origin};
use crate::tensor::State;

/// Buffers of a kernel of several groups, where the adapter allows so many.
const TOGETHER: usize = 256;

/// Elements of such a kernel: half of what its index counts. A software adapter runs all of its groups for each
/// element, with those masked out that are not the element's, so there a launch is cheaper for more than a few.
const TOGETHER_ELEMENTS: usize = 1 << 30;
const TOGETHER_ELEMENTS_IN_SOFTWARE: usize = 1 << 13;

pub(crate) struct GpuPlan {
    pub schedule: Schedule,
    pub plan: device::Plan,
    /// One entry a launch, for `explain`.
    pub launches: Vec<LaunchInfo>,
    /// Bytes of each slot; slots of leaves are given, the others allocated for a run.
    pub slots: Vec<Slot>,
    /// The slot of each stored value.
    slot_of: Vec<Option<usize>>,
}

pub(crate) struct LaunchInfo {
    pub group: usize,
    pub family: &'static str,
    pub variant: &'static str,
    pub grid: [u32; 3],
    pub flops: u64,
    pub bytes: u64,
}

impl GpuPlan {
    pub fn new(lowered: &Lowered, gpu: &Gpu) -> Result<Self, Error> {
        let program = &lowered.program;
        let caps = gpu.caps();
        let rules = Rules {
            buffers: (caps.storage_buffers as usize).min(24),
            fuse_into_reductions: true,
            // a driver that runs shaders on a CPU compiles the program once for each of a thread's outputs
            fuse_into_stores: !caps.software,
            fuse: true,
            together: (caps.storage_buffers as usize).min(TOGETHER),
            together_elements: if caps.software { TOGETHER_ELEMENTS_IN_SOFTWARE } else { TOGETHER_ELEMENTS },
            // as single reductions choose: below, chunks of each row in parallel are better
            rows: Some(match caps.software {
                // lavapipe ends the loops of a thread after 65,535 rounds
                true => RowRules { short: 1023, many: 64, longest: 64_000 },
                false => RowRules { short: 4095, many: 128, longest: 1 << 24 },
            }),
        };
        let schedule = Schedule::new(program, rules);
        let mut builder = Builder {
            program,
            lowered,
            largest: gpu.limits().buffer_bytes,
            slots: Slots::new(program),
            steps: Vec::new(),
            launches: Vec::new(),
        };
        for place in 0..schedule.groups.len() {
            builder.group(&schedule, place, caps)?;
        }
        let Builder { slots, mut steps, launches, .. } = builder;
        let Assigned { slots, places, slot_of } = slots.assign();
        for slot in steps.iter_mut().flat_map(|step| &mut step.slots) {
            *slot = places.get(*slot).copied().unwrap_or(*slot);
        }
        let plan = device::Plan::new(gpu, steps)?;
        Ok(Self { schedule, plan, launches, slots, slot_of })
    }

    /// Bytes that a run allocates.
    pub fn temporary_bytes(&self) -> usize {
        let gpu = self.plan.gpu();
        let own = |slot: &Slot| if let Slot::Own(bytes) = slot { gpu.allocated(*bytes) } else { 0 };
        self.slots.iter().map(own).sum()
    }

    /// Runs the program and returns the buffers of its outputs, in their order. `times` gets the microseconds of each
    /// launch that has something to do, if the adapter has a clock.
    pub fn run(
        &self,
        lowered: &Lowered,
        gpu: &Gpu,
        times: Option<&mut Vec<f64>>,
    ) -> Result<Vec<Buffer>, Error> {
        let at = |id: u32| lowered.leaves.binary_search_by_key(&id, |(leaf, _)| *leaf).ok();
        let leaf = |id: u32| match at(id).and_then(|at| lowered.leaves.get(at)) {
            Some((_, Buffer::Gpu(buffer))) => Ok(buffer.clone()),
            _ => Err(Error::invalid("eval", format!("leaf %{id} is not on this device"))),
        };
        let slot = |slot: &Slot| match *slot {
            Slot::Leaf(id) => leaf(id),
            Slot::Own(bytes) => Ok(gpu.alloc(bytes)?),
        };
        let buffers = self.slots.iter().map(slot).collect::<Result<Vec<_>, Error>>()?;
        // number 0 is zero, for kernels that fill
        let mut words = vec![0u32];
        let numbers = &self.schedule.numbers;
        words.extend(
            numbers.of(&lowered.numbers).into_iter().zip(&numbers.dtypes).map(|(x, &dtype)| word(x, dtype)),
        );
        match times {
            Some(times) if gpu.limits().timestamps => *times = self.plan.run_timed(&buffers, &words)?,
            _ => self.plan.run(&buffers, &words)?,
        }
        for &id in &lowered.program.donated {
            if let Some(node) = lowered.nodes.get(id as usize) {
                *node.0.state() = State::Gone;
            }
        }
        let output = |&(_, value): &(u32, u32)| {
            let slot = self.slot_of.get(value as usize).copied().flatten();
            let buffer = slot.and_then(|slot| buffers.get(slot)).cloned();
            buffer.map(Buffer::Gpu).ok_or_else(|| Error::invalid("eval", format!("%{value} has no buffer")))
        };
        self.schedule.outputs.iter().map(output).collect()
    }
}

/// A number as the 32 bits its dtype has on the device.
fn word(number: f64, dtype: DType) -> u32 {
    match dtype {
        DType::I32 => number as i32 as u32,
        DType::U32 => number as u32,
        DType::Bool => u32::from(number != 0.0),
        // f16 too: see the kernels' registers
        _ => (number as f32).to_bits(),
    }
}

struct Builder<'a> {
    program: &'a Program,
    lowered: &'a Lowered,
    /// Most bytes of a buffer.
    largest: u64,
    slots: Slots,
    steps: Vec<PlanStep>,
    launches: Vec<LaunchInfo>,
}

impl Builder<'_> {
    fn group(&mut self, schedule: &Schedule, place: usize, caps: &device::Caps) -> Result<(), Error> {
        let group = &schedule.groups[place];
        self.slots.begin(place);
        let (kernels, inputs, outputs, numbers, label) = match group {
            Group::Pointwise(fused) => {
                let in_place = schedule.in_place(fused, place);
                let mut values = Vec::new();
                let program = pointwise(fused, &in_place, &mut values);
                let last = fused.results.last().map_or(0, |&(id, _, _)| id);
                let kernels =
                    kernel::pointwise(&program, caps, None).map_err(|error| self.failed(last, &error))?;
                // before outputs take slots over
                let inputs = self.slots.all(&values)?;
                let outputs = self.outputs(fused, &in_place)?;
                (kernels, inputs, outputs, numbers(schedule, fused), self.label(&fused.instrs))
            }
            Group::Rows(fused) => {
                let in_place = schedule.in_place(fused, place);
                let mut values = Vec::new();
                let program = self.rows(fused, pointwise(fused, &in_place, &mut values));
                let last = fused.results.last().map_or(0, |&(id, _, _)| id);
                let kernels = rows(&program, caps, None).map_err(|error| self.failed(last, &error))?;
                let inputs = self.slots.all(&values)?;
                let outputs = self.outputs(fused, &in_place)?;
                (kernels, inputs, outputs, numbers(schedule, fused), self.label(&fused.instrs))
            }
            Group::Together(ends) => {
                let in_place: Vec<_> = ends.iter().map(|fused| schedule.in_place(fused, place)).collect();
                let mut values = Vec::new();
                let programs: Vec<Pointwise> = (ends.iter().zip(&in_place))
                    .map(|(fused, in_place)| pointwise(fused, in_place, &mut values))
                    .collect();
                let last = ends.iter().flat_map(|fused| &fused.results).last().map_or(0, |&(id, _, _)| id);
                let home = |&value: &u32| schedule.home(value).map(|(block, at)| (u64::from(block), at));
                let blocks: Vec<_> = values.iter().map(home).collect();
                let kernels =
                    together(&programs, &blocks, caps).map_err(|error| self.failed(last, &error))?;
                let inputs = self.slots.all(&values)?;
                let outputs = ends.iter().zip(&in_place).map(|(fused, taken)| self.outputs(fused, taken));
                let outputs = outputs.collect::<Result<Vec<_>, Error>>()?.concat();
                let numbers = ends.iter().flat_map(|fused| numbers(schedule, fused)).collect();
                let label = ends.last().map_or(String::new(), |fused| self.label(&fused.instrs));
                let label = format!("{label} and {} more", ends.len().saturating_sub(1));
                (kernels, inputs, outputs, numbers, label)
            }
            Group::Kernel { instr, inputs, tail: Some(tail), .. } => {
                self.kernel_then(schedule, place, (*instr, inputs), tail, caps)?;
                schedule.dying(place).iter().for_each(|&value| self.slots.close(value));
                return Ok(());
            }
            Group::Kernel { instr, inputs, fused, tail: None } => {
                let node = &self.program.instrs[*instr as usize];
                let (kernels, inputs, numbers) = match (fused, node.op.reduction()) {
                    (Some(fused), Some((kind, axes))) => {
                        let mut inputs = Vec::new();
                        let program = pointwise(fused, &[None], &mut inputs);
                        let kernels = device::kernels::reduce::reduce(&program, kind, axes, caps, None)
                            .map_err(|error| self.failed(*instr, &error))?;
                        (kernels, inputs, numbers(schedule, fused))
                    }
                    _ => {
                        let (values, layouts): (Vec<u32>, Vec<_>) = inputs.iter().cloned().unzip();
                        let dtypes: Vec<DType> =
                            node.inputs.iter().map(|&i| self.program.instrs[i as usize].meta.dtype).collect();
                        let kernels = node.op.lower(&layouts, &dtypes, &node.meta, caps);
                        (kernels.map_err(|error| self.failed(*instr, &error))?, values, vec![0])
                    }
                };
                let bytes = self.bytes(*instr, node.meta.shape.numel(), node.meta.dtype)?;
                self.check_scratch(*instr, &kernels)?;
                let inputs = self.slots.all(&inputs)?;
                let output = self.slots.open(*instr, bytes);
                (kernels, inputs, vec![output], numbers, self.label(&[*instr]))
            }
        };
        self.launch(place, kernels, &inputs, &outputs, &numbers, &label)?;
        schedule.dying(place).iter().for_each(|&value| self.slots.close(value));
        Ok(())
    }

    /// The slots of a fused group's results.
    fn outputs(&mut self, fused: &Fused, in_place: &[Option<usize>]) -> Result<Vec<usize>, Error> {
        let mut outputs = Vec::new();
        for (&(id, _, dtype), taken) in fused.results.iter().zip(in_place) {
            let bytes = self.bytes(id, self.numel(id), dtype)?;
            outputs.push(match taken.map(|s| fused.sources[s].0.base) {
                Some(Base::Value(value)) => self.slots.hand_over(value, id),
                _ => self.slots.open(id, bytes),
            });
        }
        Ok(outputs)
    }

    fn launch(
        &mut self,
        group: usize,
        kernels: Kernels,
        inputs: &[usize],
        outputs: &[usize],
        numbers: &[usize],
        label: &str,
    ) -> Result<(), Error> {
        let scratch: Vec<usize> = kernels.scratch.iter().map(|&bytes| self.slots.scratch(bytes)).collect();
        for launch in kernels.launches {
            let place = |operand: Operand| match operand {
                Operand::Input(i) | Operand::Block(i) => inputs.get(i).copied(),
                Operand::Output(i) => outputs.get(i).copied(),
                Operand::Scratch(i) => scratch.get(i).copied(),
            };
            let slots =
                launch.bindings.iter().map(|(operand, _)| place(*operand)).collect::<Option<Vec<_>>>();
            let slots =
                slots.ok_or_else(|| Error::invalid("eval", format!("a kernel of {label} has no operand")))?;
            self.launches.push(LaunchInfo {
                group,
                family: launch.family,
                variant: launch.variant,
                grid: launch.grid,
                flops: launch.flops,
                bytes: launch.bytes,
            });
            self.steps.push(PlanStep { launch, slots, numbers: numbers.to_vec(), label: label.to_string() });
        }
        Ok(())
    }

    /// A program over rows for the kernel generator, from what it is as a pointwise one.
    fn rows(&self, fused: &Fused, pointwise: Pointwise) -> Rows {
        let Pointwise { shape, inputs, numbers, steps, outputs } = pointwise;
        let step = |(step, fused): (device::kernels::Step, &crate::fuse::FusedStep)| RowStep {
            work: match fused.work {
                Work::Each(_) => RowWork::Each(step.wgsl),
                Work::Fold(kind) => RowWork::Fold(kind),
            },
            args: step.args,
            dtype: step.dtype,
        };
        let sink = |(sink, &(id, ..)): (device::kernels::Sink, &(u32, u32, DType))| RowSink {
            sink,
            whole: self.numel(id) == fused.shape.numel(),
        };
        Rows {
            outer: fused.outer,
            inputs,
            numbers,
            steps: steps.into_iter().zip(&fused.steps).map(step).collect(),
            outputs: outputs.into_iter().zip(&fused.results).map(sink).collect(),
            shape,
        }
    }

    /// Elements of a value.
    fn numel(&self, id: u32) -> usize {
        self.program.instrs.get(id as usize).map_or(0, |instr| instr.meta.shape.numel())
    }

    /// The size of a result, if there is a buffer for it.
    fn bytes(&self, instr: u32, numel: usize, dtype: DType) -> Result<usize, Error> {
        let bytes = numel.saturating_mul(dtype.size());
        if bytes as u64 <= self.largest {
            return Ok(bytes);
        }
        let shape =
            self.program.instrs.get(instr as usize).map(|i| i.meta.shape.to_string()).unwrap_or_default();
        let message =
            format!("the result {shape} takes {bytes} bytes, more than the {} of this GPU", self.largest);
        Err(self.failed_because(instr, &message))
    }

    /// Whether there are buffers for what kernels need in between.
    fn check_scratch(&self, instr: u32, kernels: &Kernels) -> Result<(), Error> {
        match kernels.scratch.iter().max() {
            Some(&most) if most as u64 > self.largest => {
                let message =
                    format!("takes {most} bytes in between, more than the {} of this GPU", self.largest);
                Err(self.failed_because(instr, &message))
            }
            _ => Ok(()),
        }
    }

    /// An error with the call that recorded the instruction.
    fn failed(&self, instr: u32, error: &device::DeviceError) -> Error {
        self.failed_because(instr, &error.to_string())
    }

    fn failed_because(&self, instr: u32, message: &str) -> Error {
        match self.lowered.nodes.get(instr as usize) {
            Some(node) => node.failed(message),
            None => Error::invalid("eval", message),
        }
    }

    fn label(&self, instrs: &[u32]) -> String {
        let names: Vec<&str> = instrs.iter().map(|&id| self.program.instrs[id as usize].op.name()).collect();
        let place = instrs.last().and_then(|&id| self.lowered.nodes.get(id as usize)).map(origin);
        format!("{} ({})", names.join(" "), place.unwrap_or_default())
    }
}

/// The places of a group's numbers in a run; 0 is the constant zero.
fn numbers(schedule: &Schedule, fused: &Fused) -> Vec<usize> {
    fused.numbers.iter().map(|&(id, _)| 1 + schedule.numbers.place(id)).collect()
}

/// A fused group for the kernel generator. What it reads is added to `values`, the kernel's buffers.
fn pointwise(fused: &Fused, in_place: &[Option<usize>], values: &mut Vec<u32>) -> Pointwise {
    let mut source = |read: &crate::fuse::Read, dtype: DType| {
        let kind = match read.base {
            Base::Value(value) => {
                let at = values.iter().position(|&known| known == value).unwrap_or_else(|| {
                    values.push(value);
                    values.len() - 1
                });
                device::kernels::SourceKind::Buffer(at)
            }
            Base::Computed => device::kernels::SourceKind::Computed,
            _ => device::kernels::SourceKind::Iota,
        };
        device::kernels::Source { kind, dtype, layout: read.layout.clone() }
    };
    let inputs = fused.sources.iter().map(|(read, dtype)| source(read, *dtype)).collect();
    let step = |s: &crate::fuse::FusedStep| device::kernels::Step {
        wgsl: match s.work {
            Work::Each(row) => (row.wgsl)(s.input),
            Work::Fold(_) => "$0",
        },
        args: s.args.clone(),
        dtype: s.output,
    };
    let sink = |(&(_, value, dtype), in_place): (&(u32, u32, DType), &Option<usize>)| device::kernels::Sink {
        value,
        dtype,
        in_place: *in_place,
    };
    Pointwise {
        shape: fused.shape.clone(),
        inputs,
        numbers: fused.numbers.iter().map(|(_, dtype)| *dtype).collect(),
        steps: fused.steps.iter().map(step).collect(),
        outputs: fused.results.iter().zip(in_place).map(sink).collect(),
    }
}
