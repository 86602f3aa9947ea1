use std::fmt::Write;

use anygrad_layout::DType;
use smallvec::SmallVec;

use crate::Operand;
use crate::kernels::Builder;

/// Which factor of the product an operand is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    A,
    B,
}

/// How four neighbouring elements of an operand are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// One vector: they are neighbours along k.
    AlongK,
    /// One vector: they are neighbours along the operand's own axis, the rows of a or the columns of b.
    AlongOuter,
    /// One by one.
    Elements,
}

/// A strided operand: its own axis (rows of a, columns of b), k, and the batch.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    side: Side,
    pub(super) operand: Operand,
    outer: usize,
    k: usize,
    pub(super) outer_stride: isize,
    pub(super) k_stride: isize,
    pub(super) batch_strides: SmallVec<[isize; 6]>,
    pub(super) offset: usize,
}

impl Matrix {
    /// `operand` is the buffer it lies in.
    pub(super) fn new(
        side: Side,
        operand: Operand,
        (outer, outer_stride): (usize, isize),
        (k, k_stride): (usize, isize),
        batch_strides: SmallVec<[isize; 6]>,
        offset: usize,
    ) -> Self {
        // the stride of an axis of one element says nothing, and must not spoil alignment
        let meant = |size: usize, stride: isize| if size == 1 { 0 } else { stride };
        let (outer_stride, k_stride) = (meant(outer, outer_stride), meant(k, k_stride));
        Self { side, operand, outer, k, outer_stride, k_stride, batch_strides, offset }
    }

    /// Elements of one matrix.
    pub(super) fn elements(&self) -> usize {
        self.outer * self.k
    }

    /// Whether neighbouring k lie closer together than neighbouring rows (columns).
    pub(super) fn runs_along_k(&self) -> bool {
        self.k_stride.unsigned_abs() <= self.outer_stride.unsigned_abs()
    }

    pub(super) fn reads(&self) -> Reads {
        // a vector load needs a start that is a multiple of 4 for every row and batch, and whole vectors
        let aligned =
            self.offset.is_multiple_of(4) && self.batch_strides.iter().all(|stride| stride % 4 == 0);
        if aligned && self.k_stride == 1 && self.k.is_multiple_of(4) && self.outer_stride % 4 == 0 {
            Reads::AlongK
        } else if aligned && self.outer_stride == 1 && self.outer.is_multiple_of(4) && self.k_stride % 4 == 0
        {
            Reads::AlongOuter
        } else {
            Reads::Elements
        }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.side == Side::A { "a" } else { "b" }
    }

    pub(super) fn size(&self) -> &'static str {
        if self.side == Side::A { "p.m" } else { "p.n" }
    }

    pub(super) fn bind(&self, builder: &mut Builder, reads: Reads) {
        let (name, unit) = (self.name(), if reads == Reads::Elements { 1 } else { 4 });
        let operand = self.operand;
        // in the units of the binding, elements or vectors; the stride of 1 along a vector is not used
        builder.signed_param(&format!("{name}_outer"), self.outer_stride / unit);
        builder.signed_param(&format!("{name}_k"), self.k_stride / unit);
        match reads {
            Reads::Elements => builder.read(name, DType::F32, operand),
            _ => builder.read_vec4(name, DType::F32, operand),
        }
    }

    /// `lanes_x(base, first)`, where a tile of 8 rows (columns) from `first` on lies, and `fragment_x(lanes, k)`,
    /// the tile at `k .. k + 4`. Rows past the end repeat the last one; k past the end reads 0.
    pub(super) fn fragments(&self, builder: &mut Builder) {
        let reads = self.reads();
        self.bind(builder, reads);
        let (x, size) = (self.name(), self.size());
        let upper = x.to_uppercase();
        let lanes: Vec<String> = match reads {
            Reads::AlongK => {
                (0..8).map(|i| format!("base / 4u + min(first + {i}u, {size} - 1u) * p.{x}_outer")).collect()
            }
            Reads::AlongOuter => {
                (0..2).map(|h| format!("base / 4u + min(first / 4u + {h}u, {size} / 4u - 1u)")).collect()
            }
            Reads::Elements => {
                (0..8).map(|i| format!("base + min(first + {i}u, {size} - 1u) * p.{x}_outer")).collect()
            }
        };
        builder.alias(&format!("Lanes{upper}"), &format!("array<u32, {}>", lanes.len()));
        builder.function(format!(
            "fn lanes_{x}(base: u32, first: u32) -> Lanes{upper} {{\n    return Lanes{upper}(\n        {},\n    );\n}}",
            lanes.join(",\n        ")
        ));
        let body = match reads {
            Reads::AlongK => vectors_along_k(x),
            Reads::AlongOuter => self.vectors_along_outer(x),
            Reads::Elements => self.single_elements(x),
        };
        builder.function(format!("fn fragment_{x}(lanes: Lanes{upper}, k: u32) -> Fragment {{\n{body}}}"));
    }

    fn masked(&self) -> bool {
        !self.k.is_multiple_of(4)
    }

    /// The expression `k` as a position, which stays below p.k.
    pub(super) fn bounded(&self, k: &str) -> String {
        if self.masked() { format!("min({k}, p.k - 1u)") } else { format!("({k})") }
    }

    /// Four elements at `k`, which are 0 from p.k on.
    pub(super) fn masked_load(&self, load: &str, k: &str) -> String {
        if self.masked() { format!("select(vec4<f32>(), {load}, {k} < p.k)") } else { load.to_owned() }
    }

    /// One element at `k`, which is 0 from p.k on.
    pub(super) fn masked_element(&self, load: &str, k: &str) -> String {
        if self.masked() { format!("select(0.0, {load}, {k} < p.k)") } else { load.to_owned() }
    }

    fn vectors_along_outer(&self, x: &str) -> String {
        self.at_each_k(x, |h, j| format!("{x}[lanes[{h}] + at{j}]"))
    }

    fn single_elements(&self, x: &str) -> String {
        self.at_each_k(x, |h, j| {
            let element = |i: usize| format!("{x}[lanes[{}] + at{j}]", 4 * h + i);
            format!("vec4({}, {}, {}, {})", element(0), element(1), element(2), element(3))
        })
    }

    /// A fragment of the loads `quad(h, j)`: rows (columns) 4h..4h+3 at k + j.
    fn at_each_k(&self, x: &str, quad: impl Fn(usize, usize) -> String) -> String {
        let mut text = String::new();
        let mut quads = Vec::new();
        for j in 0..4 {
            let k = format!("k + {j}u");
            line(&mut text, format_args!("    let at{j} = {} * p.{x}_k;", self.bounded(&k)));
            quads.extend((0..2).map(|h| self.masked_load(&quad(h, j), &k)));
        }
        text + &returned(&quads)
    }
}

// reads a vector of four k for each row, and turns the 8x4 block around
fn vectors_along_k(x: &str) -> String {
    let mut text = String::new();
    for i in 0..8 {
        line(&mut text, format_args!("    let r{i} = {x}[lanes[{i}] + k / 4u];"));
    }
    let mut quads = Vec::new();
    for component in ["x", "y", "z", "w"] {
        for h in [0, 4] {
            let part = |i: usize| format!("r{}.{component}", h + i);
            quads.push(format!("vec4({}, {}, {}, {})", part(0), part(1), part(2), part(3)));
        }
    }
    text + &returned(&quads)
}

fn returned(quads: &[String]) -> String {
    format!("    return Fragment(\n        {},\n    );\n", quads.join(",\n        "))
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // writing to a String does not fail
    let _ = writeln!(text, "{content}");
}
