use super::{Reduce, Split};
use crate::host::Pooled;
use crate::parallel::chunks;
use crate::{CpuError, Host, Storage};

/// Outputs one thread computes at a time.
const PIECE: usize = 64;

/// The index of the first extreme term of every output.
pub(super) fn index<T: Pooled>(
    host: &Host,
    data: &[T],
    split: &Split,
    kind: Reduce,
) -> Result<Storage, CpuError> {
    let mut out = host.take::<u32>(split.outputs)?;
    let work = split.outputs.saturating_mul(split.terms);
    chunks(&mut out, PIECE, work, |piece, out| {
        for (i, to) in out.iter_mut().enumerate() {
            let start = split.kept.position(piece * PIECE + i);
            *to = first_extreme(data, start, split, kind.takes_greater());
        }
    });
    Ok(Storage::U32(out))
}

fn first_extreme<T: Pooled>(data: &[T], start: usize, split: &Split, greater: bool) -> u32 {
    let mut best = data.get(start).copied().unwrap_or_default();
    let mut at = 0;
    split.reduced.runs(0, split.terms, |run| {
        let first = start as isize + run.first as isize;
        for i in 0..run.len {
            let x = data[(first + i as isize * run.stride) as usize];
            // A NaN beats everything but an earlier NaN, which nothing beats.
            let beats = if greater { x > best } else { x < best };
            if beats || (x.is_nan() && !best.is_nan()) {
                (best, at) = (x, run.at + i);
            }
        }
    });
    at as u32
}
