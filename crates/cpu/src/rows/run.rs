use anygrad_layout::DType;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::plan::{Action, OP, Place, PreparedRows};
use crate::pointwise::run::{copy, fill, lane, lane_mut};
use crate::reduce::fold_rows;
use crate::{CpuError, Lane, LaneMut, SourceKind, Storage};

/// Elements of a block, if several rows are that short: a dozen registers of this length fit the first-level cache.
const BLOCK: usize = 1024;

/// Elements times steps below which starting threads costs more than it saves (some 30 microseconds of work).
const WORTH_THREADS: usize = 1 << 17;

/// The rows from `start` that one thread computes, and its part of every output.
struct Task<'a> {
    start: usize,
    rows: usize,
    outputs: SmallVec<[LaneMut<'a>; 4]>,
}

impl PreparedRows {
    /// Runs the program; as [`Prepared::run`](crate::Prepared::run). Results do not depend on the number of threads:
    /// each row is computed by itself.
    ///
    /// # Errors
    /// [`CpuError::DType`], [`CpuError::Shape`], [`CpuError::OutOfBounds`] or [`CpuError::Invalid`] if the
    /// operands do not fit the program, [`CpuError::Unsupported`] if a step has no meaning for its types.
    pub fn run(&self, inputs: &[&Storage], numbers: &[f64], outputs: &mut [Storage]) -> Result<(), CpuError> {
        self.check(inputs, numbers, outputs)?;
        if self.rows == 0 || self.elements == 0 {
            return Ok(());
        }
        let mut whole =
            Task { start: 0, rows: self.rows, outputs: outputs.iter_mut().map(lane_mut).collect() };
        let block = (BLOCK / self.elements).max(1);
        // The size first: asking for the number of threads starts them.
        let small = self.rows * self.elements * (self.steps + 1) < WORTH_THREADS || self.rows <= block;
        if small || rayon::current_num_threads() == 1 {
            return self.run_task(&mut whole, block, inputs, numbers);
        }
        let threads = rayon::current_num_threads();
        // A few pieces to each thread, in whole blocks.
        let span = (self.rows / (4 * threads)).div_ceil(block).max(1) * block;
        let mut tasks: Vec<Task<'_>> = (0..self.rows)
            .step_by(span)
            .map(|start| {
                let rows = span.min(self.rows - start);
                let outputs = whole.outputs.iter_mut().zip(&self.outputs);
                let outputs = outputs.map(|(out, &(_, whole))| out.split_off(self.len(rows, whole)));
                Task { start, rows, outputs: outputs.collect() }
            })
            .collect();
        tasks.par_iter_mut().try_for_each(|task| self.run_task(task, block, inputs, numbers))
    }

    /// Elements of that many rows, or one for each row.
    fn len(&self, rows: usize, whole: bool) -> usize {
        if whole { rows * self.elements } else { rows }
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
        for (storage, &(dtype, whole)) in outputs.iter().zip(&self.outputs) {
            if storage.dtype() != dtype {
                return Err(CpuError::DType { op: OP, expected: dtype, found: storage.dtype() });
            }
            let len = self.len(self.rows, whole);
            if storage.len() != len {
                return Err(CpuError::Shape { op: OP, left: vec![len], right: vec![storage.len()] });
            }
        }
        Ok(())
    }

    fn run_task(
        &self,
        task: &mut Task<'_>,
        rows: usize,
        inputs: &[&Storage],
        numbers: &[f64],
    ) -> Result<(), CpuError> {
        let rows = rows.min(task.rows);
        let len = self.len(rows, true);
        let mut registers: Vec<Storage> =
            self.registers.iter().map(|&dtype| Storage::zeros(dtype, len)).collect();
        for (&number, &(dtype, register)) in numbers.iter().zip(&self.numbers) {
            if let Some(register) = register {
                fill(&mut lane_mut(&mut registers[register]), dtype, number);
            }
        }
        let mut block = Block { plan: self, inputs, task, registers: &mut registers, at: 0, rows };
        self.once.iter().try_for_each(|action| block.act(action))?;
        while block.at < block.task.rows {
            block.rows = rows.min(block.task.rows - block.at);
            self.actions.iter().try_for_each(|action| block.act(action))?;
            block.at += rows;
        }
        Ok(())
    }
}

/// The rows from `at` of a task that are being computed.
struct Block<'a, 't> {
    plan: &'a PreparedRows,
    inputs: &'a [&'a Storage],
    task: &'a mut Task<'t>,
    registers: &'a mut [Storage],
    at: usize,
    rows: usize,
}

