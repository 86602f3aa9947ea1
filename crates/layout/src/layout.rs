use smallvec::SmallVec;

use crate::Shape;

/// Where the elements of a view lie in its buffer: element `i` is at `offset + Σ i[axis]·strides[axis]`.
///
/// Strides count elements. A stride of 0 repeats (an expanded axis); a negative one runs backwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// The sizes of the view.
    pub shape: Shape,
    /// Elements between neighbours along each axis.
    pub strides: SmallVec<[isize; 6]>,
    /// Position of the first element.
    pub offset: usize,
}

impl Layout {
    /// A dense row-major layout from the start of a buffer.
    pub fn contiguous(shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let strides = shape.strides();
        Self { shape, strides, offset: 0 }
    }

    /// Number of elements of the view.
    pub fn numel(&self) -> usize {
        self.shape.numel()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// Whether the elements lie densely in row-major order (at any offset). Axes of size 1 do not count.
    pub fn is_dense(&self) -> bool {
        let mut step = 1isize;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size == 0 {
                return true;
            }
            if size != 1 {
                if stride != step {
                    return false;
                }
                step = step.saturating_mul(size as isize);
            }
        }
        true
    }

    /// Whether this is the layout [`Layout::contiguous`] would give: dense, from offset 0.
    pub fn is_contiguous(&self) -> bool {
        self.offset == 0 && self.is_dense()
    }

    /// Reorders the axes: axis `i` of the result is axis `axes[i]` of this. `axes` is a permutation.
    pub fn permute(&self, axes: &[usize]) -> Self {
        let pick = |a: &usize| self.shape.get(*a).copied().unwrap_or(1);
        Self {
            shape: axes.iter().map(pick).collect(),
            strides: axes.iter().map(|a| self.strides.get(*a).copied().unwrap_or(0)).collect(),
            offset: self.offset,
        }
    }

    /// Repeats axes of size 1, and adds axes in front, to reach `shape`, which this shape broadcasts to.
    pub fn expand(&self, shape: &[usize]) -> Self {
        let added = shape.len().saturating_sub(self.rank());
        let strides = (0..shape.len())
            .map(|axis| match axis.checked_sub(added) {
                Some(i) if self.shape.get(i) == shape.get(axis) => self.strides.get(i).copied().unwrap_or(0),
                _ => 0,
            })
            .collect();
        Self { shape: shape.into(), strides, offset: self.offset }
    }

    /// Every `step`-th of the elements `start, start + step, …` along `axis`, `len` of them. A negative step
    /// walks backwards from `start`. The positions lie inside the axis.
    pub fn slice(&self, axis: usize, start: usize, len: usize, step: isize) -> Self {
        let mut out = self.clone();
        if let (Some(size), Some(stride)) = (out.shape.get_mut(axis), out.strides.get_mut(axis)) {
            *size = len;
            if len > 0 {
                out.offset = (out.offset as isize + start as isize * *stride) as usize;
            }
            *stride *= step;
        }
        out
    }

    /// The axes `a` and `b`, which differ, walked together: their diagonal from `(row, column)`, of `len` elements, as
    /// a new last axis. The positions lie inside the axes.
    pub fn diagonal(&self, a: usize, b: usize, (row, column): (usize, usize), len: usize) -> Self {
        let from = self.slice(a, row, len, 1).slice(b, column, len, 1);
        let stride = |axis: usize| from.strides.get(axis).copied().unwrap_or(0);
        let both = stride(a).saturating_add(stride(b));
        let rest: Vec<usize> = (0..self.rank()).filter(|&axis| axis != a && axis != b).collect();
        let mut out = from.permute(&rest);
        out.shape.push(len);
        out.strides.push(both);
        out
    }

    /// Windows over `axis`: `count` of them, `step` apart, take its place, and the `size` elements of each, `dilation`
    /// apart, are a new last axis. Windows may overlap. The positions lie inside the axis.
    pub fn windows(&self, axis: usize, count: usize, step: usize, size: usize, dilation: usize) -> Self {
        let stride = self.strides.get(axis).copied().unwrap_or(0);
        // a distance that is never walked may be anything
        let walk = |n: usize, by: usize| if n > 1 { stride * by as isize } else { 0 };
        let mut out = self.clone();
        if let (Some(n), Some(stride)) = (out.shape.get_mut(axis), out.strides.get_mut(axis)) {
            (*n, *stride) = (count, walk(count, step));
        }
        out.shape.push(size);
        out.strides.push(walk(size, dilation));
        out
    }

    /// The same elements in the same order under another shape, if strides can say so; `None` means that the
    /// data has to be copied first. `shape` has the same number of elements.
    pub fn reshape(&self, shape: &[usize]) -> Option<Self> {
        if self.numel() == 0 || self.is_dense() {
            let mut out = Self::contiguous(shape);
            out.offset = self.offset;
            return Some(out);
        }
        // Walk both shapes from the end; a run of new axes must cover a run of old axes that lie densely
        // relative to each other.
        let old: Vec<(usize, isize)> =
            self.shape.iter().copied().zip(self.strides.iter().copied()).filter(|&(n, _)| n != 1).collect();
        let mut strides: SmallVec<[isize; 6]> = SmallVec::from_elem(0, shape.len());
        let mut at = old.len();
        let (mut left, mut step) = (1usize, 0isize); // elements left in the current run, stride of the next
        for axis in (0..shape.len()).rev() {
            let size = *shape.get(axis)?;
            if size == 1 {
                continue;
            }
            if left == 1 {
                at = at.checked_sub(1)?;
                let &(n, stride) = old.get(at)?;
                (left, step) = (n, stride);
                // merge older axes while they continue this one
                let mut span = stride * n as isize;
                while let Some(&(outer, outer_stride)) = at.checked_sub(1).and_then(|i| old.get(i)) {
                    if outer_stride != span {
                        break;
                    }
                    left = left.checked_mul(outer)?;
                    span = outer_stride * outer as isize;
                    at -= 1;
                }
            }
            if left % size != 0 {
                return None;
            }
            *strides.get_mut(axis)? = step;
            step *= size as isize;
            left /= size;
        }
        (left == 1 && at == 0).then(|| Self { shape: shape.into(), strides, offset: self.offset })
    }

