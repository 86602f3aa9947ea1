use anygrad_layout::{DType, Layout};
use smallvec::SmallVec;

use super::{Pointwise, SourceKind};
use crate::block::Place;
use crate::needs::Need;
use crate::storage::kept_as;
use crate::view::extent;
use crate::walk::Walk;
use crate::{BlockFn, CpuError};

pub(super) const OP: &str = "pointwise";

/// A [`Pointwise`] program with its registers assigned, to be run many times.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) len: usize,
    /// What each storage given to the run must be.
    pub(super) needs: Vec<Need>,
    /// Types of the outputs, as kept.
    pub(super) outputs: SmallVec<[DType; 4]>,
    /// Types of the numbers, and the register each one fills if it is used.
    pub(super) numbers: Vec<(DType, Option<usize>)>,
    /// Types of the registers, as kept.
    pub(super) registers: Vec<DType>,
    /// Loads that are done once, before the first block.
    pub(super) once: Vec<Load>,
    /// What is done to every block, in order.
    pub(super) actions: Vec<Action>,
    /// Number of steps, for the decision whether threads are worth their start.
    pub(super) steps: usize,
}

/// Fills a register from an input.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub kind: SourceKind,
    pub walk: Walk,
    pub register: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Action {
    Load(Load),
    Step { run: BlockFn, args: SmallVec<[Place; 3]>, to: Place },
    Store { from: Place, output: usize },
}

impl Prepared {
    /// Checks a program and assigns its registers.
    ///
    /// # Errors
    /// [`CpuError::Invalid`], [`CpuError::DType`], [`CpuError::Shape`] or [`CpuError::OutOfBounds`] if the
    /// program contradicts itself.
    pub fn new(program: &Pointwise) -> Result<Self, CpuError> {
        Planner::new(program)?.plan()
    }

    /// Number of elements of each output.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the outputs have no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

struct Planner<'a> {
    program: &'a Pointwise,
    /// Type of each value, as kept.
    dtypes: Vec<DType>,
    /// The step that reads a value last; `steps.len()` if a sink does, `None` if nothing.
    last_use: Vec<Option<usize>>,
    places: Vec<Place>,
    registers: Vec<DType>,
    free: Vec<usize>,
}

fn invalid(why: &'static str) -> CpuError {
    CpuError::Invalid { op: OP, why }
}

impl<'a> Planner<'a> {
    fn new(program: &'a Pointwise) -> Result<Self, CpuError> {
        program.shape.checked_numel().ok_or(invalid("the shape has too many elements"))?;
        let inputs = program.inputs.iter().map(|source| source.dtype);
        let steps = program.steps.iter().map(|step| step.dtype);
        let dtypes: Vec<DType> =
            inputs.chain(program.numbers.iter().copied()).chain(steps).map(kept_as).collect();
        let first_step = program.inputs.len() + program.numbers.len();
        let mut last_use = vec![None; dtypes.len()];
        for (at, step) in program.steps.iter().enumerate() {
            for &arg in &step.args {
                if arg as usize >= first_step + at {
                    return Err(invalid("a step reads a value that comes after it"));
                }
                last_use[arg as usize] = Some(at);
            }
        }
        for sink in &program.outputs {
            let dtype = *dtypes.get(sink.value as usize).ok_or(invalid("an output keeps no value"))?;
            same(kept_as(sink.dtype), dtype)?;
            last_use[sink.value as usize] = Some(program.steps.len());
        }
        for source in &program.inputs {
            check_source(program, source)?;
        }
        let places = vec![Place::Nowhere; dtypes.len()];
        Ok(Self { program, dtypes, last_use, places, registers: Vec::new(), free: Vec::new() })
    }

    fn plan(mut self) -> Result<Prepared, CpuError> {
        let program = self.program;
        let (mut needs, mut once, mut loads) = (Vec::new(), Vec::new(), Vec::new());
        for (value, source) in program.inputs.iter().enumerate() {
            if let SourceKind::Buffer(input) = source.kind {
                let extent = extent(&source.layout).unwrap_or(usize::MAX);
                needs.push(Need { input, dtype: self.dtypes[value], extent });
            }
            if self.last_use[value].is_none() {
                continue;
            }
            let walk = Walk::new(&source.layout);
            match source.kind {
                SourceKind::InPlace(output) if self.can_borrow(value, output) => {
                    self.places[value] = Place::Output(output);
                }
                SourceKind::Buffer(index) if walk.is_dense() => {
                    self.places[value] = Place::Input { index, offset: walk.offset };
                }
                SourceKind::Buffer(_) | SourceKind::Iota if walk.is_scalar() => {
                    let register = self.lasting_register(value);
                    once.push(Load { kind: source.kind, walk, register });
                }
                _ => loads.push((value, walk)),
            }
        }
        let mut numbers = Vec::new();
        for (i, &dtype) in program.numbers.iter().enumerate() {
            let value = program.inputs.len() + i;
            numbers.push((dtype, self.last_use[value].map(|_| self.lasting_register(value))));
        }
        let actions = self.actions(loads);
        Ok(Prepared {
            len: program.shape.numel(),
            needs,
            outputs: program.outputs.iter().map(|sink| kept_as(sink.dtype)).collect(),
            numbers,
            registers: self.registers,
            once,
            actions,
            steps: program.steps.len(),
        })
    }

