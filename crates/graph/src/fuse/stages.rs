//! Which instructions go into one group.

use std::collections::BTreeSet;

use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use super::{Base, Grouped, Read, Rules};
use crate::op::Kind;
use crate::ops::leaf::dense;
use crate::ops::pad::Concat;
use crate::program::{Instr, Program};

/// Instructions one kernel holds at most: longer kernels take long to compile, and gain nothing.
const LONGEST: usize = 128;

pub(crate) fn group(program: &Program, rules: Rules) -> Grouped {
    let mut fuser = Fuser::new(program, rules);
    fuser.resolve();
    fuser.order();
    fuser.count_consumers();
    fuser.assign();
    fuser.sink();
    fuser.defer();
    fuser.finish()
}

/// The instructions that outputs are made of.
fn live(program: &Program) -> Vec<bool> {
    let mut live = vec![false; program.instrs.len()];
    program.outputs.iter().for_each(|&out| live[out as usize] = true);
    for id in (0..program.instrs.len()).rev() {
        let instr = &program.instrs[id];
        let read = if matches!(instr.op.kind(), Kind::View) { 1 } else { instr.inputs.len() };
        if live[id] {
            instr.inputs.iter().take(read).for_each(|&input| live[input as usize] = true);
        }
    }
    live
}

pub(super) struct Fuser<'a> {
    pub(super) program: &'a Program,
    pub(super) rules: Rules,
    /// Whether an output is made of each instruction, and not merely waits for it.
    live: Vec<bool>,
    /// How each instruction is read.
    pub(super) reads: Vec<Read>,
    /// Instructions that are stored by a copy through this read: views that strides cannot express, and numbers
    /// and iota that a kernel or the caller needs in memory.
    pub(super) copies: Vec<Option<Read>>,
    /// For each instruction, the stored values that have to be there before it runs, besides those it reads.
    waits: Vec<SmallVec<[u32; 2]>>,
    /// Group and stage of each instruction that is computed.
    pub(super) group_of: Vec<Option<usize>>,
    pub(super) stages: Vec<usize>,
    /// Instructions of each group, ascending; empty groups were merged into others.
    pub(super) members: Vec<Vec<u32>>,
    pub(super) group_stage: Vec<usize>,
    consumers: Vec<Vec<(u32, bool)>>,
    /// The stored values that hold the program's outputs.
    pub(super) output_values: BTreeSet<u32>,
}

impl<'a> Fuser<'a> {
    fn new(program: &'a Program, rules: Rules) -> Self {
        let n = program.instrs.len();
        Self {
            program,
            rules,
            live: live(program),
            reads: Vec::with_capacity(n),
            copies: vec![None; n],
            waits: vec![SmallVec::new(); n],
            group_of: vec![None; n],
            stages: vec![0; n],
            members: Vec::new(),
            group_stage: Vec::new(),
            consumers: Vec::new(),
            output_values: BTreeSet::new(),
        }
    }

    pub(super) fn kind(&self, id: u32) -> Kind {
        self.program.instrs[id as usize].op.kind()
    }

