//! Puts small ends of a program into common kernels: an optimizer's updates of all parameters, in few dispatches.

use std::collections::{HashMap, HashSet};

use anygrad_layout::DType;

use super::{Base, Fused, Group, Rules};

/// Pointwise groups one kernel holds at most, and their instructions: each group takes a few words of the uniform
/// block, and longer kernels take long to compile.
const GROUPS: usize = 64;
const INSTRUCTIONS: usize = 1024;

/// Puts pointwise groups that no group reads into common kernels of as many buffers and elements as the rules allow. A
/// common kernel runs where the last of its groups ran: what they read is there longer, and nothing reads what they
/// write.
///
/// `block` names the block of memory in which a value lies with others, if it does: that is bound once. `in_place` says
/// which results of a group can be written over which of its sources, if it runs at a place. `keeps` says how many
/// elements of temporary values a group reads: one that reads more of them than it writes runs where it is, since they
/// would have to be kept for it.
pub(crate) fn put_together(
    groups: Vec<Group>,
    rules: &Rules,
    block: impl Fn(u32) -> Option<u32>,
    keeps: impl Fn(&Fused) -> usize,
    in_place: impl Fn(&Fused, usize) -> Vec<Option<usize>>,
) -> Vec<Group> {
    let read: HashSet<u32> = groups.iter().flat_map(Group::values_read).collect();
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        let Group::Pointwise(fused) = group else { continue };
        let end = fused.results.iter().all(|(id, _, dtype)| !read.contains(id) && *dtype != DType::F16);
        let written = fused.results.len().saturating_mul(fused.shape.numel());
        let small = fused.shape.numel() <= rules.together_elements;
        if !end || !small || written == 0 || keeps(fused) > written {
            continue;
        }
        let fits = |batch: &Vec<usize>| {
            let ends = || batch.iter().chain([&place]).filter_map(|&end| groups[end].pointwise());
            let instructions: usize = ends().map(|fused| fused.instrs.len()).sum();
            let elements: usize = ends().map(|fused| fused.shape.numel()).fold(0, usize::saturating_add);
            let taken = |fused: &Fused| in_place(fused, place);
            elements <= rules.together_elements
                && batch.len() < GROUPS
                && instructions <= INSTRUCTIONS
                && bindings(ends(), &block, taken) <= rules.together
        };
        match batches.last_mut() {
            Some(batch) if fits(batch) => batch.push(place),
            _ => batches.push(vec![place]),
        }
    }
    let mut groups: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    for batch in batches.into_iter().filter(|batch| batch.len() > 1) {
        let last = batch.last().copied().unwrap_or_default();
        let ends = batch.iter().filter_map(|&place| match groups[place].take() {
            Some(Group::Pointwise(fused)) => Some(fused),
            _ => None,
        });
        groups[last] = Some(Group::Together(ends.collect()));
    }
    groups.into_iter().flatten().collect()
}

/// Buffers a common kernel binds: each value or block once, and each result that is not written over a value that its
/// group alone reads.
fn bindings<'a>(
    ends: impl Iterator<Item = &'a Fused> + Clone,
    block: impl Fn(u32) -> Option<u32>,
    in_place: impl Fn(&Fused) -> Vec<Option<usize>>,
) -> usize {
    let mut readers: HashMap<u32, usize> = HashMap::new();
    ends.clone().flat_map(Fused::values_read).for_each(|value| *readers.entry(value).or_default() += 1);
    let alone = |fused: &Fused, source: usize| match fused.sources[source].0.base {
        Base::Value(value) => readers.get(&value) == Some(&1),
        _ => false,
    };
    let written = |fused: &'a Fused| {
        let taken = in_place(fused);
        taken.iter().filter(|taken| !taken.is_some_and(|source| alone(fused, source))).count()
    };
    let blocks: HashSet<u32> = readers.keys().filter_map(|&value| block(value)).collect();
    let separate = readers.keys().filter(|&&value| block(value).is_none()).count();
    blocks.len() + separate + ends.map(written).sum::<usize>()
}

impl Fused {
    /// The first source that a value is made of and that `fits`, operands in their order: w of `w − rate · m`, also
    /// where a condition chooses between that and w.
    pub(crate) fn origin(&self, value: u32, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let (sources, first) = (self.sources.len(), self.sources.len() + self.numbers.len());
        let mut seen = vec![false; first + self.steps.len()];
        let mut open = vec![value as usize];
        while let Some(value) = open.pop() {
            if value >= seen.len() || std::mem::replace(&mut seen[value], true) {
                continue;
            }
            if value < sources && fits(value) {
                return Some(value);
            }
            if let Some(step) = value.checked_sub(first).and_then(|step| self.steps.get(step)) {
                open.extend(step.args.iter().rev().map(|&arg| arg as usize));
            }
        }
        None
    }

    /// How many elements of a value a source reads, if it reads all of a dense one, in order: those of the shape, or one
    /// a row.
    pub(crate) fn reads_all_of(&self, source: usize) -> Option<usize> {
        let layout = &self.sources.get(source)?.0.layout;
        let repeats =
            layout.shape.iter().zip(&layout.strides).skip(self.outer).all(|(&n, &s)| n == 1 || s == 0);
        let rows: Vec<usize> = (0..self.outer).collect();
        let rows = || layout.permute(&rows);
        match repeats && self.outer < self.shape.rank() {
            true => rows().is_contiguous().then(|| rows().numel()),
            false => layout.is_contiguous().then(|| layout.numel()),
        }
    }

    /// The stored values it reads, each once.
    pub(crate) fn values_read(&self) -> Vec<u32> {
        let value = |(read, _): &(super::Read, DType)| match read.base {
            Base::Value(value) => Some(value),
            _ => None,
        };
        let mut values: Vec<u32> = self.sources.iter().filter_map(value).collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

impl Group {
    /// The fused programs it is made of; none for a kernel of its own.
    pub(crate) fn fused(&self) -> &[Fused] {
        match self {
            Group::Pointwise(fused) | Group::Rows(fused) => std::slice::from_ref(fused),
            Group::Together(ends) => ends,
            Group::Kernel { .. } => &[],
        }
    }

    fn pointwise(&self) -> Option<&Fused> {
        if let Group::Pointwise(fused) = self { Some(fused) } else { None }
    }

    /// The stored values it reads.
    pub(crate) fn values_read(&self) -> Vec<u32> {
        match self {
            Group::Pointwise(fused) | Group::Rows(fused) => fused.values_read(),
            Group::Together(ends) => ends.iter().flat_map(Fused::values_read).collect(),
            Group::Kernel { inputs, fused, tail, .. } => {
                let around = fused.iter().chain(tail.as_deref()).flat_map(Fused::values_read);
                inputs.iter().map(|(value, _)| *value).chain(around).collect()
            }
        }
    }

    /// The values it stores.
    pub(crate) fn values_written(&self) -> Vec<u32> {
        match self {
            Group::Kernel { instr, tail: None, .. } => vec![*instr],
            Group::Kernel { tail: Some(tail), .. } => tail.results.iter().map(|(id, ..)| *id).collect(),
            _ => self.fused().iter().flat_map(|fused| &fused.results).map(|(id, ..)| *id).collect(),
        }
    }
}
