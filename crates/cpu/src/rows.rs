//! Programs over rows, interpreted block by block: pointwise steps, reductions of each row, and pointwise steps on what
//! they give.
//!
//! As in [`pointwise`](crate::Pointwise), all steps run on one block before the next. A block is as many whole rows as
//! fit the first-level cache, or one row: softmax or a norm reads and writes main memory once.

mod merge;
mod plan;
mod run;

pub use plan::PreparedRows;

use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use crate::{Arithmetic, BlockFn, Reduce, Sink, Source};

/// A program over rows. Values are numbered: the inputs first, then the numbers, then the results of the steps.
///
/// A value is one number a row if it is made of such values and numbers alone: what a reduction gives, and an input
/// whose layout repeats along the row. All others have an element for each of the shape.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The axes that count rows, then those along a row.
    pub shape: Shape,
    /// How many axes count rows.
    pub outer: usize,
    /// What is read. A source in place has a layout, too: it is dense over all elements, or over the rows.
    pub inputs: Vec<Source>,
    /// Types of the scalars that are given when the program runs.
    pub numbers: Vec<DType>,
    /// What is computed, each step from values before it.
    pub steps: Vec<RowStep>,
    /// What is kept; each output is dense in row-major order.
    pub outputs: Vec<RowSink>,
}

/// One operation of a [`Rows`] program.
#[derive(Clone, Debug)]
pub struct RowStep {
    /// What is done.
    pub work: RowWork,
    /// The values it reads; one for [`RowWork::Fold`].
    pub args: SmallVec<[u32; 3]>,
    /// The type of its result.
    pub dtype: DType,
}

/// What a [`RowStep`] does.
#[derive(Clone, Copy, Debug)]
pub enum RowWork {
    /// The loop over a block.
    Each(BlockFn),
    /// The same, of a step that is known: on `f32` it may share a loop with others.
    Plain(Arithmetic, BlockFn),
    /// One value a row of all its elements; no index.
    Fold(Reduce),
}

/// An output of a [`Rows`] program.
#[derive(Clone, Copy, Debug)]
pub struct RowSink {
    /// What is kept.
    pub sink: Sink,
    /// Whether every element is kept, not one value a row.
    pub whole: bool,
}

impl Rows {
    fn count(&self) -> usize {
        self.shape.iter().take(self.outer).product()
    }

    fn elements(&self) -> usize {
        self.shape.iter().skip(self.outer).product()
    }

    /// Whether a layout repeats along the rows.
    fn repeats(&self, layout: &Layout) -> bool {
        let inner = self.shape.iter().zip(&layout.strides).skip(self.outer);
        inner.into_iter().all(|(&size, &stride)| size == 1 || stride == 0)
    }

    /// Whether a layout repeats from row to row.
    fn same_in_all_rows(&self, layout: &Layout) -> bool {
        let outer = self.shape.iter().zip(&layout.strides).take(self.outer);
        outer.into_iter().all(|(&size, &stride)| size == 1 || stride == 0)
    }
}
