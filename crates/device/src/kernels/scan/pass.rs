//! One dispatch of a scan.

use anygrad_layout::DType;
use anygrad_shaders::{SCAN_THREAD, SCAN_WORKGROUP};

use super::{FAMILY, Lines, Scan};
use crate::kernels::{Builder, fold_groups};
use crate::{Caps, DeviceError, Launch, Operand};

/// Terms of a block of one thread. Blocks are added up in turn, so that no sum of f32 has more terms in a row.
const BLOCK: usize = 256;
/// The most terms one thread takes: Mesa's lavapipe ends all loops of a thread after 65,535 rounds together.
const TERMS: usize = 1 << 14;
/// Neighbours that a thread of a workgroup takes at a time.
const ITEMS: usize = 4;
/// The most times a workgroup goes on along its chunk.
const STEPS: usize = 64;

/// Who works on a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worker {
    Thread,
    /// This many threads, a power of two.
    Workgroup(usize),
}

impl Worker {
    pub fn workgroup(caps: &Caps) -> Self {
        let most = 256.min(caps.max_threads.max(1)) as usize;
        // the power of two that is not larger
        Worker::Workgroup(1 << most.ilog2())
    }

    /// The most terms of a chunk.
    pub fn longest(self) -> usize {
        match self {
            Worker::Thread => TERMS,
            Worker::Workgroup(threads) => threads * ITEMS * STEPS,
        }
    }

    /// Terms of a chunk, so that there are enough chunks to keep the device busy.
    pub fn chunk(self, rows: usize, length: usize, caps: &Caps) -> usize {
        let (slots, least) = match self {
            Worker::Thread if caps.software => (64, 1024),
            Worker::Thread => (16_384, 64),
            Worker::Workgroup(threads) => (512, threads * ITEMS),
        };
        let chunks = slots / rows.max(1);
        let wanted = length.div_ceil(chunks.max(1)).max(least).next_multiple_of(least);
        wanted.min(self.longest())
    }
}

/// Where terms come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Terms<'a> {
    /// The inputs; results go to the output.
    Lines(&'a Lines),
    /// The states in this scratch buffer, which are overwritten.
    Totals(usize),
}

/// One dispatch: `rows` lines of `length` terms, of which every slot takes `chunk`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass<'a> {
    pub variant: &'static str,
    pub worker: Worker,
    pub kind: Scan,
    pub dtype: DType,
    pub exclusive: bool,
    pub rows: usize,
    pub length: usize,
    pub chunk: usize,
    pub terms: Terms<'a>,
    /// The scratch buffer with the scanned totals of the chunks.
    pub carries: Option<usize>,
    /// The scratch buffer that gets the chunks' totals, instead of any other result.
    pub totals: Option<usize>,
}

