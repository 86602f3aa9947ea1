//! Groups a program's instructions into what one kernel computes.
//!
//! Views vanish into the way their base is read. Pointwise instructions of one shape that feed each other become
//! one group, with any number of outputs.
//!
//! Why no cycle can arise: each instruction has a *stage*. An edge that can be fused (a pointwise instruction
//! reads another of the same shape, element by element) may stay in the stage; every other edge goes at least one
//! stage up. So a path that leaves a group through another kernel ends in a later stage, never back in the group.

use std::collections::BTreeSet;

use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use crate::op::Kind;
use crate::ops::leaf::dense;
use crate::pointwise::Row;
use crate::program::Program;

/// What an instruction's elements are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    /// The stored, dense value of an instruction.
    Value(u32),
    /// A run-time number.
    Number(u32),
    /// Counting.
    Iota,
}

/// A way to read an instruction's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Read {
    pub base: Base,
    pub layout: Layout,
}

/// A fused pointwise program. Values are numbered sources first, then numbers, then steps.
#[derive(Clone, Debug)]
pub(crate) struct Fused {
    pub shape: Shape,
    pub sources: Vec<(Read, DType)>,
    /// The number instructions that are read, with their dtypes.
    pub numbers: Vec<(u32, DType)>,
    pub steps: Vec<FusedStep>,
    /// Instructions that are stored, with the value that is theirs.
    pub results: Vec<(u32, u32, DType)>,
    /// The instructions in it, for people.
    pub instrs: Vec<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct FusedStep {
    pub row: &'static Row,
    pub args: SmallVec<[u32; 3]>,
    /// The dtype the row's WGSL is chosen by: that of its last input.
    pub input: DType,
    pub output: DType,
}

#[derive(Clone, Debug)]
pub(crate) enum Group {
    Pointwise(Fused),
    /// A kernel of its own; `fused` computes its (only) input while it is read.
    Kernel { instr: u32, inputs: Vec<(u32, Layout)>, fused: Option<Fused> },
}

/// A program in groups, in an order in which they can run.
pub(crate) struct Grouped {
    pub groups: Vec<Group>,
    /// For each output of the program, the stored value that holds it.
    pub outputs: Vec<(u32, u32)>,
}

/// What a backend asks of the grouping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Buffers one kernel can bind.
    pub buffers: usize,
    /// Whether reductions compute their input while they read it.
    pub fuse_into_reductions: bool,
    /// Whether pointwise instructions are fused at all.
    pub fuse: bool,
}

/// Instructions one kernel holds at most: longer kernels take long to compile, and gain nothing.
const LONGEST: usize = 128;

pub(crate) fn group(program: &Program, rules: Rules) -> Grouped {
    let mut fuser = Fuser::new(program, rules);
    fuser.resolve();
    fuser.count_consumers();
    fuser.assign();
    fuser.sink();
    fuser.finish()
}

struct Fuser<'a> {
    program: &'a Program,
    rules: Rules,
    /// How each instruction is read.
    reads: Vec<Read>,
    /// Instructions that are stored by a copy through this read: views that strides cannot express, and numbers
    /// and iota that a kernel or the caller needs in memory.
    copies: Vec<Option<Read>>,
    /// Group and stage of each instruction that is computed.
    group_of: Vec<Option<usize>>,
    stages: Vec<usize>,
    /// Instructions of each group, ascending; empty groups were merged into others.
    members: Vec<Vec<u32>>,
    group_stage: Vec<usize>,
    consumers: Vec<Vec<(u32, bool)>>,
    /// The stored values that hold the program's outputs.
    output_values: BTreeSet<u32>,
}

impl<'a> Fuser<'a> {
    fn new(program: &'a Program, rules: Rules) -> Self {
        let n = program.instrs.len();
        Self {
            program,
            rules,
            reads: Vec::with_capacity(n),
            copies: vec![None; n],
            group_of: vec![None; n],
            stages: vec![0; n],
            members: Vec::new(),
            group_stage: Vec::new(),
            consumers: Vec::new(),
            output_values: BTreeSet::new(),
        }
    }

