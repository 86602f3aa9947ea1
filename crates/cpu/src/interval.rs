//! Sums over intervals of an axis.

use anygrad_layout::Intervals;

use crate::copy::dense;
use crate::host::Pooled;
use crate::parallel::chunks;
use crate::storage::with_words;
use crate::{CpuError, Host, Storage, View, Word};

const OP: &str = "interval_sum";

/// `out[.., o, ..] = Σ_{i in intervals.of(o)} x[.., i, ..]` along `axis`, which gets `outputs` positions. Added in
/// ascending order; integers wrap.
///
/// # Errors
/// [`CpuError::Shape`] for an axis that does not exist, [`CpuError::Invalid`] for intervals that do not fit the
/// sizes, [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn interval_sum(
    host: &Host,
    x: View<'_>,
    axis: usize,
    outputs: usize,
    intervals: Intervals,
) -> Result<Storage, CpuError> {
    x.check(OP)?;
    let shape = x.shape();
    let Some(&inputs) = shape.get(axis) else {
        return Err(CpuError::Shape { op: OP, left: shape.to_vec(), right: vec![axis] });
    };
    if !intervals.fits(inputs, outputs) {
        return Err(CpuError::Invalid { op: OP, why: "the intervals do not fit the sizes" });
    }
    let before: usize = shape.iter().take(axis).product();
    let inner: usize = shape.iter().skip(axis + 1).product();
    let sizes = Sizes { before, inputs, outputs, inner };
    with_words!(x.data, data => {
        let data = dense(host, data, x.layout)?;
        sums(host, &data, sizes, intervals).map(Word::wrap)
    })
}

/// Of `x`, `[before, inputs, inner]`, and of the result, `[before, outputs, inner]`.
#[derive(Clone, Copy)]
struct Sizes {
    before: usize,
    inputs: usize,
    outputs: usize,
    inner: usize,
}

fn sums<T: Pooled + Word>(
    host: &Host,
    x: &[T],
    sizes: Sizes,
    intervals: Intervals,
) -> Result<Vec<T>, CpuError> {
    let Sizes { before, inputs, outputs, inner } = sizes;
    let count = before.checked_mul(outputs).and_then(|n| n.checked_mul(inner));
    let mut out = host.take::<T>(count.ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?)?;
    out.fill(T::default());
    let work = out.len().saturating_add(x.len());
    chunks(&mut out, outputs * inner, work, |plane, out| {
        let x = &x[plane * inputs * inner..][..inputs * inner];
        for (o, row) in out.chunks_mut(inner.max(1)).enumerate() {
            for i in intervals.of(o, inputs, outputs) {
                for (sum, &term) in row.iter_mut().zip(&x[i * inner..][..inner]) {
                    *sum = sum.plus(term);
                }
            }
        }
    });
    Ok(out)
}
