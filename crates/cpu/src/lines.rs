use anygrad_layout::{Layout, Shape};

use crate::parallel::chunks;
use crate::walk::Walk;
use crate::{CpuError, View};

/// Views of one shape cut into lines along an axis. A result of that shape lies in blocks, one for each index
/// before the axis, and each block holds `length` rows of `right` neighbouring lines.
pub(crate) struct Lines<'a> {
    /// Elements of a line.
    pub length: usize,
    /// Lines that lie side by side: positions of the axes after this one.
    pub right: usize,
    /// Positions of the axes before this one.
    pub left: usize,
    views: Vec<Line<'a>>,
}

/// Where the lines of one view start.
struct Line<'a> {
    layout: &'a Layout,
    before: Walk,
    /// Distance of each line of a block from its first.
    after: Vec<isize>,
    axis: usize,
}

impl<'a> Lines<'a> {
    pub fn new(op: &'static str, views: &[View<'a>], axis: usize) -> Result<Self, CpuError> {
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

    /// Number of views.
    pub fn views(&self) -> usize {
        self.views.len()
    }

    /// Elements in all.
    pub fn numel(&self) -> usize {
        self.left * self.length * self.right
    }

    /// Start and stride of line `right` of block `left` in view `view`.
    #[inline]
    pub fn line(&self, view: usize, left: usize, right: usize) -> (isize, isize) {
        let line = &self.views[view];
        (line.before.position(left) as isize + line.after[right], line.layout.strides[line.axis])
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

impl<'a> Line<'a> {
    fn new(layout: &'a Layout, axis: usize) -> Self {
        let part = |axes: std::ops::Range<usize>, offset: usize| Layout {
            shape: Shape::from(&layout.shape[axes.clone()]),
            strides: layout.strides[axes].iter().copied().collect(),
            offset,
        };
        let after = part(axis + 1..layout.rank(), 0);
        // offsets relative to the first line may be negative, so they are not positions of a layout
        let mut distances = vec![0isize];
        for (&size, &stride) in after.shape.iter().zip(&after.strides) {
            distances =
                distances.iter().flat_map(|&d| (0..size as isize).map(move |i| d + i * stride)).collect();
        }
        Self { layout, before: Walk::new(&part(0..axis, layout.offset)), after: distances, axis }
    }
}
