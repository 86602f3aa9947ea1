//! Products on GPUs: the tile of a workgroup, staged in workgroup memory, and that of a thread, in registers.

use std::fmt::Write;

use super::operand::{Matrix, Reads};
use crate::Caps;
use crate::kernels::Builder;

/// How many k are staged at a time.
const STEP: usize = 16;

/// The tile of a workgroup, and how many quads of rows and columns a thread keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupTile {
    rows: usize,
    columns: usize,
    row_quads: usize,
    column_quads: usize,
}

impl GroupTile {
    /// 256 threads of 8x8: the least reads of workgroup memory for each multiplication.
    pub(super) const LARGE: Self = Self { rows: 128, columns: 128, row_quads: 2, column_quads: 2 };
    /// 256 threads of 8x4.
    pub(super) const TALL: Self = Self { rows: 128, columns: 64, row_quads: 2, column_quads: 1 };
    /// 128 threads of 8x4.
    pub(super) const MEDIUM: Self = Self { rows: 64, columns: 64, row_quads: 2, column_quads: 1 };
    /// 64 threads of 4x4.
    pub(super) const SMALL: Self = Self { rows: 32, columns: 32, row_quads: 1, column_quads: 1 };

    /// Rows and columns.
    pub(super) fn sides(self) -> (usize, usize) {
        (self.rows, self.columns)
    }

    fn threads(self) -> usize {
        self.rows * self.columns / (16 * self.row_quads * self.column_quads)
    }

    /// Quads of a staged row: one more than there are, so that threads which write along k meet different banks.
    fn pitch(side: usize) -> usize {
        side / 4 + 1
    }

    fn workgroup_bytes(self) -> usize {
        16 * STEP * (Self::pitch(self.rows) + Self::pitch(self.columns))
    }

    /// Whether an adapter has the threads and the workgroup memory.
    pub(super) fn runs(self, caps: &Caps) -> bool {
        caps.max_threads as usize >= self.threads() && caps.workgroup_bytes as usize >= self.workgroup_bytes()
    }

    /// Constants, aliases and functions of the tile, and of the operands.
    pub(super) fn emit(self, builder: &mut Builder, a: &Matrix, b: &Matrix) {
        let blocks = |side: usize| (side / 4 * STEP / 4) as u32;
        for (name, value) in [
            ("ROWS", self.rows as u32),
            ("COLUMNS", self.columns as u32),
            ("THREADS", self.threads() as u32),
            ("ACROSS", (self.columns / 4 / self.column_quads) as u32),
            ("BLOCKS_A", blocks(self.rows)),
            ("BLOCKS_B", blocks(self.columns)),
            ("STAGED_A", (STEP * Self::pitch(self.rows)) as u32),
            ("STAGED_B", (STEP * Self::pitch(self.columns)) as u32),
        ] {
            builder.constant(name, value);
        }
        builder.alias("Tile", &format!("array<vec4<f32>, {}>", 4 * self.row_quads * self.column_quads));
        stage(builder, a, self.rows);
        stage(builder, b, self.columns);
        self.accumulate(builder);
        self.leave(builder);
    }

    // one k of the staged tiles
    fn accumulate(self, builder: &mut Builder) {
        let mut text = String::new();
        for (x, at, quads, side) in
            [("a", "down", self.row_quads, self.rows), ("b", "across", self.column_quads, self.columns)]
        {
            let (pitch, apart) = (Self::pitch(side), side / 4 / quads);
            for quad in 0..quads {
                let _ = writeln!(
                    text,
                    "    let {x}{quad} = staged_{x}[k * {pitch}u + {at} + {}u];",
                    quad * apart
                );
            }
        }
        for row in 0..4 * self.row_quads {
            for quad in 0..self.column_quads {
                let sum = row * self.column_quads + quad;
                let (from, component) = (row / 4, ["x", "y", "z", "w"][row % 4]);
                let _ = writeln!(
                    text,
                    "    (*tile)[{sum}] = fma(vec4(a{from}.{component}), b{quad}, (*tile)[{sum}]);"
                );
            }
        }
        builder.function(format!(
            "fn accumulate(tile: ptr<function, Tile>, k: u32, down: u32, across: u32) {{\n{text}}}"
        ));
    }

