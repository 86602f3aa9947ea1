//! The text of a kernel over rows.

use std::sync::Arc;

use anygrad_layout::{DType, Layout};
use anygrad_shaders::{ROWS_THREAD, ROWS_WORKGROUP};

use super::walks::{Walk, Walks};
use super::{FAMILY, RowWork, Rows};
use crate::kernels::address::Axes;
use crate::kernels::loads::{Home, Loads, Part};
use crate::kernels::reduce::Monoid;
use crate::kernels::{Builder, Pointwise, Sink, SourceKind, Step, fold_groups, invalid, storage_type};
use crate::{Caps, DeviceError, Launch, Operand};

/// Terms of a block. Blocks are added up in turn, so that no sum of f32 has more terms in a row.
const BLOCK: usize = 256;

/// Mesa's lavapipe ends all loops of a thread after 65,535 rounds together.
const ROUNDS: usize = 65_000;

/// What a kernel is made of, one element or four at a time along the rows.
pub(super) struct Emitter<'a> {
    program: &'a Rows,
    walks: &'a Walks,
    /// The axes that count rows and those along them, for all inputs.
    kept: Axes,
    inner: Axes,
    four: bool,
}

/// A kernel on the way: what is bound, and the statements so far.
struct Text {
    builder: Builder,
    bound: Vec<String>,
    homes: Arc<[Option<Home>]>,
    body: String,
    /// Threads of a workgroup that share a row; `None` if each thread has its own.
    threads: Option<u32>,
}

impl<'a> Emitter<'a> {
    /// `None` if rows cannot be walked in fours.
    pub fn new(program: &'a Rows, walks: &'a Walks, four: bool) -> Option<Self> {
        let part = |from: usize, to: usize, letter: char| {
            let part = |layout: &Layout| layout.permute(&(from..to).collect::<Vec<_>>());
            let parts: Vec<Layout> = program.inputs.iter().map(|s| part(&s.layout)).collect();
            let sizes: Vec<usize> = program.shape.iter().copied().skip(from).take(to - from).collect();
            Axes::new(letter, &sizes, &parts.iter().collect::<Vec<_>>())
        };
        let (kept, inner) = (part(0, program.outer, 'o'), part(program.outer, program.shape.rank(), 'i'));
        let fits = !four || Loads::fours_fit(std::slice::from_ref(&inner));
        fits.then_some(Self { program, walks, kept, inner, four })
    }

    /// The kernel of the first variant that fits, or of `force`.
    pub fn launch(&self, caps: &Caps, force: Option<&str>) -> Result<Launch, DeviceError> {
        let terms = self.inner.count() / if self.four { 4 } else { 1 };
        let rounds = (terms + terms / BLOCK + 2).saturating_mul(self.walks.count + 1);
        let short = rounds <= ROUNDS && (terms <= 16 || caps.software);
        let threads = match force {
            Some("thread") if rounds > ROUNDS => {
                return Err(invalid(FAMILY, format!("thread does not fit rows of {terms} terms")));
            }
            Some("thread") => None,
            None if short => None,
            _ => Some(self.threads(terms, caps)),
        };
        let variant = if threads.is_some() { "workgroup" } else { "thread" };
        let mut text = Text {
            builder: Builder::new(FAMILY, variant),
            bound: Vec::new(),
            homes: self.homes(),
            body: String::new(),
            threads,
        };
        text.builder.param("rows", self.program.count());
        text.builder.param("inner", terms);
        text.builder.constant("BLOCK", BLOCK as u32);
        let numbers = self.program.numbers.iter().enumerate();
        numbers.for_each(|(i, dtype)| text.builder.number(&format!("number{i}"), i, *dtype));
        self.bind_outputs(&mut text);
        text.body = self.kept.coordinates(&mut text.builder, "r");
        self.row_loads(&mut text)?;
        for n in 0..self.walks.count {
            self.between(&mut text, n)?;
            self.fold(&mut text, n)?;
        }
        self.between(&mut text, self.walks.count)?;
        self.write(&mut text)?;
        self.finish(text, caps)
    }

    /// Threads for a row: a few terms for each, at least the width of the hardware, and no more than their states fit
    /// the memory of a workgroup.
    fn threads(&self, terms: usize, caps: &Caps) -> u32 {
        let folds = self.program.steps.iter().filter(|step| matches!(step.work, RowWork::Fold(_))).count();
        let wanted = (terms / 4).next_power_of_two().clamp(32, 256) as u32;
        let most = (caps.workgroup_bytes / (4 * folds.max(1)) as u32).min(caps.max_threads).max(1);
        // a power of two
        wanted.min(1 << most.ilog2())
    }

