//! Which groups become one kernel over rows: softmax, norms, cross-entropy, and what is around them.
//!
//! A reduction over the last axes splits its input into rows. Pointwise groups that have an element for each of its
//! elements, or one for each row, can run in one kernel with it, if they read each other's values element by element
//! or row by row: each row then depends on itself alone, and is read from memory once.
//!
//! Groups are merged two by two, those first that save most traffic. Why no cycle can arise: two groups are merged
//! only if every path from one to the other is a single step, so that none leads out of the merged group and back.
//! What was free of cycles before the merge is so after it.

mod graph;
mod shape;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anygrad_layout::DType;

use self::graph::{Clusters, Content};
use self::shape::{Cuts, Rows};
use super::stages::Fuser;
use super::{Base, Fused, FusedStep, Group, Read, Work};
use crate::op::Kind;

/// Reductions one kernel holds at most: each takes workgroup memory, and about half of them a walk over the row.
const FOLDS: usize = 12;

/// Which rows one worker, a workgroup or a thread, takes as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowRules {
    /// Rows of up to this many elements, however few there are.
    pub short: usize,
    /// Longer ones if there are this many, to keep all workers busy.
    pub many: usize,
    /// Elements that one worker walks over at most, all walks together.
    pub longest: usize,
}

impl RowRules {
    fn take(self, rows: Rows, folds: usize) -> bool {
        let walks = rows.elements.saturating_mul(folds + 1);
        walks <= self.longest && (rows.elements <= self.short || rows.count >= self.many)
    }
}

