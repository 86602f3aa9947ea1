use anygrad_layout::DType;

use crate::kernels::store::{emit_put, with_tail};
use crate::kernels::{Builder, Pointwise, fold_groups, storage_type};
use crate::{Caps, DeviceError, Lowered, Operand};

const GROUP: u32 = 64;
const STEP: usize = 16; // chunks start at a multiple of every kernel's step along k

// llvmpipe counts the turns of all loops of a thread together and leaves them after 65,535 (Mesa's
// LP_MAX_TGSI_LOOP_ITERATIONS), with a wrong sum. No chunk is longer than this, on any adapter.
pub(in crate::kernels) const LONGEST: usize = 3 << 14;

/// A reduction cut into `splits` chunks of `chunk` terms each (the last may be shorter), so that there is work
/// for a whole adapter where outputs are few. The partial results go to scratch, `[splits, outputs]`, and a
/// second pass adds them in order: deterministic, without atomics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) struct Split {
    pub splits: usize,
    pub chunk: usize,
}

impl Split {
    /// As few chunks as there can be, mostly one.
    pub(in crate::kernels) fn least(terms: usize) -> Self {
        Self::bounded(terms, 1, 0, 1, 1, STEP)
    }

    /// As many chunks as there can be, up to a hundred.
    pub(super) fn most(terms: usize) -> Self {
        Self::bounded(terms, 1, 100, 1, 1, STEP)
    }

    /// About `chunks` chunks.
    pub(super) fn cut(terms: usize, chunks: usize) -> Self {
        Self::bounded(terms, 1, chunks, 1, 1, STEP)
    }

    /// As many chunks as bring `tiles` to about `wanted` units of work, none shorter than `least` terms.
    pub(in crate::kernels) fn new(terms: usize, tiles: usize, wanted: usize, least: usize) -> Self {
        Self::bounded(terms, tiles, wanted, least, 1, STEP)
    }

    /// As [`Split::new`], for a kernel that takes `turns` loop turns for each term, and whose chunks start at
    /// multiples of `step`.
    pub(in crate::kernels) fn bounded(
        terms: usize,
        tiles: usize,
        wanted: usize,
        least: usize,
        turns: usize,
        step: usize,
    ) -> Self {
        let useful = (wanted / tiles.max(1)).min(terms / least.max(1));
        let needed = terms.div_ceil(LONGEST / turns.clamp(1, LONGEST));
        let chunk = terms.div_ceil(useful.max(needed).max(1)).max(1).next_multiple_of(step);
        Self { splits: terms.div_ceil(chunk).max(1), chunk }
    }

    /// Where the first pass writes, if `scratch` is the next free scratch buffer.
    pub(in crate::kernels) fn first_output(self, scratch: usize) -> Operand {
        if self.splits > 1 { Operand::Scratch(scratch) } else { Operand::Output(0) }
    }

    /// What the first pass does with its results, if `tail` is done with the sums.
    pub(in crate::kernels) fn first_tail<'a>(&self, tail: Option<&'a Pointwise>) -> Option<&'a Pointwise> {
        tail.filter(|_| self.splits < 2)
    }
}

/// Adds the second pass, if the first is split at all, and the scratch buffer of the partial results, the next free one.
/// The sums go through `tail`.
pub(in crate::kernels) fn sum_partials_then(
    lowered: &mut Lowered,
    family: &'static str,
    dtype: DType,
    split: Split,
    outputs: usize,
    tail: Option<&Pointwise>,
    caps: &Caps,
) -> Result<(), DeviceError> {
    if split.splits < 2 {
        return Ok(());
    }
    let partial = Operand::Scratch(lowered.scratch.len());
    let mut builder = Builder::new(family, "split_sum");
    builder.constant("GROUP", GROUP);
    builder.param("count", outputs);
    builder.param("splits", split.splits);
    builder.read("partial", dtype, partial);
    emit_put(&mut builder, tail, dtype, Operand::Output(0))?;
    let grid = fold_groups(outputs.div_ceil(GROUP as usize), caps)?;
    let partials = outputs * split.splits;
    let (flops, bytes) = with_tail(tail, outputs, partials as u64, 4 * (partials + outputs) as u64);
    lowered.launches.push(builder.finish(anygrad_shaders::SPLIT_SUM, grid, flops, bytes)?);
    lowered.scratch.push(partials * 4);
    Ok(())
}

/// A launch that writes what reductions over nothing give.
pub(in crate::kernels) fn zeros(
    family: &'static str,
    dtype: DType,
    outputs: usize,
    caps: &Caps,
) -> Result<Lowered, DeviceError> {
    let mut builder = Builder::new(family, "zeros");
    builder.constant("GROUP", GROUP);
    builder.alias("T", storage_type(dtype)?);
    builder.param("count", outputs);
    builder.read_write("out", dtype, Operand::Output(0));
    let grid = fold_groups(outputs.div_ceil(GROUP as usize), caps)?;
    let launch = builder.finish(anygrad_shaders::ZEROS, grid, 0, 4 * outputs as u64)?;
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}
