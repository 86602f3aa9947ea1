use anygrad_layout::{DType, Layout};
use smallvec::SmallVec;

use super::merge::{Chain, Known, merged};
use super::{RowStep, RowWork, Rows};
use crate::block::Place;
use crate::needs::Need;
use crate::storage::kept_as;
use crate::view::extent;
use crate::walk::Walk;
use crate::{Arithmetic, BlockFn, CpuError, Reduce, SourceKind};

pub(super) const OP: &str = "rows";

/// A [`Rows`] program with its registers assigned, to be run many times.
#[derive(Clone, Debug)]
pub struct PreparedRows {
    pub(super) rows: usize,
    pub(super) elements: usize,
    pub(super) needs: Vec<Need>,
    /// Types of the outputs, as kept, and whether they have all elements.
    pub(super) outputs: SmallVec<[(DType, bool); 4]>,
    /// Types of the numbers, and the register each one fills if it is used.
    pub(super) numbers: Vec<(DType, Option<usize>)>,
    /// Types of the registers, as kept.
    pub(super) registers: Vec<DType>,
    /// Loads that are done once, before the first block.
    pub(super) once: Vec<Action>,
    /// What is done to every block, in order.
    pub(super) actions: Vec<Action>,
    /// Number of steps, for the decision whether threads are worth their start.
    pub(super) steps: usize,
}

/// What is done to a block. `whole` says whether values have all elements of its rows, or one for each row.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Load {
        kind: SourceKind,
        walk: Walk,
        register: usize,
        whole: bool,
    },
    /// Repeats one value a row for its elements.
    Spread {
        from: Place,
        register: usize,
    },
    Step {
        run: BlockFn,
        args: SmallVec<[Place; 3]>,
        to: Place,
        whole: bool,
        /// What it computes, if loops can put it together with others.
        plain: Option<Arithmetic>,
    },
    /// Steps of arithmetic in one loop.
    Chain(Chain),
    Fold {
        kind: Reduce,
        from: Place,
        to: Place,
    },
    Store {
        from: Place,
        output: usize,
        whole: bool,
    },
}

impl PreparedRows {
    /// Checks a program and assigns its registers.
    ///
    /// # Errors
    /// [`CpuError::Invalid`], [`CpuError::DType`], [`CpuError::Shape`] or [`CpuError::OutOfBounds`] if the
    /// program contradicts itself.
    pub fn new(program: &Rows) -> Result<Self, CpuError> {
        Planner::new(program)?.plan()
    }
}

/// What is known of a value.
#[derive(Clone, Copy, Debug)]
struct Value {
    dtype: DType,
    /// Whether it has one number a row.
    per_row: bool,
    place: Place,
    /// The last step that reads it as it is, and the last that reads it spread; `steps.len()` for a sink.
    last_use: Option<usize>,
    last_spread: Option<usize>,
    /// The register in which it is spread.
    spread: Option<usize>,
    /// Whether its registers stay filled from block to block.
    lasting: bool,
}

struct Planner<'a> {
    program: &'a Rows,
    values: Vec<Value>,
    registers: Vec<DType>,
    free: Vec<usize>,
    once: Vec<Action>,
    actions: Vec<Action>,
}

fn invalid(why: &'static str) -> CpuError {
    CpuError::Invalid { op: OP, why }
}

fn same(expected: DType, found: DType) -> Result<(), CpuError> {
    if expected == found { Ok(()) } else { Err(CpuError::DType { op: OP, expected, found }) }
}

impl<'a> Planner<'a> {
    fn new(program: &'a Rows) -> Result<Self, CpuError> {
        program.shape.checked_numel().ok_or(invalid("the shape has too many elements"))?;
        if program.outer > program.shape.rank() {
            return Err(invalid("there are not as many axes as count rows"));
        }
        let value = |dtype: DType, per_row: bool| Value {
            dtype: kept_as(dtype),
            per_row,
            place: Place::Nowhere,
            last_use: None,
            last_spread: None,
            spread: None,
            lasting: false,
        };
        let mut values = Vec::new();
        for source in &program.inputs {
            check_source(program, source)?;
            values.push(value(source.dtype, program.repeats(&source.layout)));
        }
        values.extend(program.numbers.iter().map(|&dtype| value(dtype, true)));
        for (at, step) in program.steps.iter().enumerate() {
            let per_row = check_step(&values, step)?;
            for &arg in &step.args {
                let arg = &mut values[arg as usize];
                let spread = arg.per_row && !per_row.args;
                *(if spread { &mut arg.last_spread } else { &mut arg.last_use }) = Some(at);
            }
            values.push(value(step.dtype, per_row.result));
        }
        for output in &program.outputs {
            let value =
                values.get_mut(output.sink.value as usize).ok_or(invalid("an output keeps no value"))?;
            same(kept_as(output.sink.dtype), value.dtype)?;
            if !output.whole && !value.per_row {
                return Err(invalid("an output of one value a row keeps more"));
            }
            let spread = value.per_row && output.whole;
            *(if spread { &mut value.last_spread } else { &mut value.last_use }) = Some(program.steps.len());
        }
        let (registers, free) = (Vec::new(), Vec::new());
        Ok(Self { program, values, registers, free, once: Vec::new(), actions: Vec::new() })
    }

