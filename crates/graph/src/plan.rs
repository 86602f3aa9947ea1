//! Plans: a program made ready to run on one device, and the cache that finds it again.

use std::sync::Arc;

use anygrad_layout::DType;
use rustc_hash::FxHashMap;

use crate::backend::cpu::CpuPlan;
use crate::backend::gpu::GpuPlan;
use crate::device::{Backend, Device};
use crate::error::Error;
use crate::fuse::{Base, Fused, Group, Grouped, Read, Rules, group, put_together};
use crate::numbers::Numbers;
use crate::op::Kind;
use crate::program::{Lowered, Program};

/// Plans kept for each device. A training loop needs two or three.
const KEPT: usize = 256;

/// Programs in a row that were not in the cache, after which something is likely wrong.
const THRASHING: u32 = 64;

pub(crate) enum Plan {
    Cpu(CpuPlan),
    Gpu(GpuPlan),
}

impl Plan {
    pub fn new(lowered: &Lowered, device: &Device) -> Result<Self, Error> {
        Ok(match &device.inner().backend {
            Backend::Cpu(_) => Plan::Cpu(CpuPlan::new(&lowered.program)?),
            Backend::Gpu(gpu) => Plan::Gpu(GpuPlan::new(lowered, gpu)?),
        })
    }
}

/// The plans of one device by their programs; the least recently used is dropped first.
#[derive(Default)]
pub(crate) struct Cache {
    /// By the hash of the program.
    plans: FxHashMap<u64, Vec<Known>>,
    count: usize,
    clock: u64,
    misses_in_a_row: u32,
    last_miss: Option<Program>,
}

struct Known {
    program: Program,
    plan: Arc<Plan>,
    used: u64,
}

impl Cache {
    /// Forgets all plans, so that programs are planned anew.
    pub fn clear(&mut self) {
        self.plans.clear();
        self.count = 0;
        // what comes next was known, and is no sign of programs that always differ
        (self.misses_in_a_row, self.last_miss) = (0, None);
    }

    pub fn find(&mut self, lowered: &Lowered) -> Option<Arc<Plan>> {
        self.clock += 1;
        let known = self.plans.get_mut(&lowered.key)?;
        let known = known.iter_mut().find(|known| known.program == lowered.program)?;
        known.used = self.clock;
        self.misses_in_a_row = 0;
        Some(known.plan.clone())
    }

    pub fn insert(&mut self, lowered: &Lowered, plan: Arc<Plan>) {
        let program = &lowered.program;
        self.misses_in_a_row += 1;
        if self.misses_in_a_row == THRASHING
            && let Some(last) = &self.last_miss
        {
            log::warn!(
                "the last {THRASHING} programs all differed, so each was planned anew. {}",
                difference(last, program)
            );
        }
        self.last_miss = Some(program.clone());
        if self.count >= KEPT {
            self.drop_oldest();
        }
        let known = Known { program: program.clone(), plan, used: self.clock };
        self.plans.entry(lowered.key).or_default().push(known);
        self.count += 1;
    }

    fn drop_oldest(&mut self) {
        let all = self.plans.iter().flat_map(|(key, known)| known.iter().map(|known| (known.used, *key)));
        let Some((oldest, key)) = all.min() else { return };
        if let Some(known) = self.plans.get_mut(&key) {
            known.retain(|known| known.used != oldest);
            if known.is_empty() {
                self.plans.remove(&key);
            }
        }
        self.count = self.plans.values().map(Vec::len).sum();
    }
}

/// The first line in which two programs differ.
fn difference(a: &Program, b: &Program) -> String {
    let n = a.instrs.len().max(b.instrs.len()) as u32;
    match (0..n).map(|id| (a.line(id), b.line(id))).find(|(x, y)| x != y) {
        Some((x, y)) => format!("The first difference between the last two: \"{x}\" and \"{y}\""),
        None => "The last two differ in what is kept".into(),
    }
}

/// Groups of a program with the group after which each stored value is no longer needed.
pub(crate) struct Schedule {
    pub groups: Vec<Group>,
    pub outputs: Vec<(u32, u32)>,
    pub numbers: Numbers,
    /// By instruction: the last group that reads its stored value; `usize::MAX` if it is kept.
    pub last_use: Vec<usize>,
    /// By instruction: how many elements its stored value has.
    sizes: Vec<usize>,
    /// By instruction: the block in which its stored value lies with others, and the bytes before it.
    homes: Vec<Option<(u32, usize)>>,
}

impl Schedule {
    pub fn new(program: &Program, rules: Rules) -> Self {
        let Grouped { groups, outputs, numbers } = group(program, rules);
        let sizes = program.instrs.iter().map(|instr| instr.meta.shape.numel()).collect();
        let numbers = Numbers::new(program, &numbers);
        let home = |id: u32| program.home(id).map(|home| (home.block, home.offset));
        let homes = (0..program.instrs.len() as u32).map(home).collect();
        let mut schedule = Self { groups, outputs, numbers, last_use: Vec::new(), sizes, homes };
        schedule.find_last_uses(program);
        if rules.together > 0 {
            let groups = std::mem::take(&mut schedule.groups);
            let in_place = |fused: &Fused, place: usize| schedule.take_over(fused, place, &[], true);
            let block = |value: u32| schedule.home(value).map(|(block, _)| block);
            let temporary = |&value: &u32| {
                let leaf = matches!(program.instrs[value as usize].op.kind(), Kind::Leaf);
                !leaf && schedule.last_use[value as usize] != usize::MAX
            };
            let keeps = |fused: &Fused| {
                let values = fused.values_read().into_iter().filter(temporary);
                values.map(|value| schedule.sizes[value as usize]).fold(0, usize::saturating_add)
            };
            schedule.groups = put_together(groups, &rules, block, keeps, in_place);
            schedule.find_last_uses(program);
        }
        schedule.find_homes();
        schedule
    }

