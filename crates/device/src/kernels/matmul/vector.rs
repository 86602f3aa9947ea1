//! Products of single rows on GPUs.

use std::fmt::Write;

use super::operand::{Matrix, Reads};
use crate::kernels::Builder;

/// Threads of a workgroup.
const THREADS: usize = 64;

/// How many threads share the columns of a workgroup, each with its own part of k: all where b runs along k, so that
/// neighbouring threads read neighbouring memory; else a few.
fn along(b: &Matrix) -> usize {
    if b.reads() != Reads::AlongOuter && b.runs_along_k() { THREADS } else { 4 }
}

/// Rows and columns of a workgroup.
pub(super) fn sides(b: &Matrix) -> (usize, usize) {
    (1, 4 * THREADS / along(b))
}

/// Constants and functions of the kernel.
pub(super) fn emit(builder: &mut Builder, a: &Matrix, b: &Matrix) {
    builder.constant("ALONG", along(b) as u32);
    let vectors = a.reads() == Reads::AlongK && b.reads() == Reads::AlongK;
    builder.constant("STEP", if vectors { 4 } else { 1 });
    a.bind(builder, if vectors { Reads::AlongK } else { Reads::Elements });
    let unit = if vectors { " * 4u" } else { "" };
    builder.function(format!(
        "fn row_of_a(base: u32, row: u32) -> u32 {{\n    return base + row * p.a_outer{unit};\n}}"
    ));
    let mut text = String::new();
    if vectors {
        b.bind(builder, Reads::AlongK);
        text += "    let x = a[(base_a + k) / 4u];\n    let at = (base_b + k) / 4u;\n";
        for i in 0..4 {
            let _ = writeln!(text, "    let y{i} = b[at + min(column + {i}u, p.n - 1u) * p.b_outer];");
        }
        text += "    *sum += vec4(dot(x, y0), dot(x, y1), dot(x, y2), dot(x, y3));\n";
    } else {
        let load = if b.reads() == Reads::AlongOuter {
            b.bind(builder, Reads::AlongOuter);
            text += "    let at = base_b / 4u + k * p.b_k;\n";
            "b[at + min(column / 4u, p.n / 4u - 1u)]".to_owned()
        } else {
            b.bind(builder, Reads::Elements);
            text += "    let at = base_b + k * p.b_k;\n";
            let element = |i: usize| format!("b[at + min(column + {i}u, p.n - 1u) * p.b_outer]");
            format!("vec4({}, {}, {}, {})", element(0), element(1), element(2), element(3))
        };
        let _ = writeln!(text, "    *sum = fma(vec4(a[base_a + k * p.a_k]), {load}, *sum);");
    }
    builder.function(format!(
        "fn advance(sum: ptr<function, vec4<f32>>, base_a: u32, base_b: u32, column: u32, k: u32) {{\n{text}}}"
    ));
}
