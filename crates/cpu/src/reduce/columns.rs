//! `f32`: outputs that are neighbours in memory, reduced side by side.

use std::marker::PhantomData;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::Split;
use super::lanes::{CHUNK, Fold};
use crate::parallel::{chunks, worth_threads};
use crate::walk::Walk;

/// Columns that are reduced side by side: their totals fit the first-level cache, and what is read of a row is long enough
/// to be fetched ahead.
const COLUMNS: usize = 1024;

/// Rows that are added to the columns in one pass over them.
const TOGETHER: usize = 4;

/// Rows added in `f32` before the totals go on in `f64`.
const ROWS: usize = 64;

/// Neighbouring outputs side by side, one term of each after another.
pub(super) fn columns<F: Fold>(data: &[f32], split: &Split, reduced: &Walk, out: &mut [f32]) {
    let Some(&width) = split.kept.sizes.last() else { return };
    let span = COLUMNS.min(width);
    let terms = split.terms;
    // Rows of a chunk, a whole number of blocks, and some of them: each chunk begins and ends with a pass over totals.
    let chunk = (4 * CHUNK / span).next_multiple_of(ROWS);
    let pieces = terms.div_ceil(chunk);
    let work = out.len().saturating_mul(terms);
    let tiles = out.len() / width * width.div_ceil(span);
    let shared = pieces > 1 && tiles < rayon::current_num_threads() && worth_threads(work);
    chunks(out, width, if shared { 0 } else { work }, |line, out| {
        let start = split.kept.position(line * width);
        chunks(out, span, if shared { 0 } else { work }, |tile, out| {
            let start = start + tile * span;
            let part = |piece: usize| {
                let first = piece * chunk;
                column_totals::<F>(data, start, reduced, first, chunk.min(terms - first), out.len())
            };
            let mut totals = [f64::from(F::START); COLUMNS];
            let mut join = |part: [f64; COLUMNS]| {
                totals.iter_mut().zip(part).for_each(|(total, part)| *total = F::join(*total, part));
            };
            if shared {
                let parts: Vec<_> = (0..pieces).into_par_iter().map(part).collect();
                parts.into_iter().for_each(join);
            } else {
                (0..pieces).for_each(|piece| join(part(piece)));
            }
            out.iter_mut().zip(totals).for_each(|(to, total)| *to = total as f32);
        });
    });
}

/// Terms `first .. first + len` of `width` neighbouring outputs.
fn column_totals<F: Fold>(
    data: &[f32],
    start: usize,
    reduced: &Walk,
    first: usize,
    len: usize,
    width: usize,
) -> [f64; COLUMNS] {
    let mut totals = [f64::from(F::START); COLUMNS];
    let mut block = [F::START; COLUMNS];
    let mut in_block = 0;
    reduced.runs(first, len, |run| {
        let mut i = 0;
        while i < run.len {
            // as many rows as the run and the block have left
            let rows = TOGETHER.min(run.len - i).min(ROWS - in_block);
            let at = (start as isize + run.first as isize + i as isize * run.stride) as usize;
            let block = &mut block[..width];
            Arch::new().dispatch(Beside::<F> {
                block,
                data,
                at,
                stride: run.stride,
                rows,
                fold: PhantomData,
            });
            i += rows;
            in_block += rows;
            if in_block == ROWS {
                flush::<F>(&mut totals[..width], block);
                in_block = 0;
            }
        }
    });
    flush::<F>(&mut totals[..width], &mut block[..width]);
    totals
}

/// A few more terms of each of some neighbouring outputs, compiled for each instruction set.
struct Beside<'a, F> {
    block: &'a mut [f32],
    data: &'a [f32],
    /// Where the first of the rows starts, and how far apart they are.
    at: usize,
    stride: isize,
    rows: usize,
    fold: PhantomData<F>,
}

impl<F: Fold> WithSimd for Beside<'_, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { block, data, at, stride, rows, .. } = self;
        let row = |i: usize| {
            let start = (at as isize + i as isize * stride) as usize;
            &data[start..start + block.len()]
        };
        if rows == TOGETHER {
            step_four::<F>([row(0), row(1), row(2), row(3)], block);
        } else {
            for i in 0..rows {
                let start = (at as isize + i as isize * stride) as usize;
                step_all::<F>(block, &data[start..start + block.len()]);
            }
        }
    }
}

#[inline(always)]
fn step_all<F: Fold>(parts: &mut [f32], terms: &[f32]) {
    for (part, &x) in parts.iter_mut().zip(terms) {
        *part = F::step(*part, x);
    }
}

/// [`step_all`] of one row after another.
#[inline(always)]
fn step_four<F: Fold>(rows: [&[f32]; TOGETHER], parts: &mut [f32]) {
    let [a, b, c, d] = rows;
    for ((((part, &a), &b), &c), &d) in parts.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *part = F::step(F::step(F::step(F::step(*part, a), b), c), d);
    }
}

fn flush<F: Fold>(totals: &mut [f64], block: &mut [f32]) {
    for (total, part) in totals.iter_mut().zip(block) {
        *total = F::join(*total, f64::from(std::mem::replace(part, F::START)));
    }
}
