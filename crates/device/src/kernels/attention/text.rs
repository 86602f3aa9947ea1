//! The functions of the kernels: what a thread owns, where it lies, and what comes of it.

mod advance;

use std::fmt::Write;

use anygrad_layout::DType;

use super::operand::Rows;
use super::{Loads, Pass, Problem};
use crate::kernels::Builder;
use crate::{Caps, Operand};

/// One kernel: what it computes, how it loads, and how much it unrolls.
pub(super) struct Text<'a> {
    problem: &'a Problem,
    pass: Pass,
    loads: Loads,
    threads: usize,
    /// Rows that a thread owns.
    owned: usize,
    /// Rows of the other side at a time.
    pub step: usize,
}

/// Bytes of workgroup memory for the rows of a tile: half of what every adapter has.
const TILE_BYTES: usize = 8192;

impl<'a> Text<'a> {
    pub fn new(problem: &'a Problem, pass: Pass, loads: Loads, caps: &Caps) -> Self {
        let quads = problem.d.div_ceil(4) + problem.e.div_ceil(4);
        // a software adapter keeps rows in its cache; what is handed round then serves more than one
        let most = if pass == Pass::Outputs { 32 } else { 16 };
        let owned = if loads == Loads::Lanes && quads <= most { 2 } else { 1 };
        // so much that the outputs are changed rarely, and so little that drivers compile it in time
        let step = (64 / quads).clamp(1, 4);
        let step = if step == 3 { 2 } else { step };
        Self { problem, pass, loads, threads: loads.threads(caps), owned, step }
    }

