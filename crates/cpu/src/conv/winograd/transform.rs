//! The five linear maps of the method, over many tiles at once.
//!
//! A map works on rows of a buffer: row `4·i + j` has element (i, j) of every tile. It replaces them in place. Its
//! one-dimensional form is applied to the columns of each tile and then to the rows.

use pulp::{Arch, Simd, WithSimd};

/// Elements to which rows are padded, so that they are whole registers on every processor.
pub(super) const LANES: usize = 16;

/// Which map.
#[derive(Clone, Copy, Debug)]
pub(super) enum Map {
    /// `Bᵀ d B`: 4×4 inputs.
    Data,
    /// `G w Gᵀ`: 3×3 weights.
    Weights,
    /// `Aᵀ m A`: 4×4 products, to 2×2 outputs.
    Outputs,
    /// `A g Aᵀ`: 2×2 gradients of outputs.
    OutputGradients,
    /// `Gᵀ s G`: 4×4 products, to a gradient of 3×3 weights.
    WeightGradients,
}

impl Map {
    /// Replaces elements of the tiles in `rows`, 16 rows of `pitch` elements, a multiple of [`LANES`].
    pub fn apply(self, rows: &mut [f32], pitch: usize) {
        Arch::new().dispatch(Apply { map: self, rows, pitch });
    }

    /// The same for tiles whose 16 rows are `apart` elements from each other in `from`, leaving them as they are.
    pub fn apply_to(self, from: &[f32], apart: usize, rows: &mut [f32], pitch: usize) {
        Arch::new().dispatch(ApplyTo { map: self, from, apart, rows, pitch });
    }
}

struct Apply<'a> {
    map: Map,
    rows: &'a mut [f32],
    pitch: usize,
}

struct ApplyTo<'a> {
    map: Map,
    from: &'a [f32],
    apart: usize,
    rows: &'a mut [f32],
    pitch: usize,
}

impl WithSimd for ApplyTo<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (from, _) = S::as_simd_f32s(self.from);
        let (rows, _) = S::as_mut_simd_f32s(self.rows);
        let (apart, pitch) = (self.apart / S::F32_LANES, self.pitch / S::F32_LANES);
        match self.map {
            Map::Data => tiles_to::<S, Data, 4, 4>(simd, from, apart, rows, pitch),
            Map::Weights => tiles_to::<S, Weights, 3, 4>(simd, from, apart, rows, pitch),
            Map::Outputs => tiles_to::<S, Outputs, 4, 2>(simd, from, apart, rows, pitch),
            Map::OutputGradients => tiles_to::<S, OutputGradients, 2, 4>(simd, from, apart, rows, pitch),
            Map::WeightGradients => tiles_to::<S, WeightGradients, 4, 3>(simd, from, apart, rows, pitch),
        }
    }
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (rows, _) = S::as_mut_simd_f32s(self.rows);
        let pitch = self.pitch / S::F32_LANES;
        match self.map {
            Map::Data => tiles::<S, Data, 4, 4>(simd, rows, pitch),
            Map::Weights => tiles::<S, Weights, 3, 4>(simd, rows, pitch),
            Map::Outputs => tiles::<S, Outputs, 4, 2>(simd, rows, pitch),
            Map::OutputGradients => tiles::<S, OutputGradients, 2, 4>(simd, rows, pitch),
            Map::WeightGradients => tiles::<S, WeightGradients, 4, 3>(simd, rows, pitch),
        }
    }
}

/// The map of a line of `I` elements to one of `J`.
trait Line<const I: usize, const J: usize> {
    fn line<S: Simd>(simd: S, x: [S::f32s; I]) -> [S::f32s; J];
}

struct Data;
struct Weights;
struct Outputs;
struct OutputGradients;
struct WeightGradients;

impl Line<4, 4> for Data {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 4] {
        [simd.sub_f32s(a, c), simd.add_f32s(b, c), simd.sub_f32s(c, b), simd.sub_f32s(b, d)]
    }
}

impl Line<3, 4> for Weights {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c]: [S::f32s; 3]) -> [S::f32s; 4] {
        let half = simd.splat_f32s(0.5);
        let ends = simd.add_f32s(a, c);
        let sum = simd.mul_f32s(simd.add_f32s(ends, b), half);
        let difference = simd.mul_f32s(simd.sub_f32s(ends, b), half);
        [a, sum, difference, c]
    }
}

impl Line<4, 2> for Outputs {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 2] {
        [simd.add_f32s(a, simd.add_f32s(b, c)), simd.sub_f32s(simd.sub_f32s(b, c), d)]
    }
}

impl Line<2, 4> for OutputGradients {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b]: [S::f32s; 2]) -> [S::f32s; 4] {
        let none = simd.splat_f32s(0.0);
        [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.sub_f32s(none, b)]
    }
}

impl Line<4, 3> for WeightGradients {
    #[inline(always)]
    fn line<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; 4]) -> [S::f32s; 3] {
        let half = simd.splat_f32s(0.5);
        let sum = simd.mul_f32s(simd.add_f32s(b, c), half);
        let difference = simd.mul_f32s(simd.sub_f32s(b, c), half);
        [simd.add_f32s(a, sum), difference, simd.add_f32s(sum, d)]
    }
}

/// Maps the tiles of `I × I` elements to such of `J × J`, in the same rows.
#[inline(always)]
fn tiles<S: Simd, L: Line<I, J>, const I: usize, const J: usize>(
    simd: S,
    rows: &mut [S::f32s],
    pitch: usize,
) {
    for at in 0..pitch {
        let tile = tile::<S, L, I, J>(simd, rows, pitch, at);
        store::<S, J>(tile, rows, pitch, at);
    }
}

/// The same into other rows.
#[inline(always)]
fn tiles_to<S: Simd, L: Line<I, J>, const I: usize, const J: usize>(
    simd: S,
    from: &[S::f32s],
    apart: usize,
    rows: &mut [S::f32s],
    pitch: usize,
) {
    for at in 0..pitch {
        let tile = tile::<S, L, I, J>(simd, from, apart, at);
        store::<S, J>(tile, rows, pitch, at);
    }
}

/// The mapped tile at `at` of the rows.
#[inline(always)]
fn tile<S: Simd, L: Line<I, J>, const I: usize, const J: usize>(
    simd: S,
    rows: &[S::f32s],
    pitch: usize,
    at: usize,
) -> [[S::f32s; J]; J] {
    let none = simd.splat_f32s(0.0);
    let mut lines = [[none; I]; J];
    for j in 0..I {
        let mut column = [none; I];
        for (i, x) in column.iter_mut().enumerate() {
            *x = rows[(4 * i + j) * pitch + at];
        }
        let column = L::line(simd, column);
        for (line, x) in lines.iter_mut().zip(column) {
            line[j] = x;
        }
    }
    let mut tile = [[none; J]; J];
    for (to, line) in tile.iter_mut().zip(lines) {
        *to = L::line(simd, line);
    }
    tile
}

#[inline(always)]
fn store<S: Simd, const J: usize>(tile: [[S::f32s; J]; J], rows: &mut [S::f32s], pitch: usize, at: usize) {
    for (i, line) in tile.into_iter().enumerate() {
        for (j, x) in line.into_iter().enumerate() {
            rows[(4 * i + j) * pitch + at] = x;
        }
    }
}