    /// The loads, steps and stores of one block. A load stands right before the first step that reads it.
    fn actions(&mut self, mut loads: Vec<(usize, Walk)>) -> Vec<Action> {
        let program = self.program;
        let mut actions = Vec::new();
        // An output's old contents must be loaded before anything is stored there.
        let (now, mut later): (Vec<_>, Vec<_>) = loads
            .drain(..)
            .partition(|&(value, _)| matches!(program.inputs[value].kind, SourceKind::InPlace(_)));
        for (value, walk) in now {
            actions.push(self.load(value, walk));
        }
        let first_step = program.inputs.len() + program.numbers.len();
        for (at, step) in program.steps.iter().enumerate() {
            for &arg in &step.args {
                if let Some(i) = later.iter().position(|&(value, _)| value == arg as usize) {
                    let (value, walk) = later.swap_remove(i);
                    actions.push(self.load(value, walk));
                }
            }
            let value = first_step + at;
            let args = step.args.iter().map(|&arg| self.places[arg as usize]).collect();
            let to = match self.direct_output(value, at) {
                Some(output) => Place::Output(output),
                None => Place::Register(self.register(value)),
            };
            self.places[value] = to;
            actions.push(Action::Step { run: step.run, args, to });
            for &arg in &step.args {
                self.release(arg as usize, at);
            }
            if self.last_use[value].is_none() {
                self.release(value, at);
            }
        }
        for (value, walk) in later {
            actions.push(self.load(value, walk));
        }
        for (output, sink) in program.outputs.iter().enumerate() {
            let from = self.places[sink.value as usize];
            if from != Place::Output(output) {
                actions.push(Action::Store { from, output });
            }
        }
        actions
    }

    fn load(&mut self, value: usize, walk: Walk) -> Action {
        let register = self.register(value);
        self.places[value] = Place::Register(register);
        Action::Load(Load { kind: self.program.inputs[value].kind, walk, register })
    }

    /// Whether the old contents of `output` can be read where they are: no other output keeps them.
    fn can_borrow(&self, value: usize, output: usize) -> bool {
        let kept = self.program.outputs.iter().enumerate();
        kept.filter(|(_, sink)| sink.value as usize == value).all(|(other, _)| other == output)
    }

    /// An output that step `at` can write its result to at once: one that keeps it, and whose old contents
    /// nothing reads at this step or later.
    fn direct_output(&self, value: usize, at: usize) -> Option<usize> {
        let old_is_dead = |output: usize| {
            self.program.inputs.iter().enumerate().all(|(input, source)| {
                source.kind != SourceKind::InPlace(output)
                    || self.places[input] != Place::Output(output)
                    || self.last_use[input].is_none_or(|last| last < at)
            })
        };
        let keeps = |&output: &usize| self.program.outputs[output].value as usize == value;
        (0..self.program.outputs.len()).filter(keeps).find(|&output| old_is_dead(output))
    }

    fn register(&mut self, value: usize) -> usize {
        let dtype = self.dtypes[value];
        match self.free.iter().rposition(|&r| self.registers[r] == dtype) {
            Some(i) => self.free.swap_remove(i),
            None => {
                self.registers.push(dtype);
                self.registers.len() - 1
            }
        }
    }

    /// A register of its own, filled before the first block.
    fn lasting_register(&mut self, value: usize) -> usize {
        self.registers.push(self.dtypes[value]);
        let register = self.registers.len() - 1;
        self.places[value] = Place::Register(register);
        register
    }

    /// Frees the register of a value that step `at` was the last to read.
    fn release(&mut self, value: usize, at: usize) {
        let program = self.program;
        let lasting = match program.inputs.get(value) {
            Some(source) => {
                !matches!(source.kind, SourceKind::InPlace(_)) && Walk::new(&source.layout).is_scalar()
            }
            None => value < program.inputs.len() + program.numbers.len(),
        };
        let dead = self.last_use[value].is_none_or(|last| last <= at);
        if let (Place::Register(register), true, false) = (self.places[value], dead, lasting)
            && !self.free.contains(&register)
        {
            self.free.push(register);
        }
    }
}

fn same(expected: DType, found: DType) -> Result<(), CpuError> {
    if expected == found { Ok(()) } else { Err(CpuError::DType { op: OP, expected, found }) }
}

fn check_source(program: &Pointwise, source: &super::Source) -> Result<(), CpuError> {
    let Layout { shape, strides, .. } = &source.layout;
    match source.kind {
        SourceKind::InPlace(output) => {
            let sink =
                program.outputs.get(output).ok_or(invalid("there is no such output to read in place"))?;
            return same(kept_as(sink.dtype), kept_as(source.dtype));
        }
        SourceKind::Iota => same(DType::U32, source.dtype)?,
        SourceKind::Buffer(_) => {}
    }
    if *shape != program.shape || strides.len() != shape.len() {
        let (left, right) = (program.shape.to_vec(), shape.to_vec());
        return Err(CpuError::Shape { op: OP, left, right });
    }
    if extent(&source.layout).is_none() {
        return Err(CpuError::OutOfBounds { op: OP, shape: shape.to_vec(), len: 0 });
    }
    Ok(())
}
