//! Fused elementwise programs, interpreted block by block.
//!
//! A [`Pointwise`] program is a list of steps in which every value is a block of elements of one shape. The
//! interpreter runs all steps on one block, which stays in the first-level cache, before it goes on to the next:
//! a program of ten steps reads and writes main memory once.

mod plan;
mod run;

pub use plan::Prepared;

use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use crate::{BlockFn, CpuError, Storage};

/// A program over the elements of one shape. Values are numbered: the inputs first, then the numbers, then the
/// results of the steps.
#[derive(Clone, Debug)]
pub struct Pointwise {
    /// The shape of every value and every output.
    pub shape: Shape,
    /// What is read.
    pub inputs: Vec<Source>,
    /// Types of the scalars that are given when the program runs.
    pub numbers: Vec<DType>,
    /// What is computed, each step from values before it.
    pub steps: Vec<Step>,
    /// What is kept; each output is dense in row-major order.
    pub outputs: Vec<Sink>,
}

/// Where an input's elements come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceKind {
    /// The storage of this index among those given to the run.
    Buffer(usize),
    /// No storage: the value is the element's position under the layout, modulo 2³², as `u32`.
    Iota,
    /// What output of this index held before, at the same element. The layout is not looked at.
    InPlace(usize),
}

/// An input of a program.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where the elements come from.
    pub kind: SourceKind,
    /// Their type.
    pub dtype: DType,
    /// Which of them; has the program's shape.
    pub layout: Layout,
}

/// One operation of a program.
#[derive(Clone, Debug)]
pub struct Step {
    /// The loop over a block.
    pub run: BlockFn,
    /// The values it reads.
    pub args: SmallVec<[u32; 3]>,
    /// The type of its result.
    pub dtype: DType,
}

/// An output of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sink {
    /// The value to keep.
    pub value: u32,
    /// Its type.
    pub dtype: DType,
}

/// Runs `program` once; [`Prepared`] saves the preparation where it runs again.
///
/// `inputs` are the storages that [`SourceKind::Buffer`] counts, `numbers` the scalars in order (rounded to
/// their types), `outputs` storages of the program's size, which are overwritten.
///
/// # Errors
/// [`CpuError::Invalid`], [`CpuError::DType`], [`CpuError::Shape`] or [`CpuError::OutOfBounds`] if the program
/// contradicts itself or its operands, [`CpuError::Unsupported`] if a step has no meaning for its types.
pub fn run_pointwise(
    program: &Pointwise,
    inputs: &[&Storage],
    numbers: &[f64],
    outputs: &mut [Storage],
) -> Result<(), CpuError> {
    Prepared::new(program)?.run(inputs, numbers, outputs)
}