    /// For each buffer: the output that lies there.
    fn homes(&self) -> Arc<[Option<Home>]> {
        let buffer = |input: usize| match self.program.inputs.get(input)?.kind {
            SourceKind::Buffer(at) => Some(at),
            SourceKind::Iota | SourceKind::Computed => None,
        };
        let count = (0..self.program.inputs.len()).filter_map(buffer).max().map_or(0, |most| most + 1);
        let mut homes = vec![None; count];
        for (k, row) in self.program.outputs.iter().enumerate() {
            if let Some(at) = row.sink.in_place.and_then(buffer) {
                homes[at] = Some(Home { name: format!("out{k}"), offset: 0 });
            }
        }
        homes.into()
    }

    fn bind_outputs(&self, text: &mut Text) {
        for (k, row) in self.program.outputs.iter().enumerate() {
            let name = format!("out{k}");
            if self.four && row.whole {
                text.builder.read_write_vec4(&name, row.sink.dtype, Operand::Output(k));
            } else {
                text.builder.read_write(&name, row.sink.dtype, Operand::Output(k));
            }
        }
    }

    /// The part of some axes that belongs to some inputs.
    fn pick(axes: &Axes, inputs: &[usize], prefix: &str) -> Axes {
        let strides = inputs.iter().map(|&i| axes.strides[i].clone()).collect();
        Axes { sizes: axes.sizes.clone(), strides, letter: axes.letter, prefix: prefix.to_owned() }
    }

    /// A walk as a pointwise program, whose numbers are the values a row that it is given.
    fn pointwise(&self, walk: &Walk, yields: &[usize]) -> Pointwise {
        let Rows { inputs, numbers, steps, .. } = self.program;
        let first = inputs.len() + numbers.len();
        let (loads, given) = (walk.loads.len(), walk.given.len());
        let place = |value: usize| {
            let at = |list: &[usize], wanted: usize| list.binary_search(&wanted).ok();
            let step = || value.checked_sub(first).and_then(|step| at(&walk.steps, step));
            let given = || at(&walk.given, value).map(|at| loads + at);
            at(&walk.loads, value).or_else(given).or_else(|| step().map(|at| loads + walk.given.len() + at))
        };
        let dtype = |value: usize| self.program.dtype(value).unwrap_or(DType::F32);
        let step = |&at: &usize| Step {
            wgsl: if let RowWork::Each(wgsl) = steps[at].work { wgsl } else { "$0" },
            args: steps[at].args.iter().map(|&arg| place(arg as usize).unwrap_or(0) as u32).collect(),
            dtype: steps[at].dtype,
        };
        debug_assert_eq!(walk.given.len(), given);
        Pointwise {
            shape: self.program.shape.clone(),
            inputs: walk.loads.iter().map(|&i| inputs[i].clone()).collect(),
            numbers: walk.given.iter().map(|&value| dtype(value)).collect(),
            steps: walk.steps.iter().map(step).collect(),
            outputs: yields
                .iter()
                .map(|&v| Sink { value: place(v).unwrap_or(0) as u32, dtype: dtype(v), in_place: None })
                .collect(),
        }
    }

    /// The expression of a value a row.
    fn given(&self, value: usize) -> String {
        match value.checked_sub(self.program.inputs.len()) {
            Some(number) if number < self.program.numbers.len() => format!("p.number{number}"),
            _ => format!("w{value}"),
        }
    }

    /// Statements that load the inputs that are one value a row.
    fn row_loads(&self, text: &mut Text) -> Result<(), DeviceError> {
        let loads: Vec<usize> = (0..self.program.inputs.len()).filter(|&i| self.walks.per_row[i]).collect();
        let walk = Walk { loads, ..Walk::default() };
        let program = self.pointwise(&walk, &[]);
        let axes = Self::pick(&self.kept, &walk.loads, "");
        let mut loads = self.loads(&program, vec![axes], false, "row_", text);
        text.body += &loads.sources(&mut text.builder)?;
        text.bound = loads.bound;
        for (at, value) in walk.loads.iter().enumerate() {
            text.body += &format!("    let w{value} = x{at};\n");
        }
        Ok(())
    }

