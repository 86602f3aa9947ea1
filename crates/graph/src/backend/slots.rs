//! Which values of a program share a buffer.
//!
//! All buffers of a run are there from its start to its end, so what counts is the sum of their sizes. Values are
//! given to buffers the largest first, each to the smallest buffer that no value lives in at the same time (greedy by
//! size: Pisarchyk and Lee, Efficient memory management for deep neural net inference, 2020).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::error::Error;
use crate::op::Kind;
use crate::program::Program;

/// A buffer of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The buffer of this leaf.
    Leaf(u32),
    /// Allocated for a run, this many bytes.
    Own(usize),
}

/// What has a buffer for a while: a value, all that are written over it, or scratch memory.
#[derive(Clone, Copy, Debug)]
struct Tenant {
    slot: Slot,
    /// The group that writes it first, and the last one that reads it; `usize::MAX` if it outlives the run.
    first: usize,
    last: usize,
}

/// Collects who needs a buffer when. Whole buffers: wgpu tracks usage by buffer, so parts of one would wait for each
/// other.
pub(crate) struct Slots {
    tenants: Vec<Tenant>,
    of: Vec<Option<usize>>,
    /// The group that is planned now.
    now: usize,
}

/// The buffers of a plan.
pub(crate) struct Assigned {
    /// Of a run.
    pub slots: Vec<Slot>,
    /// By tenant: its slot.
    pub places: Vec<usize>,
    /// By instruction: the slot of its value at the end.
    pub slot_of: Vec<Option<usize>>,
}

impl Slots {
    pub fn new(program: &Program) -> Self {
        let mut this = Self { tenants: Vec::new(), of: vec![None; program.instrs.len()], now: 0 };
        for (id, instr) in program.instrs.iter().enumerate() {
            if matches!(instr.op.kind(), Kind::Leaf) {
                this.of[id] = Some(this.tenants.len());
                this.tenants.push(Tenant { slot: Slot::Leaf(id as u32), first: 0, last: usize::MAX });
            }
        }
        this
    }

    /// What follows is of group `now`.
    pub fn begin(&mut self, now: usize) {
        self.now = now;
    }

    pub fn of(&self, value: u32) -> Result<usize, Error> {
        let tenant = self.of.get(value as usize).copied().flatten();
        tenant.ok_or_else(|| {
            Error::invalid("eval", format!("%{value} has no slot: this is a mistake of the planner"))
        })
    }

    pub fn all(&self, values: &[u32]) -> Result<Vec<usize>, Error> {
        values.iter().map(|&value| self.of(value)).collect()
    }

    /// A tenant for a new value.
    pub fn open(&mut self, value: u32, bytes: usize) -> usize {
        let tenant = self.add(bytes, usize::MAX);
        self.of[value as usize] = Some(tenant);
        tenant
    }

    /// A tenant for what only this group needs.
    pub fn scratch(&mut self, bytes: usize) -> usize {
        self.add(bytes, self.now)
    }

    fn add(&mut self, bytes: usize, last: usize) -> usize {
        self.tenants.push(Tenant { slot: Slot::Own(bytes), first: self.now, last });
        self.tenants.len() - 1
    }

    /// Lets `new` be written where `old` was read.
    pub fn hand_over(&mut self, old: u32, new: u32) -> usize {
        let tenant = self.of[old as usize].take().unwrap_or_default();
        self.of[new as usize] = Some(tenant);
        tenant
    }

    /// No later group reads the value.
    pub fn close(&mut self, value: u32) {
        if let Some(tenant) = self.of[value as usize].take() {
            self.tenants[tenant].last = self.now;
        }
    }

