//! A program on the CPU: fused groups through the block interpreter, the rest through each op's `eval`.

use std::time::Instant;

use anygrad_cpu as cpu;
use anygrad_cpu::{Host, Prepared, PreparedRows, Storage, View};
use anygrad_device::kernels::reduce::Reduce;
use anygrad_layout::{DType, Layout};
use smallvec::SmallVec;

use crate::device::Buffer;
use crate::error::Error;
use crate::fuse::{Base, Fused, Group, RowRules, Rules, Work};
use crate::numbers::Numbers;
use crate::plan::Schedule;
use crate::pointwise::arithmetic;
use crate::program::{Lowered, Program};
use crate::tensor::State;

const RULES: Rules = Rules {
    buffers: 64,
    fuse_into_reductions: false,
    // a library computes the products
    fuse_into_stores: false,
    fuse: true,
    together: 0,
    together_elements: 0,
    // a block of one row and its registers should fit a cache; one thread takes it, whatever the number of threads is
    rows: Some(RowRules { short: 1 << 13, many: 16, longest: 1 << 18 }),
};

pub(crate) struct CpuPlan {
    pub schedule: Schedule,
    steps: Vec<Step>,
    /// After each step, the values that can be dropped.
    dying: Vec<Vec<u32>>,
}

enum Step {
    Fused {
        program: Interpreted,
        /// Values read, in the order of the program's buffers.
        inputs: Vec<u32>,
        /// Places of its numbers among the program's numbers.
        numbers: Vec<usize>,
        outputs: Vec<Output>,
    },
    Kernel {
        instr: u32,
        inputs: Vec<(u32, Layout)>,
    },
}

/// A fused program that is ready to run.
enum Interpreted {
    Pointwise(Box<Prepared>),
    Rows(Box<PreparedRows>),
}

impl Interpreted {
    fn run(
        &self,
        inputs: &[&Storage],
        numbers: &[f64],
        outputs: &mut [Storage],
    ) -> Result<(), cpu::CpuError> {
        match self {
            Interpreted::Pointwise(program) => program.run(inputs, numbers, outputs),
            Interpreted::Rows(program) => program.run(inputs, numbers, outputs),
        }
    }
}

struct Output {
    value: u32,
    dtype: DType,
    len: usize,
    /// The dying value whose memory it takes.
    takes: Option<u32>,
}

impl CpuPlan {
    pub fn new(program: &Program) -> Result<Self, Error> {
        let schedule = Schedule::new(program, RULES);
        let mut steps = Vec::with_capacity(schedule.groups.len());
        for (place, group) in schedule.groups.iter().enumerate() {
            steps.push(match group {
                Group::Pointwise(fused) | Group::Rows(fused) => {
                    fused_step(program, fused, &schedule.in_place(fused, place), &schedule.numbers)?
                }
                Group::Kernel { instr, inputs, .. } => Step::Kernel { instr: *instr, inputs: inputs.clone() },
                // its rules ask for none
                Group::Together(_) => return Err(Error::invalid("eval", "the CPU runs groups one by one")),
            });
        }
        let dying = (0..steps.len()).map(|place| schedule.dying(place)).collect();
        Ok(Self { schedule, steps, dying })
    }

