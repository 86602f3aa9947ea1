use anygrad_layout::DType;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::plan::{Action, Load, OP, Prepared};
use crate::block::{BLOCK, Block, Place, Span, fill, lane_mut};
use crate::needs;
use crate::registers::Registers;
use crate::{CpuError, LaneMut, Storage};

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
        if numbers.len() != self.numbers.len() {
            return Err(CpuError::Invalid { op: OP, why: "the numbers are not as many as it has" });
        }
        let kept = self.outputs.iter().map(|&dtype| (dtype, self.len));
        needs::check(OP, (&self.needs, inputs), (kept, outputs))
    }

    fn run_task(&self, task: &mut Task<'_>, inputs: &[&Storage], numbers: &[f64]) -> Result<(), CpuError> {
        let mut registers = Registers::take(&self.registers, BLOCK);
        let mut span = Span { start: task.start, at: 0, len: BLOCK.min(task.len) };
        for (&number, &(dtype, register)) in numbers.iter().zip(&self.numbers) {
            if let Some(register) = register {
                fill(&mut registers.0[register].write(span.len), dtype, number);
            }
        }
        let mut block = Block { inputs, outputs: &mut task.outputs, registers: &mut registers.0 };
        let load = |block: &mut Block<'_, '_>, Load { kind, walk, register }: &Load, span| {
            block.load(*kind, walk, *register, span);
        };
        self.once.iter().for_each(|once| load(&mut block, once, span));
        while span.at < task.len {
            span.len = BLOCK.min(task.len - span.at);
            for action in &self.actions {
                match action {
                    Action::Load(each) => load(&mut block, each, span),
                    Action::Step { run, args, to } => {
                        block.step(*run, args, *to, span).ok_or_else(|| self.unsupported(*to))?;
                    }
                    Action::Store { from, output } => block.store(*from, *output, span),
                }
            }
            span.at += BLOCK;
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
