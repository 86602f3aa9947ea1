//! One dispatch of a reduction: slots are outputs, or chunks of outputs whose results wait in scratch buffers.

use anygrad_layout::DType;
use anygrad_shaders::{REDUCE_THREAD, REDUCE_WORKGROUP};

use super::monoid::Monoid;
use crate::kernels::address::Axes;
use crate::kernels::loads::Loads;
use crate::kernels::{Builder, Pointwise, fold_groups};
use crate::{Caps, DeviceError, Launch, Operand};

/// Terms of a block. Blocks are added up in turn, so that no sum of f32 has more terms in a row.
const BLOCK: usize = 256;
/// The most terms one thread takes: Mesa's lavapipe ends all loops of a thread after 65,535 rounds together.
const TERMS: usize = 1 << 15;

/// Who works on a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worker {
    /// A thread.
    Thread,
    /// This many threads, a power of two.
    Workgroup(u32),
}

impl Worker {
    /// The most terms of a slot.
    pub fn most_terms(self) -> usize {
        match self {
            Worker::Thread => TERMS,
            Worker::Workgroup(threads) => TERMS * threads as usize,
        }
    }

    fn body(self) -> &'static str {
        match self {
            Worker::Thread => REDUCE_THREAD,
            Worker::Workgroup(_) => REDUCE_WORKGROUP,
        }
    }
}

/// What the loads take four of at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fours {
    /// Nothing: one element a load.
    No,
    /// Terms of one output.
    Terms,
    /// Neighbouring outputs: a slot is four of them.
    Outputs,
}

/// One dispatch: `outputs` outputs of `terms` terms each, of which every slot takes `chunk`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    pub variant: &'static str,
    pub worker: Worker,
    pub fours: Fours,
    /// Outputs, or groups of four of them.
    pub outputs: usize,
    /// Terms of an output, or groups of four of them.
    pub terms: usize,
    /// Terms of a slot.
    pub chunk: usize,
    /// Whether the results go to scratch buffers (value, index) instead of the output.
    pub to_scratch: bool,
}

impl Stage {
    /// Slots of an output.
    pub fn chunks(&self) -> usize {
        self.terms.div_ceil(self.chunk.max(1)).max(1)
    }

    fn slots(&self) -> usize {
        self.outputs.saturating_mul(self.chunks())
    }

    /// The dispatch that reads the terms of a program. `kept` and `reduced` are its axes.
    pub fn of_program(
        &self,
        monoid: Monoid,
        program: &Pointwise,
        (kept, reduced): (Axes, Axes),
        caps: &Caps,
    ) -> Result<Launch, DeviceError> {
        let mut builder = Builder::new("reduce", self.variant);
        // the axes that come last are those walked in fours
        let (axes, names) = match self.fours {
            Fours::Outputs => (vec![reduced, kept], ["inner", "outer"]),
            _ => (vec![kept, reduced], ["outer", "inner"]),
        };
        let mut loads = Loads::new(program, axes, self.fours != Fours::No);
        program.emit_apply(&mut builder, "")?;
        let mut text = loads.axes[0].coordinates(&mut builder, names[0]);
        text += &loads.axes[1].coordinates(&mut builder, names[1]);
        text += &loads.emit(&mut builder)?;
        text += &loads.apply();
        let term = |lane: usize, index: &str| monoid.term(&format!("r{lane}.y0"), index);
        let quad = |lane: usize| term(lane, &format!("inner * 4u + {lane}u"));
        let state = match self.fours {
            Fours::No => term(0, "inner"),
            Fours::Terms => {
                format!("combine(combine({}, {}), combine({}, {}))", quad(0), quad(1), quad(2), quad(3))
            }
            Fours::Outputs => {
                format!("State({})", [0, 1, 2, 3].map(|lane| term(lane, "inner")).join(", "))
            }
        };
        builder.function(monoid.declarations(self.fours == Fours::Outputs));
        builder
            .function(format!("fn term(outer: u32, inner: u32) -> State {{\n{text}    return {state};\n}}"));
        let flops = program.flops().saturating_add(program.numel() as u64);
        self.finish(builder, monoid, caps, flops, program.bytes_read())
    }

