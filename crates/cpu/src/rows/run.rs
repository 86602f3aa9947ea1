use anygrad_layout::DType;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::merge::{Beside, Chain};
use super::plan::{Action, OP, PreparedRows};
use crate::block::{BLOCK, Block, Place, Rest, Span, fill, lane_mut};
use crate::chain::{self, Numbers, Operands, With};
use crate::needs;
use crate::reduce::fold_rows;
use crate::registers::Registers;
use crate::wide::wide_spread;
use crate::{CpuError, Lane, LaneMut, Storage};

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
        if numbers.len() != self.numbers.len() {
            return Err(CpuError::Invalid { op: OP, why: "the numbers are not as many as it has" });
        }
        let kept = self.outputs.iter().map(|&(dtype, whole)| (dtype, self.len(self.rows, whole)));
        needs::check(OP, (&self.needs, inputs), (kept, outputs))
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
        let mut registers = Registers::take(&self.registers, len.max(BLOCK));
        for (&number, &(dtype, register)) in numbers.iter().zip(&self.numbers) {
            if let Some(register) = register {
                fill(&mut registers.0[register].write(len), dtype, number);
            }
        }
        let block = Block { inputs, outputs: &mut task.outputs, registers: &mut registers.0 };
        let mut turn = Turn { plan: self, block, start: task.start, at: 0, rows };
        self.once.iter().try_for_each(|action| turn.act(action))?;
        while turn.at < task.rows {
            turn.rows = rows.min(task.rows - turn.at);
            self.actions.iter().try_for_each(|action| turn.act(action))?;
            turn.at += rows;
        }
        Ok(())
    }

    fn unsupported(&self, to: Place) -> CpuError {
        let dtype = match to {
            Place::Register(i) => self.registers.get(i),
            Place::Output(i) => self.outputs.get(i).map(|(dtype, _)| dtype),
            _ => None,
        };
        CpuError::Unsupported {
            op: "a step of a program over rows",
            dtype: dtype.copied().unwrap_or(DType::F32),
        }
    }
}

/// The rows from `at` of a task, whose first row is `start`, while they are computed.
struct Turn<'a, 't> {
    plan: &'a PreparedRows,
    block: Block<'a, 't>,
    start: usize,
    at: usize,
    rows: usize,
}

impl Turn<'_, '_> {
    /// The elements of the rows, or one for each row.
    #[inline]
    fn span(&self, whole: bool) -> Span {
        let each = if whole { self.plan.elements } else { 1 };
        Span { start: self.start * each, at: self.at * each, len: self.rows * each }
    }

    #[inline]
    fn act(&mut self, action: &Action) -> Result<(), CpuError> {
        let elements = self.plan.elements;
        let (each, all) = (self.span(false), self.span(true));
        match action {
            Action::Load { kind, walk, register, whole } => {
                self.block.load(*kind, walk, *register, self.span(*whole));
            }
            Action::Spread { from, register } => {
                let spread = |rest: &Rest<'_, '_>, to: &mut LaneMut<'_>| {
                    spread(rest.lane(*from, each), to, elements);
                    Some(())
                };
                self.block.write(Place::Register(*register), all, spread);
            }
            Action::Step { run, args, to, whole, .. } => {
                let done = self.block.step(*run, args, *to, self.span(*whole));
                done.ok_or_else(|| self.plan.unsupported(*to))?;
            }
            Action::Chain(chain) => {
                let span = if chain.sum { each } else { all };
                let done = self
                    .block
                    .write(chain.to, span, |rest, to| run_chain(chain, rest, to, each, all, elements));
                done.ok_or_else(|| self.plan.unsupported(chain.to))?;
            }
            Action::Fold { kind, from, to } => {
                let done = self
                    .block
                    .write(*to, each, |rest, to| fold_rows(*kind, rest.lane(*from, all), elements, to));
                done.ok_or_else(|| self.plan.unsupported(*to))?;
            }
            Action::Store { from, output, whole } => self.block.store(*from, *output, self.span(*whole)),
        }
        Ok(())
    }
}

fn run_chain(
    chain: &Chain,
    rest: &Rest<'_, '_>,
    to: &mut LaneMut<'_>,
    each: Span,
    all: Span,
    elements: usize,
) -> Option<()> {
    let LaneMut::F32(to) = to else { return None };
    let numbers = |Beside { place, whole }: Beside| match rest.lane(place, if whole { all } else { each }) {
        Lane::F32(values) => Some(Numbers { values, whole }),
        _ => None,
    };
    let a = numbers(Beside { place: chain.a, whole: true })?.values;
    let (b, c) = (numbers(chain.b)?, numbers(chain.c)?);
    let unused = matches!(chain.second, With::Nothing | With::Squared);
    // without numbers a row, all rows are one
    let elements = if !chain.sum && b.whole && (c.whole || unused) { all.len } else { elements };
    let run = if chain.sum { chain::sum } else { chain::each };
    run(chain.first, chain.second, &Operands { a, b, c, elements }, to)
}

/// Repeats each value for the elements of its row.
fn spread(from: Lane<'_>, to: &mut LaneMut<'_>, elements: usize) {
    fn each<T: Copy>(from: &[T], to: &mut [T], elements: usize) {
        for (row, &x) in to.chunks_exact_mut(elements).zip(from) {
            row.fill(x);
        }
    }
    match (from, to) {
        (Lane::F32(from), LaneMut::F32(to)) => wide_spread(from, to, elements),
        (Lane::F64(from), LaneMut::F64(to)) => each(from, to, elements),
        (Lane::F16(from), LaneMut::F16(to)) => each(from, to, elements),
        (Lane::I32(from), LaneMut::I32(to)) => each(from, to, elements),
        (Lane::U32(from), LaneMut::U32(to)) => each(from, to, elements),
        // The plan gave both the same type.
        _ => {}
    }
}
