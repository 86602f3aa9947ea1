use anygrad_layout::DType;
use half::f16;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::SourceKind;
use super::plan::{Action, Load, OP, Place, Prepared};
use super::registers::{Register, Registers};
use crate::{BlockFn, CpuError, Lane, LaneMut, Storage, Word};

/// Elements a step handles at a time: a dozen registers of this length fit the first-level cache.
pub(super) const BLOCK: usize = 1024;

/// Elements times steps below which starting threads costs more than it saves (some 30 microseconds of work).
const WORTH_THREADS: usize = 1 << 18;

/// The elements from `start` that one thread computes, and its part of every output.
struct Task<'a> {
    start: usize,
    len: usize,
    outputs: SmallVec<[LaneMut<'a>; 4]>,
}

impl Prepared {
    /// Runs the program; see [`run_pointwise`](super::run_pointwise).
    ///
    /// # Errors
    /// [`CpuError::DType`], [`CpuError::Shape`], [`CpuError::OutOfBounds`] or [`CpuError::Invalid`] if the
    /// operands do not fit the program, [`CpuError::Unsupported`] if a step has no meaning for its types.
    pub fn run(&self, inputs: &[&Storage], numbers: &[f64], outputs: &mut [Storage]) -> Result<(), CpuError> {
        self.check(inputs, numbers, outputs)?;
        if self.len == 0 {
            return Ok(());
        }
        let mut whole = Task { start: 0, len: self.len, outputs: outputs.iter_mut().map(lane_mut).collect() };
        // The size first: asking for the number of threads starts them.
        let small = self.len * (self.steps + 1) < WORTH_THREADS || self.len <= BLOCK;
        if small || rayon::current_num_threads() == 1 {
            return self.run_task(&mut whole, inputs, numbers);
        }
        let threads = rayon::current_num_threads();
        // A few pieces to each thread, in whole blocks.
        let span = (self.len / (4 * threads)).div_ceil(BLOCK).max(1) * BLOCK;
        let mut tasks: Vec<Task<'_>> = (0..self.len)
            .step_by(span)
            .map(|start| {
                let len = span.min(self.len - start);
                Task { start, len, outputs: whole.outputs.iter_mut().map(|out| out.split_off(len)).collect() }
            })
            .collect();
        tasks.par_iter_mut().try_for_each(|task| self.run_task(task, inputs, numbers))
    }

    fn check(&self, inputs: &[&Storage], numbers: &[f64], outputs: &[Storage]) -> Result<(), CpuError> {
        if numbers.len() != self.numbers.len() || outputs.len() != self.outputs.len() {
            return Err(CpuError::Invalid {
                op: OP,
                why: "the numbers or outputs are not as many as it has",
            });
        }
        for need in &self.needs {
            let Some(storage) = inputs.get(need.input) else {
                return Err(CpuError::Invalid { op: OP, why: "an input is missing" });
            };
            if storage.dtype() != need.dtype {
                return Err(CpuError::DType { op: OP, expected: need.dtype, found: storage.dtype() });
            }
            if storage.len() < need.extent {
                return Err(CpuError::OutOfBounds { op: OP, shape: vec![need.extent], len: storage.len() });
            }
        }
        for (storage, &dtype) in outputs.iter().zip(&self.outputs) {
            if storage.dtype() != dtype {
                return Err(CpuError::DType { op: OP, expected: dtype, found: storage.dtype() });
            }
            if storage.len() != self.len {
                let (left, right) = (vec![self.len], vec![storage.len()]);
                return Err(CpuError::Shape { op: OP, left, right });
            }
        }
        Ok(())
    }

    fn run_task(&self, task: &mut Task<'_>, inputs: &[&Storage], numbers: &[f64]) -> Result<(), CpuError> {
        let mut registers = Registers::take(&self.registers);
        let len = BLOCK.min(task.len);
        for (&number, &(dtype, register)) in numbers.iter().zip(&self.numbers) {
            if let Some(register) = register {
                fill(&mut registers.0[register].write(len), dtype, number);
            }
        }
        let (start, tasks_len) = (task.start, task.len);
        let mut block =
            Block { inputs, outputs: &mut task.outputs, registers: &mut registers.0, start, at: 0, len };
        self.once.iter().for_each(|load| block.load(load));
        while block.at < tasks_len {
            block.len = BLOCK.min(tasks_len - block.at);
            for action in &self.actions {
                match action {
                    Action::Load(load) => block.load(load),
                    Action::Step { run, args, to } => {
                        block.step(*run, args, *to).ok_or_else(|| self.unsupported(*to))?;
                    }
                    Action::Store { from, output } => block.store(*from, *output),
                }
            }
            block.at += BLOCK;
        }
        Ok(())
    }

