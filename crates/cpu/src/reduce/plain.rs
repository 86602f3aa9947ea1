use super::{Reduce, Split};
use crate::host::Pooled;
use crate::parallel::chunks;
use crate::{CpuError, Host};

/// Outputs one thread computes at a time.
const PIECE: usize = 64;

/// One output after another, one term after another: for the oracle and for integers.
pub(super) fn reduce<T: Pooled>(
    host: &Host,
    data: &[T],
    split: &Split,
    kind: Reduce,
) -> Result<Vec<T>, CpuError> {
    let mut out = host.take::<T>(split.outputs)?;
    let work = split.outputs.saturating_mul(split.terms);
    chunks(&mut out, PIECE, work, |piece, out| {
        for (i, to) in out.iter_mut().enumerate() {
            *to = fold(data, split.kept.position(piece * PIECE + i), split, kind);
        }
    });
    Ok(out)
}

/// One output of each `elements` terms of `data`, which lie side by side.
pub(super) fn fold_rows<T: Pooled>(data: &[T], elements: usize, kind: Reduce, out: &mut [T]) {
    for (row, to) in data.chunks_exact(elements.max(1)).zip(out) {
        let start = start(kind, row.first().copied());
        *to = row.iter().fold(start, |result, &x| step(kind, result, x));
    }
}

fn start<T: Pooled>(kind: Reduce, first: Option<T>) -> T {
    match kind {
        Reduce::Sum => T::default(),
        Reduce::Prod => T::from_f64(1.0),
        _ => first.unwrap_or_default(),
    }
}

fn step<T: Pooled>(kind: Reduce, result: T, x: T) -> T {
    match kind {
        Reduce::Sum => result.plus(x),
        Reduce::Prod => result.times(x),
        Reduce::Max if x > result || x.is_nan() => x,
        Reduce::Min if x < result || x.is_nan() => x,
        _ => result,
    }
}

fn fold<T: Pooled>(data: &[T], start: usize, split: &Split, kind: Reduce) -> T {
    let mut result = self::start(kind, data.get(start).copied());
    split.reduced.runs(0, split.terms, |run| {
        let first = start as isize + run.first as isize;
        for i in 0..run.len as isize {
            let x = data[(first + i * run.stride) as usize];
            result = step(kind, result, x);
        }
    });
    result
}