    /// Gives every tenant a slot.
    pub fn assign(self) -> Assigned {
        let mut slots: Vec<Slot> = Vec::new();
        // by slot: the first group of each tenant with the last
        let mut busy: Vec<BTreeMap<usize, usize>> = Vec::new();
        let mut places = vec![0; self.tenants.len()];
        let mut largest_first: Vec<(usize, usize, Tenant)> = Vec::new();
        for (at, tenant) in self.tenants.iter().enumerate() {
            match tenant.slot {
                Slot::Own(bytes) => largest_first.push((at, bytes, *tenant)),
                leaf => {
                    places[at] = slots.len();
                    slots.push(leaf);
                    busy.push(BTreeMap::new());
                }
            }
        }
        largest_first.sort_by_key(|(at, bytes, _)| (Reverse(*bytes), *at));
        for (at, bytes, tenant) in largest_first {
            // what outlives the run keeps its buffer from others for longer: no larger one than it needs
            let most = if tenant.last == usize::MAX { bytes.saturating_add(bytes / 8) } else { usize::MAX };
            let size = |slot: usize| match slots.get(slot) {
                Some(&Slot::Own(size)) if size <= most => Some(size),
                _ => None,
            };
            let free = |slot: &usize| {
                let before = busy[*slot].range(..=tenant.last).next_back();
                before.is_none_or(|(_, &last)| last < tenant.first)
            };
            let fits = (0..slots.len()).filter_map(|slot| Some((size(slot)?, slot)));
            let best = fits.filter(|(_, slot)| free(slot)).min();
            let place = best.map_or(slots.len(), |(_, slot)| slot);
            if place == slots.len() {
                slots.push(Slot::Own(bytes));
                busy.push(BTreeMap::new());
            }
            busy[place].insert(tenant.first, tenant.last);
            places[at] = place;
        }
        let slot_of = self.of.iter().map(|tenant| tenant.map(|tenant| places[tenant])).collect();
        Assigned { slots, places, slot_of }
    }
}

#[cfg(test)]
#[allow(clippy::panic)] // a test fails by panicking
mod tests {
    use super::*;

    fn slots(values: usize) -> Slots {
        Slots { tenants: Vec::new(), of: vec![None; values], now: 0 }
    }

    fn total(slots: &[Slot]) -> usize {
        slots.iter().map(|slot| if let Slot::Own(bytes) = slot { *bytes } else { 0 }).sum()
    }

    #[test]
    fn a_small_value_leaves_the_large_buffer_to_a_later_large_one() {
        let mut slots = slots(4);
        slots.open(0, 1000);
        slots.begin(1);
        slots.open(1, 600);
        slots.close(0);
        slots.begin(2);
        slots.open(2, 550); // the buffer of 0 is free, and 3 needs it while 2 is alive
        slots.close(1);
        slots.begin(3);
        slots.open(3, 900);
        slots.close(2);
        slots.close(3);
        let assigned = slots.assign();
        assert_eq!(assigned.places, [0, 1, 2, 0], "{:?}", assigned.slots);
        assert_eq!(total(&assigned.slots), 1000 + 600 + 550);
    }

    #[test]
    fn nobody_shares_a_buffer_at_one_time_and_what_is_kept_has_one_of_its_size() {
        // a fixed sequence of sizes and lifetimes
        let mut state = 1u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        let mut slots = slots(300);
        let mut open: Vec<u32> = Vec::new();
        for value in 0..300u32 {
            slots.begin(value as usize);
            slots.open(value, 1 + next(5000) as usize);
            slots.scratch(1 + next(100) as usize);
            open.push(value);
            while open.len() > 6 {
                let gone = open.swap_remove(next(open.len() as u64) as usize);
                slots.close(gone);
            }
        }
        let tenants = slots.tenants.clone();
        let live = |group: usize| -> usize {
            let alive = tenants.iter().filter(|tenant| tenant.first <= group && group <= tenant.last);
            alive.map(|tenant| if let Slot::Own(bytes) = tenant.slot { bytes } else { 0 }).sum()
        };
        let least = (0..300).map(live).max().unwrap_or_default();
        let assigned = slots.assign();
        for (i, a) in tenants.iter().enumerate() {
            let Slot::Own(bytes) = a.slot else { continue };
            let Slot::Own(size) = assigned.slots[assigned.places[i]] else { panic!("a leaf's buffer") };
            assert!(size >= bytes);
            assert!(a.last != usize::MAX || size <= bytes + bytes / 8);
            for (j, b) in tenants.iter().enumerate().skip(i + 1) {
                let apart = a.last < b.first || b.last < a.first;
                assert!(apart || assigned.places[i] != assigned.places[j], "{a:?} and {b:?}");
            }
        }
        // sizes and lifetimes without any order are the hardest
        assert!(total(&assigned.slots) <= 2 * least, "{} of {least}", total(&assigned.slots));
    }
}