    fn loads<'p>(
        &self,
        program: &'p Pointwise,
        axes: Vec<Axes>,
        four: bool,
        prefix: &str,
        text: &Text,
    ) -> Loads<'p> {
        let part = Part { prefix: prefix.to_owned(), homes: text.homes.clone(), ..Part::default() };
        Loads::new(program, axes, four).of_part(part, text.bound.clone())
    }

    /// Statements for the steps on values a row once `n` walks are over.
    fn between(&self, text: &mut Text, n: usize) -> Result<(), DeviceError> {
        let steps = self.walks.between(self.program, n);
        if steps.is_empty() {
            return Ok(());
        }
        let first = self.program.inputs.len() + self.program.numbers.len();
        let args = steps.iter().flat_map(|&step| &self.program.steps[step].args).map(|&arg| arg as usize);
        let mut given: Vec<usize> = args
            .filter(|arg| arg.checked_sub(first).is_none_or(|s| steps.binary_search(&s).is_err()))
            .collect();
        given.sort_unstable();
        given.dedup();
        let yields: Vec<usize> = steps.iter().map(|step| first + step).collect();
        let walk = Walk { loads: Vec::new(), given, steps };
        self.pointwise(&walk, &yields).emit_apply(&mut text.builder, &format!("_row{n}"))?;
        let given: Vec<String> = walk.given.iter().map(|&value| self.given(value)).collect();
        text.body += &format!("    let v{n} = apply_row{n}({});\n", given.join(", "));
        for (k, value) in yields.iter().enumerate() {
            text.body += &format!("    let w{value} = v{n}.y{k};\n");
        }
        Ok(())
    }

    /// Statements for one element, or four, at `index` along the row: `r0`, or `r0` to `r3`, become the yields.
    fn element(
        &self,
        text: &mut Text,
        walk: &Walk,
        yields: &[usize],
        form: &str,
        index: &str,
    ) -> Result<String, DeviceError> {
        let program = self.pointwise(walk, yields);
        program.emit_apply(&mut text.builder, form)?;
        let prefix = format!("walk{form}_");
        let axes =
            vec![Self::pick(&self.kept, &walk.loads, ""), Self::pick(&self.inner, &walk.loads, &prefix)];
        let mut loads = self.loads(&program, axes, self.four, &prefix, text);
        let mut lines = loads.axes[1].coordinates(&mut text.builder, index);
        lines += &loads.sources(&mut text.builder)?;
        text.bound = loads.bound;
        let lanes: &[&str] = if self.four { &[".x", ".y", ".z", ".w"] } else { &[""] };
        for (lane, suffix) in lanes.iter().enumerate() {
            let elements = (0..walk.loads.len()).map(|at| format!("x{at}{suffix}"));
            let given = walk.given.iter().map(|&value| self.given(value));
            let arguments: Vec<String> = elements.chain(given).collect();
            lines += &format!("    let r{lane} = apply{form}({});\n", arguments.join(", "));
        }
        Ok(lines)
    }

    /// The walk of all reductions that need `n` others to be over.
    fn fold(&self, text: &mut Text, n: usize) -> Result<(), DeviceError> {
        let folds = self.walks.folds(self.program, n);
        let first = self.program.inputs.len() + self.program.numbers.len();
        let terms: Vec<usize> = folds
            .iter()
            .filter_map(|&step| self.program.steps[step].args.first())
            .map(|&arg| arg as usize)
            .collect();
        let walk = self.walks.walk(self.program, terms.iter().copied());
        self.declare_state(text, n, &folds);
        let lines = self.element(text, &walk, &terms, &format!("_{n}"), "at")?;
        let state = |lane: usize| {
            let terms: Vec<String> = (0..folds.len()).map(|k| format!("r{lane}.y{k}")).collect();
            format!("State{n}({})", terms.join(", "))
        };
        let term = match self.four {
            false => state(0),
            true => {
                format!("join{n}(join{n}({}, {}), join{n}({}, {}))", state(0), state(1), state(2), state(3))
            }
        };
        let (start, stretch, step) = match text.threads {
            Some(_) => ("thread", "BLOCK * GROUP", "GROUP"),
            None => ("0u", "BLOCK", "1u"),
        };
        text.body += &format!(
            "    var t{n} = start{n}();\n    {{\n    var at = {start};\n    while at < p.inner {{\n    \
             let stop = min(at + {stretch}, p.inner);\n    var part = start{n}();\n    \
             for (; at < stop; at += {step}) {{\n{lines}    part = join{n}(part, {term});\n    }}\n    \
             t{n} = join{n}(t{n}, part);\n    }}\n    }}\n"
        );
        text.body += &match text.threads {
            Some(_) => format!("    let g{n} = gather{n}(thread, t{n});\n"),
            None => format!("    let g{n} = t{n};\n"),
        };
        for (k, step) in folds.iter().enumerate() {
            text.body += &format!("    let w{} = g{n}.s{k};\n", first + step);
        }
        Ok(())
    }

    /// `struct State`, `fn start` and `fn join` of walk `n`, and `fn gather` over the threads of a workgroup.
    fn declare_state(&self, text: &mut Text, n: usize, folds: &[usize]) {
        let (mut fields, mut starts, mut joins) = (String::new(), Vec::new(), Vec::new());
        for (k, &step) in folds.iter().enumerate() {
            let step = &self.program.steps[step];
            let RowWork::Fold(kind) = step.work else { continue };
            let monoid = Monoid { kind, dtype: step.dtype };
            let ty = step.dtype.name();
            fields += &format!("    s{k}: {ty},\n");
            starts.push(monoid.identity().to_owned());
            joins.push(format!("join{n}_{k}(a.s{k}, b.s{k})"));
            text.builder.function(format!(
                "fn join{n}_{k}(a: {ty}, b: {ty}) -> {ty} {{\n    return {};\n}}",
                monoid.combined()
            ));
        }
        let state = format!("State{n}");
        text.builder.function(format!(
            "struct {state} {{\n{fields}}}\nfn start{n}() -> {state} {{\n    return {state}({});\n}}\n\
             fn join{n}(a: {state}, b: {state}) -> {state} {{\n    return {state}({});\n}}",
            starts.join(", "),
            joins.join(", ")
        ));
        if text.threads.is_some() {
            text.builder.function(format!(
                "var<workgroup> partial{n}: array<{state}, GROUP>;\n\
                 fn gather{n}(thread: u32, mine: {state}) -> {state} {{\n    partial{n}[thread] = mine;\n    \
                 for (var half = GROUP / 2u; half > 0u; half /= 2u) {{\n        workgroupBarrier();\n        \
                 if thread < half {{\n            \
                 partial{n}[thread] = join{n}(partial{n}[thread], partial{n}[thread + half]);\n        }}\n    }}\n    \
                 workgroupBarrier();\n    return partial{n}[0];\n}}"
            ));
        }
    }

    /// The last walk, which writes elements, and the values a row.
    fn write(&self, text: &mut Text) -> Result<(), DeviceError> {
        let outputs = || self.program.outputs.iter().enumerate();
        let whole: Vec<(usize, usize)> =
            outputs().filter(|(_, row)| row.whole).map(|(k, row)| (k, row.sink.value as usize)).collect();
        if !whole.is_empty() {
            let yields: Vec<usize> = whole.iter().map(|(_, value)| *value).collect();
            let walk = self.walks.walk(self.program, yields.iter().copied());
            let mut lines = self.element(text, &walk, &yields, "_out", "at")?;
            for (at, (k, value)) in whole.iter().enumerate() {
                let ty = storage_type(self.program.dtype(*value).unwrap_or(DType::F32))?;
                lines += &match self.four {
                    false => format!("    out{k}[r * p.inner + at] = r0.y{at};\n"),
                    true => format!(
                        "    out{k}[r * p.inner + at] = vec4<{ty}>(r0.y{at}, r1.y{at}, r2.y{at}, r3.y{at});\n"
                    ),
                };
            }
            let (start, step) = if text.threads.is_some() { ("thread", "GROUP") } else { ("0u", "1u") };
            text.body +=
                &format!("    for (var at = {start}; at < p.inner; at += {step}) {{\n{lines}    }}\n");
        }
        let mut stores = String::new();
        for (k, row) in outputs().filter(|(_, row)| !row.whole) {
            stores += &format!("    out{k}[r] = {};\n", self.given(row.sink.value as usize));
        }
        if text.threads.is_some() && !stores.is_empty() {
            if outputs().any(|(_, row)| !row.whole && row.sink.in_place.is_some()) {
                // all threads have read what one overwrites
                text.body += "    storageBarrier();\n";
            }
            stores = format!("    if thread == 0u {{\n{stores}    }}\n");
        }
        text.body += &stores;
        Ok(())
    }

    fn finish(&self, text: Text, caps: &Caps) -> Result<Launch, DeviceError> {
        let Text { mut builder, body, threads, .. } = text;
        builder.function(format!("fn row(r: u32, thread: u32) {{\n{body}}}"));
        let rows = self.program.count();
        let (group, rows_a_group) = match threads {
            Some(threads) => (threads, 1),
            // a software adapter spreads workgroups over its cores; 8 threads are one vector there
            None if caps.software && rows <= 4096 => (8, 8),
            None => (64, 64),
        };
        builder.constant("GROUP", group);
        let grid = fold_groups(rows.div_ceil(rows_a_group), caps)?;
        let numel = self.program.shape.numel() as u64;
        let read =
            self.pointwise(&Walk { loads: (0..self.program.inputs.len()).collect(), ..Walk::default() }, &[]);
        let size = |whole: bool| if whole { numel } else { rows as u64 };
        let written = self
            .program
            .outputs
            .iter()
            .map(|row| size(row.whole).saturating_mul(row.sink.dtype.size() as u64));
        let bytes = written.fold(read.bytes_read(), u64::saturating_add);
        let flops = numel.saturating_mul(self.program.steps.len() as u64);
        builder.finish(if threads.is_some() { ROWS_WORKGROUP } else { ROWS_THREAD }, grid, flops, bytes)
    }
}
