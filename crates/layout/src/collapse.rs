use smallvec::SmallVec;

use crate::Layout;

/// Several views of one shape, brought to the fewest axes that describe them all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Collapsed {
    /// Sizes of the merged axes; at least one, none of size 1 unless it is the only one.
    pub sizes: SmallVec<[usize; 6]>,
    /// For each view, its stride along each merged axis.
    pub strides: Vec<SmallVec<[isize; 6]>>,
}

/// Merges neighbouring axes wherever every layout walks them as one, and drops axes of size 1. All layouts
/// have the shape `shape`. Two dense operands become one axis, so a kernel needs no index arithmetic.
///
/// ```
/// use anygrad_layout::{Layout, collapse};
/// let dense = Layout::contiguous([4, 3, 2]);
/// let row = Layout::contiguous([3, 2]).expand(&[4, 3, 2]);
/// assert_eq!(collapse(&dense.shape, &[&dense]).sizes.as_slice(), [24]);
/// let both = collapse(&dense.shape, &[&dense, &row]);
/// assert_eq!(both.sizes.as_slice(), [4, 6]);
/// assert_eq!(both.strides[1].as_slice(), [0, 1]);
/// ```
pub fn collapse(shape: &[usize], layouts: &[&Layout]) -> Collapsed {
    let mut sizes: SmallVec<[usize; 6]> = SmallVec::new();
    let mut strides: Vec<SmallVec<[isize; 6]>> = vec![SmallVec::new(); layouts.len()];
    for (axis, &size) in shape.iter().enumerate() {
        if size == 1 {
            continue;
        }
        let here = |layout: &Layout| layout.strides.get(axis).copied().unwrap_or(0);
        let joins = !sizes.is_empty()
            && layouts
                .iter()
                .zip(&strides)
                .all(|(layout, kept)| kept.last() == Some(&(here(layout).saturating_mul(size as isize))));
        match sizes.last_mut() {
            Some(last) if joins => *last *= size,
            _ => sizes.push(size),
        }
        for (layout, kept) in layouts.iter().zip(&mut strides) {
            match kept.last_mut() {
                Some(last) if joins => *last = here(layout),
                _ => kept.push(here(layout)),
            }
        }
    }
    if sizes.is_empty() {
        sizes.push(1);
        strides.iter_mut().for_each(|s| s.push(0));
    }
    Collapsed { sizes, strides }
}