    fn unsupported(&self, to: Place) -> CpuError {
        let dtype = match to {
            Place::Register(i) => self.registers.get(i),
            Place::Output(i) => self.outputs.get(i),
            _ => None,
        };
        CpuError::Unsupported {
            op: "a step of a pointwise program",
            dtype: dtype.copied().unwrap_or(DType::F32),
        }
    }
}

/// The `len` elements from `at` of a task that are being computed.
struct Block<'a, 't> {
    inputs: &'a [&'a Storage],
    outputs: &'a mut [LaneMut<'t>],
    registers: &'a mut [Register],
    /// Where the task starts.
    start: usize,
    at: usize,
    len: usize,
}

/// All of a block that can be read while one register or one output of it is written.
struct Rest<'a, 't> {
    inputs: &'a [&'a Storage],
    outputs: Without<'a, LaneMut<'t>>,
    registers: Without<'a, Register>,
    start: usize,
    at: usize,
    len: usize,
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

impl<'a> Rest<'a, '_> {
    /// The values at `place`.
    #[inline]
    fn lane(&self, place: Place) -> Lane<'_> {
        match place {
            Place::Input { index, offset } => {
                lane(self.inputs[index], offset + self.start + self.at, self.len)
            }
            Place::Register(register) => self.registers.get(register).read(self.len),
            Place::Output(output) => self.outputs.get(output).read(self.at, self.len),
            Place::Nowhere => Lane::F32(&[]),
        }
    }

    fn call(&self, run: BlockFn, args: &[Place], to: &mut LaneMut<'_>) -> Option<()> {
        match *args {
            [a] => run(&[self.lane(a)], to),
            [a, b] => run(&[self.lane(a), self.lane(b)], to),
            [a, b, c] => run(&[self.lane(a), self.lane(b), self.lane(c)], to),
            // no row of the table, but one of the user's
            _ => run(&args.iter().map(|&arg| self.lane(arg)).collect::<SmallVec<[Lane<'_>; 8]>>(), to),
        }
    }
}

impl Block<'_, '_> {
    fn step(&mut self, run: BlockFn, args: &[Place], to: Place) -> Option<()> {
        let Block { inputs, start, at, len, .. } = *self;
        match to {
            Place::Register(register) => {
                let (target, registers) = Without::one(self.registers, register);
                let outputs = Without::none(self.outputs);
                let rest = Rest { inputs, outputs, registers, start, at, len };
                rest.call(run, args, &mut target.write(len))
            }
            Place::Output(output) => {
                let (target, outputs) = Without::one(self.outputs, output);
                let registers = Without::none(self.registers);
                let rest = Rest { inputs, outputs, registers, start, at, len };
                rest.call(run, args, &mut target.write(at, len))
            }
            _ => None,
        }
    }

    fn store(&mut self, from: Place, output: usize) {
        let Block { inputs, start, at, len, .. } = *self;
        let (target, outputs) = Without::one(self.outputs, output);
        let registers = Without::none(self.registers);
        let rest = Rest { inputs, outputs, registers, start, at, len };
        copy(rest.lane(from), &mut target.write(at, len));
    }

    fn load(&mut self, load: &Load) {
        let (start, len) = (self.start + self.at, self.len);
        let mut register = self.registers[load.register].write(len);
        match load.kind {
            SourceKind::Buffer(index) => match (self.inputs[index], register) {
                (Storage::F32(from), LaneMut::F32(to)) => load.walk.load(from, start, to),
                (Storage::F64(from), LaneMut::F64(to)) => load.walk.load(from, start, to),
                (Storage::F16(from), LaneMut::F16(to)) => load.walk.load(from, start, to),
                (Storage::I32(from), LaneMut::I32(to)) => load.walk.load(from, start, to),
                (Storage::U32(from), LaneMut::U32(to)) => load.walk.load(from, start, to),
                // The check before the run compared the types.
                _ => {}
            },
            SourceKind::Iota => {
                if let LaneMut::U32(to) = register {
                    load.walk.positions(start, to);
                }
            }
            SourceKind::InPlace(output) => copy(self.outputs[output].read(self.at, len), &mut register),
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
pub(crate) fn copy(from: Lane<'_>, to: &mut LaneMut<'_>) {
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
