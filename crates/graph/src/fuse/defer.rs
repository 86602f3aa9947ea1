//! Leaves to a later kernel what that one alone needs.
//!
//! The derivative of an activation follows from its value, and is first of all put where the value is computed: in the
//! forward pass, which would write `1 − y²` beside `y` for the backward pass to read. Computed where it is read, it
//! takes no memory, and nothing is computed twice.

use super::Base;
use super::stages::Fuser;
use crate::op::Kind;

impl Fuser<'_> {
    /// Moves instructions into the only group that reads them, if what they are made of is in memory anyway. That group
    /// has a later stage than what it reads then, as it had before: no cycle can arise.
    pub(super) fn defer(&mut self) {
        // readers first, so that a chain follows its end
        for id in (0..self.program.instrs.len() as u32).rev() {
            let Some((from, target)) = self.later_reader(id) else { continue };
            let mut together = self.members[target].clone();
            together.push(id);
            together.sort_unstable();
            if self.fits(&together) {
                self.members[from].retain(|&member| member != id);
                self.members[target] = together;
                self.group_of[id as usize] = Some(target);
                self.stages[id as usize] = self.group_stage[target];
            }
        }
    }

    /// The group of a pointwise instruction, and the other group that it can be moved to.
    fn later_reader(&self, id: u32) -> Option<(usize, usize)> {
        let from = self.group_of[id as usize]?;
        let pointwise = matches!(self.kind(id), Kind::Pointwise(_)) && self.copies[id as usize].is_none();
        if !pointwise || self.members[from].len() < 2 || self.output_values.contains(&id) {
            return None;
        }
        let target = self.group_of[self.readers(id).first()?.0 as usize]?;
        let only = self
            .readers(id)
            .iter()
            .all(|&(reader, fused)| fused && self.group_of[reader as usize] == Some(target));
        if !only || self.group_stage[target] <= self.group_stage[from] {
            return None;
        }
        // one value is kept in place of another, and not several
        let mut kept: Option<u32> = None;
        for &input in &self.program.instrs[id as usize].inputs {
            let Base::Value(base) = self.reads[input as usize].base else { continue };
            let inside = self.group_of[base as usize] == Some(from);
            if inside && !self.is_stored_without(base, id, from) {
                return None;
            }
            if self.readers(base).iter().any(|&(reader, _)| self.group_of[reader as usize] == Some(target)) {
                continue;
            }
            // a leaf may be there to be overwritten
            let larger = self.shape(base).numel() > self.shape(id).numel();
            let leaf = matches!(self.kind(base), Kind::Leaf);
            if larger || leaf || kept.replace(base).is_some_and(|other| other != base) {
                return None;
            }
        }
        Some((from, target))
    }

    /// Whether something else than `id` needs `value` outside of its group.
    fn is_stored_without(&self, value: u32, id: u32, group: usize) -> bool {
        let outside = |&(reader, fused): &(u32, bool)| {
            reader != id && (!fused || self.group_of[reader as usize] != Some(group))
        };
        self.output_values.contains(&value) || self.readers(value).iter().any(outside)
    }
}