    fn kind(&self, id: u32) -> Kind {
        self.program.instrs[id as usize].op.kind()
    }

    fn shape(&self, id: u32) -> &'a Shape {
        &self.program.instrs[id as usize].meta.shape
    }

    fn dtype(&self, id: u32) -> DType {
        self.program.instrs[id as usize].meta.dtype
    }

    /// How every instruction is read: views compose with what they view.
    fn resolve(&mut self) {
        for (id, instr) in self.program.instrs.iter().enumerate() {
            let id = id as u32;
            let whole = dense(&instr.meta.shape);
            let read = match instr.op.kind() {
                Kind::Number => Read { base: Base::Number(id), layout: whole },
                Kind::Iota => Read { base: Base::Iota, layout: whole },
                Kind::View => {
                    let input = &self.reads[instr.inputs[0] as usize];
                    match (input.base, instr.op.view(&input.layout)) {
                        (Base::Number(_), _) => {
                            let layout = Layout::contiguous(Shape::scalar()).expand(&instr.meta.shape);
                            Read { base: input.base, layout }
                        }
                        (base, Some(layout)) => Read { base, layout },
                        (_, None) => {
                            self.copies[id as usize] = Some(input.clone());
                            Read { base: Base::Value(id), layout: whole }
                        }
                    }
                }
                _ => Read { base: Base::Value(id), layout: whole },
            };
            self.reads.push(read);
        }
        // kernels and the caller need their operands in memory
        for instr in &self.program.instrs {
            if matches!(instr.op.kind(), Kind::Kernel) {
                for &input in &instr.inputs {
                    if !matches!(self.reads[input as usize].base, Base::Value(_)) {
                        self.store(input);
                    }
                }
            }
        }
        for &id in &self.program.outputs {
            if self.alias(id).is_none() {
                self.store(id);
            }
        }
    }

    /// Has the value of a view, number or iota written to memory by a copy.
    fn store(&mut self, id: u32) {
        if self.copies[id as usize].is_none() && !matches!(self.kind(id), Kind::Pointwise(_) | Kind::Kernel) {
            self.copies[id as usize] = Some(self.reads[id as usize].clone());
        }
    }

    /// The stored value that holds instruction `id` densely, if there is one without a copy.
    fn alias(&self, id: u32) -> Option<u32> {
        let read = &self.reads[id as usize];
        match read.base {
            Base::Value(base) if read.layout.is_contiguous() && read.layout.numel() == self.shape(base).numel() => {
                Some(base)
            }
            _ => None,
        }
    }

    /// Whether instruction `id` reads `input` element by element from a pointwise instruction of its shape.
    fn fusable(&self, id: u32, input: u32) -> Option<u32> {
        let read = &self.reads[input as usize];
        match read.base {
            Base::Value(base)
                if self.rules.fuse
                    && matches!(self.kind(base), Kind::Pointwise(_))
                    && self.copies[base as usize].is_none()
                    && self.shape(base) == self.shape(id)
                    && read.layout.shape == *self.shape(id)
                    && read.layout.is_contiguous() =>
            {
                Some(base)
            }
            _ => None,
        }
    }

    /// Gives every computed instruction its stage and group.
    fn assign(&mut self) {
        for id in 0..self.program.instrs.len() as u32 {
            if let Some(read) = &self.copies[id as usize] {
                let stage = match read.base {
                    Base::Value(base) => self.after(base),
                    _ => 0,
                };
                self.open(id, stage);
                continue;
            }
            match self.kind(id) {
                Kind::Kernel => {
                    let bases = self.program.instrs[id as usize].inputs.iter().map(|&i| self.stored(i));
                    let stage = bases.map(|base| self.after(base)).max().unwrap_or(0);
                    self.open(id, stage);
                }
                Kind::Pointwise(_) => self.assign_pointwise(id),
                _ => {}
            }
        }
    }

    /// The stored value an input is read from.
    fn stored(&self, input: u32) -> u32 {
        match self.reads[input as usize].base {
            Base::Value(base) => base,
            _ => input,
        }
    }

    fn after(&self, base: u32) -> usize {
        if self.group_of[base as usize].is_some() { self.stages[base as usize] + 1 } else { 0 }
    }

    fn assign_pointwise(&mut self, id: u32) {
        let mut stage = 0;
        let mut producers: SmallVec<[u32; 3]> = SmallVec::new();
        for &input in &self.program.instrs[id as usize].inputs {
            match (self.fusable(id, input), self.reads[input as usize].base) {
                (Some(base), _) => {
                    stage = stage.max(self.stages[base as usize]);
                    producers.push(base);
                }
                (None, Base::Value(base)) => stage = stage.max(self.after(base)),
                _ => {}
            }
        }
        let mut joined: BTreeSet<usize> = BTreeSet::new();
        joined.extend(
            producers
                .iter()
                .filter(|&&p| self.stages[p as usize] == stage)
                .filter_map(|&p| self.group_of[p as usize]),
        );
        let mut together: Vec<u32> = joined.iter().flat_map(|&g| self.members[g].iter().copied()).collect();
        together.push(id);
        together.sort_unstable();
        match joined.first().copied() {
            Some(first) if self.fits(&together) => {
                joined.iter().for_each(|&g| self.members[g].clear());
                for &member in &together {
                    self.group_of[member as usize] = Some(first);
                }
                self.members[first] = together;
                self.stages[id as usize] = stage;
            }
            // too much for one kernel: the next stage starts here
            Some(_) => self.open(id, stage + 1),
            None => self.open(id, stage),
        }
    }

    fn fits(&self, members: &[u32]) -> bool {
        members.len() <= LONGEST && self.buffers(members) <= self.rules.buffers
    }

    fn open(&mut self, id: u32, stage: usize) {
        self.group_of[id as usize] = Some(self.members.len());
        self.stages[id as usize] = stage;
        self.members.push(vec![id]);
        self.group_stage.push(stage);
    }

    /// Buffers a kernel of these instructions binds: what they read from outside, and what they leave.
    fn buffers(&self, members: &[u32]) -> usize {
        let inside = |id: u32| members.binary_search(&id).is_ok();
        let mut outside: BTreeSet<u32> = BTreeSet::new();
        for &id in members {
            for &input in &self.program.instrs[id as usize].inputs {
                if let Base::Value(base) = self.reads[input as usize].base
                    && !inside(base)
                {
                    outside.insert(base);
                }
            }
        }
        outside.len() + members.iter().filter(|&&id| self.leaves_group(id, &inside)).count()
    }

    /// Whether an instruction is needed by something other than these pointwise instructions.
    fn leaves_group(&self, id: u32, inside: &dyn Fn(u32) -> bool) -> bool {
        self.readers(id).iter().any(|&(reader, fused)| !fused || !inside(reader)) || self.output_values.contains(&id)
    }

    /// The computed instructions that read the stored value `id`, and whether they do so element by element.
    fn readers(&self, id: u32) -> &[(u32, bool)] {
        self.consumers.get(id as usize).map(Vec::as_slice).unwrap_or_default()
    }

    fn count_consumers(&mut self) {
        let mut consumers = vec![Vec::new(); self.program.instrs.len()];
        for id in 0..self.program.instrs.len() as u32 {
            if let Some(Read { base: Base::Value(base), .. }) = self.copies[id as usize] {
                consumers[base as usize].push((id, false));
            }
            if matches!(self.kind(id), Kind::Pointwise(_) | Kind::Kernel) {
                let pointwise = matches!(self.kind(id), Kind::Pointwise(_));
                for &input in &self.program.instrs[id as usize].inputs {
                    let base = self.stored(input);
                    let fused = pointwise && self.fusable(id, input).is_some();
                    consumers[base as usize].push((id, fused));
                }
            }
        }
        self.consumers = consumers;
        self.output_values =
            self.program.outputs.iter().map(|&out| self.alias(out).unwrap_or(out)).collect();
    }

    /// Merges a group into the only group that reads it: it then leaves nothing in memory. No path from one to the
    /// other leads through a third, so this is always possible.
    fn sink(&mut self) {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|&g| std::cmp::Reverse((self.group_stage[g], g)));
        for g in order {
            let Some(target) = self.only_reader(g) else { continue };
            let mut together = self.members[g].clone();
            together.extend(&self.members[target]);
            together.sort_unstable();
            if self.fits(&together) {
                together.iter().for_each(|&id| self.group_of[id as usize] = Some(target));
                self.members[target] = together;
                self.members[g].clear();
            }
        }
    }

    fn only_reader(&self, g: usize) -> Option<usize> {
        let mut target = None;
        for &id in &self.members[g] {
            if !matches!(self.kind(id), Kind::Pointwise(_)) || self.output_values.contains(&id) {
                return None;
            }
            for &(reader, fused) in self.readers(id) {
                let group = self.group_of[reader as usize]?;
                if group != g && (!fused || target.is_some_and(|t| t != group)) {
                    return None;
                }
                if group != g {
                    target = Some(group);
                }
            }
        }
        target
    }

    fn finish(mut self) -> Grouped {
        let mut order: Vec<usize> = (0..self.members.len()).filter(|&g| !self.members[g].is_empty()).collect();
        order.sort_by_key(|&g| (self.group_stage[g], self.members[g][0]));
        let mut groups = Vec::new();
        for g in order {
            let members = std::mem::take(&mut self.members[g]);
            self.emit(&members, &mut groups);
        }
        if self.rules.fuse_into_reductions {
            groups = self.into_reductions(groups);
        }
        let outputs = self.program.outputs.iter().map(|&out| (out, self.alias(out).unwrap_or(out))).collect();
        Grouped { groups, outputs }
    }

    fn emit(&self, members: &[u32], groups: &mut Vec<Group>) {
        let first = members[0];
        if let Some(read) = &self.copies[first as usize] {
            groups.push(Group::Pointwise(self.copy(first, read)));
        } else if matches!(self.kind(first), Kind::Kernel) {
            let instr = &self.program.instrs[first as usize];
            let read = |&input: &u32| match &self.reads[input as usize] {
                Read { base: Base::Value(base), layout } => (*base, layout.clone()),
                // numbers and iota were stored
                _ => (input, dense(self.shape(input))),
            };
            groups.push(Group::Kernel { instr: first, inputs: instr.inputs.iter().map(read).collect(), fused: None });
        } else if members.len() > 1 && self.buffers(members) > self.rules.buffers {
            let (front, back) = members.split_at(members.len() / 2);
            self.emit(front, groups);
            self.emit(back, groups);
        } else {
            groups.push(Group::Pointwise(self.fused(members)));
        }
    }

    /// A dense copy of what is read through `read`, as the value of `id`.
    fn copy(&self, id: u32, read: &Read) -> Fused {
        let dtype = self.dtype(id);
        let mut fused = Fused {
            shape: read.layout.shape.clone(),
            sources: Vec::new(),
            numbers: Vec::new(),
            steps: Vec::new(),
            results: vec![(id, 0, dtype)],
            instrs: vec![id],
        };
        match read.base {
            Base::Number(number) => fused.numbers.push((number, dtype)),
            _ => fused.sources.push((read.clone(), dtype)),
        }
        fused
    }

    fn fused(&self, members: &[u32]) -> Fused {
        let shape = self.shape(members[0]).clone();
        let inside = |id: u32| members.binary_search(&id).is_ok();
        // first what is read, so that value ids are known
        let mut sources: Vec<(Read, DType)> = Vec::new();
        let mut numbers: Vec<(u32, DType)> = Vec::new();
        for &id in members {
            for &input in &self.program.instrs[id as usize].inputs {
                let dtype = self.dtype(input);
                match self.reads[input as usize].base {
                    Base::Value(base) if inside(base) => {}
                    Base::Number(number) => {
                        if !numbers.contains(&(number, dtype)) {
                            numbers.push((number, dtype));
                        }
                    }
                    _ => {
                        let read = self.read_as(input, &shape);
                        if !sources.iter().any(|(known, _)| *known == read) {
                            sources.push((read, dtype));
                        }
                    }
                }
            }
        }
        let position = |input: u32| -> usize {
            match self.reads[input as usize].base {
                Base::Value(base) if inside(base) => {
                    sources.len() + numbers.len() + members.binary_search(&base).unwrap_or(0)
                }
                Base::Number(number) => {
                    sources.len() + numbers.iter().position(|(known, _)| *known == number).unwrap_or(0)
                }
                _ => {
                    let read = self.read_as(input, &shape);
                    sources.iter().position(|(known, _)| *known == read).unwrap_or(0)
                }
            }
        };
        let mut steps = Vec::new();
        let mut results = Vec::new();
        for (place, &id) in members.iter().enumerate() {
            let instr = &self.program.instrs[id as usize];
            if let Kind::Pointwise(row) = instr.op.kind() {
                let input = instr.inputs.last().map_or(instr.meta.dtype, |&input| self.dtype(input));
                let args = instr.inputs.iter().map(|&input| position(input) as u32).collect();
                steps.push(FusedStep { row, args, input, output: instr.meta.dtype });
            }
            if self.leaves_group(id, &inside) {
                results.push((id, (sources.len() + numbers.len() + place) as u32, instr.meta.dtype));
            }
        }
        Fused { shape, sources, numbers, steps, results, instrs: members.to_vec() }
    }

    /// How `input` is read by a group of `shape`, to which it may have to be broadcast.
    fn read_as(&self, input: u32, shape: &Shape) -> Read {
        let read = &self.reads[input as usize];
        Read { base: read.base, layout: read.layout.expand(shape) }
    }

    /// Lets a reduction compute its input while it reads, where nothing else needs that input.
    fn into_reductions(&self, groups: Vec<Group>) -> Vec<Group> {
        let mut groups: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
        let mut writer = vec![usize::MAX; self.program.instrs.len()];
        for (place, group) in groups.iter().enumerate() {
            if let Some(Group::Pointwise(fused)) = group {
                fused.results.iter().for_each(|&(id, ..)| writer[id as usize] = place);
            }
        }
        for place in 0..groups.len() {
            let Some(Group::Kernel { instr, inputs, fused: None }) = &groups[place] else { continue };
            let (instr, Some((base, layout))) = (*instr, inputs.first().cloned()) else { continue };
            let producer = writer[base as usize];
            let takes = self.program.instrs[instr as usize].op.reduction().is_some()
                && layout.is_contiguous()
                && layout.shape == *self.shape(base)
                && self.readers(base).len() == 1
                && !self.output_values.contains(&base)
                && producer != usize::MAX;
            if !takes {
                continue;
            }
            let fits = matches!(&groups[producer], Some(Group::Pointwise(fused))
                if fused.results.len() == 1 && fused.shape == layout.shape
                    && fused.sources.len() + 2 <= self.rules.buffers);
            if !fits {
                continue;
            }
            let Some(Group::Pointwise(fused)) = groups[producer].take() else { continue };
            groups[place] = Some(Group::Kernel { instr, inputs: Vec::new(), fused: Some(fused) });
        }
        groups.into_iter().flatten().collect()
    }
}