    pub(super) fn shape(&self, id: u32) -> &'a Shape {
        &self.program.instrs[id as usize].meta.shape
    }

    pub(super) fn dtype(&self, id: u32) -> DType {
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
                    if let Some(read) = self.read_of_copied(instr) {
                        self.reads.push(read);
                        continue;
                    }
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
                Kind::Pointwise(_) if self.all_numbers(&instr.inputs) => {
                    let layout = Layout::contiguous(Shape::scalar()).expand(&instr.meta.shape);
                    Read { base: Base::Number(id), layout }
                }
                _ => Read { base: Base::Value(id), layout: whole },
            };
            self.reads.push(read);
        }
        // kernels and the caller need their operands in memory
        for (id, instr) in self.program.instrs.iter().enumerate() {
            let live = self.live[id];
            if matches!(instr.op.kind(), Kind::Kernel) && live {
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

    /// How a view of a copy is read, if what was copied lies in memory just as the view has it: the transposition of a
    /// transposed copy.
    fn read_of_copied(&self, view: &Instr) -> Option<Read> {
        let copy = &self.program.instrs[*view.inputs.first()? as usize];
        let source = copy.op.as_any().downcast_ref::<Concat>().and(copy.inputs.first())?;
        let Read { base: Base::Value(base), layout } = &self.reads[*source as usize] else { return None };
        let layout = view.op.view(layout).filter(|_| copy.inputs.len() == 1 && view.inputs.len() == 1)?;
        layout.is_contiguous().then_some(Read { base: Base::Value(*base), layout })
    }

    /// What each instruction waits for: a view for its inputs but the first, and what reads a view for the same.
    fn order(&mut self) {
        for (id, instr) in self.program.instrs.iter().enumerate() {
            let mut waits: SmallVec<[u32; 2]> = SmallVec::new();
            let is_view = matches!(instr.op.kind(), Kind::View);
            for (i, &input) in instr.inputs.iter().enumerate() {
                if is_view && i > 0 && !self.is_number(input) {
                    waits.push(self.stored(input));
                }
                // what is computed has waited itself
                if matches!(self.kind(input), Kind::View) || self.is_number(input) {
                    waits.extend_from_slice(&self.waits[input as usize]);
                }
            }
            waits.sort_unstable();
            waits.dedup();
            self.waits[id] = waits;
        }
    }

    /// The stage behind what an instruction waits for.
    fn waited(&self, id: u32) -> usize {
        self.waits[id as usize].iter().map(|&base| self.after(base)).max().unwrap_or(0)
    }

    /// Whether a pointwise instruction computes one number from run-time numbers: the host does that.
    fn all_numbers(&self, inputs: &[u32]) -> bool {
        inputs.iter().all(|&input| matches!(self.reads[input as usize].base, Base::Number(_)))
    }

    fn is_number(&self, id: u32) -> bool {
        matches!(self.reads[id as usize].base, Base::Number(_))
    }

    /// Has the value of a view, number or iota written to memory by a copy.
    fn store(&mut self, id: u32) {
        let computed = matches!(self.kind(id), Kind::Pointwise(_) | Kind::Kernel) && !self.is_number(id);
        if self.copies[id as usize].is_none() && !computed {
            self.copies[id as usize] = Some(self.reads[id as usize].clone());
        }
    }

    /// The stored value that holds instruction `id` densely, if there is one without a copy.
    pub(super) fn alias(&self, id: u32) -> Option<u32> {
        let read = &self.reads[id as usize];
        match read.base {
            Base::Value(base)
                if read.layout.is_contiguous() && read.layout.numel() == self.shape(base).numel() =>
            {
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
                    && !self.is_number(base)
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
            if !self.live[id as usize] {
                continue;
            }
            if let Some(read) = &self.copies[id as usize] {
                let stage = match read.base {
                    Base::Value(base) => self.after(base),
                    _ => 0,
                };
                self.open(id, stage.max(self.waited(id)));
                continue;
            }
            match self.kind(id) {
                Kind::Kernel => {
                    let bases = self.program.instrs[id as usize].inputs.iter().map(|&i| self.stored(i));
                    let stage = bases.map(|base| self.after(base)).max().unwrap_or(0);
                    self.open(id, stage.max(self.waited(id)));
                }
                Kind::Pointwise(_) if !self.is_number(id) => self.assign_pointwise(id),
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
        let mut stage = self.waited(id);
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

    /// What has to be there before an instruction runs, besides what it reads.
    pub(super) fn waits(&self, id: u32) -> &[u32] {
        &self.waits[id as usize]
    }

    /// Whether one kernel can hold as many instructions.
    pub(super) fn short_enough(&self, members: &[u32]) -> bool {
        members.len() <= LONGEST
    }

    pub(super) fn fits(&self, members: &[u32]) -> bool {
        self.short_enough(members) && self.buffers(members) <= self.rules.buffers
    }

    fn open(&mut self, id: u32, stage: usize) {
        self.group_of[id as usize] = Some(self.members.len());
        self.stages[id as usize] = stage;
        self.members.push(vec![id]);
        self.group_stage.push(stage);
    }

    /// Buffers a kernel of these instructions binds: what they read from outside, and what they leave.
    pub(super) fn buffers(&self, members: &[u32]) -> usize {
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
    pub(super) fn leaves_group(&self, id: u32, inside: &dyn Fn(u32) -> bool) -> bool {
        self.readers(id).iter().any(|&(reader, fused)| !fused || !inside(reader))
            || self.output_values.contains(&id)
    }

    /// The computed instructions that read the stored value `id`, and whether they do so element by element.
    pub(super) fn readers(&self, id: u32) -> &[(u32, bool)] {
        self.consumers.get(id as usize).map(Vec::as_slice).unwrap_or_default()
    }

    fn count_consumers(&mut self) {
        let mut consumers = vec![Vec::new(); self.program.instrs.len()];
        for id in (0..self.program.instrs.len() as u32).filter(|&id| self.live[id as usize]) {
            if let Some(Read { base: Base::Value(base), .. }) = self.copies[id as usize] {
                consumers[base as usize].push((id, false));
            }
            if matches!(self.kind(id), Kind::Pointwise(_) | Kind::Kernel) && !self.is_number(id) {
                let pointwise = matches!(self.kind(id), Kind::Pointwise(_));
                for &input in &self.program.instrs[id as usize].inputs {
                    let base = self.stored(input);
                    let fused = pointwise && self.fusable(id, input).is_some();
                    consumers[base as usize].push((id, fused));
                }
            }
        }
        self.consumers = consumers;
        self.output_values = self.program.outputs.iter().map(|&out| self.alias(out).unwrap_or(out)).collect();
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
}
