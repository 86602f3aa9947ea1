//! Programs over rows in one kernel: pointwise steps, reductions of each row, and pointwise steps on what they give.
//!
//! A kernel walks each row a few times: once for the reductions that depend on no other, once for those that need the
//! results of these, and so on, and a last time to write elements. Each walk computes what it needs from the sources
//! anew. They are in a cache after the first one, so memory is read once, and no row is too long for registers.

mod emit;
mod walks;

use anygrad_layout::{DType, Layout, Shape};
use smallvec::SmallVec;

use self::emit::Emitter;
use self::walks::Walks;
use super::reduce::Reduce;
use super::{Pointwise, Sink, Source, Step, invalid};
use crate::{Caps, DeviceError, Lowered};

/// A program over rows. Value ids: the inputs first, then the numbers, then the steps.
///
/// A value is one number a row if it is made of such values and numbers alone: what a reduction gives, and an input
/// whose layout repeats along the row. All others have an element for each of the shape.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The axes that count rows, then those along a row.
    pub shape: Shape,
    /// How many axes count rows.
    pub outer: usize,
    /// What is read at each position.
    pub inputs: Vec<Source>,
    /// Run-time scalars: value id `inputs.len() + i` is the launch's number `i`.
    pub numbers: Vec<DType>,
    /// What is computed, each from values before it.
    pub steps: Vec<RowStep>,
    /// What is written, each densely in row-major order.
    pub outputs: Vec<RowSink>,
}

/// One statement of a [`Rows`] program.
#[derive(Clone, Debug)]
pub struct RowStep {
    /// What is done.
    pub work: RowWork,
    /// Value ids of the arguments; one for [`RowWork::Fold`].
    pub args: SmallVec<[u32; 3]>,
    /// The type of the value.
    pub dtype: DType,
}

/// What a [`RowStep`] does.
#[derive(Clone, Copy, Debug)]
pub enum RowWork {
    /// A WGSL expression, as [`Step::wgsl`].
    Each(&'static str),
    /// One value a row, of all elements of the row; no index.
    Fold(Reduce),
}

/// One output of a [`Rows`] program.
#[derive(Clone, Debug)]
pub struct RowSink {
    /// What is written, as in [`Sink`]. An input that is overwritten has as many elements as the output: one for each of
    /// the shape, or one a row.
    pub sink: Sink,
    /// Whether every element is written, not one value a row.
    pub whole: bool,
}

/// The variants of this family, first match first:
///
/// | name | fits | why |
/// | --- | --- | --- |
/// | `thread` | rows of up to 16 terms; all on software adapters | one thread a row needs no barrier |
/// | `workgroup` | the rest | one workgroup a row, a tree over its threads after each walk |
pub const VARIANTS: &[&str] = &["thread", "workgroup"];

const FAMILY: &str = "rows";

/// Computes a program over rows. The order of additions depends on the shape and on `caps` only, and no f32 sum is
/// longer than 256 terms in a row.
///
/// # Errors
/// [`DeviceError::Validation`] if the program contradicts itself, writes f16, or if `force` names no variant;
/// [`DeviceError::Unsupported`] for `f64`, and for more buffers or memory of a workgroup than `caps` allows;
/// [`DeviceError::TooLarge`] from 2³¹ positions on.
pub fn rows(program: &Rows, caps: &Caps, force: Option<&str>) -> Result<Lowered, DeviceError> {
    program.check()?;
    if force.is_some_and(|name| !VARIANTS.contains(&name)) {
        return Err(invalid(FAMILY, format!("no variant {}", force.unwrap_or_default())));
    }
    if program.shape.numel() == 0 {
        return Ok(Lowered::default());
    }
    let walks = Walks::new(program);
    // a buffer read both whole and element by element takes two bindings in fours
    for four in [true, false] {
        let Some(emitter) = Emitter::new(program, &walks, four) else { continue };
        let launch = emitter.launch(caps, force)?;
        if launch.bindings.len() <= caps.storage_buffers as usize {
            return Ok(Lowered { launches: vec![launch], scratch: Vec::new() });
        }
    }
    Err(DeviceError::Unsupported { what: format!("a kernel over rows with {} inputs", program.inputs.len()) })
}

impl Rows {
    /// The number of rows.
    fn count(&self) -> usize {
        self.shape.iter().take(self.outer).product()
    }