    /// The positions of the elements, in row-major order of the view.
    pub fn offsets(&self) -> Offsets<'_> {
        Offsets {
            layout: self,
            index: SmallVec::from_elem(0, self.rank()),
            at: self.offset as isize,
            left: self.numel(),
        }
    }

    /// One past the largest position any element has; 0 for an empty view. A buffer of this many elements
    /// holds the whole view.
    pub fn extent(&self) -> usize {
        if self.numel() == 0 {
            return 0;
        }
        let reach = |(&n, &s): (&usize, &isize)| if s > 0 { (n as isize - 1) * s } else { 0 };
        (self.offset as isize + self.shape.iter().zip(&self.strides).map(reach).sum::<isize>()) as usize + 1
    }
}

/// Iterator over the positions of a view's elements; see [`Layout::offsets`].
#[derive(Clone, Debug)]
pub struct Offsets<'a> {
    layout: &'a Layout,
    index: SmallVec<[usize; 6]>,
    at: isize,
    left: usize,
}

impl Iterator for Offsets<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let here = self.at as usize;
        let axes = self.index.iter_mut().zip(self.layout.shape.iter()).zip(&self.layout.strides);
        for ((index, &size), &stride) in axes.rev() {
            *index += 1;
            self.at += stride;
            if *index < size {
                break;
            }
            self.at -= stride * size as isize;
            *index = 0;
        }
        Some(here)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Offsets<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(layout: &Layout) -> Vec<usize> {
        layout.offsets().collect()
    }

    #[test]
    fn views_list_the_positions_a_loop_would_visit() {
        let base = Layout::contiguous([2, 3, 4]);
        assert_eq!(walk(&base), (0..24).collect::<Vec<_>>());
        assert_eq!(walk(&base.slice(2, 3, 2, -2)), [3, 1, 7, 5, 11, 9, 15, 13, 19, 17, 23, 21]);
        assert_eq!(walk(&Layout::contiguous([2, 1]).expand(&[2, 2, 2])), [0, 0, 1, 1, 0, 0, 1, 1]);
        assert_eq!(walk(&base.slice(0, 2, 0, 1)), []);
        assert_eq!(walk(&Layout::contiguous(Shape::scalar())), [0]);
    }

    #[test]
    fn reshape_keeps_the_order_or_declines() {
        let shapes: [&[usize]; 6] = [&[24], &[2, 12], &[6, 4], &[4, 6], &[1, 3, 8, 1], &[2, 3, 2, 2]];
        let base = Layout::contiguous([2, 3, 4]);
        let views = [
            base.clone(),
            base.permute(&[1, 0, 2]),
            base.permute(&[2, 1, 0]),
            Layout::contiguous([4, 3, 4]).slice(0, 0, 2, 2),
            Layout::contiguous([2, 3, 8]).slice(2, 7, 4, -2),
            Layout::contiguous([2, 1, 1]).expand(&[2, 3, 4]),
            Layout::contiguous([1, 3, 4]).expand(&[2, 3, 4]),
        ];
        let mut viewed = 0;
        for view in &views {
            for shape in shapes {
                if let Some(reshaped) = view.reshape(shape) {
                    assert_eq!(walk(&reshaped), walk(view), "{view:?} as {shape:?}");
                    viewed += 1;
                }
            }
        }
        assert_eq!(viewed, 14);
        assert!(base.permute(&[1, 0, 2]).reshape(&[24]).is_none());
        assert!(base.permute(&[1, 0, 2]).reshape(&[3, 2, 2, 2]).is_some());
    }

    #[test]
    fn diagonals_and_windows_are_positions_of_their_own() {
        let base = Layout::contiguous([2, 3, 4]);
        // out[k][i] = base[i][k][i + 1]
        assert_eq!(walk(&base.diagonal(0, 2, (0, 1), 2)), [1, 14, 5, 18, 9, 22]);
        assert_eq!(walk(&base.diagonal(2, 1, (0, 1), 2).slice(0, 1, 1, 1)), [16, 21]);
        // overlapping, two apart, every second element
        assert_eq!(walk(&Layout::contiguous([7]).windows(0, 2, 2, 3, 2)), [0, 2, 4, 2, 4, 6]);
        assert_eq!(walk(&base.windows(1, 2, 1, 2, 1).slice(0, 0, 1, 1).slice(2, 3, 1, 1)), [3, 7, 7, 11]);
        assert_eq!(walk(&base.windows(1, 1, usize::MAX, 1, usize::MAX)).len(), 8);
        assert!(!Layout::contiguous([7]).windows(0, 3, 1, 3, 1).is_dense());
        assert_eq!(Layout::contiguous([7]).windows(0, 3, 1, 3, 1).extent(), 5);
    }

    #[test]
    fn extent_bounds_every_position() {
        let view = Layout::contiguous([3, 5]).slice(1, 4, 3, -2).slice(0, 1, 2, 1);
        assert_eq!(view.extent(), walk(&view).into_iter().max().unwrap() + 1);
        assert_eq!(Layout::contiguous([0, 5]).extent(), 0);
    }
}
