use anygrad_layout::{Layout, Shape};

use crate::parallel::chunks;
use crate::walk::Walk;
use crate::{CpuError, View};

/// Views of one shape cut into lines along an axis. A result of that shape lies in blocks, one for each index
/// before the axis, and each block holds `length` rows of `right` neighbouring lines.
pub(crate) struct Lines {
    /// Elements of a line.
    pub length: usize,
    /// Lines that lie side by side: positions of the axes after this one.
    pub right: usize,
    /// Positions of the axes before this one.
    pub left: usize,
    views: Vec<Line>,
}

/// Where the lines of one view start.
struct Line {
    before: Walk,
    /// From the first line of a block.
    after: Walk,
    stride: isize,
}

impl Lines {
    pub fn new(op: &'static str, views: &[View<'_>], axis: usize) -> Result<Self, CpuError> {
        let Some(first) = views.first() else {
            return Err(CpuError::Invalid { op, why: "no inputs" });
        };
        let shape = first.shape();
        if axis >= shape.len() {
            return Err(CpuError::Axis { op, axis, rank: shape.len() });
        }
        for view in views {
            view.check(op)?;
            if view.shape() != shape {
                return Err(CpuError::Shape { op, left: shape.to_vec(), right: view.shape().to_vec() });
            }
        }
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        let views = views.iter().map(|view| Line::new(view.layout, axis)).collect();
        Ok(Self {
            length: shape[axis],
            right: product(&shape[axis + 1..]),
            left: product(&shape[..axis]),
            views,
        })
    }

    /// Elements in all.
    pub fn numel(&self) -> usize {
        self.left * self.length * self.right
    }

    /// Start and stride of line `right` of block `left` in view `view`.
    #[inline]
    pub fn line(&self, view: usize, left: usize, right: usize) -> (isize, isize) {
        let line = &self.views[view];
        // a distance may be negative, which `as` turns back
        let start = line.before.position(left) as isize + line.after.position(right) as isize;
        (start, line.stride)
    }

    /// The same in the last view.
    #[inline]
    pub fn last(&self, left: usize, right: usize) -> (isize, isize) {
        self.line(self.views.len() - 1, left, right)
    }

    /// Calls `work(left, block)` for the blocks of `out`, which has one element for each of the views.
    pub fn blocks<T: Send>(&self, out: &mut [T], work: impl Fn(usize, &mut [T]) + Send + Sync) {
        let block = self.length * self.right;
        if block == 0 {
            return;
        }
        // enough blocks at a time to be worth a task
        let many = ((1 << 12) / block).max(1);
        let elements = out.len();
        chunks(out, block * many, elements, |piece, out| {
            for (i, block) in out.chunks_mut(block).enumerate() {
                work(piece * many + i, block);
            }
        });
    }
}

impl Line {
    fn new(layout: &Layout, axis: usize) -> Self {
        let part = |axes: std::ops::Range<usize>, offset: usize| {
            Walk::new(&Layout {
                shape: Shape::from(&layout.shape[axes.clone()]),
                strides: layout.strides[axes].iter().copied().collect(),
                offset,
            })
        };
        Self {
            before: part(0..axis, layout.offset),
            after: part(axis + 1..layout.rank(), 0),
            stride: layout.strides[axis],
        }
    }
}
