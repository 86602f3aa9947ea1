//! What each group reads, computes and leaves.

use anygrad_layout::{DType, Shape};

use super::stages::Fuser;
use super::{Base, Fused, FusedStep, Group, Grouped, Read, Work};
use crate::op::Kind;
use crate::ops::leaf::dense;

impl Fuser<'_> {
    pub(super) fn finish(mut self) -> Grouped {
        let mut order: Vec<usize> =
            (0..self.members.len()).filter(|&g| !self.members[g].is_empty()).collect();
        order.sort_by_key(|&g| (self.group_stage[g], self.members[g][0]));
        let mut groups = Vec::new();
        for g in order {
            let members = std::mem::take(&mut self.members[g]);
            self.emit(&members, &mut groups);
        }
        groups = self.merge_rows(groups);
        if self.rules.fuse_into_reductions {
            groups = self.feed_reductions(groups);
        }
        if self.rules.fuse_into_stores {
            groups = self.feed_stores(groups);
        }
        let outputs = self.program.outputs.iter().map(|&out| (out, self.alias(out).unwrap_or(out))).collect();
        let numbers = (0..self.program.instrs.len() as u32).filter(|&id| self.names_number(id)).collect();
        Grouped { groups, outputs, numbers }
    }

    /// Whether instruction `id` is itself a number, and not a view of one.
    fn names_number(&self, id: u32) -> bool {
        self.reads[id as usize].base == Base::Number(id)
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
            groups.push(Group::Kernel {
                instr: first,
                inputs: instr.inputs.iter().map(read).collect(),
                fused: None,
                tail: None,
            });
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
            outer: read.layout.rank(),
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
                let work = Work::Each(row);
                steps.push(FusedStep { work, args, input, output: instr.meta.dtype });
            }
            if self.leaves_group(id, &inside) {
                results.push((id, (sources.len() + numbers.len() + place) as u32, instr.meta.dtype));
            }
        }
        let outer = shape.rank();
        Fused { shape, outer, sources, numbers, steps, results, instrs: members.to_vec() }
    }

    /// How `input` is read by a group of `shape`, to which it may have to be broadcast.
    pub(super) fn read_as(&self, input: u32, shape: &Shape) -> Read {
        let read = &self.reads[input as usize];
        Read { base: read.base, layout: read.layout.expand(shape) }
    }

    /// Lets a reduction compute its input while it reads, where nothing else needs that input.
    fn feed_reductions(&self, groups: Vec<Group>) -> Vec<Group> {
        let mut groups: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
        let mut writer = vec![usize::MAX; self.program.instrs.len()];
        for (place, group) in groups.iter().enumerate() {
            if let Some(Group::Pointwise(fused)) = group {
                fused.results.iter().for_each(|&(id, ..)| writer[id as usize] = place);
            }
        }
        for place in 0..groups.len() {
            let Some(Group::Kernel { instr, inputs, fused: None, .. }) = &groups[place] else { continue };
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
            groups[place] = Some(Group::Kernel { instr, inputs: Vec::new(), fused: Some(fused), tail: None });
        }
        groups.into_iter().flatten().collect()
    }
}