    /// What is written over a value lies where that lay.
    fn find_homes(&mut self) {
        for place in 0..self.groups.len() {
            let taken = |fused: &Fused| -> Vec<(u32, u32)> {
                let results = fused.results.iter().zip(self.in_place(fused, place));
                let over = |(&(id, ..), source): (&(u32, u32, DType), Option<usize>)| {
                    let Base::Value(value) = fused.sources.get(source?)?.0.base else { return None };
                    Some((id, value))
                };
                results.filter_map(over).collect()
            };
            let taken: Vec<(u32, u32)> = self.groups[place].fused().iter().flat_map(taken).collect();
            taken.into_iter().for_each(|(new, old)| self.homes[new as usize] = self.homes[old as usize]);
        }
    }

    /// The block in which a stored value lies with others, and the bytes before it.
    pub fn home(&self, value: u32) -> Option<(u32, usize)> {
        self.homes.get(value as usize).copied().flatten()
    }

    fn find_last_uses(&mut self, program: &Program) {
        let mut last_use = vec![0; program.instrs.len()];
        for (place, group) in self.groups.iter().enumerate() {
            group.values_read().into_iter().for_each(|value| last_use[value as usize] = place);
        }
        for &(_, value) in &self.outputs {
            last_use[value as usize] = usize::MAX;
        }
        // a leaf somebody holds is never free
        for (id, instr) in program.instrs.iter().enumerate() {
            if matches!(instr.op.kind(), Kind::Leaf) && !program.is_donated(id as u32) {
                last_use[id] = usize::MAX;
            }
        }
        self.last_use = last_use;
    }

    /// For each result of a fused group that runs at `place`: the source whose memory it can take over, which is read
    /// at the same element and by nothing later.
    pub fn in_place(&self, fused: &Fused, place: usize) -> Vec<Option<usize>> {
        match self.groups.get(place) {
            Some(Group::Together(ends)) => self.take_over(fused, place, ends, true),
            // a kernel reads its inputs while others of its threads store, and may read other parts of a block
            Some(Group::Kernel { inputs, .. }) => {
                let mut taken = self.take_over(fused, place, &[], false);
                for source in &mut taken {
                    let base = source.and_then(|source| fused.sources.get(source)).map(|(read, _)| read.base);
                    if let Some(Base::Value(value)) = base
                        && (self.home(value).is_some() || inputs.iter().any(|(input, _)| *input == value))
                    {
                        *source = None;
                    }
                }
                taken
            }
            _ => self.take_over(fused, place, &[], false),
        }
    }

    /// As [`Schedule::in_place`], for a kernel that also computes `beside`. A kernel of several groups binds blocks of
    /// memory whole. Any other binds parts of them, and what it writes may not lie in a block that it also reads.
    fn take_over(
        &self,
        fused: &Fused,
        place: usize,
        beside: &[Fused],
        whole_blocks: bool,
    ) -> Vec<Option<usize>> {
        let alone = |value: u32| beside.iter().filter(|end| end.values_read().contains(&value)).count() <= 1;
        let block = |read: &Read| match read.base {
            Base::Value(value) => self.home(value).map(|(block, _)| block),
            _ => None,
        };
        let separate = |read: &Read| {
            let same = |(other, _): &&(Read, DType)| block(other) == block(read);
            whole_blocks || block(read).is_none() || fused.sources.iter().filter(same).count() == 1
        };
        let mut taken = vec![false; fused.sources.len()];
        let fits = |s: usize, id: u32, wanted: DType, taken: &[bool]| {
            let numel = self.sizes[id as usize];
            let (read, dtype) = &fused.sources[s];
            let Base::Value(value) = read.base else { return false };
            let once = fused.sources.iter().filter(|(other, _)| other.base == read.base).count() == 1;
            !taken[s]
                && once
                && *dtype == wanted
                && self.last_use[value as usize] <= place
                && alone(value)
                && separate(read)
                && fused.reads_all_of(s) == Some(numel)
                // and not just the front part of a larger value
                && self.sizes[value as usize] == numel
                && numel > 0
        };
        // a parameter stays where it is, and so does its state: what a result is first of all made of is its old value
        let mut chosen: Vec<Option<usize>> = Vec::new();
        for &(id, value, dtype) in &fused.results {
            let source = fused.origin(value, |s| fits(s, id, dtype, &taken));
            source.into_iter().for_each(|s| taken[s] = true);
            chosen.push(source);
        }
        for (chosen, &(id, _, dtype)) in chosen.iter_mut().zip(&fused.results) {
            if chosen.is_none() {
                *chosen = (0..fused.sources.len()).find(|&s| fits(s, id, dtype, &taken));
                chosen.iter().for_each(|&s| taken[s] = true);
            }
        }
        chosen
    }

    /// The stored values that are not needed after group `place`.
    pub fn dying(&self, place: usize) -> Vec<u32> {
        let mut values: Vec<u32> = self.groups.get(place).map(Group::values_read).unwrap_or_default();
        values.sort_unstable();
        values.dedup();
        values.retain(|&value| self.last_use[value as usize] == place);
        values
    }
}
