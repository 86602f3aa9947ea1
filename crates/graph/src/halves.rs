//! f16 programs: stored as f16, computed as f32.
//!
//! A program that holds f16 values is rewritten before it is planned, for both backends. Every op is done in f32 on
//! inputs widened by `to_f32`, and its result rounded once by `to_f16`; both fuse with their neighbours. So kernels and
//! the loops of the CPU know f16 in memory only, every op takes it, sums and products add up in f32, and a value does
//! not depend on what it was fused with. Widening is exact, so ops that only move elements are exact too.
//!
//! A number beside an f16 tensor (`x * 0.1`) is used in f32, as PyTorch does: rounded to f16 first, a small epsilon
//! would be 0 and a large factor infinite.

use std::panic::Location;

use anygrad_layout::DType;
use smallvec::SmallVec;

use crate::op::{Kind, Meta, OpRef};
use crate::pointwise::{TO_F16, TO_F32};
use crate::program::{Home, Instr, Lowered, Program};
use crate::{Tensor, recorded_at};

/// The program with f16 in conversions, leaves and views only; as it is if there is no f16 in it.
pub(crate) fn in_single_precision(lowered: Lowered) -> Lowered {
    if !lowered.program.instrs.iter().any(|instr| instr.meta.dtype == DType::F16) {
        return lowered;
    }
    let Lowered { program, key, nodes, results, leaves, numbers } = lowered;
    let mut rewriter =
        Rewriter { old: &program.instrs, instrs: Vec::new(), origins: Vec::new(), forms: Vec::new() };
    for id in 0..program.instrs.len() as u32 {
        let forms = rewriter.rewrite(id);
        rewriter.forms.push(forms);
    }
    let results: Vec<_> = results.into_iter().map(|(tensor, id)| (tensor, rewriter.stored(id))).collect();
    let leaves = leaves.into_iter().map(|(id, buffer)| (rewriter.stored(id), buffer)).collect();
    let donated = program.donated.iter().map(|&id| rewriter.stored(id)).collect();
    let homes = program.homes.iter().map(|home| Home { leaf: rewriter.stored(home.leaf), ..*home }).collect();
    let mut outputs: Vec<u32> = results.iter().map(|(_, id)| *id).collect();
    outputs.sort_unstable();
    outputs.dedup();
    let Rewriter { instrs, origins, .. } = rewriter;
    let nodes = nodes.of(&origins);
    Lowered { program: Program { instrs, outputs, donated, homes }, key, nodes, results, leaves, numbers }
}

impl Tensor {
    /// Of an f16 tensor: what `body` makes of it as f32, rounded once; `None` of another. For compositions of several
    /// ops that PyTorch has as one: a sum before the division of a mean, or squares, would leave the range of f16.
    #[track_caller]
    pub(crate) fn in_single(&self, body: impl FnOnce(&Tensor) -> Tensor) -> Option<Tensor> {
        let caller = Location::caller();
        let rounded = || recorded_at(caller, || body(&self.to_dtype(DType::F32)).to_dtype(DType::F16));
        (self.dtype() == DType::F16).then(rounded)
    }
}

/// What stands for an old instruction in the new program; what is not asked for is not there.
#[derive(Clone, Copy, Debug, Default)]
struct Forms {
    /// Its value in its own dtype.
    stored: Option<u32>,
    /// Of an f16 value: the same as f32.
    wide: Option<u32>,
    /// Of an f16 value: the f32 value it is rounded from.
    exact: Option<u32>,
    /// Whether it is a number, of which elementwise ops read `exact`.
    number: bool,
}

struct Rewriter<'a> {
    old: &'a [Instr],
    instrs: Vec<Instr>,
    /// By new instruction: the old one it comes from.
    origins: Vec<u32>,
    /// By old instruction.
    forms: Vec<Forms>,
}

impl Rewriter<'_> {
    fn rewrite(&mut self, id: u32) -> Forms {
        let instr = &self.old[id as usize];
        let row = match instr.op.kind() {
            Kind::Pointwise(row) => Some(row),
            _ => None,
        };
        let is = |cast: &crate::pointwise::Pointwise| row.is_some_and(|row| std::ptr::eq(row, cast.0));
        match instr.op.kind() {
            Kind::Number if self.is_half(id) => {
                let exact = self.push(id, instr.op.clone(), SmallVec::new(), DType::F32);
                Forms { exact: Some(exact), number: true, ..Forms::default() }
            }
            Kind::Leaf | Kind::Number | Kind::Iota | Kind::View => {
                let inputs = instr.inputs.iter().map(|&input| self.stored(input)).collect();
                self.as_it_is(id, inputs)
            }
            // who converts a number asks for its value as f16
            Kind::Pointwise(_) if is(&TO_F32) && instr.inputs.iter().all(|&input| self.is_half(input)) => {
                Forms { stored: instr.inputs.first().map(|&input| self.wide(input)), ..Forms::default() }
            }
            Kind::Pointwise(_) if is(&TO_F16) => {
                let inputs = instr.inputs.iter().map(|&input| self.operand(input, false)).collect();
                self.as_it_is(id, inputs)
            }
            _ => {
                let elementwise = row.is_some();
                let inputs = instr.inputs.iter().map(|&input| self.operand(input, elementwise)).collect();
                if !self.is_half(id) {
                    return self.as_it_is(id, inputs);
                }
                let exact = self.push(id, instr.op.clone(), inputs, DType::F32);
                Forms { exact: Some(exact), ..Forms::default() }
            }
        }
    }

    /// What an op computes with: f32 in place of f16.
    fn operand(&mut self, input: u32, numbers_exact: bool) -> u32 {
        match self.forms[input as usize] {
            Forms { number: true, exact: Some(exact), .. } if numbers_exact => exact,
            _ if self.is_half(input) => self.wide(input),
            _ => self.stored(input),
        }
    }

    /// The instruction that holds the old one's value in its own dtype.
    fn stored(&mut self, id: u32) -> u32 {
        let forms = self.forms[id as usize];
        if let Some(stored) = forms.stored {
            return stored;
        }
        // what is not stored is an f16 value that was computed
        let exact = forms.exact.unwrap_or_default();
        let stored = self.push(id, OpRef::Static(&TO_F16), SmallVec::from_slice(&[exact]), DType::F16);
        self.forms[id as usize].stored = Some(stored);
        stored
    }

    /// The instruction that holds an old f16 value as f32.
    fn wide(&mut self, id: u32) -> u32 {
        if let Some(wide) = self.forms[id as usize].wide {
            return wide;
        }
        let stored = self.stored(id);
        let wide = self.push(id, OpRef::Static(&TO_F32), SmallVec::from_slice(&[stored]), DType::F32);
        self.forms[id as usize].wide = Some(wide);
        wide
    }

    fn is_half(&self, id: u32) -> bool {
        self.old[id as usize].meta.dtype == DType::F16
    }

    fn as_it_is(&mut self, id: u32, inputs: SmallVec<[u32; 3]>) -> Forms {
        let instr = &self.old[id as usize];
        let same = self.push(id, instr.op.clone(), inputs, instr.meta.dtype);
        Forms { stored: Some(same), ..Forms::default() }
    }

    /// Adds an instruction of the shape of the old instruction `from`.
    fn push(&mut self, from: u32, op: OpRef, inputs: SmallVec<[u32; 3]>, dtype: DType) -> u32 {
        let meta = Meta { shape: self.old[from as usize].meta.shape.clone(), dtype };
        self.instrs.push(Instr { op, inputs, meta });
        self.origins.push(from);
        self.instrs.len() as u32 - 1
    }
}
