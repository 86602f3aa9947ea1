use std::ops::Range;

use anygrad_layout::Layout;
use rayon::prelude::*;

use super::Geometry;
use super::columns::Columns;
use crate::copy::dense_copy;
use crate::parallel::worth_threads;
use crate::product::{Matrix, Product};
use crate::walk::Walk;
use crate::{CpuError, Host, View};

/// Elements of a piece of the column matrix that the second-level cache of one core holds.
const TILE: usize = 1 << 16;

/// Columns of a piece: fewer leave the product narrow, more gain nothing.
const COLUMNS: Range<usize> = 256..4096;

/// So many pieces of work are wanted for the threads to share. A constant, because where the terms of a sum
/// are split must not depend on the machine.
const PIECES: usize = 16;

/// `f32`: pieces of the column matrix are written, multiplied by the weights and forgotten. Small images are
/// joined, so that the product is wide; large ones and long sums are split.
pub(super) fn convolve(
    host: &Host,
    geometry: &Geometry,
    x: &[f32],
    w: View<'_>,
    out: &mut [f32],
) -> Result<(), CpuError> {
    // One row of weights to each output channel; a row's elements have to be neighbours.
    let terms = geometry.terms();
    let borrowed = Walk::new(&w.layout.slice(0, 0, 1, 1)).is_dense();
    let copied = match (borrowed, w.data.as_f32()) {
        (false, Some(data)) => dense_copy(host, data, w.layout)?,
        _ => Vec::new(),
    };
    let weights = if borrowed {
        let data = w.data.as_f32().unwrap_or_default();
        Matrix { data, offset: w.layout.offset, row: geometry.w.outer, column: 1 }
    } else {
        Matrix { data: &copied, offset: 0, row: terms as isize, column: 1 }
    };
    let result = Tiles::new(host, geometry, x, weights).run(out);
    host.recycle(copied.into());
    result
}

struct Tiles<'a> {
    host: &'a Host,
    geometry: &'a Geometry,
    x: &'a [f32],
    weights: Matrix<'a>,
    terms: usize,
    positions: usize,
    /// Images that are computed together.
    joined: usize,
    /// Output positions of a piece.
    columns: usize,
    /// Terms of a piece.
    rows: usize,
    /// Parts into which the terms are split, each summed on its own.
    splits: usize,
    transposed: bool,
    /// A 1×1 kernel reads the input as it is: the stride between neighbouring positions.
    plain: Option<isize>,
}

/// A part of the output that is summed on its own: a group, positions of the joined images, some of the terms.
#[derive(Clone)]
struct Piece {
    group: usize,
    columns: Range<usize>,
    terms: Range<usize>,
}

impl<'a> Tiles<'a> {
    fn new(host: &'a Host, geometry: &'a Geometry, x: &'a [f32], weights: Matrix<'a>) -> Self {
        let (terms, positions) = (geometry.terms(), geometry.positions());
        let plain = plain_stride(geometry);
        let wanted = (TILE / terms.max(1)).clamp(COLUMNS.start, COLUMNS.end);
        let joined = if plain.is_some() { 1 } else { (wanted / positions).clamp(1, geometry.images) };
        let columns = wanted.min(joined * positions);
        // Equal pieces, rather than a small one at the end.
        let rows = if plain.is_some() { terms } else { (4 * TILE / columns).max(1) };
        let rows = terms.div_ceil(terms.div_ceil(rows.max(1)).max(1)).max(1);
        let groups = geometry.conv.groups;
        let pieces = geometry.images.div_ceil(joined) * groups * (joined * positions).div_ceil(columns);
        let splits =
            if pieces >= PIECES { 1 } else { PIECES.div_ceil(pieces).min(terms.div_ceil(rows.max(1))) };
        Self {
            host,
            geometry,
            x,
            weights,
            terms,
            positions,
            joined,
            columns,
            rows,
            splits: splits.max(1),
            transposed: geometry.kernel[2] > geometry.output[2],
            plain,
        }
    }

    fn run(&self, out: &mut [f32]) -> Result<(), CpuError> {
        let g = self.geometry;
        let chunk = self.joined * g.out_channels * g.conv.groups * self.positions;
        let chunks = out.len().div_ceil(chunk);
        let worth = worth_threads(out.len().saturating_mul(self.terms) / 16);
        let threads = rayon::current_num_threads();
        // few chunks would leave threads without one at the end
        if worth && (chunks >= 4 * threads || chunks.is_multiple_of(threads)) {
            let each = |(i, out): (usize, &mut [f32])| self.images(i * self.joined, out, false);
            out.par_chunks_mut(chunk).enumerate().try_for_each(each)
        } else {
            let each = |(i, out): (usize, &mut [f32])| self.images(i * self.joined, out, worth);
            out.chunks_mut(chunk).enumerate().try_for_each(each)
        }
    }