impl<'t> Block<'_, 't> {
    fn act(&mut self, action: &Action) -> Result<(), CpuError> {
        match action {
            Action::Load { kind, walk, register, whole } => {
                let start = self.plan.len(self.task.start + self.at, *whole);
                self.write(Place::Register(*register), *whole, |block, to| match kind {
                    SourceKind::Buffer(index) => load(walk, block.inputs[*index], start, to),
                    SourceKind::Iota => {
                        if let LaneMut::U32(to) = to {
                            walk.positions(start, to);
                        }
                    }
                    SourceKind::InPlace(output) => copy(block.lane(Place::Output(*output), *whole), to),
                });
            }
            Action::Spread { from, register } => self.write(Place::Register(*register), true, |block, to| {
                spread(block.lane(*from, false), to, block.plan.elements);
            }),
            Action::Step { run, args, to, whole } => {
                let done = self.write(*to, *whole, |block, to| {
                    let args: SmallVec<[Lane<'_>; 3]> =
                        args.iter().map(|&arg| block.lane(arg, *whole)).collect();
                    run(&args, to)
                });
                done.ok_or_else(|| self.unsupported(*to))?;
            }
            Action::Fold { kind, from, to } => {
                let done = self.write(*to, false, |block, to| {
                    fold_rows(*kind, block.lane(*from, true), block.plan.elements, to)
                });
                done.ok_or_else(|| self.unsupported(*to))?;
            }
            Action::Store { from, output, whole } => {
                self.write(Place::Output(*output), *whole, |block, to| copy(block.lane(*from, *whole), to));
            }
        }
        Ok(())
    }

    /// The values at `place`: of all elements of the rows, or one for each row.
    fn lane(&self, place: Place, whole: bool) -> Lane<'_> {
        let (at, len) = (self.plan.len(self.at, whole), self.plan.len(self.rows, whole));
        match place {
            Place::Input { index, offset } => {
                lane(self.inputs[index], offset + self.plan.len(self.task.start, whole) + at, len)
            }
            Place::Register(register) => lane(&self.registers[register], 0, len),
            Place::Output(output) => self.task.outputs[output].read(at, len),
            Place::Nowhere => Lane::F32(&[]),
        }
    }

    /// Runs `write` on the values at `to`, which are taken out meanwhile, so that the rest can be read beside.
    fn write<R>(&mut self, to: Place, whole: bool, write: impl FnOnce(&Self, &mut LaneMut<'_>) -> R) -> R {
        let (at, len) = (self.plan.len(self.at, whole), self.plan.len(self.rows, whole));
        match to {
            Place::Output(output) => {
                let mut out: LaneMut<'t> =
                    std::mem::replace(&mut self.task.outputs[output], LaneMut::F32(&mut []));
                let result = write(self, &mut out.write(at, len));
                self.task.outputs[output] = out;
                result
            }
            Place::Register(register) => {
                let mut storage = std::mem::take(&mut self.registers[register]);
                let result = write(self, &mut lane_mut(&mut storage).split_off(len));
                self.registers[register] = storage;
                result
            }
            // The plan writes to no other place.
            _ => write(self, &mut LaneMut::F32(&mut [])),
        }
    }

    fn unsupported(&self, to: Place) -> CpuError {
        let dtype = match to {
            Place::Register(i) => self.plan.registers.get(i),
            Place::Output(i) => self.plan.outputs.get(i).map(|(dtype, _)| dtype),
            _ => None,
        };
        CpuError::Unsupported {
            op: "a step of a program over rows",
            dtype: dtype.copied().unwrap_or(DType::F32),
        }
    }
}

/// Fills `to` with the elements from `start` of a walk.
fn load(walk: &crate::walk::Walk, from: &Storage, start: usize, to: &mut LaneMut<'_>) {
    match (from, to) {
        (Storage::F32(from), LaneMut::F32(to)) => walk.load(from, start, to),
        (Storage::F64(from), LaneMut::F64(to)) => walk.load(from, start, to),
        (Storage::F16(from), LaneMut::F16(to)) => walk.load(from, start, to),
        (Storage::I32(from), LaneMut::I32(to)) => walk.load(from, start, to),
        (Storage::U32(from), LaneMut::U32(to)) => walk.load(from, start, to),
        // The check before the run compared the types.
        _ => {}
    }
}

/// Repeats each value for the elements of its row.
fn spread(from: Lane<'_>, to: &mut LaneMut<'_>, elements: usize) {
    fn each<T: Copy>(from: &[T], to: &mut [T], elements: usize) {
        for (row, &x) in to.chunks_exact_mut(elements).zip(from) {
            row.fill(x);
        }
    }
    match (from, to) {
        (Lane::F32(from), LaneMut::F32(to)) => each(from, to, elements),
        (Lane::F64(from), LaneMut::F64(to)) => each(from, to, elements),
        (Lane::F16(from), LaneMut::F16(to)) => each(from, to, elements),
        (Lane::I32(from), LaneMut::I32(to)) => each(from, to, elements),
        (Lane::U32(from), LaneMut::U32(to)) => each(from, to, elements),
        // The plan gave both the same type.
        _ => {}
    }
}
