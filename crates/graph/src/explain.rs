//! What a run would do, for people.

use std::fmt;

use crate::Tensor;
use crate::backend::gpu::GpuPlan;
use crate::device::Buffer;
use crate::error::Error;
use crate::eval::plan_of;
use crate::fuse::{Fused, Group};
use crate::op::Kind;
use crate::plan::{Plan, Schedule};
use crate::program::{Lowered, Program, origin};

/// What evaluating some tensors would run; see [`explain`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Explanation {
    /// The program, one line an instruction with the line it was recorded at.
    pub program: Vec<String>,
    /// The kernels in order: what was fused into each, the device's kernel, work and traffic.
    pub kernels: Vec<KernelLine>,
    /// Bytes of memory the run takes besides its leaves: as allocated, on a GPU in size classes.
    pub temporary_bytes: usize,
    /// Bytes of the memory in which the leaves lie that it reads.
    pub leaf_bytes: usize,
    /// Bytes of leaves and everything else together, at most.
    pub peak_bytes: usize,
    /// How many instructions there are of each kind.
    pub nodes: NodeCounts,
}

/// Instructions of a program by kind; see [`Explanation`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeCounts {
    /// Values that exist already: parameters, data.
    pub leaves: usize,
    /// Run-time numbers.
    pub numbers: usize,
    /// Other ways of reading a value, which cost nothing by themselves.
    pub views: usize,
    /// Elementwise ops, which fuse.
    pub elementwise: usize,
    /// Ops with a kernel of their own.
    pub kernels: usize,
}

impl NodeCounts {
    fn of(program: &Program) -> Self {
        let mut counts = Self::default();
        for instr in &program.instrs {
            *match instr.op.kind() {
                Kind::Leaf => &mut counts.leaves,
                Kind::Number => &mut counts.numbers,
                Kind::View | Kind::Iota => &mut counts.views,
                Kind::Pointwise(_) => &mut counts.elementwise,
                Kind::Kernel => &mut counts.kernels,
            } += 1;
        }
        counts
    }
}

/// One group of an [`Explanation`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct KernelLine {
    /// Names of the fused ops, in order.
    pub ops: Vec<&'static str>,
    /// The kernel and variant of a GPU, with the number of dispatches; the interpreter or library call of the CPU.
    pub kernel: String,
    /// The shape it runs over.
    pub shape: String,
    /// Instructions whose values it writes; those with a source overwrite that value.
    pub writes: Vec<String>,
    /// How many of its results are written over an input.
    pub in_place: usize,
    /// Arithmetic operations, where they are known.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
    /// Where it was recorded.
    pub origin: String,
}

/// What evaluating `tensors` now would run: the program, its kernels with what is fused into each, bytes, FLOPs
/// and peak memory. Runs nothing.
///
/// # Errors
/// As [`eval`](crate::eval), but for those of running.
pub fn explain(tensors: &[&Tensor]) -> Result<Explanation, Error> {
    let Some((lowered, plan)) = plan_of(tensors)? else { return Ok(Explanation::default()) };
    let line = |id: usize| {
        let text = lowered.program.line(id as u32);
        let place = lowered.nodes.get(id).map(origin).unwrap_or_default();
        format!("{text:<72} # {place}")
    };
    let leaf_bytes = footprint(&lowered);
    let mut explanation = Explanation {
        program: (0..lowered.program.instrs.len()).map(line).collect(),
        leaf_bytes,
        nodes: NodeCounts::of(&lowered.program),
        ..Explanation::default()
    };
    match &*plan {
        Plan::Cpu(plan) => {
            explanation.kernels = kernels(&lowered, &plan.schedule, None);
            explanation.temporary_bytes = peak(&lowered, &plan.schedule);
        }
        Plan::Gpu(plan) => {
            explanation.kernels = kernels(&lowered, &plan.schedule, Some(plan));
            explanation.temporary_bytes = plan.temporary_bytes();
        }
    }
    explanation.peak_bytes = leaf_bytes.saturating_add(explanation.temporary_bytes);
    Ok(explanation)
}

