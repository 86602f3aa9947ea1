use std::borrow::Cow;

use anygrad_layout::{DType, Layout, Shape, collapse};

use crate::host::Pooled;
use crate::parallel::chunks;
use crate::storage::with_words;
use crate::walk::Walk;
use crate::{CpuError, Host, Storage, View, Word};

/// Elements one thread copies at a time.
const PIECE: usize = 1 << 14;

/// Rows and columns of the tiles a transposition goes by, so that both sides stay in cache lines.
const TILE: usize = 32;

/// The elements of `x` in row-major order, dense.
///
/// # Errors
/// [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn copy(host: &Host, x: View<'_>) -> Result<Storage, CpuError> {
    x.check("copy")?;
    with_words!(x.data, data => dense_copy(host, data, x.layout).map(Word::wrap))
}

pub(crate) fn dense_copy<T: Pooled>(host: &Host, data: &[T], layout: &Layout) -> Result<Vec<T>, CpuError> {
    let mut out = host.take::<T>(layout.numel())?;
    if out.is_empty() {
        return Ok(out);
    }
    let walk = Walk::new(layout);
    let work = out.len();
    match (walk.sizes.as_slice(), walk.strides.as_slice()) {
        // Row-major order runs across memory, but the axis before runs along it.
        ([.., rows, columns], [.., 1, stride]) if *stride != 1 && *stride != 0 => {
            let (rows, columns, stride) = (*rows, *columns, *stride);
            let matrix = rows * columns;
            chunks(&mut out, matrix, work, |i, out| {
                let base = walk.position(i * matrix);
                chunks(out, TILE * columns, work, |tile, out| {
                    transpose(data, base + tile * TILE, columns, stride, out);
                });
            });
        }
        _ => chunks(&mut out, PIECE, work, |i, out| walk.load(data, i * PIECE, out)),
    }
    Ok(out)
}

/// The elements of a view in row-major order: borrowed where they lie so, else copied.
pub(crate) fn dense<'a, T: Pooled>(
    host: &Host,
    data: &'a [T],
    layout: &Layout,
) -> Result<Cow<'a, [T]>, CpuError> {
    if layout.numel() == 0 {
        return Ok(Cow::Borrowed(&[]));
    }
    if layout.is_dense() {
        return Ok(Cow::Borrowed(&data[layout.offset..layout.offset + layout.numel()]));
    }
    dense_copy(host, data, layout).map(Cow::Owned)
}

/// Fills rows of `columns` elements: element (i, j) is `data[base + i + j·stride]`.
fn transpose<T: Copy>(data: &[T], base: usize, columns: usize, stride: isize, out: &mut [T]) {
    for first in (0..columns).step_by(TILE) {
        let last = columns.min(first + TILE);
        for (i, row) in out.chunks_mut(columns).enumerate() {
            for (j, to) in (first..last).zip(&mut row[first..last]) {
                *to = data[((base + i) as isize + j as isize * stride) as usize];
            }
        }
    }
}

/// `n` elements, each `value` rounded to `dtype`.
///
/// # Errors
/// [`CpuError::OutOfMemory`].
pub fn fill(host: &Host, dtype: DType, n: usize, value: f64) -> Result<Storage, CpuError> {
    let value = if dtype == DType::Bool { f64::from(value != 0.0) } else { value };
    let mut out = host.alloc(dtype, n)?;
    with_words!(&mut out, out => out.fill(Word::from_f64(value)));
    Ok(out)
}

/// `x` with `lo[axis]` elements before and `hi[axis]` after, each `value`. Shape: `n + lo + hi` along each axis.
///
/// # Errors
/// [`CpuError::Shape`] unless `lo` and `hi` name every axis; [`CpuError::OutOfBounds`],
/// [`CpuError::OutOfMemory`].
pub fn pad(host: &Host, x: View<'_>, lo: &[usize], hi: &[usize], value: f64) -> Result<Storage, CpuError> {
    pad_interior(host, x, lo, hi, &vec![0; x.shape().len()], value)
}