impl Fuser<'_> {
    /// Merges groups into kernels over rows.
    pub(super) fn merge_rows(&self, groups: Vec<Group>) -> Vec<Group> {
        let Some(rules) = self.rules.rows.filter(|_| self.rules.fuse) else { return groups };
        if !groups.iter().any(|group| self.row_reduction(group).is_some()) {
            return groups;
        }
        let mut clusters = Clusters::new(self, &groups);
        let mut heap: BinaryHeap<(usize, Reverse<(usize, usize)>)> = BinaryHeap::new();
        let offer = |clusters: &Clusters, a: usize, heap: &mut BinaryHeap<_>| {
            for b in clusters.neighbours(a) {
                if let Some(saved) = self.saving(clusters, a, b) {
                    heap.push((saved, Reverse((a.min(b), a.max(b)))));
                }
            }
        };
        (0..groups.len())
            .filter(|&g| clusters.rows(g).is_some())
            .for_each(|g| offer(&clusters, g, &mut heap));
        while let Some((saved, Reverse((a, b)))) = heap.pop() {
            // what has changed since was offered anew
            if !clusters.stands(a) || !clusters.stands(b) || self.saving(&clusters, a, b) != Some(saved) {
                continue;
            }
            let Some(content) = self.merged(&clusters, a, b, rules) else { continue };
            if clusters.path_around(a, b) {
                continue;
            }
            clusters.merge(a, b, content);
            offer(&clusters, a, &mut heap);
        }
        let order = clusters.in_order(|members| members.len() > 1 && self.worth(members));
        let mut groups: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
        let mut merged: Vec<Group> = Vec::new();
        for cluster in order {
            match cluster.content {
                Some(content) => merged.push(Group::Rows(self.rows(content))),
                None => merged.extend(cluster.members.iter().filter_map(|&g| groups[g].take())),
            }
        }
        merged
    }

    /// The rows that a group reduces, if it is a reduction over the last axes.
    fn row_reduction(&self, group: &Group) -> Option<Rows> {
        let Group::Kernel { instr, inputs, fused: None, .. } = group else { return None };
        let (kind, axes) = self.program.instrs[*instr as usize].op.reduction()?;
        let [(value, layout)] = inputs.as_slice() else { return None };
        let input = *self.program.instrs[*instr as usize].inputs.first()?;
        // numbers and iota were stored for it
        let stored = self.reads[input as usize].base == Base::Value(*value);
        if kind.is_index() || !stored {
            return None;
        }
        let shape = &layout.shape;
        let is_reduced = |axis: &usize| axes.contains(axis);
        let first = (0..shape.rank()).find(|axis| shape[*axis] > 1 && is_reduced(axis))?;
        if (first..shape.rank()).any(|axis| shape[axis] > 1 && !is_reduced(&axis)) {
            return None;
        }
        let rows = Rows { count: shape[..first].iter().product(), elements: shape[first..].iter().product() };
        (rows.count > 0 && rows.elements > 1).then_some(rows)
    }

    /// Whether a pointwise group may be part of a kernel over rows.
    fn may_join(&self, fused: &Fused) -> bool {
        let copied = fused.instrs.iter().any(|&id| self.copies[id as usize].is_some());
        // two rows may share a word of halves, which one thread has to write
        let halves = fused.results.iter().any(|(.., dtype)| *dtype == DType::F16);
        // a packed value is overwritten in its place, together with those beside it
        let packed = fused.sources.iter().any(|(read, _)| match read.base {
            Base::Value(value) => self.program.is_donated(value) && self.program.home(value).is_some(),
            _ => false,
        });
        !copied && !halves && !packed
    }

    /// Bytes of memory traffic that a merge saves; `None` if the two do not fit together in a way that merges of
    /// others do not change.
    fn saving(&self, clusters: &Clusters, a: usize, b: usize) -> Option<usize> {
        clusters.rows(a).or(clusters.rows(b))?;
        let (a, b) = (clusters.content(a)?, clusters.content(b)?);
        let alone = self.traffic(&a.instrs).saturating_add(self.traffic(&b.instrs));
        Some(alone.saturating_sub(self.traffic(&union(&a.instrs, &b.instrs))))
    }

    /// Bytes that a kernel of these instructions reads and writes.
    fn traffic(&self, instrs: &[u32]) -> usize {
        let inside = |id: u32| instrs.binary_search(&id).is_ok();
        let bytes = |&id: &u32| self.shape(id).numel().saturating_mul(self.dtype(id).size());
        let left = instrs.iter().filter(|&&id| self.leaves_rows(id, &inside)).map(bytes);
        self.outside(instrs).iter().map(bytes).chain(left).fold(0, usize::saturating_add)
    }

    /// The stored values that instructions read from outside, each once.
    fn outside(&self, instrs: &[u32]) -> Vec<u32> {
        let inputs = instrs.iter().flat_map(|&id| &self.program.instrs[id as usize].inputs);
        let base = |&input: &u32| match self.reads[input as usize].base {
            Base::Value(base) if instrs.binary_search(&base).is_err() => Some(base),
            _ => None,
        };
        let mut outside: Vec<u32> = inputs.filter_map(base).collect();
        outside.sort_unstable();
        outside.dedup();
        outside
    }

    /// Whether something other than these instructions needs the value of one.
    fn leaves_rows(&self, id: u32, inside: &dyn Fn(u32) -> bool) -> bool {
        self.readers(id).iter().any(|&(reader, _)| !inside(reader)) || self.output_values.contains(&id)
    }

    /// Two clusters as one, if one kernel can compute them.
    fn merged(&self, clusters: &Clusters, a: usize, b: usize, rules: RowRules) -> Option<Content> {
        let rows = match (clusters.rows(a), clusters.rows(b)) {
            (Some(a), Some(b)) if a != b => return None,
            (Some(rows), _) | (_, Some(rows)) => rows,
            (None, None) => return None,
        };
        let (a, b) = (clusters.content(a)?, clusters.content(b)?);
        let instrs = union(&a.instrs, &b.instrs);
        let folds = instrs.iter().filter(|&&id| matches!(self.kind(id), Kind::Kernel)).count();
        if !self.short_enough(&instrs) || folds > FOLDS || !rules.take(rows, folds) {
            return None;
        }
        let inside = |id: u32| instrs.binary_search(&id).is_ok();
        let left = instrs.iter().filter(|&&id| self.leaves_rows(id, &inside)).count();
        if left + self.outside(&instrs).len() > self.rules.buffers {
            return None;
        }
        let shapes = instrs.iter().map(|&id| self.walked(id));
        let cuts = Cuts::new(rows, shapes)?;
        instrs.iter().all(|&id| self.reads_rows(id, rows, &cuts, &inside)).then_some(())?;
        Some(Content { instrs, rows: Some(rows) })
    }

    /// The shape over which an instruction runs: for a reduction, that of its input.
    fn walked(&self, id: u32) -> &anygrad_layout::Shape {
        match (self.kind(id), self.program.instrs[id as usize].inputs.first()) {
            (Kind::Kernel, Some(&input)) => self.shape(input),
            _ => self.shape(id),
        }
    }

    /// Whether an instruction reads what its kernel computes element by element or row by row, and waits for nothing
    /// that is computed there.
    fn reads_rows(&self, id: u32, rows: Rows, cuts: &Cuts, inside: &dyn Fn(u32) -> bool) -> bool {
        if self.waits(id).iter().any(|&base| inside(base)) {
            return false;
        }
        let whole = self.walked(id).numel() == rows.numel();
        self.program.instrs[id as usize].inputs.iter().all(|&input| match self.reads[input as usize].base {
            Base::Value(base) if inside(base) => {
                let read = self.read_as(input, self.walked(id));
                let dense = read.layout.is_contiguous();
                match (whole, self.shape(base).numel() == rows.numel()) {
                    (true, true) | (false, false) => dense,
                    (true, false) => cuts.repeats_rows(&read.layout),
                    (false, true) => false,
                }
            }
            _ => true,
        })
    }

    /// Whether groups that could be merged are better off in one kernel. A lone reduction has kernels for every shape,
    /// which compute its input themselves.
    fn worth(&self, members: &[&Group]) -> bool {
        let reductions = members.iter().filter(|group| matches!(group, Group::Kernel { .. })).count();
        if reductions > 1 || !self.rules.fuse_into_reductions {
            return true;
        }
        let reduced =
            |group: &&Group| if let Group::Kernel { instr, .. } = group { Some(*instr) } else { None };
        let value = members.iter().find_map(reduced);
        members.len() > 2
            || members.iter().any(|group| value.is_some_and(|v| group.values_read().contains(&v)))
    }

    /// The kernel of a merged cluster.
    fn rows(&self, content: Content) -> Fused {
        let Content { instrs, rows } = content;
        let rows = rows.unwrap_or(Rows { count: 1, elements: 1 });
        let cuts = Cuts::new(rows, instrs.iter().map(|&id| self.walked(id))).unwrap_or_default();
        let inside = |id: u32| instrs.binary_search(&id).is_ok();
        let mut sources: Vec<(Read, DType)> = Vec::new();
        let mut numbers: Vec<(u32, DType)> = Vec::new();
        let read = |id: u32, input: u32| {
            let Read { base, layout } = self.read_as(input, self.walked(id));
            Read { base, layout: cuts.refine(&layout) }
        };
        for &id in &instrs {
            for &input in &self.program.instrs[id as usize].inputs {
                let dtype = self.dtype(input);
                match self.reads[input as usize].base {
                    Base::Value(base) if inside(base) => {}
                    Base::Number(number) if !numbers.contains(&(number, dtype)) => {
                        numbers.push((number, dtype))
                    }
                    Base::Number(_) => {}
                    _ => {
                        let read = read(id, input);
                        if !sources.iter().any(|(known, _)| *known == read) {
                            sources.push((read, dtype));
                        }
                    }
                }
            }
        }
        let position = |id: u32, input: u32| match self.reads[input as usize].base {
            Base::Value(base) if inside(base) => {
                sources.len() + numbers.len() + instrs.binary_search(&base).unwrap_or(0)
            }
            Base::Number(number) => {
                sources.len() + numbers.iter().position(|(known, _)| *known == number).unwrap_or(0)
            }
            _ => {
                let read = read(id, input);
                sources.iter().position(|(known, _)| *known == read).unwrap_or(0)
            }
        };
        let mut steps = Vec::new();
        let mut results = Vec::new();
        for (place, &id) in instrs.iter().enumerate() {
            let instr = &self.program.instrs[id as usize];
            let work = match (instr.op.kind(), instr.op.reduction()) {
                (Kind::Pointwise(row), _) => Work::Each(row),
                (_, Some((kind, _))) => Work::Fold(kind),
                _ => continue,
            };
            let input = instr.inputs.last().map_or(instr.meta.dtype, |&input| self.dtype(input));
            let args = instr.inputs.iter().map(|&input| position(id, input) as u32).collect();
            steps.push(FusedStep { work, args, input, output: instr.meta.dtype });
            if self.leaves_rows(id, &inside) {
                results.push((id, (sources.len() + numbers.len() + place) as u32, instr.meta.dtype));
            }
        }
        Fused { shape: cuts.shape(), outer: cuts.outer(), sources, numbers, steps, results, instrs }
    }
}

/// Two ascending lists as one.
fn union(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut all = [a, b].concat();
    all.sort_unstable();
    all
}