    fn plan(mut self) -> Result<PreparedRows, CpuError> {
        let program = self.program;
        let mut needs = Vec::new();
        for (value, source) in program.inputs.iter().enumerate() {
            if let SourceKind::Buffer(input) = source.kind {
                let extent = extent(&source.layout).unwrap_or(usize::MAX);
                needs.push(Need { input, dtype: self.values[value].dtype, extent });
            }
            self.place_input(value);
        }
        let mut numbers = Vec::new();
        for (i, &dtype) in program.numbers.iter().enumerate() {
            // one register, all of it filled, serves both
            let value = program.inputs.len() + i;
            let Value { last_use, last_spread, .. } = self.values[value];
            let register = (last_use.is_some() || last_spread.is_some()).then(|| self.new_register(value));
            if let Some(register) = register {
                let value = &mut self.values[value];
                (value.place, value.spread, value.lasting) =
                    (Place::Register(register), Some(register), true);
            }
            numbers.push((dtype, register));
        }
        self.steps();
        let outputs: SmallVec<[(DType, bool); 4]> =
            program.outputs.iter().map(|out| (kept_as(out.sink.dtype), out.whole)).collect();
        let known = Known {
            registers: &self.registers,
            outputs: &outputs,
            numbers: numbers.iter().filter_map(|&(_, register)| register).collect(),
            once: &self.once,
        };
        let actions = merged(std::mem::take(&mut self.actions), &known);
        Ok(PreparedRows {
            rows: program.count(),
            elements: program.elements(),
            needs,
            outputs,
            numbers,
            registers: self.registers,
            once: self.once,
            actions,
            steps: program.steps.len(),
        })
    }

    /// Loads an input once or in every block, or finds out that it lies in order already.
    fn place_input(&mut self, value: usize) {
        let (program, Value { per_row, last_use, last_spread, .. }) = (self.program, self.values[value]);
        if last_use.is_none() && last_spread.is_none() {
            return;
        }
        let source = &program.inputs[value];
        let walk = if per_row {
            let axes: Vec<usize> = (0..program.outer).collect();
            Walk::new(&source.layout.permute(&axes))
        } else {
            Walk::new(&source.layout)
        };
        match source.kind {
            // what is overwritten is loaded first, so that outputs can be written at any time
            SourceKind::Buffer(index) if walk.is_dense() => {
                self.values[value].place = Place::Input { index, offset: walk.offset };
            }
            SourceKind::InPlace(output) if self.lives_in(value, output) => {
                self.values[value].place = Place::Output(output);
            }
            kind => {
                let register = self.register(value);
                let lasting =
                    !matches!(kind, SourceKind::InPlace(_)) && program.same_in_all_rows(&source.layout);
                self.values[value].place = Place::Register(register);
                self.values[value].lasting = lasting;
                let load = Action::Load { kind, walk, register, whole: !per_row };
                if lasting { self.once.push(load) } else { self.actions.push(load) }
            }
        }
    }

    /// Whether the old contents of `output` can be read where they are: no other output keeps them.
    fn lives_in(&self, value: usize, output: usize) -> bool {
        let kept = self.program.outputs.iter().enumerate();
        kept.filter(|(_, out)| out.sink.value as usize == value).all(|(other, _)| other == output)
    }

    fn steps(&mut self) {
        let program = self.program;
        let first = program.inputs.len() + program.numbers.len();
        for (at, step) in program.steps.iter().enumerate() {
            let value = first + at;
            let whole = !step.args.iter().all(|&arg| self.values[arg as usize].per_row);
            let fold = matches!(step.work, RowWork::Fold(_));
            let args: SmallVec<[Place; 3]> =
                step.args.iter().map(|&arg| self.read(arg as usize, whole || fold)).collect();
            let to = match self.direct_output(value, at) {
                Some(output) => Place::Output(output),
                None => Place::Register(self.register(value)),
            };
            self.values[value].place = to;
            self.actions.push(match step.work {
                RowWork::Each(run) => Action::Step { run, args, to, whole, plain: None },
                RowWork::Plain(plain, run) => Action::Step { run, args, to, whole, plain: Some(plain) },
                RowWork::Fold(kind) => {
                    Action::Fold { kind, from: args.first().copied().unwrap_or(Place::Nowhere), to }
                }
            });
            step.args.iter().for_each(|&arg| self.release(arg as usize, at));
            self.release(value, at);
        }
        for (output, out) in program.outputs.iter().enumerate() {
            let from = self.read(out.sink.value as usize, out.whole);
            if from != Place::Output(output) {
                self.actions.push(Action::Store { from, output, whole: out.whole });
            }
        }
    }

