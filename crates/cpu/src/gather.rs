use anygrad_layout::{Collapsed, DType, Layout, collapse};

use crate::host::Pooled;
use crate::parallel::chunks;
use crate::storage::with_words;
use crate::{CpuError, Host, Storage, View, Word};

/// Elements one thread gathers at a time.
const PIECE: usize = 1 << 13;

/// Elements picked along `axis`: `out[.., i, ..] = x[.., index[.., i, ..], ..]`.
///
/// Shapes: `index` (`u32` or `i32`) has the shape of `x` except along `axis`; the result has the shape of
/// `index`. An index outside `x` reads 0.
///
/// # Errors
/// [`CpuError::Axis`], [`CpuError::Shape`], [`CpuError::DType`] for another index type,
/// [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn gather(host: &Host, x: View<'_>, index: View<'_>, axis: usize) -> Result<Storage, CpuError> {
    const OP: &str = "gather";
    x.check(OP)?;
    let indices = Indices::new(OP, index)?;
    same_but_for(OP, axis, x, index)?;
    let (size, stride) = (x.shape()[axis], x.layout.strides[axis]);
    // Where the line along the axis starts that an element of the result is picked from.
    let lines = Layout { shape: index.layout.shape.clone(), ..fixed_along(x.layout, axis) };
    let walk = Joint::new(&[&lines, index.layout]);
    with_words!(x.data, data => {
        let mut out = host.take(index.layout.numel())?;
        let (inner, work) = (walk.inner(), out.len());
        let rows = (PIECE / inner.max(1)).max(1);
        chunks(&mut out, rows * inner, work, |piece, out| {
            for (row, out) in out.chunks_mut(inner).enumerate() {
                let row = piece * rows + row;
                gather_row(data, &indices, size, stride, [walk.run(0, row), walk.run(1, row)], out);
            }
        });
        Ok(Word::wrap(out))
    })
}

fn gather_row<T: Word>(
    data: &[T],
    indices: &Indices<'_>,
    size: usize,
    stride: isize,
    [line, index]: [(isize, isize); 2],
    out: &mut [T],
) {
    let position = |i: isize| {
        let picked = indices.get(index.0 + i * index.1, size)?;
        Some((line.0 + i * line.1 + picked as isize * stride) as usize)
    };
    if index.1 == 0 && line.1 == 1 {
        // One index for the whole row: a row of an embedding, say.
        return match position(0) {
            Some(start) => out.copy_from_slice(&data[start..start + out.len()]),
            None => out.fill(T::default()),
        };
    }
    for (i, to) in out.iter_mut().enumerate() {
        *to = position(i as isize).map_or(T::default(), |at| data[at]);
    }
}

/// The adjoint of [`gather`]: `out[.., index[.., i, ..], ..] += g[.., i, ..]`, from zeros, in row-major order of
/// `g`. An index outside adds nowhere. Integers wrap.
///
/// Shapes: `g` and `index` (`u32` or `i32`) are equal; the result has `size` elements along `axis`.
///
/// # Errors
/// As [`gather`].
pub fn scatter_add(
    host: &Host,
    g: View<'_>,
    index: View<'_>,
    axis: usize,
    size: usize,
) -> Result<Storage, CpuError> {
    const OP: &str = "scatter_add";
    g.check(OP)?;
    let indices = Indices::new(OP, index)?;
    same_but_for(OP, axis, g, index)?;
    if g.shape() != index.shape() {
        return Err(CpuError::Shape { op: OP, left: g.shape().to_vec(), right: index.shape().to_vec() });
    }
    let mut shape = g.layout.shape.clone();
    shape[axis] = size;
    let numel = shape.checked_numel().ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?;
    let whole = Layout::contiguous(shape);
    let lines = Layout { shape: g.layout.shape.clone(), ..fixed_along(&whole, axis) };
    let walk = Joint::new(&[g.layout, index.layout, &lines]);
    let target = Target { size, stride: whole.strides[axis] };
    with_words!(g.data, data => scatter(host, data, &indices, &walk, target, numel).map(Word::wrap))
}

/// Where each index comes last: `out[.., j, ..]` is the last `i` with `index[.., i, ..] = j`, 2³² − 1 where there is
/// none. An index outside is nowhere.
///
/// Shapes: the result, `u32`, is that of `index` (`u32` or `i32`) with `size` elements along `axis`.
///
/// # Errors
/// As [`gather`].
pub fn last_match(host: &Host, index: View<'_>, axis: usize, size: usize) -> Result<Storage, CpuError> {
    const OP: &str = "last_match";
    let indices = Indices::new(OP, index)?;
    let mut shape = index.layout.shape.clone();
    if axis >= shape.rank() {
        return Err(CpuError::Axis { op: OP, axis, rank: shape.rank() });
    }
    let inner: usize = shape[axis + 1..].iter().product();
    let length = shape[axis];
    shape[axis] = size;
    let numel = shape.checked_numel().ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?;
    let whole = Layout::contiguous(shape);
    let step = whole.strides[axis] as usize;
    let lines = Layout { shape: index.layout.shape.clone(), ..fixed_along(&whole, axis) };
    let mut out = host.take::<u32>(numel)?;
    out.fill(u32::MAX);
    // in row-major order, so that the last one stays
    for (count, (from, line)) in index.layout.offsets().zip(lines.offsets()).enumerate() {
        if let Some(j) = indices.get(from as isize, size) {
            out[line + j * step] = (count / inner % length) as u32;
        }
    }
    Ok(Storage::U32(out))
}

