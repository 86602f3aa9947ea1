//! What a thread does with a few rows of the other side.

use std::fmt::Write;

use super::{Loads, Pass, Text};
use crate::kernels::Builder;

impl Text<'_> {
    /// `x<i>_<slot>_<c>`: the vectors of the rows, zeros from `end` on.
    fn load(&self, text: &mut String) {
        for i in 0..self.step {
            for (slot, rows) in self.other().iter().enumerate() {
                let (name, quads) = (rows.name, self.quads(slot));
                match self.loads {
                    Loads::Thread => {
                        for c in 0..quads {
                            let value = format!("{name}_at(at.{name}, min(j + {i}u, end - 1u), {c}u)");
                            let value = if i == 0 {
                                value
                            } else {
                                format!("select(vec4<f32>(), {value}, j + {i}u < end)")
                            };
                            let _ = writeln!(text, "    let x{i}_{slot}_{c} = {value};");
                        }
                    }
                    Loads::Lanes => {
                        for part in 0..quads.div_ceil(8) {
                            let c = format!("min(lane + {}u, {}u)", 8 * part, quads - 1);
                            let value = format!("{name}_at(at.{name}, min(j + {i}u, end - 1u), {c})");
                            let value = if i == 0 {
                                value
                            } else {
                                format!("select(vec4<f32>(), {value}, j + {i}u < end)")
                            };
                            let _ = writeln!(text, "    let part{i}_{slot}_{part} = {value};");
                        }
                        for c in 0..quads {
                            let _ = writeln!(
                                text,
                                "    let x{i}_{slot}_{c} = subgroupBroadcast(part{i}_{slot}_{}, {}u);",
                                c / 8,
                                c % 8
                            );
                        }
                    }
                    Loads::Tiled => {
                        for c in 0..quads {
                            let _ = writeln!(
                                text,
                                "    let x{i}_{slot}_{c} = tile{slot}[(t + {i}u) * {quads}u + {c}u];"
                            );
                        }
                    }
                }
            }
        }
    }

    /// The product of what row `r` owns in a slot with row `i` of the other side.
    fn product(&self, text: &mut String, name: &str, slot: usize, i: usize, r: usize) {
        let quads = self.quads(slot);
        let own = |c: usize| format!("(*s).own{slot}[{}]", r * quads + c);
        let _ = writeln!(text, "    var {name}_{i}_{r} = {} * x{i}_{slot}_0;", own(0));
        for c in 1..quads {
            let _ = writeln!(text, "    {name}_{i}_{r} = fma({}, x{i}_{slot}_{c}, {name}_{i}_{r});", own(c));
        }
    }

    /// Whether rows past the end may be met.
    fn past_the_end(&self) -> bool {
        self.step > 1 || self.loads == Loads::Tiled
    }

    fn guarded(&self) -> bool {
        self.past_the_end() || self.problem.kind.leaves_out()
    }

    /// `score_<i>_<r>`, and `read_<i>_<r>` where a key may be left out.
    fn score(&self, text: &mut String, i: usize, r: usize) {
        self.product(text, "a", 0, i, r);
        let sum = format!("a_{i}_{r}.x + a_{i}_{r}.y + a_{i}_{r}.z + a_{i}_{r}.w");
        let kind = self.problem.kind;
        let (other, own) = (format!("j + t + {i}u"), self.row(r));
        let _ = writeln!(text, "    var score_{i}_{r} = ({sum}) * bitcast<f32>(p.scale);");
        let mut conditions = Vec::new();
        if self.past_the_end() {
            conditions.push(format!("{other} < end"));
        }
        let held = format!("min({other}, p.others - 1u)");
        let (query, key) = if self.by_keys() { (&held, &own) } else { (&own, &held) };
        if kind.causal {
            conditions.push(format!("{key} <= {query}"));
        }
        if kind.mask {
            conditions.push(format!("mask_at(at.mask, {query}, {key}) != 0u"));
        }
        if kind.bias {
            let _ = writeln!(text, "    let bias_{i}_{r} = bias_at(at.bias, {query}, {key});");
            let _ = writeln!(text, "    score_{i}_{r} += bias_{i}_{r};");
            conditions.push(format!("bitcast<u32>(bias_{i}_{r}) != 0xff800000u"));
        }
        if self.guarded() {
            let _ = writeln!(text, "    let read_{i}_{r} = {};", conditions.join(" && "));
        }
    }

    /// `value`, or 0 where a key is left out.
    fn or_zero(&self, value: String, i: usize, r: usize) -> String {
        if self.guarded() { format!("select(0.0, {value}, read_{i}_{r})") } else { value }
    }

    /// Adds the rows to the sums of a slot, each times `factor_<i>_<r>`.
    fn add(&self, text: &mut String, factor: &str, slot: usize, r: usize) {
        for c in 0..self.quads(slot) {
            let sum = format!("(*s).sums{slot}[{}]", r * self.quads(slot) + c);
            let begin = if self.pass == Pass::Outputs { format!("{sum} * shrink_{r}") } else { sum.clone() };
            let mut value = begin;
            for i in 0..self.step {
                let x = format!("x{i}_{slot}_{c}");
                // 0 times a NaN is not 0; rows past the end are zeros already
                let x = match self.problem.kind.leaves_out() {
                    true => format!("select(vec4<f32>(), {x}, read_{i}_{r})"),
                    false => x,
                };
                value = format!("fma(vec4({factor}_{i}_{r}), {x}, {value})");
            }
            let _ = writeln!(text, "    {sum} = {value};");
        }
    }

    pub(super) fn emit_advance(&self, builder: &mut Builder) {
        let mut text = String::new();
        self.load(&mut text);
        if self.by_keys() {
            self.load_numbers(&mut text);
        }
        for r in 0..self.owned {
            for i in 0..self.step {
                self.score(&mut text, i, r);
            }
            match self.pass {
                Pass::Outputs => self.soften(&mut text, r),
                Pass::Queries | Pass::Keys { .. } => self.weigh(&mut text, r),
            }
        }
        builder.function(format!(
            "fn advance(s: ptr<function, State>, at: Place, row: u32, j: u32, t: u32, end: u32, lane: u32) \
             {{\n{text}}}"
        ));
    }

    /// `log_<i>`, and `mean_<i>`, of the queries gone through.
    fn load_numbers(&self, text: &mut String) {
        let means = matches!(self.pass, Pass::Keys { keys: true, .. });
        let arrays = [("log", "kept", "logs", true), ("mean", "out", "means", means)];
        for (name, array, place, _) in arrays.into_iter().filter(|a| a.3) {
            if self.loads == Loads::Lanes {
                let _ =
                    writeln!(text, "    let {name} = {array}[at.{place} + min(j + lane, p.others - 1u)];");
            }
            for i in 0..self.step {
                let value = match self.loads {
                    Loads::Lanes => format!("subgroupBroadcast({name}, {i}u)"),
                    _ => format!("{array}[at.{place} + min(j + t + {i}u, p.others - 1u)]"),
                };
                let _ = writeln!(text, "    let {name}_{i} = {value};");
            }
        }
    }

    /// One step of the online softmax for row `r`.
    fn soften(&self, text: &mut String, r: usize) {
        let scores: Vec<String> = (0..self.step)
            .map(|i| match self.guarded() {
                true => format!("select(-3.4028234e38, score_{i}_{r}, read_{i}_{r})"),
                false => format!("score_{i}_{r}"),
            })
            .collect();
        let most = format!("(*s).most[{r}]");
        let largest = scores.iter().fold(most.clone(), |most, score| format!("max({most}, {score})"));
        let _ = writeln!(text, "    let most_{r} = {largest};");
        let _ = writeln!(text, "    let shrink_{r} = weight({most} - most_{r});\n    {most} = most_{r};");
        let mut total = format!("(*s).total[{r}] * shrink_{r}");
        for i in 0..self.step {
            let weight = self.or_zero(format!("weight(score_{i}_{r} - most_{r})"), i, r);
            let _ = writeln!(text, "    let weight_{i}_{r} = {weight};");
            total = format!("{total} + weight_{i}_{r}");
        }
        let _ = writeln!(text, "    (*s).total[{r}] = {total};");
        self.add(text, "weight", 1, r);
    }

    /// Weights again, and the gradients of scores, for row `r`.
    fn weigh(&self, text: &mut String, r: usize) {
        let (log, mean) = match self.pass {
            Pass::Queries => (format!("(*s).log[{r}]"), format!("(*s).mean[{r}]")),
            _ => ("log".to_string(), "mean".to_string()),
        };
        let of = |name: &str, i: usize| if self.by_keys() { format!("{name}_{i}") } else { name.to_string() };
        for i in 0..self.step {
            let weight = self.or_zero(format!("weight(score_{i}_{r} - {})", of(&log, i)), i, r);
            let _ = writeln!(text, "    let weight_{i}_{r} = {weight};");
            if !self.sums().contains(&0) {
                continue;
            }
            self.product(text, "b", 1, i, r);
            let slope = format!("b_{i}_{r}.x + b_{i}_{r}.y + b_{i}_{r}.z + b_{i}_{r}.w");
            let ds = format!("weight_{i}_{r} * (({slope}) - {}) * bitcast<f32>(p.scale)", of(&mean, i));
            let _ = writeln!(text, "    let slope_{i}_{r} = {};", self.or_zero(ds, i, r));
        }
        for slot in self.sums() {
            self.add(text, if slot == 0 { "slope" } else { "weight" }, slot, r);
        }
    }
}
