use anygrad_layout::{DType, Layout};

use crate::{CpuError, Storage};

/// A strided view of a storage. The element type is the storage's.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The elements.
    pub data: &'a Storage,
    /// Which of them, in which order.
    pub layout: &'a Layout,
}

impl<'a> View<'a> {
    /// `data` seen through `layout`. Operations check that the one holds the other.
    pub fn new(data: &'a Storage, layout: &'a Layout) -> Self {
        Self { data, layout }
    }

    /// The element type as kept (truth values are [`DType::U32`]).
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The sizes of the axes.
    pub fn shape(&self) -> &'a [usize] {
        &self.layout.shape
    }

    /// Fails unless every position of the layout lies inside the storage.
    pub(crate) fn check(&self, op: &'static str) -> Result<(), CpuError> {
        let fits = extent(self.layout).is_some_and(|end| end <= self.data.len());
        if fits { Ok(()) } else { Err(self.out_of_bounds(op)) }
    }

    pub(crate) fn out_of_bounds(&self, op: &'static str) -> CpuError {
        CpuError::OutOfBounds { op, shape: self.layout.shape.to_vec(), len: self.data.len() }
    }
}

/// One past the last position of a layout, 0 if it is empty; `None` if a position is negative, a number
/// overflows, or there is not one stride to each axis.
pub(crate) fn extent(layout: &Layout) -> Option<usize> {
    if layout.shape.len() != layout.strides.len() {
        return None;
    }
    if layout.shape.checked_numel()? == 0 {
        return Some(0);
    }
    let mut lowest = isize::try_from(layout.offset).ok()?;
    let mut highest = lowest;
    for (&size, &stride) in layout.shape.iter().zip(&layout.strides) {
        let reach = isize::try_from(size - 1).ok()?.checked_mul(stride)?;
        lowest = lowest.checked_add(reach.min(0))?;
        highest = highest.checked_add(reach.max(0))?;
    }
    if lowest < 0 { None } else { usize::try_from(highest).ok()?.checked_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_outside_are_refused() {
        let data = Storage::zeros(DType::F32, 6);
        let check = |layout: Layout| View::new(&data, &layout).check("test");
        let base = Layout::contiguous([2, 3]);
        assert_eq!(check(base.clone()), Ok(()));
        assert_eq!(check(base.slice(1, 2, 3, -1)), Ok(()));
        assert!(check(Layout { offset: 1, ..base.clone() }).is_err());
        assert!(check(Layout { strides: [-3, 1].as_slice().into(), ..base.clone() }).is_err());
        assert!(
            check(Layout { strides: [isize::MAX, isize::MAX].as_slice().into(), ..base.clone() }).is_err()
        );
        assert!(check(Layout { strides: [1].as_slice().into(), ..base }).is_err());
        assert_eq!(check(Layout { offset: 99, ..Layout::contiguous([0, 3]) }), Ok(()));
    }
}
