//! A block of values on its way through the steps of a program: where they lie, and how they are read and written.

use anygrad_layout::DType;
use half::f16;
use smallvec::SmallVec;

use crate::registers::Register;
use crate::walk::Walk;
use crate::{BlockFn, Lane, LaneMut, SourceKind, Storage, Word};

/// Elements a step handles at a time: a dozen registers of this length fit the first-level cache.
pub(crate) const BLOCK: usize = 1024;

/// Where a value's block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Dense in an input, `offset` elements from its start: borrowed.
    Input { index: usize, offset: usize },
    /// In a register.
    Register(usize),
    /// In the output itself.
    Output(usize),
    /// Never read.
    Nowhere,
}

/// The `len` elements from `at` of a task, which begins with element `start`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub start: usize,
    pub at: usize,
    pub len: usize,
}

/// What a task reads and writes.
pub(crate) struct Block<'a, 't> {
    pub inputs: &'a [&'a Storage],
    pub outputs: &'a mut [LaneMut<'t>],
    pub registers: &'a mut [Register],
}

/// All of a block that can be read while one register or one output of it is written.
pub(crate) struct Rest<'a, 't> {
    inputs: &'a [&'a Storage],
    outputs: Without<'a, LaneMut<'t>>,
    registers: Without<'a, Register>,
}

/// A list without one of its elements.
struct Without<'a, T> {
    before: &'a [T],
    after: &'a [T],
}

impl<'a, T> Without<'a, T> {
    fn none(all: &'a [T]) -> Self {
        Self { before: all, after: &[] }
    }

    /// Element `at` to be written, and the others to be read.
    fn one(all: &'a mut [T], at: usize) -> (&'a mut T, Self) {
        let (before, rest) = all.split_at_mut(at);
        let (one, after) = rest.split_at_mut(1);
        (&mut one[0], Self { before, after })
    }

    fn get(&self, at: usize) -> &'a T {
        if at < self.before.len() { &self.before[at] } else { &self.after[at - self.before.len() - 1] }
    }
}

impl Rest<'_, '_> {
    /// The values at `place`.
    #[inline]
    pub fn lane(&self, place: Place, Span { start, at, len }: Span) -> Lane<'_> {
        match place {
            Place::Input { index, offset } => lane(self.inputs[index], offset + start + at, len),
            Place::Register(register) => self.registers.get(register).read(len),
            Place::Output(output) => self.outputs.get(output).read(at, len),
            Place::Nowhere => Lane::F32(&[]),
        }
    }

    #[inline]
    fn call(&self, run: BlockFn, args: &[Place], to: &mut LaneMut<'_>, span: Span) -> Option<()> {
        let lane = |place| self.lane(place, span);
        match *args {
            [a] => run(&[lane(a)], to),
            [a, b] => run(&[lane(a), lane(b)], to),
            [a, b, c] => run(&[lane(a), lane(b), lane(c)], to),
            // no row of the table, but one of the user's
            _ => run(&args.iter().map(|&arg| lane(arg)).collect::<SmallVec<[Lane<'_>; 8]>>(), to),
        }
    }
}

impl<'t> Block<'_, 't> {
    /// Runs `write` on the values at `to`, a register or an output. `None` for other places, and if `write` says so.
    #[inline]
    pub fn write(
        &mut self,
        to: Place,
        span: Span,
        write: impl FnOnce(&Rest<'_, 't>, &mut LaneMut<'_>) -> Option<()>,
    ) -> Option<()> {
        let inputs = self.inputs;
        match to {
            Place::Register(register) => {
                let (target, registers) = Without::one(self.registers, register);
                let outputs = Without::none(self.outputs);
                write(&Rest { inputs, outputs, registers }, &mut target.write(span.len))
            }
            Place::Output(output) => {
                let (target, outputs) = Without::one(self.outputs, output);
                let registers = Without::none(self.registers);
                write(&Rest { inputs, outputs, registers }, &mut target.write(span.at, span.len))
            }
            _ => None,
        }
    }

    /// Computes one step; `None` if it has no meaning for its types.
    #[inline]
    pub fn step(&mut self, run: BlockFn, args: &[Place], to: Place, span: Span) -> Option<()> {
        self.write(to, span, |rest, to| rest.call(run, args, to, span))
    }

    /// Copies a value to an output.
    pub fn store(&mut self, from: Place, output: usize, span: Span) {
        let copied = |rest: &Rest<'_, 't>, to: &mut LaneMut<'_>| {
            copy(rest.lane(from, span), to);
            Some(())
        };
        self.write(Place::Output(output), span, copied);
    }

    /// Fills a register from an input.
    pub fn load(&mut self, kind: SourceKind, walk: &Walk, register: usize, span: Span) {
        let start = span.start + span.at;
        let mut register = self.registers[register].write(span.len);
        match kind {
            SourceKind::Buffer(index) => match (self.inputs[index], register) {
                (Storage::F32(from), LaneMut::F32(to)) => walk.load(from, start, to),
                (Storage::F64(from), LaneMut::F64(to)) => walk.load(from, start, to),
                (Storage::F16(from), LaneMut::F16(to)) => walk.load(from, start, to),
                (Storage::I32(from), LaneMut::I32(to)) => walk.load(from, start, to),
                (Storage::U32(from), LaneMut::U32(to)) => walk.load(from, start, to),
                // The check before the run compared the types.
                _ => {}
            },
            SourceKind::Iota => {
                if let LaneMut::U32(to) = register {
                    walk.positions(start, to);
                }
            }
            SourceKind::InPlace(output) => copy(self.outputs[output].read(span.at, span.len), &mut register),
        }
    }
}