    /// The images from `first` on, whose outputs are `out`.
    fn images(&self, first: usize, out: &mut [f32], threads: bool) -> Result<(), CpuError> {
        let g = self.geometry;
        let image = g.out_channels * g.conv.groups * self.positions;
        let pieces = self.pieces(out.len() / image * self.positions);
        if out.len() == image && self.splits == 1 && !threads {
            // Nothing to join and nothing to add: products go straight to the output.
            for piece in pieces {
                let start = piece.group * g.out_channels * self.positions + piece.columns.start;
                self.multiply(first, &piece, &mut out[start..], self.positions)?;
            }
            return Ok(());
        }
        let one = |piece: &Piece| {
            let columns = piece.columns.len();
            let mut part = self.host.take::<f32>(g.out_channels * columns)?;
            self.multiply(first, piece, &mut part, columns)?;
            Ok(part)
        };
        if threads && pieces.len() > 1 {
            let parts: Vec<Vec<f32>> = pieces.par_iter().map(one).collect::<Result<_, CpuError>>()?;
            pieces.iter().zip(parts).for_each(|(piece, part)| self.place(piece, part, out));
        } else {
            for piece in &pieces {
                let part = one(piece)?;
                self.place(piece, part, out);
            }
        }
        Ok(())
    }

    fn pieces(&self, columns: usize) -> Vec<Piece> {
        let span = self.terms.div_ceil(self.splits).max(1);
        let mut pieces = Vec::new();
        for group in 0..self.geometry.conv.groups {
            for start in (0..columns).step_by(self.columns) {
                let columns = start..columns.min(start + self.columns);
                for term in (0..self.terms.max(1)).step_by(span) {
                    let terms = term..self.terms.min(term + span);
                    pieces.push(Piece { group, columns: columns.clone(), terms });
                }
            }
        }
        pieces
    }

    /// `out[channel, column] = Σ_term weight[channel, term]·column[term, column]` over the piece.
    fn multiply(&self, image: usize, piece: &Piece, out: &mut [f32], out_row: usize) -> Result<(), CpuError> {
        let g = self.geometry;
        let (m, n) = (g.out_channels, piece.columns.len());
        let weights = |term: usize| Matrix {
            offset: (self.weights.offset as isize + (piece.group * m) as isize * self.weights.row) as usize
                + term,
            ..self.weights
        };
        let product = Product { m, k: piece.terms.len(), n, out_row, accumulate: false, threads: false };
        if let Some(stride) = self.plain {
            let channel = (piece.group * g.in_channels) as isize;
            let start = g.x.offset + image as isize * g.x.outer + channel * g.x.channel;
            let start =
                start + piece.terms.start as isize * g.x.channel + piece.columns.start as isize * stride;
            let input = Matrix { data: self.x, offset: start as usize, row: g.x.channel, column: stride };
            return product.run(out, weights(piece.terms.start), input);
        }
        if piece.terms.is_empty() {
            let none = Matrix { data: &[], offset: 0, row: 0, column: 0 };
            return product.run(out, none, none);
        }
        let columns = Columns::new(g, self.x, piece.group, image, self.transposed);
        let mut scratch = self.host.take::<f32>(self.rows.min(piece.terms.len()) * n)?;
        for start in piece.terms.clone().step_by(self.rows) {
            let terms = start..piece.terms.end.min(start + self.rows);
            let k = terms.len();
            let matrix = if self.transposed {
                columns.write(piece.columns.clone(), terms, &mut scratch[..k * n]);
                Matrix { data: &scratch, offset: 0, row: 1, column: k as isize }
            } else {
                columns.write(terms, piece.columns.clone(), &mut scratch[..k * n]);
                Matrix { data: &scratch, offset: 0, row: n as isize, column: 1 }
            };
            let product = Product { k, accumulate: start > piece.terms.start, ..product };
            product.run(out, weights(start), matrix)?;
        }
        self.host.recycle(scratch.into());
        Ok(())
    }

    /// Puts a part where it belongs among the joined images' outputs, or adds it to the first of its splits.
    fn place(&self, piece: &Piece, part: Vec<f32>, out: &mut [f32]) {
        let g = self.geometry;
        let channels = g.out_channels * g.conv.groups;
        for (o, row) in part.chunks(piece.columns.len()).enumerate() {
            let channel = piece.group * g.out_channels + o;
            let mut at = piece.columns.start;
            let mut row = row;
            while !row.is_empty() {
                let (image, position) = (at / self.positions, at % self.positions);
                let count = row.len().min(self.positions - position);
                let start = (image * channels + channel) * self.positions + position;
                let (now, rest) = row.split_at(count);
                let to = &mut out[start..start + count];
                if piece.terms.start == 0 {
                    to.copy_from_slice(now);
                } else {
                    to.iter_mut().zip(now).for_each(|(to, &term)| *to += term);
                }
                at += count;
                row = rest;
            }
        }
        self.host.recycle(part.into());
    }
}

/// For a kernel of one tap that reads every position: the stride between neighbouring positions.
fn plain_stride(g: &Geometry) -> Option<isize> {
    let conv = &g.conv;
    let plain = g.kernel == [1; 3]
        && conv.stride == [1; 3]
        && conv.input_dilation == [1; 3]
        && conv.pad_lo == [0; 3]
        && conv.pad_hi == [0; 3];
    if !plain {
        return None;
    }
    let spatial = Layout { shape: g.input.into(), strides: g.x.spatial.as_slice().into(), offset: 0 };
    let walk = Walk::new(&spatial);
    if walk.sizes.len() == 1 { walk.strides.first().copied() } else { None }
}
