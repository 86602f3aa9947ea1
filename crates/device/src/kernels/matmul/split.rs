use anygrad_layout::DType;

use crate::kernels::{Builder, fold_groups};
use crate::{Caps, DeviceError, Lowered, Operand};

const GROUP: u32 = 64;
const STEP: usize = 16; // chunks start at a multiple of every kernel's step along k

// llvmpipe counts the turns of all loops of a thread together and leaves them after 65,535 (Mesa's
// LP_MAX_TGSI_LOOP_ITERATIONS), with a wrong sum. No chunk is longer than this, on any adapter.
const LONGEST: usize = 3 << 14;

/// A reduction cut into `splits` chunks of `chunk` terms each (the last may be shorter), so that there is work
/// for a whole adapter where outputs are few. The partial results go to scratch 0, `[splits, outputs]`, and a
/// second pass adds them in order: deterministic, without atomics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) struct Split {
    pub splits: usize,
    pub chunk: usize,
}

impl Split {
    /// As few chunks as there can be, mostly one.
    pub(in crate::kernels) fn least(terms: usize) -> Self {
        Self::into(terms, terms.div_ceil(LONGEST))
    }

    /// As many chunks as bring `tiles` to about `wanted` units of work, none shorter than `least` terms.
    pub(in crate::kernels) fn new(terms: usize, tiles: usize, wanted: usize, least: usize) -> Self {
        let splits = (wanted / tiles.max(1)).min(terms / least.max(1));
        Self::into(terms, splits.max(terms.div_ceil(LONGEST)))
    }

    fn into(terms: usize, splits: usize) -> Self {
        let chunk = terms.div_ceil(splits.max(1)).next_multiple_of(STEP).max(STEP);
        Self { splits: terms.div_ceil(chunk).max(1), chunk }
    }

    /// Where the first pass writes.
    pub(in crate::kernels) fn first_output(self) -> Operand {
        if self.splits > 1 { Operand::Scratch(0) } else { Operand::Output(0) }
    }
}

/// Adds the second pass, if the first is split at all, and makes scratch 0 the partial results.
pub(in crate::kernels) fn sum_partials(
    lowered: &mut Lowered,
    family: &'static str,
    dtype: DType,
    split: Split,
    outputs: usize,
    caps: &Caps,
) -> Result<(), DeviceError> {
    if split.splits < 2 {
        return Ok(());
    }
    let mut builder = Builder::new(family, "split_sum");
    builder.constant("GROUP", GROUP);
    builder.param("count", outputs);
    builder.param("splits", split.splits);
    builder.read("partial", dtype, Operand::Scratch(0));
    builder.read_write("out", dtype, Operand::Output(0));
    let grid = fold_groups(outputs.div_ceil(GROUP as usize), caps)?;
    let partials = outputs * split.splits;
    let bytes = 4 * (partials + outputs) as u64;
    lowered.launches.push(builder.finish(anygrad_shaders::SPLIT_SUM, grid, partials as u64, bytes)?);
    lowered.scratch.insert(0, partials * 4);
    Ok(())
}