    pub fn name(&self) -> &'static str {
        self.loads.name()
    }

    /// Rows of a workgroup.
    pub fn rows(&self) -> usize {
        self.threads * self.owned
    }

    fn by_keys(&self) -> bool {
        matches!(self.pass, Pass::Keys { .. })
    }

    pub fn owned_rows(&self) -> usize {
        if self.by_keys() { self.problem.m } else { self.problem.n }
    }

    pub fn others(&self) -> usize {
        if self.by_keys() { self.problem.n } else { self.problem.m }
    }

    /// What a thread owns, by slot: of the products with the other side's slots, 0 gives scores, and 1 the gradients
    /// of weights.
    fn own(&self) -> Vec<&'a Rows> {
        let Problem { q, k, v, g, .. } = self.problem;
        match self.pass {
            Pass::Outputs => vec![q],
            Pass::Queries => std::iter::once(q).chain(g).collect(),
            Pass::Keys { keys: true, .. } => vec![k, v],
            Pass::Keys { .. } => vec![k],
        }
    }

    fn other(&self) -> Vec<&'a Rows> {
        let Problem { q, k, v, g, .. } = self.problem;
        if self.by_keys() { std::iter::once(q).chain(g).collect() } else { vec![k, v] }
    }

    /// The slots of the other side that are added up, with their weights: those of scores, or their gradients.
    fn sums(&self) -> Vec<usize> {
        match self.pass {
            Pass::Outputs => vec![1],
            Pass::Queries => vec![0],
            Pass::Keys { keys, values } => {
                [(keys, 0), (values, 1)].iter().filter(|s| s.0).map(|s| s.1).collect()
            }
        }
    }

    /// Vectors of a row of a slot.
    fn quads(&self, slot: usize) -> usize {
        let width = if slot == 0 { self.problem.d } else { self.problem.e };
        width.div_ceil(4)
    }

    fn width(&self, slot: usize) -> usize {
        if slot == 0 { self.problem.d } else { self.problem.e }
    }

    fn tile(&self) -> usize {
        let bytes = 16 * (self.quads(0) + self.quads(1));
        [32, 16, 8].into_iter().find(|rows| rows * bytes <= TILE_BYTES).unwrap_or(4)
    }

    pub fn emit(&self, builder: &mut Builder) {
        builder.constant("GROUP", self.threads as u32);
        builder.constant("OWNED", self.owned as u32);
        builder.constant("STEP", self.step as u32);
        builder.param("owned", self.owned_rows());
        builder.param("others", self.others());
        builder.param("scale", (1.0 / (self.problem.d as f32).sqrt()).to_bits() as usize);
        for rows in [&self.problem.q, &self.problem.k, &self.problem.v].into_iter().chain(&self.problem.g) {
            let used = self.own().iter().chain(&self.other()).any(|other| other.name == rows.name);
            if used {
                rows.emit(builder);
            }
        }
        if let Some(mask) = &self.problem.mask {
            mask.emit_elements(builder, DType::Bool);
        }
        if let Some(bias) = &self.problem.bias {
            bias.emit_elements(builder, DType::F32);
        }
        self.emit_place(builder);
        self.emit_state(builder);
        self.emit_begin(builder);
        self.emit_others(builder);
        self.emit_advance(builder);
        self.emit_finish(builder);
        if self.loads == Loads::Tiled {
            self.emit_stage(builder);
        }
        // e^x without branches, for x up to 90
        builder.function(
            "fn weight(x: f32) -> f32 {
    let held = clamp(x, -105.0, 90.0);
    let k = floor(held * 1.442695 + 0.5);
    return select(ag_scale(1.0 + ag_exp_tail(ag_exp_rest(held, k)), i32(k)), x, ag_is_nan(x));
}",
        );
    }

    /// Where the matrices of one of the batch begin. Offsets of results are params, so the text does not change with
    /// sizes.
    fn emit_place(&self, builder: &mut Builder) {
        let Problem { batch, n, m, d, e, .. } = *self.problem;
        let mut fields: Vec<(String, String)> = Vec::new();
        for rows in self.own().iter().chain(&self.other()) {
            fields.push((rows.name.into(), format!("{}_base(batch)", rows.name)));
        }
        for rows in self.problem.mask.iter().chain(&self.problem.bias) {
            fields.push((rows.name.into(), format!("{}_base(batch)", rows.name)));
        }
        let mut region = |name: &str, start: usize, each: usize| {
            builder.param(&format!("{name}_start"), start);
            builder.param(&format!("{name}_each"), each);
            fields.push((name.into(), format!("p.{name}_start + batch * p.{name}_each")));
        };
        match self.pass {
            Pass::Outputs => {
                region("sums1", 0, n * e);
                region("logs", batch * n * e, n);
            }
            _ => {
                let gradients = [0, batch * n * d, batch * (n + m) * d, batch * ((n + m) * d + m * e)];
                region("logs", self.problem.kept + batch * n * e, n);
                region("means", gradients[3], n);
                if self.pass == Pass::Queries {
                    region("sums0", gradients[0], n * d);
                    region("outputs", self.problem.kept, n * e);
                } else {
                    region("sums0", gradients[1], m * d);
                    region("sums1", gradients[2], m * e);
                }
                builder.read("kept", DType::F32, Operand::Input(3));
            }
        }
        builder.read_write("out", DType::F32, Operand::Output(0));
        let (mut declared, mut values) = (String::new(), Vec::new());
        for (name, value) in fields {
            let _ = writeln!(declared, "    {name}: u32,");
            values.push(value);
        }
        builder.function(format!("struct Place {{\n{declared}}}"));
        builder.function(format!(
            "fn place(batch: u32) -> Place {{\n    return Place({});\n}}",
            values.join(", ")
        ));
    }

    fn emit_state(&self, builder: &mut Builder) {
        let mut text = String::new();
        for slot in 0..self.own().len() {
            let _ = writeln!(text, "    own{slot}: array<vec4<f32>, {}>,", self.owned * self.quads(slot));
        }
        for slot in self.sums() {
            let _ = writeln!(text, "    sums{slot}: array<vec4<f32>, {}>,", self.owned * self.quads(slot));
        }
        let numbers = match self.pass {
            Pass::Outputs => "    most: array<f32, OWNED>,\n    total: array<f32, OWNED>,\n",
            Pass::Queries => "    log: array<f32, OWNED>,\n    mean: array<f32, OWNED>,\n",
            Pass::Keys { .. } => "",
        };
        builder.function(format!("struct State {{\n{text}{numbers}}}"));
    }

    /// The row that a thread owns, or the last one.
    fn row(&self, r: usize) -> String {
        format!("min(row + {}u, p.owned - 1u)", r * self.threads)
    }

    fn emit_begin(&self, builder: &mut Builder) {
        let mut text = String::new();
        for r in 0..self.owned {
            let _ = writeln!(text, "    let row{r} = {};", self.row(r));
            for (slot, rows) in self.own().iter().enumerate() {
                for c in 0..self.quads(slot) {
                    let (at, name) = (r * self.quads(slot) + c, rows.name);
                    let _ = writeln!(text, "    (*s).own{slot}[{at}] = {name}_at(at.{name}, row{r}, {c}u);");
                }
            }
            match self.pass {
                Pass::Outputs => {
                    let _ = writeln!(text, "    (*s).most[{r}] = -3.4028234e38;\n    (*s).total[{r}] = 0.0;");
                }
                Pass::Queries => self.begin_query(&mut text, r),
                Pass::Keys { .. } => {}
            }
        }
        builder.function(format!("fn begin(s: ptr<function, State>, at: Place, row: u32) {{\n{text}}}"));
    }

    /// The mean of the gradients of a query's weights is the product of its output and that one's gradient.
    fn begin_query(&self, text: &mut String, r: usize) {
        let (quads, width) = (self.quads(1), self.width(1));
        let _ = writeln!(text, "    (*s).log[{r}] = kept[at.logs + row{r}];");
        let _ = writeln!(text, "    let output{r} = at.outputs + row{r} * {width}u;\n    var mean{r} = 0.0;");
        for i in 0..width {
            let component = ["x", "y", "z", "w"][i % 4];
            let own = format!("(*s).own1[{}].{component}", r * quads + i / 4);
            let _ = writeln!(text, "    mean{r} = fma(kept[output{r} + {i}u], {own}, mean{r});");
        }
        let _ = writeln!(text, "    (*s).mean[{r}] = mean{r};");
    }

    /// Which of the other rows a block meets.
    fn emit_others(&self, builder: &mut Builder) {
        let range = match (self.problem.kind.causal, self.by_keys()) {
            (false, _) => "vec2(0u, p.others)",
            (true, false) => "vec2(0u, min(p.others, first + GROUP * OWNED))",
            // keys are read by the queries from their own place on
            (true, true) => "vec2(min(first, p.others), p.others)",
        };
        builder.function(format!("fn others(first: u32) -> vec2<u32> {{\n    return {range};\n}}"));
    }

    fn emit_stage(&self, builder: &mut Builder) {
        builder.constant("TILE", self.tile() as u32);
        let (mut declared, mut text) = (String::new(), String::new());
        for (slot, rows) in self.other().iter().enumerate() {
            let (name, quads) = (rows.name, self.quads(slot));
            let _ =
                writeln!(declared, "var<workgroup> tile{slot}: array<vec4<f32>, {}>;", self.tile() * quads);
            let _ = writeln!(
                text,
                "    for (var i = thread; i < TILE * {quads}u; i += GROUP) {{
        let other = j + i / {quads}u;
        let value = {name}_at(at.{name}, min(other, end - 1u), i % {quads}u);
        tile{slot}[i] = select(vec4<f32>(), value, other < end);
    }}"
            );
        }
        builder.function(declared);
        builder.function(format!("fn stage(at: Place, j: u32, end: u32, thread: u32) {{\n{text}}}"));
    }

    fn emit_finish(&self, builder: &mut Builder) {
        let mut text = String::new();
        for r in 0..self.owned {
            let _ =
                writeln!(text, "    let row{r} = row + {}u;\n    if row{r} < p.owned {{", r * self.threads);
            let mut factor = String::new();
            match self.pass {
                Pass::Outputs => {
                    let (most, total) = (format!("(*s).most[{r}]"), format!("(*s).total[{r}]"));
                    // a query that reads nothing gets zeros, and a logarithm that makes its weights 0
                    let _ = writeln!(
                        text,
                        "        let none = {total} == 0.0;
        let total = select({total}, 1.0, none);
        out[at.logs + row{r}] = select({most} + ag_log(total), 3.4028234e38, none);"
                    );
                    factor = " / total".into();
                }
                Pass::Queries => {
                    let _ = writeln!(text, "        out[at.means + row{r}] = (*s).mean[{r}];");
                }
                Pass::Keys { .. } => {}
            }
            for slot in self.sums() {
                let (quads, width) = (self.quads(slot), self.width(slot));
                let _ = writeln!(text, "        let to{slot} = at.sums{slot} + row{r} * {width}u;");
                for i in 0..width {
                    let component = ["x", "y", "z", "w"][i % 4];
                    let sum = format!("(*s).sums{slot}[{}].{component}", r * quads + i / 4);
                    let sum = match self.pass {
                        Pass::Outputs => format!("select({sum}{factor}, 0.0, none)"),
                        _ => sum,
                    };
                    let _ = writeln!(text, "        out[to{slot} + {i}u] = {sum};");
                }
            }
            text += "    }\n";
        }
        builder.function(format!("fn finish(s: ptr<function, State>, at: Place, row: u32) {{\n{text}}}"));
    }
}
