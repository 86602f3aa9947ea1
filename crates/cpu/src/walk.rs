use anygrad_layout::{Layout, collapse};
use smallvec::SmallVec;

/// A layout brought to the fewest axes, walked in row-major order by runs along the last axis.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub sizes: SmallVec<[usize; 6]>,
    pub strides: SmallVec<[isize; 6]>,
    pub offset: usize,
}

/// Elements `first, first + stride, …`, `len` of them, that belong at `at` of the walk's range.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub first: usize,
    pub stride: isize,
    pub len: usize,
    pub at: usize,
}

impl Walk {
    pub fn new(layout: &Layout) -> Self {
        let mut collapsed = collapse(&layout.shape, &[layout]);
        let strides = collapsed.strides.pop().unwrap_or_default();
        Self { sizes: collapsed.sizes, strides, offset: layout.offset }
    }

    /// Whether the elements lie densely in order.
    pub fn is_dense(&self) -> bool {
        self.sizes.len() == 1 && (self.strides.first() == Some(&1) || self.sizes.first() == Some(&1))
    }

    /// Whether all elements are the same one.
    pub fn is_scalar(&self) -> bool {
        self.strides.iter().all(|&s| s == 0)
    }

    /// Position of element number `index`.
    pub fn position(&self, mut index: usize) -> usize {
        let mut at = self.offset as isize;
        for (&size, &stride) in self.sizes.iter().zip(&self.strides).rev() {
            at += (index % size) as isize * stride;
            index /= size;
        }
        at as usize
    }

    /// Calls `visit` for the runs that make up elements `start .. start + len`, in order.
    #[inline]
    pub fn runs(&self, start: usize, len: usize, mut visit: impl FnMut(Run)) {
        let (Some(&inner), Some(&stride)) = (self.sizes.last(), self.strides.last()) else { return };
        if len == 0 {
            return;
        }
        let (mut position, mut at) = (self.position(start) as isize, 0);
        let mut room = inner - start % inner;
        let outer = self.sizes.len() - 1;
        // The index along each outer axis, needed only once a run ends.
        let mut index: SmallVec<[usize; 6]> = SmallVec::new();
        loop {
            let count = room.min(len - at);
            visit(Run { first: position as usize, stride, len: count, at });
            at += count;
            if at >= len {
                return;
            }
            if index.is_empty() {
                let mut rest = start / inner;
                index.extend(self.sizes[..outer].iter().rev().map(|&size| {
                    let here = rest % size;
                    rest /= size;
                    here
                }));
                index.reverse();
            }
            // Back to the start of this row, then on to the next one.
            position -= (inner - room) as isize * stride;
            for axis in (0..outer).rev() {
                index[axis] += 1;
                position += self.strides[axis];
                if index[axis] < self.sizes[axis] {
                    break;
                }
                position -= self.strides[axis] * self.sizes[axis] as isize;
                index[axis] = 0;
            }
            room = inner;
        }
    }

    /// Copies elements `start .. start + out.len()` of `data` to `out`.
    #[inline]
    pub fn load<T: Copy>(&self, data: &[T], start: usize, out: &mut [T]) {
        self.runs(start, out.len(), |run| {
            let to = &mut out[run.at..run.at + run.len];
            match run.stride {
                1 => to.copy_from_slice(&data[run.first..run.first + run.len]),
                0 => to.fill(data[run.first]),
                stride => {
                    let mut from = run.first as isize;
                    for x in to {
                        *x = data[from as usize];
                        from += stride;
                    }
                }
            }
        });
    }

    /// Writes the positions of elements `start .. start + out.len()`, modulo 2³².
    pub fn positions(&self, start: usize, out: &mut [u32]) {
        self.runs(start, out.len(), |run| {
            let (mut x, step) = (run.first as u32, run.stride as u32);
            for to in &mut out[run.at..run.at + run.len] {
                *to = x;
                x = x.wrapping_add(step);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_is_the_same_piece_of_the_whole() {
        let base = Layout::contiguous([3, 4, 5, 2]);
        let views = [
            base.clone(),
            base.permute(&[3, 1, 0, 2]),
            base.slice(2, 4, 3, -2).slice(0, 1, 2, 1),
            Layout::contiguous([1, 4, 1, 2]).expand(&[3, 4, 5, 2]),
            Layout::contiguous([7]).slice(0, 6, 7, -1),
            Layout::contiguous([1, 1]),
        ];
        for view in views {
            let whole: Vec<usize> = view.offsets().collect();
            let data: Vec<u32> = (0..120).collect();
            let walk = Walk::new(&view);
            for start in 0..whole.len() {
                for len in [0, 1, 2, 3, 7, 11, whole.len()] {
                    let len = len.min(whole.len() - start);
                    let (mut loaded, mut positions) = (vec![0; len], vec![0; len]);
                    walk.load(&data, start, &mut loaded);
                    walk.positions(start, &mut positions);
                    let expected: Vec<u32> = whole[start..start + len].iter().map(|&p| p as u32).collect();
                    assert_eq!((&loaded, &positions), (&expected, &expected), "{view:?} from {start}");
                }
            }
        }
    }
}