    /// Runs the program and returns the buffers of its outputs, in their order. `times` gets the microseconds of each
    /// group.
    pub fn run(
        &self,
        mut lowered: Lowered,
        host: &Host,
        mut times: Option<&mut Vec<f64>>,
    ) -> Result<(Lowered, Vec<Buffer>), Error> {
        let mut values: Vec<Option<cpu::Buffer>> = vec![None; lowered.program.instrs.len()];
        // moved, so that a donated buffer has no other holder
        for (id, buffer) in lowered.leaves.drain(..) {
            if let Buffer::Cpu(buffer) = buffer {
                values[id as usize] = Some(buffer);
            }
        }
        let lowered = lowered;
        let given = self.schedule.numbers.of(&lowered.numbers);
        for (step, dying) in self.steps.iter().zip(&self.dying) {
            let begun = times.is_some().then(Instant::now);
            match step {
                Step::Fused { program, inputs, numbers, outputs } => {
                    let numbers: SmallVec<[f64; 8]> = numbers.iter().map(|&at| given[at]).collect();
                    run_fused(program, inputs, &numbers, outputs, &lowered, host, &mut values)?;
                }
                Step::Kernel { instr, inputs } => {
                    let node = &lowered.program.instrs[*instr as usize];
                    let views: Vec<View<'_>> = inputs
                        .iter()
                        .map(|(value, layout)| Ok(View { data: stored(&values, *value)?, layout }))
                        .collect::<Result<_, Error>>()?;
                    let storage =
                        node.op.eval(host, &views, &node.meta).map_err(|e| failed(&lowered, *instr, e))?;
                    values[*instr as usize] = Some(cpu::Buffer::new(host, storage));
                }
            }
            dying.iter().for_each(|&value| values[value as usize] = None);
            if let (Some(times), Some(begun)) = (&mut times, begun) {
                times.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        }
        let output = |&(_, value): &(u32, u32)| {
            let buffer = values[value as usize].clone().ok_or_else(|| missing(value))?;
            Ok(Buffer::Cpu(buffer))
        };
        let outputs = self.schedule.outputs.iter().map(output).collect::<Result<_, Error>>()?;
        Ok((lowered, outputs))
    }
}

/// An error with the call that recorded the instruction, where that is known.
fn failed(lowered: &Lowered, instr: u32, error: cpu::CpuError) -> Error {
    match lowered.nodes.get(instr as usize) {
        Some(node) => node.failed(&error.to_string()),
        None => error.into(),
    }
}

fn run_fused(
    program: &Interpreted,
    inputs: &[u32],
    numbers: &[f64],
    outputs: &[Output],
    lowered: &Lowered,
    host: &Host,
    values: &mut [Option<cpu::Buffer>],
) -> Result<(), Error> {
    let mut results = Vec::with_capacity(outputs.len());
    for output in outputs {
        results.push(match output.takes {
            Some(value) => take(value, lowered, host, values)?,
            None => host.alloc(output.dtype, output.len)?,
        });
    }
    let read: Vec<&Storage> = inputs.iter().map(|&value| stored(values, value)).collect::<Result<_, _>>()?;
    program.run(&read, numbers, &mut results)?;
    for (output, storage) in outputs.iter().zip(results) {
        values[output.value as usize] = Some(cpu::Buffer::new(host, storage));
    }
    Ok(())
}

/// The memory of a dying value. A donated leaf gives up its buffer here, not earlier, so that a run that fails
/// before loses nothing.
fn take(
    value: u32,
    lowered: &Lowered,
    host: &Host,
    values: &mut [Option<cpu::Buffer>],
) -> Result<Storage, Error> {
    let buffer = values[value as usize].take().ok_or_else(|| missing(value))?;
    if lowered.program.is_donated(value)
        && let Some(node) = lowered.nodes.get(value as usize)
    {
        *node.0.state() = State::Gone;
    }
    // somebody else may have got hold of it in the meantime
    match buffer.try_take() {
        Ok(storage) => Ok(storage),
        Err(shared) => {
            let layout = Layout::contiguous([shared.storage().len()]);
            Ok(cpu::copy(host, View { data: shared.storage(), layout: &layout })?)
        }
    }
}

fn stored(values: &[Option<cpu::Buffer>], value: u32) -> Result<&Storage, Error> {
    values
        .get(value as usize)
        .and_then(Option::as_ref)
        .map(|buffer| buffer.storage())
        .ok_or_else(|| missing(value))
}

fn missing(value: u32) -> Error {
    Error::invalid("eval", format!("the value of %{value} is missing: this is a mistake of the planner"))
}

fn fused_step(
    program: &Program,
    fused: &Fused,
    in_place: &[Option<usize>],
    places: &Numbers,
) -> Result<Step, Error> {
    let mut inputs: Vec<u32> = Vec::new();
    let mut sources = Vec::new();
    for (s, (read, dtype)) in fused.sources.iter().enumerate() {
        let kind = match (read.base, in_place.iter().position(|&taken| taken == Some(s))) {
            (Base::Value(_), Some(output)) => cpu::SourceKind::InPlace(output),
            (Base::Value(value), None) => {
                let at = inputs.iter().position(|&known| known == value).unwrap_or_else(|| {
                    inputs.push(value);
                    inputs.len() - 1
                });
                cpu::SourceKind::Buffer(at)
            }
            _ => cpu::SourceKind::Iota,
        };
        sources.push(cpu::Source { kind, dtype: *dtype, layout: read.layout.clone() });
    }
    let numel = |id: u32| program.instrs[id as usize].meta.shape.numel();
    let output = |(&(value, _, dtype), takes): (&(u32, u32, DType), &Option<usize>)| Output {
        value,
        dtype,
        len: numel(value),
        takes: takes.and_then(|s| match fused.sources[s].0.base {
            Base::Value(value) => Some(value),
            _ => None,
        }),
    };
    Ok(Step::Fused {
        program: interpreted(fused, sources, numel)?,
        inputs,
        numbers: fused.numbers.iter().map(|&(id, _)| places.place(id)).collect(),
        outputs: fused.results.iter().zip(in_place).map(output).collect(),
    })
}

/// A fused program of these sources for its interpreter.
fn interpreted(
    fused: &Fused,
    inputs: Vec<cpu::Source>,
    numel: impl Fn(u32) -> usize,
) -> Result<Interpreted, Error> {
    let numbers = fused.numbers.iter().map(|(_, dtype)| *dtype).collect();
    let shape = fused.shape.clone();
    let sinks = fused.results.iter().map(|&(id, value, dtype)| (id, cpu::Sink { value, dtype }));
    let pointwise: Option<Vec<cpu::Step>> = fused
        .steps
        .iter()
        .map(|s| match s.work {
            Work::Each(row) => Some(cpu::Step { run: row.cpu, args: s.args.clone(), dtype: s.output }),
            Work::Fold(_) => None,
        })
        .collect();
    if let Some(steps) = pointwise {
        let outputs = sinks.map(|(_, sink)| sink).collect();
        let program = cpu::Pointwise { shape, inputs, numbers, steps, outputs };
        return Ok(Interpreted::Pointwise(Box::new(Prepared::new(&program)?)));
    }
    let step = |s: &crate::fuse::FusedStep| cpu::RowStep {
        work: match s.work {
            Work::Each(row) => match arithmetic(row) {
                Some(plain) => cpu::RowWork::Plain(plain, row.cpu),
                None => cpu::RowWork::Each(row.cpu),
            },
            Work::Fold(kind) => cpu::RowWork::Fold(reduction(kind)),
        },
        args: s.args.clone(),
        dtype: s.output,
    };
    let program = cpu::Rows {
        outer: fused.outer,
        inputs,
        numbers,
        steps: fused.steps.iter().map(step).collect(),
        outputs: sinks.map(|(id, sink)| cpu::RowSink { sink, whole: numel(id) == shape.numel() }).collect(),
        shape,
    };
    Ok(Interpreted::Rows(Box::new(PreparedRows::new(&program)?)))
}

fn reduction(kind: Reduce) -> cpu::Reduce {
    match kind {
        Reduce::Sum => cpu::Reduce::Sum,
        Reduce::Prod => cpu::Reduce::Prod,
        Reduce::Max => cpu::Reduce::Max,
        Reduce::Min => cpu::Reduce::Min,
        Reduce::ArgMax => cpu::Reduce::ArgMax,
        Reduce::ArgMin => cpu::Reduce::ArgMin,
    }
}
