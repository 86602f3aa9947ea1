//! The numbers of a run: those the user gave, and those the host computes from them.

use anygrad_cpu::{Lane, LaneMut};
use anygrad_layout::DType;
use half::f16;
use smallvec::SmallVec;

use crate::op::Kind;
use crate::pointwise::Row;
use crate::program::Program;

/// How the numbers of a run follow from the numbers a program is given. A pointwise instruction whose inputs are
/// all numbers (`-lr`, `1 / n`) is computed here, once a run, and needs no kernel.
#[derive(Debug)]
pub(crate) struct Numbers {
    steps: Vec<Step>,
    /// By instruction: its place among the numbers of a run.
    places: Vec<usize>,
    /// The dtypes of the numbers of a run.
    pub dtypes: Vec<DType>,
}

#[derive(Debug)]
enum Step {
    /// The next number that was given.
    Given,
    Computed {
        row: &'static Row,
        args: SmallVec<[usize; 3]>,
        inputs: SmallVec<[DType; 3]>,
        output: DType,
    },
}

impl Numbers {
    /// `numbers` are the instructions that are numbers, ascending.
    pub fn new(program: &Program, numbers: &[u32]) -> Self {
        let mut this = Self { steps: Vec::new(), places: vec![0; program.instrs.len()], dtypes: Vec::new() };
        for id in 0..program.instrs.len() {
            let instr = &program.instrs[id];
            match (numbers.binary_search(&(id as u32)), instr.op.kind()) {
                (Ok(_), Kind::Pointwise(row)) => {
                    let dtype = |&input: &u32| program.instrs[input as usize].meta.dtype;
                    let place = |&input: &u32| this.places[input as usize];
                    let step = Step::Computed {
                        row,
                        args: instr.inputs.iter().map(place).collect(),
                        inputs: instr.inputs.iter().map(dtype).collect(),
                        output: instr.meta.dtype,
                    };
                    this.add(id, step, instr.meta.dtype);
                }
                (Ok(_), _) => this.add(id, Step::Given, instr.meta.dtype),
                // a view of a number has its place
                (Err(_), Kind::View) => this.places[id] = this.places[instr.inputs[0] as usize],
                _ => {}
            }
        }
        this
    }

    fn add(&mut self, id: usize, step: Step, dtype: DType) {
        self.places[id] = self.steps.len();
        self.steps.push(step);
        self.dtypes.push(dtype);
    }

    /// The place of a number instruction among the numbers of a run.
    pub fn place(&self, id: u32) -> usize {
        self.places.get(id as usize).copied().unwrap_or_default()
    }

    /// The numbers of a run from those given.
    pub fn of(&self, given: &[f64]) -> Vec<f64> {
        let mut given = given.iter().copied();
        let mut values: Vec<f64> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let value = match step {
                Step::Given => given.next().unwrap_or_default(),
                Step::Computed { row, args, inputs, output } => {
                    let args: SmallVec<[f64; 3]> = args.iter().map(|&at| values[at]).collect();
                    compute(row, &args, inputs, *output)
                }
            };
            values.push(value);
        }
        values
    }
}

/// One element through a row of the table, in the arithmetic of its dtypes.
fn compute(row: &Row, args: &[f64], inputs: &[DType], output: DType) -> f64 {
    let words: SmallVec<[Word; 3]> =
        args.iter().zip(inputs).map(|(&x, &dtype)| Word::new(x, dtype)).collect();
    let lanes: SmallVec<[Lane<'_>; 3]> = words.iter().map(Word::lane).collect();
    let mut out = Word::new(0.0, output);
    (row.cpu)(&lanes, &mut out.lane_mut());
    out.value()
}

/// One element of one dtype.
enum Word {
    F32([f32; 1]),
    F64([f64; 1]),
    F16([f16; 1]),
    I32([i32; 1]),
    U32([u32; 1]),
}

impl Word {
    fn new(x: f64, dtype: DType) -> Self {
        match dtype {
            DType::F64 => Word::F64([x]),
            DType::F16 => Word::F16([f16::from_f32(x as f32)]),
            DType::I32 => Word::I32([x as i32]),
            DType::U32 => Word::U32([x as u32]),
            DType::Bool => Word::U32([u32::from(x != 0.0)]),
            _ => Word::F32([x as f32]),
        }
    }

    fn lane(&self) -> Lane<'_> {
        match self {
            Word::F32(x) => Lane::F32(x),
            Word::F64(x) => Lane::F64(x),
            Word::F16(x) => Lane::F16(x),
            Word::I32(x) => Lane::I32(x),
            Word::U32(x) => Lane::U32(x),
        }
    }

    fn lane_mut(&mut self) -> LaneMut<'_> {
        match self {
            Word::F32(x) => LaneMut::F32(x),
            Word::F64(x) => LaneMut::F64(x),
            Word::F16(x) => LaneMut::F16(x),
            Word::I32(x) => LaneMut::I32(x),
            Word::U32(x) => LaneMut::U32(x),
        }
    }

    fn value(&self) -> f64 {
        match self {
            Word::F32([x]) => f64::from(*x),
            Word::F64([x]) => *x,
            Word::F16([x]) => x.to_f64(),
            Word::I32([x]) => f64::from(*x),
            Word::U32([x]) => f64::from(*x),
        }
    }
}
