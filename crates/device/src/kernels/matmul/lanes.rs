//! Products on software adapters: what a subgroup of eight threads loads, hands round and keeps.

use std::fmt::Write;

use super::operand::{Matrix, Reads};
use crate::Caps;
use crate::kernels::Builder;

/// Threads of the subgroup, and of the workgroup.
const LANES: usize = 8;
const COMPONENTS: [char; 4] = ['x', 'y', 'z', 'w'];

/// The tile of a subgroup: `rows` (a multiple of 8) times `32 * blocks` columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaneTile {
    rows: usize,
    blocks: usize,
}

impl LaneTile {
    /// 128 vectors of eight: more gain little and take the driver twice as long to compile.
    pub(super) const WIDE: Self = Self { rows: 16, blocks: 2 };
    pub(super) const NARROW: Self = Self { rows: 16, blocks: 1 };
    pub(super) const FLAT: Self = Self { rows: 8, blocks: 2 };

    /// Rows and columns.
    pub(super) fn sides(self) -> (usize, usize) {
        (self.rows, 32 * self.blocks)
    }

    /// Whether the kernel runs: every subgroup has eight threads, and so is the workgroup.
    pub(super) fn runs(caps: &Caps) -> bool {
        caps.subgroups && caps.subgroup_size == LANES as u32
    }

    /// Constants, aliases and functions of the tile, but for those of the operands.
    pub(super) fn emit(self, builder: &mut Builder, a: &Matrix, b: &Matrix) {
        let (rows, columns) = self.sides();
        builder.constant("ROWS", rows as u32);
        builder.constant("COLUMNS", columns as u32);
        builder.alias("Tile", &format!("array<vec4<f32>, {}>", rows * self.blocks));
        let (mut text, element_of_a) = self.load_a(builder, a);
        self.load_b(builder, b, &mut text);
        // row by row: the sums of a row stay in registers over the four k
        for row in 0..rows {
            for k in 0..4 {
                let _ = writeln!(text, "    let a{row}_{k} = vec4({});", element_of_a(row, k));
                for block in 0..self.blocks {
                    let sum = row * self.blocks + block;
                    let _ =
                        writeln!(text, "    (*tile)[{sum}] = fma(a{row}_{k}, b{k}_{block}, (*tile)[{sum}]);");
                }
            }
        }
        builder.function(format!(
            "fn advance(tile: ptr<function, Tile>, from_a: StartsA, from_b: StartsB, k: u32, lane: u32) {{\n{text}}}"
        ));
        let mut text = String::new();
        for row in 0..rows {
            let stores: String = (0..self.blocks)
                .map(|block| {
                    let (sum, right) = (row * self.blocks + block, 32 * block);
                    format!(" store(at + {row}u * p.n + {right}u, column + {right}u, (*tile)[{sum}]);")
                })
                .collect();
            let _ = writeln!(text, "    if rows > {row}u {{{stores} }}");
        }
        builder.function(format!(
            "fn leave(tile: ptr<function, Tile>, at: u32, rows: u32, column: u32) {{\n{text}}}"
        ));
    }

    /// The loads of a: eight rows and four k lie spread over the threads. The second result is the expression of an
    /// element, for the row of the tile and one of the four k.
    fn load_a(self, builder: &mut Builder, a: &Matrix) -> (String, impl Fn(usize, usize) -> String + use<>) {
        let reads = a.reads();
        a.bind(builder, reads);
        let (mut starts, mut text) = (Vec::new(), String::new());
        for group in 0..self.rows / LANES {
            let row = format!("first + {}u", LANES * group);
            let value = match reads {
                Reads::AlongK => {
                    starts.push(format!("base / 4u + min({row} + lane, p.m - 1u) * p.a_outer"));
                    format!("a[from_a[{group}] + k / 4u]")
                }
                // thread i holds k + i / 2, and of it rows 0..3 if i is even, and 4..7 if it is odd
                Reads::AlongOuter => {
                    starts.push(format!("base / 4u + min(({row}) / 4u + lane % 2u, p.m / 4u - 1u)"));
                    let at = a.bounded("k + lane / 2u");
                    a.masked_load(&format!("a[from_a[{group}] + {at} * p.a_k]"), "k + lane / 2u")
                }
                Reads::Elements => {
                    starts.push(format!("base + min({row} + lane, p.m - 1u) * p.a_outer"));
                    let parts: Vec<String> = (0..4)
                        .map(|j| {
                            let k = format!("k + {j}u");
                            a.masked_element(&format!("a[from_a[{group}] + {} * p.a_k]", a.bounded(&k)), &k)
                        })
                        .collect();
                    format!("vec4({})", parts.join(", "))
                }
            };
            let _ = writeln!(text, "    let rows{group} = {value};");
        }
        emit_starts(builder, "a", &starts);
        let element = move |row: usize, k: usize| {
            let (group, row) = (row / LANES, row % LANES);
            let (component, lane) =
                if reads == Reads::AlongOuter { (row % 4, 2 * k + row / 4) } else { (k, row) };
            format!("subgroupBroadcast(rows{group}.{}, {lane}u)", COMPONENTS[component])
        };
        (text, element)
    }

    /// The loads of b: `b<k>_<block>` are the four columns of the thread at one k.
    fn load_b(self, builder: &mut Builder, b: &Matrix, text: &mut String) {
        let reads = b.reads();
        b.bind(builder, reads);
        let mut starts = Vec::new();
        for block in 0..self.blocks {
            let column = format!("first + {}u + 4u * lane", 32 * block);
            if reads == Reads::AlongOuter {
                starts.push(format!("base / 4u + min(({column}) / 4u, p.n / 4u - 1u)"));
                for j in 0..4 {
                    let k = format!("k + {j}u");
                    let load = format!("b[from_b[{block}] + {} * p.b_k]", b.bounded(&k));
                    let _ = writeln!(text, "    let b{j}_{block} = {};", b.masked_load(&load, &k));
                }
                continue;
            }
            let base = if reads == Reads::AlongK { "base / 4u" } else { "base" };
            for c in 0..4 {
                starts.push(format!("{base} + min({column} + {c}u, p.n - 1u) * p.b_outer"));
                if reads == Reads::AlongK {
                    let _ = writeln!(text, "    let c{block}_{c} = b[from_b[{}] + k / 4u];", 4 * block + c);
                }
            }
            for (j, component) in COMPONENTS.iter().enumerate() {
                let k = format!("k + {j}u");
                let parts: Vec<String> = (0..4)
                    .map(|c| match reads {
                        Reads::AlongK => format!("c{block}_{c}.{component}"),
                        _ => format!("b[from_b[{}] + {} * p.b_k]", 4 * block + c, b.bounded(&k)),
                    })
                    .collect();
                let value = format!("vec4({})", parts.join(", "));
                let value = if reads == Reads::AlongK { value } else { b.masked_load(&value, &k) };
                let _ = writeln!(text, "    let b{j}_{block} = {value};");
            }
        }
        emit_starts(builder, "b", &starts);
    }
}

fn emit_starts(builder: &mut Builder, x: &str, starts: &[String]) {
    let name = format!("Starts{}", x.to_uppercase());
    builder.alias(&name, &format!("array<u32, {}>", starts.len()));
    builder.function(format!(
        "fn starts_{x}(base: u32, first: u32, lane: u32) -> {name} {{\n    return {name}(\n        {},\n    );\n}}",
        starts.join(",\n        ")
    ));
}
