//! Leaves to a later kernel what that one alone needs.
//!
//! The derivative of an activation follows from its value, and is first of all put where the value is computed: in the
//! forward pass, which would write `1 − y²` beside `y` for the backward pass to read. Computed where it is read, it
//! takes no memory, and nothing is computed twice.

use smallvec::SmallVec;

use super::Base;
use super::stages::Fuser;
use crate::op::Kind;

/// Instructions that are moved at once, at most: derivatives are short.
const MOST: usize = 8;

/// Instructions that can be moved from one group to another.
struct Move {
    instrs: SmallVec<[u32; MOST]>,
    from: usize,
    to: usize,
}

impl Fuser<'_> {
    /// Moves instructions into the only group that reads them, if what they are made of is in memory anyway. That group
    /// has a later stage than what it reads then, as it had before: no cycle can arise.
    pub(super) fn defer(&mut self) {
        for id in (0..self.program.instrs.len() as u32).rev() {
            let Some(Move { instrs, from, to }) = self.later(id) else { continue };
            let mut together = self.members[to].clone();
            together.extend(&instrs);
            together.sort_unstable();
            if self.fits(&together) {
                self.members[from].retain(|member| !instrs.contains(member));
                self.members[to] = together;
                for &instr in &instrs {
                    self.group_of[instr as usize] = Some(to);
                    self.stages[instr as usize] = self.group_stage[to];
                }
            }
        }
    }

    /// Where `id` can be moved, with what it alone is made of.
    fn later(&self, id: u32) -> Option<Move> {
        let from = self.group_of[id as usize]?;
        let to = self.group_of[self.readers(id).first()?.0 as usize]?;
        let only = self
            .readers(id)
            .iter()
            .all(|&(reader, fused)| fused && self.group_of[reader as usize] == Some(to));
        if !only || !self.is_movable(id) || self.group_stage[to] <= self.group_stage[from] {
            return None;
        }
        let mut instrs: SmallVec<[u32; MOST]> = SmallVec::from_slice(&[id]);
        // one value is kept in place of another, and not several
        let mut kept: Option<u32> = None;
        let mut next = 0;
        while let Some(&instr) = instrs.get(next) {
            next += 1;
            for &input in &self.program.instrs[instr as usize].inputs {
                let Base::Value(base) = self.reads[input as usize].base else { continue };
                if instrs.contains(&base) {
                    continue;
                }
                if self.group_of[base as usize] == Some(from) && !self.is_stored_without(base, &instrs, from)
                {
                    let alone = self.readers(base).iter().all(|(reader, _)| instrs.contains(reader));
                    if !alone || !self.is_movable(base) || instrs.len() == MOST {
                        return None;
                    }
                    instrs.push(base);
                    continue;
                }
                if self.readers(base).iter().any(|&(reader, _)| self.group_of[reader as usize] == Some(to)) {
                    continue;
                }
                // a leaf may be there to be overwritten
                let leaf = matches!(self.kind(base), Kind::Leaf);
                let larger = self.shape(base).numel() > self.shape(id).numel();
                if larger || leaf || kept.replace(base).is_some_and(|other| other != base) {
                    return None;
                }
            }
        }
        (self.members[from].len() > instrs.len()).then_some(Move { instrs, from, to })
    }

    /// Whether an instruction is computed element by element, and for other groups alone.
    fn is_movable(&self, id: u32) -> bool {
        matches!(self.kind(id), Kind::Pointwise(_))
            && self.copies[id as usize].is_none()
            && !self.output_values.contains(&id)
    }

    /// Whether something else than these instructions needs a value outside of its group.
    fn is_stored_without(&self, value: u32, instrs: &[u32], group: usize) -> bool {
        let outside = |&(reader, fused): &(u32, bool)| {
            !instrs.contains(&reader) && (!fused || self.group_of[reader as usize] != Some(group))
        };
        self.output_values.contains(&value) || self.readers(value).iter().any(outside)
    }
}