    /// Where a value is read, all elements or one a row. Spreads it if it has to be.
    fn read(&mut self, value: usize, whole: bool) -> Place {
        let Value { per_row, place, spread, lasting, .. } = self.values[value];
        if !whole || !per_row {
            return place;
        }
        if let Some(register) = spread {
            return Place::Register(register);
        }
        // one that is the same in all rows is spread once
        let register = if lasting { self.new_register(value) } else { self.register(value) };
        let action = Action::Spread { from: place, register };
        if lasting {
            self.once.push(action)
        } else {
            self.actions.push(action)
        }
        self.values[value].spread = Some(register);
        Place::Register(register)
    }

    /// An output that step `at` can write its result to at once: one that keeps it as it is, and whose old contents
    /// nothing reads at this step or later.
    fn direct_output(&self, value: usize, at: usize) -> Option<usize> {
        let old_is_dead = |output: usize| {
            self.program.inputs.iter().zip(&self.values).all(|(source, old)| {
                source.kind != SourceKind::InPlace(output)
                    || old.place != Place::Output(output)
                    || old.last_use.max(old.last_spread).is_none_or(|last| last < at)
            })
        };
        let keeps = |&output: &usize| {
            let out = &self.program.outputs[output];
            out.sink.value as usize == value && out.whole != self.values[value].per_row
        };
        (0..self.program.outputs.len()).filter(keeps).find(|&output| old_is_dead(output))
    }

    fn register(&mut self, value: usize) -> usize {
        let dtype = self.values[value].dtype;
        match self.free.iter().rposition(|&r| self.registers[r] == dtype) {
            Some(i) => self.free.swap_remove(i),
            None => self.new_register(value),
        }
    }

    fn new_register(&mut self, value: usize) -> usize {
        self.registers.push(self.values[value].dtype);
        self.registers.len() - 1
    }

    /// Frees the registers of a value that step `at` was the last to read.
    fn release(&mut self, value: usize, at: usize) {
        let Value { place, last_use, last_spread, spread, lasting, .. } = self.values[value];
        if lasting {
            return;
        }
        let over = |last: Option<usize>| last.is_none_or(|last| last <= at);
        if let (Some(register), true) = (spread, over(last_spread)) {
            // the value itself may live on, to be released again
            self.values[value].spread = None;
            self.free.push(register);
        }
        if let (Place::Register(register), true) = (place, over(last_use.max(last_spread)))
            && !self.free.contains(&register)
        {
            self.free.push(register);
        }
    }
}

/// Whether the arguments of a step are one number a row, and whether its result is.
struct PerRow {
    args: bool,
    result: bool,
}

fn check_step(values: &[Value], step: &RowStep) -> Result<PerRow, CpuError> {
    let mut args = true;
    for &arg in &step.args {
        let value = values.get(arg as usize).ok_or(invalid("a step reads a value that comes after it"))?;
        args &= value.per_row;
    }
    let RowWork::Fold(kind) = step.work else { return Ok(PerRow { args, result: args }) };
    let [arg] = step.args.as_slice() else { return Err(invalid("a reduction has one argument")) };
    if matches!(kind, Reduce::ArgMax | Reduce::ArgMin) {
        return Err(invalid("a reduction of rows gives no index"));
    }
    same(values[*arg as usize].dtype, kept_as(step.dtype))?;
    // its argument is read element by element
    Ok(PerRow { args: false, result: true })
}

fn check_source(program: &Rows, source: &crate::Source) -> Result<(), CpuError> {
    let Layout { shape, strides, .. } = &source.layout;
    if *shape != program.shape || strides.len() != shape.len() {
        let (left, right) = (program.shape.to_vec(), shape.to_vec());
        return Err(CpuError::Shape { op: OP, left, right });
    }
    match source.kind {
        SourceKind::InPlace(output) => {
            let out =
                program.outputs.get(output).ok_or(invalid("there is no such output to read in place"))?;
            if out.whole == program.repeats(&source.layout) {
                return Err(invalid("what is read in place has another size"));
            }
            same(kept_as(out.sink.dtype), kept_as(source.dtype))?;
        }
        SourceKind::Iota => same(DType::U32, source.dtype)?,
        SourceKind::Buffer(_) => {}
    }
    if extent(&source.layout).is_none() {
        return Err(CpuError::OutOfBounds { op: OP, shape: shape.to_vec(), len: 0 });
    }
    Ok(())
}
