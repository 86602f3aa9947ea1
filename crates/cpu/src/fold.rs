use anygrad_layout::Layout;

use crate::host::Pooled;
use crate::parallel::chunks;
use crate::storage::with_words;
use crate::{CpuError, Host, Storage, View, Word};

/// Windows added up where they lie: `out[.., p, ..] = Σ x[.., w, .., k]` over the `w` and `k` with
/// `w·step + k·dilation = p`, in row-major order of `x`. Integers wrap.
///
/// Shapes: `x` is `[.., windows, .., taps]` with the windows along `axis`; the result has `length` elements along
/// `axis`, and no last axis.
///
/// # Errors
/// [`CpuError::Axis`], [`CpuError::Shape`] if a window ends beyond `length`, [`CpuError::OutOfBounds`],
/// [`CpuError::OutOfMemory`].
pub fn fold(
    host: &Host,
    x: View<'_>,
    axis: usize,
    length: usize,
    step: usize,
    dilation: usize,
) -> Result<Storage, CpuError> {
    const OP: &str = "fold";
    x.check(OP)?;
    let mut shape = x.layout.shape.clone();
    if axis + 1 >= shape.rank() {
        return Err(CpuError::Axis { op: OP, axis, rank: shape.rank() });
    }
    let size = shape.remove(shape.rank() - 1);
    let count = std::mem::replace(&mut shape[axis], length);
    let reach = |n: usize, by: usize| n.saturating_sub(1).saturating_mul(by);
    if x.layout.numel() > 0 && reach(count, step).saturating_add(reach(size, dilation)) >= length {
        return Err(CpuError::Shape {
            op: OP,
            left: x.shape().to_vec(),
            right: vec![length, step, dilation],
        });
    }
    let numel = shape.checked_numel().ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?;
    // without elements nothing says that the windows lie inside
    let target = (x.layout.numel() > 0)
        .then(|| Layout::contiguous(shape.clone()).windows(axis, count, step, size, dilation));
    let lines = if axis > 0 { shape[0] } else { 1 };
    with_words!(x.data, data => add_up(host, data, x.layout, target, lines, numel).map(Word::wrap))
}

/// Adds `data` to where `target` says, from zeros; each of `lines` parts of the result by itself.
fn add_up<T: Pooled>(
    host: &Host,
    data: &[T],
    layout: &Layout,
    target: Option<Layout>,
    lines: usize,
    numel: usize,
) -> Result<Vec<T>, CpuError> {
    let mut out = host.take::<T>(numel)?;
    out.fill(T::default());
    let Some(target) = target else { return Ok(out) };
    chunks(&mut out, numel / lines.max(1), layout.numel(), |line, out| {
        let part = |whole: &Layout| if lines > 1 { whole.slice(0, line, 1, 1) } else { whole.clone() };
        let mut to = part(&target);
        to.offset = target.offset;
        for (from, to) in part(layout).offsets().zip(to.offsets()) {
            out[to] = out[to].plus(data[from]);
        }
    });
    Ok(out)
}
