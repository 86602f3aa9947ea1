//! Reductions over any axes of any view.

mod columns;
mod extreme;
mod fast;
mod lanes;
mod plain;

pub(crate) use lanes::{Terms, total};

use anygrad_layout::{DType, Layout, Shape, collapse};
use smallvec::SmallVec;

use crate::walk::Walk;
use crate::{CpuError, Host, Lane, LaneMut, Storage, View};

/// What a reduction makes of its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reduce {
    /// The sum; integers wrap; 0 of no elements.
    Sum,
    /// The product; integers wrap; 1 of no elements.
    Prod,
    /// The greatest; NaN if there is one.
    Max,
    /// The least; NaN if there is one.
    Min,
    /// The index of the first of the greatest (NaN counts as such).
    ArgMax,
    /// The index of the first of the least (NaN counts as such).
    ArgMin,
}

impl Reduce {
    /// The name used in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Reduce::Sum => "sum",
            Reduce::Prod => "prod",
            Reduce::Max => "max",
            Reduce::Min => "min",
            Reduce::ArgMax => "argmax",
            Reduce::ArgMin => "argmin",
        }
    }

    fn takes_greater(self) -> bool {
        matches!(self, Reduce::Max | Reduce::ArgMax)
    }
}

/// A view split into the axes that stay and those that are reduced.
struct Split {
    /// The axes that stay; its order is that of the output.
    kept: Walk,
    /// The axes that are reduced, at offset 0, in the order in which they were in the view.
    reduced: Walk,
    outputs: usize,
    terms: usize,
}

/// Reduces `axes` of `x` away (in any order). The result is dense, with the axes that stay in their order.
///
/// `Sum` of `f32` adds blocks in `f32` and their totals in `f64`, so that its error does not grow with the
/// length; other types add in their own type, one after another. `ArgMax` and `ArgMin` give `u32`, the
/// row-major index among the reduced axes.
///
/// # Errors
/// [`CpuError::Axis`] for an axis that is missing or named twice, [`CpuError::Empty`] where an extreme of no
/// elements is asked for, [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn reduce(host: &Host, x: View<'_>, kind: Reduce, axes: &[usize]) -> Result<Storage, CpuError> {
    x.check(kind.name())?;
    let split = Split::new(x.layout, kind, axes)?;
    if split.terms == 0 && split.outputs > 0 && !matches!(kind, Reduce::Sum | Reduce::Prod) {
        return Err(CpuError::Empty { op: kind.name() });
    }
    match (kind, x.data) {
        (Reduce::ArgMax | Reduce::ArgMin, Storage::F32(data)) => extreme::index(host, data, &split, kind),
        (Reduce::ArgMax | Reduce::ArgMin, Storage::F64(data)) => extreme::index(host, data, &split, kind),
        (Reduce::ArgMax | Reduce::ArgMin, Storage::I32(data)) => extreme::index(host, data, &split, kind),
        (Reduce::ArgMax | Reduce::ArgMin, Storage::U32(data)) => extreme::index(host, data, &split, kind),
        (_, Storage::F32(data)) => fast::reduce(host, data, &split, kind).map(Storage::F32),
        (_, Storage::F64(data)) => plain::reduce(host, data, &split, kind).map(Storage::F64),
        (_, Storage::I32(data)) => plain::reduce(host, data, &split, kind).map(Storage::I32),
        // callers reduce halves as f32, so that sums do not lose what is added
        (_, Storage::F16(_)) => Err(CpuError::Unsupported { op: kind.name(), dtype: DType::F16 }),
        (_, Storage::U32(data)) => plain::reduce(host, data, &split, kind).map(Storage::U32),
    }
}

/// One value of each `elements` terms, which lie side by side. `None` for types that have no such reduction.
pub(crate) fn fold_rows(kind: Reduce, data: Lane<'_>, elements: usize, out: &mut LaneMut<'_>) -> Option<()> {
    match (data, out) {
        (Lane::F32(data), LaneMut::F32(out)) => fast::fold_rows(data, elements, kind, out),
        (Lane::F64(data), LaneMut::F64(out)) => plain::fold_rows(data, elements, kind, out),
        (Lane::I32(data), LaneMut::I32(out)) => plain::fold_rows(data, elements, kind, out),
        (Lane::U32(data), LaneMut::U32(out)) => plain::fold_rows(data, elements, kind, out),
        _ => return None,
    }
    Some(())
}

impl Split {
    fn new(layout: &Layout, kind: Reduce, axes: &[usize]) -> Result<Self, CpuError> {
        let rank = layout.rank();
        let mut is_reduced: SmallVec<[bool; 6]> = SmallVec::from_elem(false, rank);
        for &axis in axes {
            match is_reduced.get_mut(axis) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(CpuError::Axis { op: kind.name(), axis, rank }),
            }
        }
        let part = |wanted: bool, offset: usize| {
            let picked: SmallVec<[usize; 6]> = (0..rank).filter(|&axis| is_reduced[axis] == wanted).collect();
            let shape: Shape = picked.iter().map(|&axis| layout.shape[axis]).collect();
            Layout { shape, strides: picked.iter().map(|&axis| layout.strides[axis]).collect(), offset }
        };
        let (kept, reduced) = (part(false, layout.offset), part(true, 0));
        let (outputs, terms) = (kept.numel(), reduced.numel());
        Ok(Self { kept: Walk::new(&kept), reduced: Walk::new(&reduced), outputs, terms })
    }

    /// The reduced axes in the order that walks memory most directly: for results to which order says nothing
    /// but the last bits.
    fn reduced_in_memory_order(&self) -> Walk {
        let mut axes: SmallVec<[(usize, isize); 6]> =
            self.reduced.sizes.iter().copied().zip(self.reduced.strides.iter().copied()).collect();
        axes.sort_by_key(|&(_, stride)| std::cmp::Reverse(stride.unsigned_abs()));
        let layout = Layout {
            shape: axes.iter().map(|&(size, _)| size).collect(),
            strides: axes.iter().map(|&(_, stride)| stride).collect(),
            offset: 0,
        };
        let mut merged = collapse(&layout.shape, &[&layout]);
        Walk { sizes: merged.sizes, strides: merged.strides.pop().unwrap_or_default(), offset: 0 }
    }
}
