use std::cell::RefCell;

use anygrad_layout::DType;
use half::f16;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::SourceKind;
use super::plan::{Action, Load, OP, Place, Prepared};
use crate::{CpuError, Lane, LaneMut, Storage, Word};

/// Elements a step handles at a time: a dozen registers of this length fit the first-level cache.
const BLOCK: usize = 1024;

/// Elements times steps below which starting threads costs more than it saves (some 30 microseconds of work).
const WORTH_THREADS: usize = 1 << 17;

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
                fill(&mut registers.0[register], dtype, number, len);
            }
        }
        let mut block = Block { inputs, task, registers: &mut registers.0, at: 0, len };
        self.once.iter().for_each(|load| block.load(load));
        while block.at < block.task.len {
            block.len = BLOCK.min(block.task.len - block.at);
            for action in &self.actions {
                match action {
                    Action::Load(load) => block.load(load),
                    Action::Step { run, args, to } => {
                        let done = block.write(*to, |block, to| {
                            let args: SmallVec<[Lane<'_>; 3]> =
                                args.iter().map(|&arg| block.lane(arg)).collect();
                            run(&args, to)
                        });
                        done.ok_or_else(|| self.unsupported(*to))?;
                    }
                    Action::Store { from, output } => {
                        block.write(Place::Output(*output), |block, to| copy(block.lane(*from), to));
                    }
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
    task: &'a mut Task<'t>,
    registers: &'a mut [Storage],
    at: usize,
    len: usize,
}

impl Block<'_, '_> {
    /// The values at `place`.
    fn lane(&self, place: Place) -> Lane<'_> {
        match place {
            Place::Input { index, offset } => {
                lane(self.inputs[index], offset + self.task.start + self.at, self.len)
            }
            Place::Register(register) => lane(&self.registers[register], 0, self.len),
            Place::Output(output) => self.task.outputs[output].read(self.at, self.len),
            Place::Nowhere => Lane::F32(&[]),
        }
    }

    /// Runs `write` on the values at `to`, which are taken out meanwhile, so that the rest can be read beside.
    fn write<R>(&mut self, to: Place, write: impl FnOnce(&Self, &mut LaneMut<'_>) -> R) -> R {
        let mut target = Target::take(to, self.registers, &mut self.task.outputs);
        let result = write(self, &mut target.lane(self.at, self.len));
        target.put_back(to, self.registers, &mut self.task.outputs);
        result
    }

    fn load(&mut self, load: &Load) {
        let (start, len) = (self.task.start + self.at, self.len);
        let register = &mut self.registers[load.register];
        match load.kind {
            SourceKind::Buffer(index) => match (self.inputs[index], register) {
                (Storage::F32(from), Storage::F32(to)) => load.walk.load(from, start, &mut to[..len]),
                (Storage::F64(from), Storage::F64(to)) => load.walk.load(from, start, &mut to[..len]),
                (Storage::F16(from), Storage::F16(to)) => load.walk.load(from, start, &mut to[..len]),
                (Storage::I32(from), Storage::I32(to)) => load.walk.load(from, start, &mut to[..len]),
                (Storage::U32(from), Storage::U32(to)) => load.walk.load(from, start, &mut to[..len]),
                // The check before the run compared the types.
                _ => {}
            },
            SourceKind::Iota => {
                if let Storage::U32(to) = register {
                    load.walk.positions(start, &mut to[..len]);
                }
            }
            SourceKind::InPlace(output) => {
                let from = self.task.outputs[output].read(self.at, len);
                copy(from, &mut lane_mut(register).split_off(len));
            }
        }
    }
}

/// A register or an output while a step writes to it.
enum Target<'a> {
    Register(Storage),
    Output(LaneMut<'a>),
}

impl<'a> Target<'a> {
    fn take(place: Place, registers: &mut [Storage], outputs: &mut [LaneMut<'a>]) -> Self {
        match place {
            Place::Output(i) => Target::Output(std::mem::replace(&mut outputs[i], LaneMut::F32(&mut []))),
            Place::Register(i) => Target::Register(std::mem::take(&mut registers[i])),
            _ => Target::Register(Storage::default()),
        }
    }

    fn lane(&mut self, at: usize, len: usize) -> LaneMut<'_> {
        match self {
            Target::Output(lane) => lane.write(at, len),
            Target::Register(storage) => lane_mut(storage).split_off(len),
        }
    }

    fn put_back(self, place: Place, registers: &mut [Storage], outputs: &mut [LaneMut<'a>]) {
        match (self, place) {
            (Target::Output(lane), Place::Output(i)) => outputs[i] = lane,
            (Target::Register(storage), Place::Register(i)) => registers[i] = storage,
            _ => {}
        }
    }
}

fn lane(storage: &Storage, at: usize, len: usize) -> Lane<'_> {
    match storage {
        Storage::F32(xs) => Lane::F32(&xs[at..at + len]),
        Storage::F64(xs) => Lane::F64(&xs[at..at + len]),
        Storage::F16(xs) => Lane::F16(&xs[at..at + len]),
        Storage::I32(xs) => Lane::I32(&xs[at..at + len]),
        Storage::U32(xs) => Lane::U32(&xs[at..at + len]),
    }
}

fn lane_mut(storage: &mut Storage) -> LaneMut<'_> {
    match storage {
        Storage::F32(xs) => LaneMut::F32(xs),
        Storage::F64(xs) => LaneMut::F64(xs),
        Storage::F16(xs) => LaneMut::F16(xs),
        Storage::I32(xs) => LaneMut::I32(xs),
        Storage::U32(xs) => LaneMut::U32(xs),
    }
}

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

fn fill(register: &mut Storage, dtype: DType, number: f64, len: usize) {
    let number = if dtype == DType::Bool { f64::from(number != 0.0) } else { number };
    match register {
        Storage::F32(xs) => xs[..len].fill(number as f32),
        Storage::F64(xs) => xs[..len].fill(number),
        Storage::F16(xs) => xs[..len].fill(<f16 as Word>::from_f64(number)),
        Storage::I32(xs) => xs[..len].fill(number as i32),
        Storage::U32(xs) => xs[..len].fill(number as u32),
    }
}

/// Blocks of the types a plan asks for, borrowed from this thread's stock.
struct Registers(Vec<Storage>);

/// More registers than this are not kept by a thread.
const STOCK: usize = 64;

thread_local! {
    static SPARE: RefCell<[Vec<Storage>; 5]> = const { RefCell::new([const { Vec::new() }; 5]) };
    static SPARE_LISTS: RefCell<Vec<Vec<Storage>>> = const { RefCell::new(Vec::new()) };
}

fn shelf(dtype: DType) -> usize {
    match dtype {
        DType::F32 => 0,
        DType::F64 => 1,
        DType::I32 => 2,
        DType::F16 => 3,
        _ => 4,
    }
}

impl Registers {
    fn take(dtypes: &[DType]) -> Self {
        let mut list = SPARE_LISTS.with_borrow_mut(Vec::pop).unwrap_or_default();
        SPARE.with_borrow_mut(|spare| {
            list.extend(
                dtypes
                    .iter()
                    .map(|&dtype| spare[shelf(dtype)].pop().unwrap_or_else(|| Storage::zeros(dtype, BLOCK))),
            );
        });
        Self(list)
    }
}

impl Drop for Registers {
    fn drop(&mut self) {
        let mut list = std::mem::take(&mut self.0);
        SPARE.with_borrow_mut(|spare| {
            for register in list.drain(..) {
                let shelf = &mut spare[shelf(register.dtype())];
                if register.len() == BLOCK && shelf.len() < STOCK {
                    shelf.push(register);
                }
            }
        });
        SPARE_LISTS.with_borrow_mut(|lists| lists.push(list));
    }
}
