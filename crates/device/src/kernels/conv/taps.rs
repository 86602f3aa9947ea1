use std::collections::BTreeSet;
use std::fmt::Write;

/// The register tile of the direct convolution: what of it unrolls, and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// Output channels: 1, 4 or 8.
    pub lanes: usize,
    /// Neighbouring output positions along x.
    pub run: usize,
    /// Taps along x of one call of `taps`.
    pub chunk: usize,
    /// Taps left over at the end of a kernel row, for `last_taps`.
    pub last: usize,
    /// Calls of `taps` for a kernel row.
    pub chunks: usize,
    /// Step between output positions.
    pub stride: usize,
    /// Step between taps.
    pub dilation: usize,
    /// Whether every run starts at a multiple of 4 elements, so that the input is read in vectors.
    pub aligned: bool,
}

// Measured on lavapipe (Mesa 22.3), in cycles of eight threads: what a load costs, and a vec4 multiply-add.
const VECTOR_LOAD: usize = 65;
const SCALAR_LOAD: usize = 33;
const MULTIPLY_ADD: usize = 4;

// A kernel row up to this long is one chunk; longer ones go in chunks of CHUNK, which keep vectors aligned.
const WHOLE_ROW: usize = 8;
const CHUNK: usize = 4;

impl Tile {
    /// The cheapest tile for rows of `width` outputs and `kernel` taps.
    pub(super) fn choose(
        channels: usize,
        width: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
    ) -> Self {
        let lanes = match channels {
            1 => 1,
            2..=4 => 4,
            _ => 8,
        };
        let chunk = if kernel <= WHOLE_ROW { kernel } else { CHUNK };
        let tile = |run: usize| Self {
            lanes,
            run,
            chunk,
            last: kernel % chunk,
            chunks: kernel / chunk,
            stride,
            dilation,
            aligned: run >= width || (run * stride).is_multiple_of(4),
        };
        let runs = [16, 12, 8, 4].into_iter().filter(|run| *run < width);
        let whole = (width <= 16).then_some(width);
        whole
            .into_iter()
            .chain(runs)
            .map(tile)
            .min_by_key(|tile| tile.cost() * width.div_ceil(tile.run))
            .unwrap_or_else(|| tile(1))
    }

    fn cost(&self) -> usize {
        let load = if self.aligned { VECTOR_LOAD } else { SCALAR_LOAD };
        let (weight, multiply_add) =
            if self.lanes == 1 { (SCALAR_LOAD, 1) } else { (VECTOR_LOAD, MULTIPLY_ADD) };
        let per_tap = self.vectors() * (weight + self.run * multiply_add);
        self.loads(self.chunk).len() * load + self.chunk * per_tap
    }

    /// Vectors (or single numbers) a position's channels take.
    pub(super) fn vectors(&self) -> usize {
        self.lanes.div_ceil(4)
    }

    /// Input elements a row of runs reads, the last vector included.
    pub(super) fn row_reads(&self, width: usize, kernel: usize) -> usize {
        let positions = width.div_ceil(self.run) * self.run;
        ((positions - 1) * self.stride + (kernel - 1) * self.dilation + 1).next_multiple_of(4)
    }

    fn vector_type(&self) -> &'static str {
        if self.lanes == 1 { "f32" } else { "vec4<f32>" }
    }

    /// `alias Tile`: element `run index · vectors + vector`.
    pub(super) fn alias(&self) -> String {
        format!("array<{}, {}>", self.vector_type(), self.run * self.vectors())
    }

    // the vectors (or elements) of the input that `taps` taps read, relative to the first
    fn loads(&self, taps: usize) -> BTreeSet<usize> {
        let unit = if self.aligned { 4 } else { 1 };
        let positions = 0..self.run;
        positions.flat_map(|j| (0..taps).map(move |t| (j * self.stride + t * self.dilation) / unit)).collect()
    }

    /// `fn name(acc, x_at, w_at)`: adds `taps` taps of one kernel row, all unrolled.
    pub(super) fn taps(&self, name: &str, taps: usize) -> String {
        let mut text = format!("fn {name}(acc: ptr<function, Tile>, x_at: u32, w_at: u32) {{\n");
        let start = if self.aligned { "x_at / 4u" } else { "x_at" };
        line(&mut text, format_args!("    let at = {start};"));
        for i in self.loads(taps) {
            line(&mut text, format_args!("    let x{i} = x[at + {i}u];"));
        }
        let vectors = self.vectors();
        for t in 0..taps {
            for h in 0..vectors {
                let i = t * vectors + h;
                line(&mut text, format_args!("    let w{i} = w[w_at + {i}u];"));
            }
            for j in 0..self.run {
                let value = self.value(j * self.stride + t * self.dilation);
                for h in 0..vectors {
                    let (slot, weight) = (j * vectors + h, t * vectors + h);
                    line(
                        &mut text,
                        format_args!("    (*acc)[{slot}] = fma(w{weight}, {value}, (*acc)[{slot}]);"),
                    );
                }
            }
        }
        text + "}"
    }

    fn value(&self, element: usize) -> String {
        let scalar = if self.aligned {
            format!("x{}.{}", element / 4, ["x", "y", "z", "w"][element % 4])
        } else {
            format!("x{element}")
        };
        if self.lanes == 1 { scalar } else { format!("vec4({scalar})") }
    }

    /// Whether four neighbouring outputs are stored as a vector.
    pub(super) fn stores_vectors(&self, width: usize) -> bool {
        width.is_multiple_of(4) && self.run.is_multiple_of(4)
    }

    /// `fn store(at, first_x, channels, acc)`: the tile of which `channels` channels exist, cut at p.width.
    pub(super) fn store(&self, width: usize) -> String {
        let mut text =
            String::from("fn store(at: u32, first_x: u32, channels: u32, acc: ptr<function, Tile>) {\n");
        for lane in 0..self.lanes {
            let value = |j: usize| match self.lanes {
                1 => format!("(*acc)[{j}]"),
                _ => format!("(*acc)[{}].{}", j * self.vectors() + lane / 4, ["x", "y", "z", "w"][lane % 4]),
            };
            line(&mut text, format_args!("    if channels > {lane}u {{"));
            line(&mut text, format_args!("        let row = at + {lane}u * p.positions;"));
            let step = if self.stores_vectors(width) { 4 } else { 1 };
            for j in (0..self.run).step_by(step) {
                let stored = if step == 4 {
                    format!(
                        "out[(row + {j}u) / 4u] = vec4({}, {}, {}, {});",
                        value(j),
                        value(j + 1),
                        value(j + 2),
                        value(j + 3)
                    )
                } else {
                    format!("out[row + {j}u] = {};", value(j))
                };
                // a run that is the whole row, or divides it, needs no test
                if width.is_multiple_of(self.run) {
                    line(&mut text, format_args!("        {stored}"));
                } else {
                    line(&mut text, format_args!("        if first_x + {j}u < p.width {{ {stored} }}"));
                }
            }
            text.push_str("    }\n");
        }
        text + "}"
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // writing to a String does not fail
    let _ = writeln!(text, "{content}");
}