/// Elements `at .. at + len` of a storage, to be read.
pub(crate) fn lane(storage: &Storage, at: usize, len: usize) -> Lane<'_> {
    match storage {
        Storage::F32(xs) => Lane::F32(&xs[at..at + len]),
        Storage::F64(xs) => Lane::F64(&xs[at..at + len]),
        Storage::F16(xs) => Lane::F16(&xs[at..at + len]),
        Storage::I32(xs) => Lane::I32(&xs[at..at + len]),
        Storage::U32(xs) => Lane::U32(&xs[at..at + len]),
    }
}

/// A storage, to be written.
pub(crate) fn lane_mut(storage: &mut Storage) -> LaneMut<'_> {
    match storage {
        Storage::F32(xs) => LaneMut::F32(xs),
        Storage::F64(xs) => LaneMut::F64(xs),
        Storage::F16(xs) => LaneMut::F16(xs),
        Storage::I32(xs) => LaneMut::I32(xs),
        Storage::U32(xs) => LaneMut::U32(xs),
    }
}

/// Copies a block to one of its type.
fn copy(from: Lane<'_>, to: &mut LaneMut<'_>) {
    match (from, to) {
        (Lane::F32(from), LaneMut::F32(to)) => to.copy_from_slice(from),
        (Lane::F64(from), LaneMut::F64(to)) => to.copy_from_slice(from),
        (Lane::F16(from), LaneMut::F16(to)) => to.copy_from_slice(from),
        (Lane::I32(from), LaneMut::I32(to)) => to.copy_from_slice(from),
        (Lane::U32(from), LaneMut::U32(to)) => to.copy_from_slice(from),
        // The plan gave both the same type.
        _ => {}
    }
}

/// Fills a block with a number, rounded to `dtype`.
pub(crate) fn fill(to: &mut LaneMut<'_>, dtype: DType, number: f64) {
    let number = if dtype == DType::Bool { f64::from(number != 0.0) } else { number };
    match to {
        LaneMut::F32(xs) => xs.fill(number as f32),
        LaneMut::F64(xs) => xs.fill(number),
        LaneMut::F16(xs) => xs.fill(<f16 as Word>::from_f64(number)),
        LaneMut::I32(xs) => xs.fill(number as i32),
        LaneMut::U32(xs) => xs.fill(number as u32),
    }
}