/// Bytes of the memory that the leaves take, where several may share some.
fn footprint(lowered: &Lowered) -> usize {
    let place = |(_, buffer): &(u32, Buffer)| match buffer {
        Buffer::Cpu(buffer) => (buffer.id(), buffer.storage().bytes()),
        Buffer::Gpu(buffer) => buffer.memory(),
    };
    let mut places: Vec<(u64, usize)> = lowered.leaves.iter().map(place).collect();
    places.sort_unstable();
    places.dedup();
    places.iter().map(|(_, bytes)| bytes).sum()
}

fn bytes(lowered: &Lowered, id: u32) -> usize {
    let meta = &lowered.program.instrs[id as usize].meta;
    meta.shape.numel() * meta.dtype.size()
}

pub(crate) fn kernels(lowered: &Lowered, schedule: &Schedule, gpu: Option<&GpuPlan>) -> Vec<KernelLine> {
    let name = |&id: &u32| lowered.program.instrs[id as usize].op.name();
    let line = |(place, group): (usize, &Group)| {
        let mut line = KernelLine::default();
        let last = match group {
            Group::Pointwise(_) | Group::Rows(_) | Group::Together(_) => {
                let all = group.fused();
                line.ops = all.iter().flat_map(|fused| &fused.instrs).map(name).collect();
                let shapes: Vec<String> = all.iter().map(|fused| fused.shape.to_string()).collect();
                line.shape = shapes.join(" ");
                line.kernel = "block interpreter".into();
                line.flops = all.iter().map(|fused| (fused.steps.len() * fused.shape.numel()) as u64).sum();
                let in_place = all.iter().flat_map(|fused| schedule.in_place(fused, place));
                line.in_place = in_place.flatten().count();
                let results = all.iter().flat_map(|fused| &fused.results);
                line.writes = results.map(|(id, ..)| format!("%{id}")).collect();
                all.last().and_then(|fused| fused.instrs.last().copied())
            }
            Group::Kernel { instr, fused, tail, .. } => {
                let around = |fused: Option<&Fused>| -> Vec<&'static str> {
                    fused.iter().flat_map(|fused| &fused.instrs).map(name).collect()
                };
                line.ops = [around(fused.as_ref()), vec![name(instr)], around(tail.as_deref())].concat();
                let in_place = tail.iter().flat_map(|tail| schedule.in_place(tail, place));
                line.in_place = in_place.flatten().count();
                line.shape = lowered.program.instrs[*instr as usize].meta.shape.to_string();
                line.kernel = "library call".into();
                let node = &lowered.program.instrs[*instr as usize];
                let inputs: Vec<_> =
                    node.inputs.iter().map(|&i| &lowered.program.instrs[i as usize].meta).collect();
                line.flops = node.op.flops(&inputs, &node.meta);
                line.writes = group.values_written().iter().map(|id| format!("%{id}")).collect();
                Some(*instr)
            }
        };
        line.origin = last.and_then(|id| lowered.nodes.get(id as usize)).map(origin).unwrap_or_default();
        line.bytes = traffic(lowered, group);
        if let Some(plan) = gpu {
            let launches: Vec<_> = plan.launches.iter().filter(|launch| launch.group == place).collect();
            let names: Vec<String> =
                launches.iter().map(|l| format!("{}.{} {:?}", l.family, l.variant, l.grid)).collect();
            line.kernel = names.join(" + ");
            line.flops = launches.iter().map(|l| l.flops).sum();
            line.bytes = launches.iter().map(|l| l.bytes).sum();
        }
        line
    };
    schedule.groups.iter().enumerate().map(line).collect()
}

fn traffic(lowered: &Lowered, group: &Group) -> u64 {
    let read = |fused: &Fused| -> usize {
        fused
            .sources
            .iter()
            .map(|(read, dtype)| {
                let axes = read.layout.shape.iter().zip(&read.layout.strides);
                let distinct: usize = axes.filter(|(_, stride)| **stride != 0).map(|(n, _)| *n).product();
                distinct * dtype.size()
            })
            .sum()
    };
    let total = match group {
        Group::Pointwise(_) | Group::Rows(_) | Group::Together(_) => {
            let written =
                |fused: &Fused| -> usize { fused.results.iter().map(|(id, ..)| bytes(lowered, *id)).sum() };
            group.fused().iter().map(|fused| read(fused) + written(fused)).sum()
        }
        Group::Kernel { inputs, fused, tail, .. } => {
            group.values_written().iter().map(|id| bytes(lowered, *id)).sum::<usize>()
                + tail.as_deref().map(read).unwrap_or(0)
                + inputs.iter().map(|(value, _)| bytes(lowered, *value)).sum::<usize>()
                + fused.as_ref().map(read).unwrap_or(0)
        }
    };
    total as u64
}