impl Pass<'_> {
    /// Chunks of a line.
    pub fn chunks(&self) -> usize {
        self.length.div_ceil(self.chunk.max(1)).max(1)
    }

    pub fn launch(&self, caps: &Caps) -> Result<Launch, DeviceError> {
        let mut builder = Builder::new(FAMILY, self.variant);
        let slots = self.rows.saturating_mul(self.chunks());
        builder.param("slots", slots);
        builder.param("length", self.length);
        builder.param("chunk", self.chunk);
        builder.function(self.kind.declarations(self.dtype));
        // neighbouring slots are neighbouring lines, which may lie side by side
        let chunk = builder.divisor("rows", self.rows, "slot");
        builder.function("struct Span {\n    row: u32,\n    chunk: u32,\n    begin: u32,\n    end: u32,\n}");
        builder.function(format!(
            "fn span(slot: u32) -> Span {{\n    let chunk = {chunk};\n    let begin = chunk * p.chunk;\n    \
             return Span(slot - chunk * p.rows, chunk, begin, min(begin + p.chunk, p.length));\n}}"
        ));
        self.emit_terms(&mut builder);
        self.emit_store(&mut builder);
        self.emit_carry(&mut builder);
        builder.flag("EXCLUSIVE", self.exclusive);
        let (body, slots_a_group) = match self.worker {
            Worker::Thread => {
                // a software adapter spreads workgroups over its cores
                let group = if caps.software && slots <= 4096 { 8 } else { 64 };
                builder.constant("GROUP", group);
                builder.constant("BLOCK", BLOCK as u32);
                (SCAN_THREAD, group as usize)
            }
            Worker::Workgroup(threads) => {
                builder.constant("GROUP", threads as u32);
                builder.constant("ITEMS", ITEMS as u32);
                (SCAN_WORKGROUP, 1)
            }
        };
        let grid = fold_groups(slots.div_ceil(slots_a_group), caps)?;
        let terms = (self.rows as u64).saturating_mul(self.length as u64);
        let written = if self.totals.is_some() { slots as u64 } else { terms };
        builder.finish(body, grid, terms, terms.saturating_add(written).saturating_mul(4))
    }

    /// `Place`, `fn place` and `fn term`.
    fn emit_terms(&self, builder: &mut Builder) {
        match self.terms {
            Terms::Lines(lines) => {
                lines.emit_place(builder);
                let inputs = if self.kind == Scan::Linear { 2 } else { 1 };
                let mut text = String::new();
                for i in 0..inputs {
                    builder.read(&format!("in{i}"), self.dtype, Operand::Input(i));
                    text += &format!("    let x{i} = in{i}[here.x{i} + i * p.x{i}_step];\n");
                }
                builder.function(format!(
                    "fn term(here: Place, i: u32) -> State {{\n{text}    return {};\n}}",
                    self.kind.term()
                ));
            }
            Terms::Totals(scratch) => {
                builder.read_write("terms", DType::U32, Operand::Scratch(scratch));
                builder.function("struct Place {\n    row: u32,\n}");
                builder.function("fn place(row: u32) -> Place {\n    return Place(row);\n}");
                builder.function(format!(
                    "fn term(here: Place, i: u32) -> State {{\n    let at = (i * p.rows + here.row) * {}u;\n    \
                     return {};\n}}",
                    self.kind.words(),
                    self.kind.unpacked(self.dtype, "terms")
                ));
            }
        }
    }

    /// `fn store`, for each term, and `fn finish`, for each chunk.
    fn emit_store(&self, builder: &mut Builder) {
        let store = match (self.totals, self.terms) {
            (Some(_), _) => String::new(),
            (None, Terms::Lines(_)) => {
                let dtype = if self.kind.is_index() { DType::U32 } else { self.dtype };
                builder.read_write("result", dtype, Operand::Output(0));
                format!("    result[here.out + i * p.right] = {};\n", self.kind.result())
            }
            (None, Terms::Totals(_)) => self.write("terms", "i * p.rows + here.row"),
        };
        builder.function(format!("fn store(here: Place, i: u32, s: State) {{\n{store}}}"));
        let finish = match self.totals {
            Some(scratch) => {
                builder.read_write("totals_of_chunks", DType::U32, Operand::Scratch(scratch));
                self.write("totals_of_chunks", "chunk * p.rows + row")
            }
            None => String::new(),
        };
        builder.function(format!("fn finish(row: u32, chunk: u32, s: State) {{\n{finish}}}"));
    }

    /// `fn carry`: what comes before a chunk.
    fn emit_carry(&self, builder: &mut Builder) {
        let text = match self.carries {
            Some(scratch) => {
                builder.read("carries", DType::U32, Operand::Scratch(scratch));
                format!(
                    "    if chunk == 0u {{\n        return identity();\n    }}\n    \
                     let at = ((chunk - 1u) * p.rows + row) * {}u;\n    return {};\n",
                    self.kind.words(),
                    self.kind.unpacked(self.dtype, "carries")
                )
            }
            None => "    return identity();\n".into(),
        };
        builder.function(format!("fn carry(row: u32, chunk: u32) -> State {{\n{text}}}"));
    }

    /// Statements that write state `s` as element `at` of a buffer of states.
    fn write(&self, buffer: &str, at: &str) -> String {
        let mut text = format!("    let at = ({at}) * {}u;\n", self.kind.words());
        for (k, word) in self.kind.packed().into_iter().enumerate() {
            text += &format!("    {buffer}[at + {k}u] = {word};\n");
        }
        text
    }
}