/// As [`pad`], with `interior[axis]` elements between neighbours, too. Shape: `n + (n − 1)·interior + lo + hi` along
/// each axis, `lo + hi` for `n = 0`.
///
/// # Errors
/// As [`pad`].
pub fn pad_interior(
    host: &Host,
    x: View<'_>,
    lo: &[usize],
    hi: &[usize],
    interior: &[usize],
    value: f64,
) -> Result<Storage, CpuError> {
    x.check("pad")?;
    let shape = x.shape();
    if [lo, hi, interior].iter().any(|pads| pads.len() != shape.len()) {
        return Err(CpuError::Shape { op: "pad", left: shape.to_vec(), right: lo.to_vec() });
    }
    let too_large = || CpuError::OutOfMemory { bytes: usize::MAX };
    let grown = |axis: usize| {
        let between = shape[axis].saturating_sub(1).checked_mul(interior[axis])?;
        shape[axis].checked_add(between)?.checked_add(lo[axis])?.checked_add(hi[axis])
    };
    let padded: Option<Shape> = (0..shape.len()).map(grown).collect();
    let padded = Layout::contiguous(padded.ok_or_else(too_large)?);
    let n = padded.shape.checked_numel().ok_or_else(too_large)?;
    let mut inside = padded;
    for axis in 0..shape.len() {
        // a step between no neighbours could only overflow
        let step = if shape[axis] > 1 { interior[axis] + 1 } else { 1 };
        inside = inside.slice(axis, lo[axis], shape[axis], step as isize);
    }
    let mut out = fill(host, x.dtype(), n, value)?;
    with_words!(x.data, data => copy_between(data, x.layout, &mut out, &inside));
    Ok(out)
}

/// The views one after another along `axis`. They have the same shape but for that axis, and one element type.
///
/// # Errors
/// [`CpuError::Empty`] of nothing, [`CpuError::Axis`], [`CpuError::Shape`], [`CpuError::DType`],
/// [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn concat(host: &Host, xs: &[View<'_>], axis: usize) -> Result<Storage, CpuError> {
    const OP: &str = "concat";
    let first = xs.first().ok_or(CpuError::Empty { op: OP })?;
    let mut shape = first.layout.shape.clone();
    if axis >= shape.len() {
        return Err(CpuError::Axis { op: OP, axis, rank: shape.len() });
    }
    let mut total = 0usize;
    for x in xs {
        x.check(OP)?;
        if x.dtype() != first.dtype() {
            return Err(CpuError::DType { op: OP, expected: first.dtype(), found: x.dtype() });
        }
        let other = |i: usize| i != axis;
        let same = x.shape().len() == shape.len()
            && (0..shape.len()).filter(|&i| other(i)).all(|i| x.shape()[i] == shape[i]);
        if !same {
            return Err(CpuError::Shape { op: OP, left: first.shape().to_vec(), right: x.shape().to_vec() });
        }
        total = total.saturating_add(x.shape()[axis]);
    }
    shape[axis] = total;
    let n = shape.checked_numel().ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?;
    let whole = Layout::contiguous(shape);
    let mut out = host.alloc(first.dtype(), n)?;
    let mut start = 0;
    for x in xs {
        let size = x.shape()[axis];
        let part = whole.slice(axis, start, size, 1);
        with_words!(x.data, data => copy_between(data, x.layout, &mut out, &part));
        start += size;
    }
    Ok(out)
}

/// Copies a view of `from` to a view of `to`, which has the same shape and type.
fn copy_between<T: Word>(from: &[T], from_layout: &Layout, to: &mut Storage, to_layout: &Layout) {
    let Some(to) = T::slice_mut(to) else { return };
    if from_layout.numel() == 0 {
        return;
    }
    let joint = collapse(&from_layout.shape, &[from_layout, to_layout]);
    let outer = joint.sizes.len() - 1;
    let (length, read, write) = (joint.sizes[outer], joint.strides[0][outer], joint.strides[1][outer]);
    // Row by row along the last axis both have in common.
    let rows = |strides: &[isize], offset: usize| Layout {
        shape: joint.sizes[..outer].into(),
        strides: strides[..outer].into(),
        offset,
    };
    let (from_rows, to_rows) =
        (rows(&joint.strides[0], from_layout.offset), rows(&joint.strides[1], to_layout.offset));
    for (source, target) in from_rows.offsets().zip(to_rows.offsets()) {
        if read == 1 && write == 1 {
            to[target..target + length].copy_from_slice(&from[source..source + length]);
        } else {
            for i in 0..length as isize {
                to[(target as isize + i * write) as usize] = from[(source as isize + i * read) as usize];
            }
        }
    }
}