    /// The dispatch that reads the results of an earlier one from the scratch buffers.
    pub fn of_scratch(&self, monoid: Monoid, caps: &Caps) -> Result<Launch, DeviceError> {
        let mut builder = Builder::new("reduce", self.variant);
        builder.read("values", monoid.dtype, Operand::Scratch(0));
        if monoid.kind.is_index() {
            builder.read("indices", DType::U32, Operand::Scratch(1));
        }
        builder.param("outputs", self.outputs);
        builder.function(monoid.declarations(false));
        let state = monoid.term("values[at]", "indices[at]");
        builder.function(format!(
            "fn term(outer: u32, inner: u32) -> State {{\n    let at = inner * p.outputs + outer;\n    return {state};\n}}"
        ));
        let terms = (self.outputs as u64).saturating_mul(self.terms as u64);
        self.finish(builder, monoid, caps, terms, terms.saturating_mul(4))
    }

    /// Adds what both kinds of dispatch have: the span of a slot, the store, the grid.
    fn finish(
        &self,
        mut builder: Builder,
        monoid: Monoid,
        caps: &Caps,
        flops: u64,
        bytes_read: u64,
    ) -> Result<Launch, DeviceError> {
        builder.param("slots", self.slots());
        self.emit_span(&mut builder);
        let index = monoid.kind.is_index();
        if self.to_scratch {
            builder.read_write("partial_values", monoid.dtype, Operand::Scratch(0));
            if index {
                builder.read_write("partial_indices", DType::U32, Operand::Scratch(1));
            }
        } else {
            let dtype = if index { DType::U32 } else { monoid.dtype };
            builder.read_write("result", dtype, Operand::Output(0));
        }
        let write = |at: &str, one: &str| match (self.to_scratch, index) {
            (true, true) => {
                format!("    partial_values[{at}] = {one}.value;\n    partial_indices[{at}] = {one}.index;\n")
            }
            (true, false) => format!("    partial_values[{at}] = {one};\n"),
            (false, true) => format!("    result[{at}] = {one}.index;\n"),
            (false, false) => format!("    result[{at}] = {one};\n"),
        };
        let stores = match self.fours {
            Fours::Outputs => {
                (0..4).map(|k| write(&format!("slot * 4u + {k}u"), &format!("s.s{k}"))).collect::<String>()
            }
            _ => write("slot", "s"),
        };
        builder.function(format!("fn store(slot: u32, s: State) {{\n{stores}}}"));
        builder.constant("BLOCK", BLOCK as u32);
        let (threads, slots_a_group) = match self.worker {
            Worker::Workgroup(threads) => (threads, 1),
            // A software adapter spreads workgroups over its cores, so a few slots make several; a workgroup
            // of 8 is one vector there.
            Worker::Thread if caps.software && self.slots() <= 4096 => (8, 8),
            Worker::Thread => (64, 64),
        };
        builder.constant("GROUP", threads);
        let grid = fold_groups(self.slots().div_ceil(slots_a_group), caps)?;
        let lanes = if self.fours == Fours::Outputs { 16 } else { 4 };
        let written = (self.slots() as u64).saturating_mul(lanes);
        builder.finish(self.worker.body(), grid, flops, bytes_read.saturating_add(written))
    }

    /// `fn span(slot: u32) -> Span`: which output a slot belongs to, and its terms.
    fn emit_span(&self, builder: &mut Builder) {
        builder.param("inner_count", self.terms);
        let text = if self.chunks() == 1 {
            "    return Span(slot, 0u, p.inner_count);\n".to_owned()
        } else {
            builder.param("chunk", self.chunk);
            // neighbouring slots are neighbouring outputs, which in a sum of columns lie side by side
            let chunk = builder.divisor("outputs", self.outputs, "slot");
            format!(
                "    let chunk = {chunk};\n    let begin = chunk * p.chunk;\n    \
                 return Span(slot - chunk * p.outputs, begin, min(begin + p.chunk, p.inner_count));\n"
            )
        };
        builder.function("struct Span {\n    outer: u32,\n    begin: u32,\n    end: u32,\n}");
        builder.function(format!("fn span(slot: u32) -> Span {{\n{text}}}"));
    }
}