    /// The type of a value.
    fn dtype(&self, id: usize) -> Option<DType> {
        let inputs = self.inputs.iter().map(|s| s.dtype);
        let steps = self.steps.iter().map(|s| s.dtype);
        inputs.chain(self.numbers.iter().copied()).chain(steps).nth(id)
    }

    /// Whether an input repeats along the rows.
    fn repeats(&self, layout: &Layout) -> bool {
        let inner = self.shape.iter().zip(&layout.strides).skip(self.outer);
        inner.into_iter().all(|(&size, &stride)| size == 1 || stride == 0)
    }

    /// Checks everything that a wrong caller may get wrong.
    fn check(&self) -> Result<(), DeviceError> {
        if self.outputs.is_empty() || self.outer > self.shape.rank() {
            return Err(invalid(FAMILY, "a program without outputs or rows"));
        }
        // reductions aside, it has to be a pointwise program
        let step = |step: &RowStep| match step.work {
            RowWork::Each(wgsl) => Step { wgsl, args: step.args.clone(), dtype: step.dtype },
            RowWork::Fold(_) => Step { wgsl: "$0", args: step.args.clone(), dtype: step.dtype },
        };
        let sink = |row: &RowSink| Sink { in_place: None, ..row.sink.clone() };
        let pointwise = Pointwise {
            shape: self.shape.clone(),
            inputs: self.inputs.clone(),
            numbers: self.numbers.clone(),
            steps: self.steps.iter().map(step).collect(),
            outputs: self.outputs.iter().map(sink).collect(),
        };
        pointwise.check(FAMILY)?;
        let per_row = Walks::new(self).per_row;
        for (i, step) in self.steps.iter().enumerate() {
            let RowWork::Fold(kind) = step.work else { continue };
            let folds = step.args.len() == 1
                && step.args.iter().all(|&arg| self.dtype(arg as usize) == Some(step.dtype));
            if kind.is_index() || !folds || step.dtype == DType::Bool || step.dtype == DType::F16 {
                return Err(invalid(FAMILY, format!("step {i} cannot be {kind:?} of {}", step.dtype)));
            }
        }
        for (k, RowSink { sink, whole }) in self.outputs.iter().enumerate() {
            let fits = *whole || per_row.get(sink.value as usize) == Some(&true);
            if sink.dtype == DType::F16 || !fits {
                return Err(invalid(FAMILY, format!("output {k} is f16, or has more than one value a row")));
            }
            let source =
                |input: usize| self.inputs.get(input).map(|source| (source, self.repeats(&source.layout)));
            match sink.in_place.map(source) {
                None => {}
                Some(Some((source, repeats))) if repeats != *whole && self.only(source) => {}
                _ => return Err(invalid(FAMILY, format!("output {k} overwrites what is used otherwise"))),
            }
        }
        Ok(())
    }

    /// Whether a source reads a whole buffer in order that no other reads, and one output at most overwrites.
    fn only(&self, source: &Source) -> bool {
        let layout = &source.layout;
        let axes = if self.repeats(layout) { self.outer } else { self.shape.rank() };
        let part = Layout {
            shape: layout.shape.iter().take(axes).copied().collect(),
            strides: layout.strides.iter().take(axes).copied().collect(),
            offset: layout.offset,
        };
        let readers = self.inputs.iter().filter(|other| other.kind == source.kind).count();
        let input = |row: &&RowSink| {
            row.sink.in_place.and_then(|i| self.inputs.get(i)).map(|s| s.kind) == Some(source.kind)
        };
        part.is_contiguous() && readers == 1 && self.outputs.iter().filter(input).count() == 1
    }
}