/// The axis of the result that is scattered along.
#[derive(Clone, Copy)]
struct Target {
    size: usize,
    stride: isize,
}

fn scatter<T: Pooled>(
    host: &Host,
    data: &[T],
    indices: &Indices<'_>,
    walk: &Joint,
    target: Target,
    numel: usize,
) -> Result<Vec<T>, CpuError> {
    let mut out = host.take::<T>(numel)?;
    out.fill(T::default());
    for row in 0..walk.rows() {
        let [g, index, line] = [walk.run(0, row), walk.run(1, row), walk.run(2, row)];
        let picked = |i: isize| indices.get(index.0 + i * index.1, target.size);
        let len = walk.inner();
        if index.1 == 0 && g.1 == 1 && line.1 == 1 {
            if let Some(i) = picked(0) {
                let start = (line.0 + i as isize * target.stride) as usize;
                let from = &data[g.0 as usize..g.0 as usize + len];
                out[start..start + len].iter_mut().zip(from).for_each(|(to, &g)| *to = to.plus(g));
            }
            continue;
        }
        for i in 0..len as isize {
            if let Some(at) = picked(i) {
                let to = &mut out[(line.0 + i * line.1 + at as isize * target.stride) as usize];
                *to = to.plus(data[(g.0 + i * g.1) as usize]);
            }
        }
    }
    Ok(out)
}

/// Indices of either integer type.
enum Indices<'a> {
    U32(&'a [u32]),
    I32(&'a [i32]),
}

impl<'a> Indices<'a> {
    fn new(op: &'static str, index: View<'a>) -> Result<Self, CpuError> {
        index.check(op)?;
        match index.data {
            Storage::U32(data) => Ok(Indices::U32(data)),
            Storage::I32(data) => Ok(Indices::I32(data)),
            other => Err(CpuError::DType { op, expected: DType::U32, found: other.dtype() }),
        }
    }

    /// The index at a position, if it is below `size`.
    #[inline]
    fn get(&self, position: isize, size: usize) -> Option<usize> {
        let index = match self {
            Indices::U32(data) => data[position as usize] as usize,
            Indices::I32(data) => usize::try_from(data[position as usize]).ok()?,
        };
        (index < size).then_some(index)
    }
}

/// Several layouts of one shape, walked together by rows.
struct Joint {
    collapsed: Collapsed,
    offsets: Vec<usize>,
}

impl Joint {
    fn new(layouts: &[&Layout]) -> Self {
        let shape = layouts.first().map_or(&[][..], |layout| &layout.shape);
        let offsets = layouts.iter().map(|layout| layout.offset).collect();
        Self { collapsed: collapse(shape, layouts), offsets }
    }

    /// Elements of a row.
    fn inner(&self) -> usize {
        self.collapsed.sizes.last().copied().unwrap_or(1)
    }

    fn rows(&self) -> usize {
        if self.inner() == 0 { 0 } else { self.collapsed.sizes.iter().rev().skip(1).product() }
    }

    /// Start and stride of a row in one of the layouts.
    fn run(&self, layout: usize, mut row: usize) -> (isize, isize) {
        let (sizes, strides) = (&self.collapsed.sizes, &self.collapsed.strides[layout]);
        let mut at = self.offsets[layout] as isize;
        for (&size, &stride) in sizes.iter().zip(strides).rev().skip(1) {
            at += (row % size) as isize * stride;
            row /= size;
        }
        (at, strides.last().copied().unwrap_or(0))
    }
}

/// The layout without its movement along `axis`.
fn fixed_along(layout: &Layout, axis: usize) -> Layout {
    let mut fixed = layout.clone();
    fixed.strides[axis] = 0;
    fixed
}

fn same_but_for(op: &'static str, axis: usize, x: View<'_>, index: View<'_>) -> Result<(), CpuError> {
    let (left, right) = (x.shape(), index.shape());
    if axis >= left.len() {
        return Err(CpuError::Axis { op, axis, rank: left.len() });
    }
    let same = left.len() == right.len() && (0..left.len()).all(|i| i == axis || left[i] == right[i]);
    if same { Ok(()) } else { Err(CpuError::Shape { op, left: left.to_vec(), right: right.to_vec() }) }
}