/// The most bytes of computed values that are needed at once, on the CPU.
fn peak(lowered: &Lowered, schedule: &Schedule) -> usize {
    let (mut live, mut peak) = (0usize, 0usize);
    for (place, group) in schedule.groups.iter().enumerate() {
        match group {
            Group::Pointwise(_) | Group::Rows(_) | Group::Together(_) => {
                let mut over = Vec::new();
                for fused in group.fused() {
                    let taken = schedule.in_place(fused, place);
                    let fresh = fused.results.iter().zip(&taken).filter(|(_, taken)| taken.is_none());
                    live += fresh.map(|((id, ..), _)| bytes(lowered, *id)).sum::<usize>();
                    over.extend(taken.iter().flatten().map(|&s| fused.sources[s].0.base));
                }
                peak = peak.max(live);
                let kept = |value: &u32| !over.contains(&crate::fuse::Base::Value(*value));
                let dying = schedule.dying(place);
                live = live.saturating_sub(freed(lowered, dying.iter().copied().filter(kept)));
            }
            Group::Kernel { instr, .. } => {
                live += bytes(lowered, *instr);
                peak = peak.max(live);
                live = live.saturating_sub(freed(lowered, schedule.dying(place).into_iter()));
            }
        }
    }
    peak
}

/// Bytes of the computed ones among dying values; leaves are not counted.
fn freed(lowered: &Lowered, dying: impl Iterator<Item = u32>) -> usize {
    let leaf = |id: &u32| matches!(lowered.program.instrs[*id as usize].op.kind(), crate::op::Kind::Leaf);
    dying.filter(|id| !leaf(id)).map(|id| bytes(lowered, id)).sum()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NodeCounts { leaves, numbers, views, elementwise, kernels } = self.nodes;
        writeln!(
            f,
            "program: {} instructions: {leaves} leaves, {numbers} numbers, {views} views, {elementwise} elementwise, \
             {kernels} kernels",
            self.program.len()
        )?;
        for line in &self.program {
            writeln!(f, "  {line}")?;
        }
        writeln!(f, "plan: {} kernels", self.kernels.len())?;
        for (i, kernel) in self.kernels.iter().enumerate() {
            let in_place =
                if kernel.in_place > 0 { format!(", {} in place", kernel.in_place) } else { String::new() };
            writeln!(
                f,
                "  {i:3}  {} over {} -> {}{in_place}\n       {}, {} FLOP, {}  # {}",
                kernel.ops.join(" "),
                kernel.shape,
                kernel.writes.join(" "),
                kernel.kernel,
                count(kernel.flops),
                size(kernel.bytes as usize),
                kernel.origin
            )?;
        }
        let flops: u64 = self.kernels.iter().map(|k| k.flops).sum();
        let bytes: u64 = self.kernels.iter().map(|k| k.bytes).sum();
        write!(
            f,
            "total: {} FLOP, {} moved; memory: at most {}, {} of leaves and {} besides",
            count(flops),
            size(bytes as usize),
            size(self.peak_bytes),
            size(self.leaf_bytes),
            size(self.temporary_bytes)
        )
    }
}

/// A count with three digits and a unit: `1.25 M`.
pub(crate) fn count(n: u64) -> String {
    scaled(n as f64, 1000.0, &["", " k", " M", " G", " T"])
}

/// Bytes with a unit: `1.25 MiB`.
pub(crate) fn size(n: usize) -> String {
    scaled(n as f64, 1024.0, &[" B", " KiB", " MiB", " GiB", " TiB"])
}

fn scaled(mut value: f64, base: f64, units: &[&str]) -> String {
    let mut unit = 0;
    while value >= base && unit + 1 < units.len() {
        value /= base;
        unit += 1;
    }
    if unit == 0 { format!("{value}{}", units[0]) } else { format!("{value:.2}{}", units[unit]) }
}
