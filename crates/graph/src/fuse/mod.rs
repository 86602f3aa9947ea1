//! Groups a program's instructions into what one kernel computes.
//!
//! Views vanish into the way their base is read. Pointwise instructions of one shape that feed each other become
//! one group, with any number of outputs.
//!
//! Why no cycle can arise: each instruction has a *stage*. An edge that can be fused (a pointwise instruction
//! reads another of the same shape, element by element) may stay in the stage; every other edge goes at least one
//! stage up. So a path that leaves a group through another kernel ends in a later stage, never back in the group.

mod defer;
mod groups;
mod rows;
mod stages;
mod store;
mod together;

use anygrad_device::kernels::reduce::Reduce;
use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use crate::pointwise::Row;

/// What an instruction's elements are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    /// The stored, dense value of an instruction.
    Value(u32),
    /// A run-time number, or one that follows from run-time numbers.
    Number(u32),
    /// Counting.
    Iota,
    /// What the kernel has computed in whose store a program stands.
    Computed,
}

/// A way to read an instruction's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Read {
    pub base: Base,
    pub layout: Layout,
}

/// A fused program: pointwise, or over rows. Values are numbered sources first, then numbers, then steps.
#[derive(Clone, Debug)]
pub(crate) struct Fused {
    pub shape: Shape,
    /// How many axes of the shape count rows, in a program over rows; all of a pointwise one. A value of such a program
    /// is one number a row if it is made of such numbers alone: of what reductions give, and of sources that repeat.
    pub outer: usize,
    pub sources: Vec<(Read, DType)>,
    /// The number instructions that are read, with their dtypes.
    pub numbers: Vec<(u32, DType)>,
    pub steps: Vec<FusedStep>,
    /// Instructions that are stored, with the value that is theirs.
    pub results: Vec<(u32, u32, DType)>,
    /// The instructions in it, for people.
    pub instrs: Vec<u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct FusedStep {
    pub work: Work,
    pub args: SmallVec<[u32; 3]>,
    /// The dtype the row's WGSL is chosen by: that of its last input.
    pub input: DType,
    pub output: DType,
}

/// What a step does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    /// A row of the pointwise table, for each element.
    Each(&'static Row),
    /// A reduction of each row of a program over rows.
    Fold(Reduce),
}

#[derive(Clone, Debug)]
pub(crate) enum Group {
    Pointwise(Fused),
    /// Reductions of rows with what is computed element by element and row by row around them, in one kernel.
    Rows(Fused),
    /// Some that do not depend on each other, and that no group reads, in one kernel.
    Together(Vec<Fused>),
    /// A kernel of its own; `fused` computes its (only) input while it is read, and `tail` follows what it computes: the
    /// results are those of the tail.
    Kernel {
        instr: u32,
        inputs: Vec<(u32, Layout)>,
        fused: Option<Fused>,
        tail: Option<Box<Fused>>,
    },
}

/// A program in groups, in an order in which they can run.
pub(crate) struct Grouped {
    pub groups: Vec<Group>,
    /// For each output of the program, the stored value that holds it.
    pub outputs: Vec<(u32, u32)>,
    /// The instructions that are numbers, ascending: given to a run, or computed from those by the host.
    pub numbers: Vec<u32>,
}

/// What a backend asks of the grouping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Buffers one kernel can bind.
    pub buffers: usize,
    /// Whether reductions compute their input while they read it.
    pub fuse_into_reductions: bool,
    /// Whether kernels that can do so store through the pointwise group that reads their result.
    pub fuse_into_stores: bool,
    /// Whether pointwise instructions are fused at all.
    pub fuse: bool,
    /// Buffers a kernel of several groups can bind; 0 if each group has its own.
    pub together: usize,
    /// Elements a kernel of several groups computes at most.
    pub together_elements: usize,
    /// Which rows a kernel over rows takes, if there are such kernels.
    pub rows: Option<RowRules>,
}

pub(crate) use rows::RowRules;
pub(crate) use stages::group;
pub(crate) use together::put_together;
