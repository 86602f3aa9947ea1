//! Lets a kernel store its result through the pointwise group that reads it.
//!
//! The bias, the activation and the residual after a product are computed on what is still in registers: the product is
//! neither written nor read again, and the group needs no launch of its own.

use anygrad_layout::DType;
use smallvec::SmallVec;

use super::stages::Fuser;
use super::{Base, Fused, FusedStep, Group, Read, Work};
use crate::op::Kind;

/// Steps of a program in a store, at most: it stands in the kernel once for each four outputs of a thread.
const LONGEST: usize = 24;

/// A group that goes into the store of a kernel.
struct Tail {
    /// Where the kernel is, the place it has with its tail, and the value that it computes.
    kernel: usize,
    place: usize,
    value: u32,
    /// Whether the value itself is stored as well.
    kept: bool,
}

/// Who writes each value, and who reads it.
struct Uses {
    writer: Vec<Option<usize>>,
    readers: Vec<SmallVec<[usize; 2]>>,
}

impl Fuser<'_> {
    /// Moves pointwise groups into the stores of the kernels whose results they read. Of several kernels that a group
    /// reads the last one takes it.
    pub(super) fn feed_stores(&self, groups: Vec<Group>) -> Vec<Group> {
        let values = self.program.instrs.len();
        let mut uses = Uses { writer: vec![None; values], readers: vec![SmallVec::new(); values] };
        for (place, group) in groups.iter().enumerate() {
            group.values_written().iter().for_each(|&value| uses.writer[value as usize] = Some(place));
            group.values_read().iter().for_each(|&value| uses.readers[value as usize].push(place));
        }
        let mut groups: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
        for place in 0..groups.len() {
            let Some(Group::Pointwise(fused)) = &groups[place] else { continue };
            let Some(tail) = self.tail(fused, place, &groups, &uses) else { continue };
            let Some(Group::Pointwise(mut fused)) = groups[place].take() else { continue };
            let Some(Group::Kernel { instr, inputs, fused: before, .. }) = groups[tail.kernel].take() else {
                continue;
            };
            for (at, (read, dtype)) in fused.sources.iter_mut().enumerate() {
                if read.base == Base::Value(tail.value) {
                    read.base = Base::Computed;
                    if tail.kept {
                        fused.results.push((tail.value, at as u32, *dtype));
                    }
                }
            }
            for &(value, ..) in &fused.results {
                uses.writer[value as usize] = Some(tail.place);
            }
            groups[tail.place] =
                Some(Group::Kernel { instr, inputs, fused: before, tail: Some(Box::new(fused)) });
        }
        groups.into_iter().flatten().collect()
    }

    /// The kernel into whose store a group can go.
    fn tail(&self, fused: &Fused, place: usize, groups: &[Option<Group>], uses: &Uses) -> Option<Tail> {
        let is_heavy = |step: &FusedStep| !matches!(step.work, Work::Each(row) if row.name != "threefry");
        if fused.steps.len() > LONGEST || fused.steps.iter().any(is_heavy) {
            return None;
        }
        let values = fused.values_read();
        // what is updated in place stays there, in a kernel with other updates
        if values.iter().any(|&value| self.is_updated(value, fused, place, uses)) {
            return None;
        }
        let written = |value: u32| uses.writer[value as usize];
        let kernels = fused.sources.iter().filter_map(|(read, dtype)| {
            let Base::Value(value) = read.base else { return None };
            let kernel = written(value)?;
            let free = matches!(&groups[kernel], Some(Group::Kernel { tail: None, fused: None, .. }));
            (free && self.is_stored_through(value, read, *dtype, fused)).then_some((kernel, value))
        });
        let (kernel, value) = kernels.max()?;
        let others = uses.readers[value as usize].iter().any(|&reader| reader != place);
        // what else the group reads is there when the kernel runs, or the kernel waits for it
        let early =
            values.iter().filter(|&&other| other != value).all(|&other| written(other) < Some(kernel));
        let kept = others || self.output_values.contains(&value);
        let tail = Tail { kernel, place: if early { kernel } else { place }, value, kept };
        // its inputs, and its tail's, which may be bound both whole and element by element
        let buffers = 2 + 2 * (values.len() - 1) + fused.results.len() + usize::from(kept);
        (buffers <= self.rules.buffers && (early || !others)).then_some(tail)
    }

    /// Whether a kernel can store `value` through a group that reads it so.
    fn is_stored_through(&self, value: u32, read: &Read, dtype: DType, fused: &Fused) -> bool {
        let whole =
            |read: &Read| read.layout.is_contiguous() && read.layout.numel() == self.shape(value).numel();
        let reads = fused.sources.iter().filter(|(other, _)| other.base == read.base).count();
        self.program.instrs[value as usize].op.stores_through()
            && dtype == DType::F32
            && reads == 1
            && whole(read)
            && read.layout.numel() > 0
    }

    /// Whether a group may write over a leaf that lies in a block with others: a parameter or its state.
    fn is_updated(&self, value: u32, fused: &Fused, place: usize, uses: &Uses) -> bool {
        matches!(self.kind(value), Kind::Leaf)
            && self.program.home(value).is_some()
            && self.program.is_donated(value)
            && self.shape(value).numel() == fused.shape.numel()
            && uses.readers[value as usize].iter().all(|&reader| reader <= place)
    }
}