    fn leave(self, builder: &mut Builder) {
        let (down, across) = (self.rows / self.row_quads, self.columns / self.column_quads);
        let mut text = String::new();
        for row in 0..4 * self.row_quads {
            let below = row / 4 * down + row % 4;
            let stores: String = (0..self.column_quads)
                .map(|quad| {
                    let (sum, right) = (row * self.column_quads + quad, quad * across);
                    format!(" store(at + {below}u * p.n + {right}u, column + {right}u, (*tile)[{sum}]);")
                })
                .collect();
            let _ = writeln!(text, "    if row + {below}u < p.m {{{stores} }}");
        }
        builder.function(format!(
            "fn leave(tile: ptr<function, Tile>, at: u32, row: u32, column: u32) {{\n{text}}}"
        ));
    }
}

/// `stage_x(base, first, first_k, block)`: a thread brings a block of four rows (columns) and four k to workgroup
/// memory, by vector loads along whichever axis the operand runs, turned around where that is k. Rows past the end
/// repeat the last one; k past the end reads 0.
fn stage(builder: &mut Builder, matrix: &Matrix, side: usize) {
    let reads = matrix.reads();
    matrix.bind(builder, reads);
    let (x, size, quads) = (matrix.name(), matrix.size(), side / 4);
    // neighbouring threads read neighbouring memory
    let along_k = reads == Reads::AlongK || reads == Reads::Elements && matrix.runs_along_k();
    let mut text = if along_k {
        format!("    let quad = block / {}u;\n    let step = 4u * (block % {}u);\n", STEP / 4, STEP / 4)
    } else {
        format!("    let quad = block % {quads}u;\n    let step = 4u * (block / {quads}u);\n")
    };
    text += "    let outer = first + 4u * quad;\n    let k = first_k + step;\n";
    let mut values = Vec::new();
    match reads {
        Reads::AlongK => {
            text += "    let at = base / 4u + min(k, p.k - 4u) / 4u;\n";
            for i in 0..4 {
                let load = format!("{x}[at + min(outer + {i}u, {size} - 1u) * p.{x}_outer]");
                let _ = writeln!(text, "    let r{i} = select(vec4<f32>(), {load}, k < p.k);");
            }
            values.extend(["x", "y", "z", "w"].map(|c| format!("vec4(r0.{c}, r1.{c}, r2.{c}, r3.{c})")));
        }
        Reads::AlongOuter => {
            let _ = writeln!(text, "    let at = base / 4u + min(outer / 4u, {size} / 4u - 1u);");
            values.extend((0..4).map(|j| {
                let load = format!("{x}[at + min(k + {j}u, p.k - 1u) * p.{x}_k]");
                format!("select(vec4<f32>(), {load}, k + {j}u < p.k)")
            }));
        }
        Reads::Elements => {
            for i in 0..4 {
                let _ =
                    writeln!(text, "    let at{i} = base + min(outer + {i}u, {size} - 1u) * p.{x}_outer;");
            }
            for j in 0..4 {
                let _ = writeln!(text, "    let k{j} = min(k + {j}u, p.k - 1u) * p.{x}_k;");
                let load =
                    format!("vec4({x}[at0 + k{j}], {x}[at1 + k{j}], {x}[at2 + k{j}], {x}[at3 + k{j}])");
                values.push(format!("select(vec4<f32>(), {load}, k + {j}u < p.k)"));
            }
        }
    }
    let pitch = GroupTile::pitch(side);
    for (j, value) in values.iter().enumerate() {
        let _ = writeln!(text, "    staged_{x}[(step + {j}u) * {pitch}u + quad] = {value};");
    }
    builder.function(format!("fn stage_{x}(base: u32, first: u32, first_k: u32, block: u32) {{\n{text}}}"));
}
