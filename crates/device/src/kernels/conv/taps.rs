use std::collections::BTreeSet;
use std::fmt::Write;

/// The register tile of the direct convolution: what of it unrolls, and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// Threads that share the weights of a tile, each of which loads a part and hands it to the others; 1 if every
    /// thread loads them all.
    pub sharing: usize,
    /// Output channels: 1, or a multiple of 4.
    pub lanes: usize,
    /// Neighbouring output positions along x.
    pub run: usize,
    /// Kernel rows of one call of `taps`; more than one only if a row is one chunk.
    pub rows: usize,
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
const CARRY: usize = 12; // what a vec4 that lives through a loop costs in each turn: it is stored under a mask

// A kernel row up to this long is one chunk; longer ones go in chunks of fewer taps, which keep vectors aligned.
pub(super) const WHOLE_ROW: usize = 8;
const CHUNK: usize = 4;
const SHARED_CHUNK: usize = 8; // a subgroup fetches more weights at a time

// What a tile may unroll: multiply-adds of vectors in one call of `taps`. More take drivers long to compile.
const UNROLLED: usize = 320;

impl Tile {
    /// The cheapest tile for rows of `width` outputs and `kernel` taps, where `sharing` threads share weights and
    /// one of `rows` kernel rows are taken together.
    pub(super) fn choose(
        sharing: usize,
        rows: &[usize],
        channels: usize,
        width: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
    ) -> Self {
        let most = match (channels, sharing) {
            (1, _) => 1,
            (2..=4, _) => 4,
            (5..=8, _) | (_, 1) => 8,
            (9..=16, _) => 16,
            _ => 32,
        };
        let long = if sharing > 1 { SHARED_CHUNK } else { CHUNK };
        let chunk = if kernel <= WHOLE_ROW { kernel } else { long };
        let tile = |rows: usize, lanes: usize, run: usize| Self {
            sharing,
            lanes,
            run,
            rows,
            chunk,
            last: if chunk == 0 { 0 } else { kernel % chunk },
            chunks: kernel.checked_div(chunk).unwrap_or(0),
            stride,
            dilation,
            aligned: run >= width || (run * stride).is_multiple_of(4),
        };
        let runs = || {
            let runs = [16, 12, 8, 4].into_iter().filter(|run| *run < width);
            (width <= 16).then_some(width).into_iter().chain(runs)
        };
        let lanes = [32, 16, 8].into_iter().filter(|lanes| *lanes < most && sharing > 1).chain([most]);
        let most_rows = rows.iter().copied().max().unwrap_or(1);
        let tiles = |tile: &Self| width.div_ceil(tile.run) * channels.div_ceil(tile.lanes);
        lanes
            .flat_map(|lanes| runs().map(move |run| (lanes, run)))
            .flat_map(|(lanes, run)| rows.iter().map(move |rows| (*rows, lanes, run)))
            .map(|(rows, lanes, run)| tile(rows, lanes, run))
            .filter(|tile| tile.unrolled() <= UNROLLED)
            // all of `rows` divide the number of rows
            .min_by_key(|tile| tile.cost() * tiles(tile) * most_rows / tile.rows)
            .unwrap_or_else(|| tile(1, most.min(8), 1))
    }

    fn unrolled(&self) -> usize {
        self.rows * self.chunk * self.vectors() * self.run
    }

    fn cost(&self) -> usize {
        let load = if self.aligned { VECTOR_LOAD } else { SCALAR_LOAD };
        let (weight, multiply_add) =
            if self.lanes == 1 { (SCALAR_LOAD, 1) } else { (VECTOR_LOAD, MULTIPLY_ADD) };
        let weights = self.fetches(self.chunk) * weight;
        let carried = self.run * self.vectors() * if self.lanes == 1 { CARRY / 4 } else { CARRY };
        self.rows * self.loads(self.chunk).len() * load + weights + self.unrolled() * multiply_add + carried
    }

    /// Vectors (or single numbers) of weights that a thread loads for `taps` taps of each row.
    fn fetches(&self, taps: usize) -> usize {
        (self.rows * taps * self.vectors()).div_ceil(self.sharing)
    }

    /// Vectors (or single numbers) from the weights of `taps` taps of each row to what follows them.
    pub(super) fn pitch(&self, taps: usize) -> usize {
        self.fetches(taps) * self.sharing
    }

    /// Vectors (or single numbers) from the weights of kernel rows taken together to those of the next.
    pub(super) fn row_pitch(&self) -> usize {
        self.chunks * self.pitch(self.chunk) + self.pitch(self.last)
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

    /// `fn name(acc, x_at, w_at)`: adds `taps` taps of kernel rows, all unrolled. The next row of those taken
    /// together is p.x_row further.
    pub(super) fn taps(&self, name: &str, taps: usize) -> String {
        let mut text = format!("fn {name}(acc: ptr<function, Tile>, x_at: u32, w_at: u32) {{\n");
        let (vectors, sharing) = (self.vectors(), self.sharing);
        for row in 0..self.rows {
            let at = if row == 0 { "x_at".into() } else { format!("(x_at + {row}u * p.x_row)") };
            let unit = if self.aligned { " / 4u" } else { "" };
            line(&mut text, format_args!("    let at{row} = {at}{unit};"));
            for i in self.loads(taps) {
                line(&mut text, format_args!("    let x{row}_{i} = x[at{row} + {i}u];"));
            }
        }
        if sharing > 1 {
            for i in 0..self.fetches(taps) {
                line(&mut text, format_args!("    let part{i} = w[w_at + {}u];", i * sharing));
            }
        }
        // position by position, so that an accumulator stays in a register for all taps
        for h in 0..vectors {
            for t in 0..self.rows * taps {
                let i = t * vectors + h;
                let weight = match sharing {
                    1 => format!("w[w_at + {i}u]"),
                    _ => format!("subgroupBroadcast(part{}, {}u)", i / sharing, i % sharing),
                };
                line(&mut text, format_args!("    let w{i} = {weight};"));
            }
            for j in 0..self.run {
                let slot = j * vectors + h;
                for t in 0..self.rows * taps {
                    let value = self.value(t / taps, j * self.stride + t % taps * self.dilation);
                    let weight = t * vectors + h;
                    line(
                        &mut text,
                        format_args!("    (*acc)[{slot}] = fma(w{weight}, {value}, (*acc)[{slot}]);"),
                    );
                }
            }
        }
        text + "}"
    }

    /// `fn pack(to, at, channels)`: writes the weights of a tap, `channels` of the tile's exist.
    pub(super) fn pack(&self) -> String {
        let mut text = String::from("fn pack(to: u32, at: u32, channels: u32) {\n");
        for lane in 0..self.lanes {
            // a channel past the end reads the first one
            line(&mut text, format_args!("    let has{lane} = channels > {lane}u;"));
            let element = format!("w[at + select(0u, {lane}u * p.w_o, has{lane})]");
            line(&mut text, format_args!("    let w{lane} = select(0.0, {element}, has{lane});"));
        }
        if self.lanes == 1 {
            text.push_str("    out[to] = w0;\n");
        }
        for i in (0..self.lanes / 4).map(|quad| 4 * quad) {
            let quad = format!("vec4(w{i}, w{}, w{}, w{})", i + 1, i + 2, i + 3);
            line(&mut text, format_args!("    out[to / 4u + {}u] = {quad};", i / 4));
        }
        text + "}"
    }

    fn value(&self, row: usize, element: usize) -> String {
        let scalar = if self.aligned {
            format!("x{row}_{}.{}", element / 4, ["x", "y", "z", "w"][element % 4])
        } else {
            format!("x{row}_{element}")
        };
        if self.lanes == 1 { scalar } else { format!("vec4({scalar})") }
    }

    /// Whether four neighbouring outputs are stored as a vector.
    pub(super) fn stores_vectors(&self, width: usize) -> bool {
        width.is_multiple_of(4) && self.run.is_multiple_of(4)
    }

    /// `fn store(at, first_x, channels, acc)`: the tile of which `channels` channels exist, cut at p.width; in
    /// vectors if those of neighbouring positions lie side by side. Given: `fn put(i, value)`.
    pub(super) fn store(&self, width: usize, vectors: bool) -> String {
        let mut text =
            String::from("fn store(at: u32, first_x: u32, channels: u32, acc: ptr<function, Tile>) {\n");
        for lane in 0..self.lanes {
            let value = |j: usize| match self.lanes {
                1 => format!("(*acc)[{j}]"),
                _ => format!("(*acc)[{}].{}", j * self.vectors() + lane / 4, ["x", "y", "z", "w"][lane % 4]),
            };
            line(&mut text, format_args!("    if channels > {lane}u {{"));
            line(&mut text, format_args!("        let row = at + {lane}u * p.out_c;"));
            let step = if vectors { 4 } else { 1 };
            for j in (0..self.run).step_by(step) {
                let stored = if step == 4 {
                    format!(
                        "put((row + {j}u) / 4u, vec4({}, {}, {}, {}));",
                        value(j),
                        value(j + 1),
                        value(j + 2),
                        value(j + 3)
                    )
                } else {
                    format!("put(row + {j}u * p.out_x, {});", value(j))
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
