//! `f32`: loops that are vector code.
//!
//! Partial results are combined in `f64`, in an order that the sizes alone decide: the terms of an output are
//! cut into chunks of a fixed length whether or not threads share them.

use std::marker::PhantomData;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::columns::columns;
use super::lanes::{BLOCK, CHUNK, Fold, Max, Min, Prod, Sum, block_total, lanes};
use super::{Reduce, Split};
use crate::parallel::{chunks, worth_threads};
use crate::walk::Walk;
use crate::{CpuError, Host};

pub(super) fn reduce(host: &Host, data: &[f32], split: &Split, kind: Reduce) -> Result<Vec<f32>, CpuError> {
    let mut out = host.take::<f32>(split.outputs)?;
    if split.outputs == 0 {
        return Ok(out);
    }
    let reduced = split.reduced_in_memory_order();
    let side_by_side = split.kept.strides.last() == Some(&1)
        && split.kept.sizes.last().is_some_and(|&size| size >= 4)
        && reduced.strides.last().is_some_and(|stride| stride.unsigned_abs() != 1);
    // The loops are compiled once for each kind.
    match kind {
        Reduce::Sum => run::<Sum>(data, split, &reduced, side_by_side, &mut out),
        Reduce::Prod => run::<Prod>(data, split, &reduced, side_by_side, &mut out),
        Reduce::Min => run::<Min>(data, split, &reduced, side_by_side, &mut out),
        _ => run::<Max>(data, split, &reduced, side_by_side, &mut out),
    }
    Ok(out)
}

/// One output of each `elements` terms of `data`, which lie side by side.
pub(super) fn fold_rows(data: &[f32], elements: usize, kind: Reduce, out: &mut [f32]) {
    match kind {
        Reduce::Sum => whole_rows::<Sum>(data, elements, out),
        Reduce::Prod => whole_rows::<Prod>(data, elements, out),
        Reduce::Min => whole_rows::<Min>(data, elements, out),
        _ => whole_rows::<Max>(data, elements, out),
    }
}

fn whole_rows<F: Fold>(data: &[f32], elements: usize, out: &mut [f32]) {
    Arch::new().dispatch(WholeRows::<F>(data, elements.max(1), out, PhantomData));
}

/// Rows side by side and an output of each, compiled for each instruction set.
struct WholeRows<'a, F>(&'a [f32], usize, &'a mut [f32], PhantomData<F>);

impl<F: Fold> WithSimd for WholeRows<'_, F> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self(data, elements, out, _) = self;
        for (row, to) in data.chunks_exact(elements).zip(out) {
            // the same order as in `row`
            let mut total = f64::from(F::START);
            for chunk in row.chunks(CHUNK) {
                let mut part = f64::from(F::START);
                for block in chunk.chunks(BLOCK) {
                    part = F::join(part, block_total::<F, S>(simd, block));
                }
                total = F::join(total, part);
            }
            *to = total as f32;
        }
    }
}

fn run<F: Fold>(data: &[f32], split: &Split, reduced: &Walk, side_by_side: bool, out: &mut [f32]) {
    if side_by_side {
        columns::<F>(data, split, reduced, out);
    } else {
        rows::<F>(data, split, reduced, out);
    }
}

/// One output at a time, along memory where the reduced axes go along it.
fn rows<F: Fold>(data: &[f32], split: &Split, reduced: &Walk, out: &mut [f32]) {
    let terms = split.terms;
    let pieces = terms.div_ceil(CHUNK);
    let chunk = |start: usize, piece: usize| {
        let first = piece * CHUNK;
        row::<F>(data, start, reduced, first, CHUNK.min(terms - first))
    };
    // Few long rows are shared by chunks, many short ones by rows; the chunks are joined in order either way.
    let shared = pieces > 1 && out.len() < rayon::current_num_threads() && worth_threads(terms);
    let per_thread = (CHUNK / terms.max(1)).max(1);
    let work = out.len().saturating_mul(terms);
    let one = |i: usize| {
        let start = split.kept.position(i);
        let joined = if shared {
            let parts: Vec<f64> = (0..pieces).into_par_iter().map(|piece| chunk(start, piece)).collect();
            parts.into_iter().fold(f64::from(F::START), F::join)
        } else {
            (0..pieces).map(|piece| chunk(start, piece)).fold(f64::from(F::START), F::join)
        };
        joined as f32
    };
    let side_by_side = split.kept.strides.as_slice() == [terms as isize] && reduced.is_dense();
    if shared {
        out.iter_mut().enumerate().for_each(|(i, to)| *to = one(i));
    } else if side_by_side && terms > 0 {
        chunks(out, per_thread, work, |piece, out| {
            let first = split.kept.offset + piece * per_thread * terms;
            whole_rows::<F>(&data[first..first + out.len() * terms], terms, out);
        });
    } else {
        chunks(out, per_thread, work, |piece, out| {
            out.iter_mut().enumerate().for_each(|(i, to)| *to = one(piece * per_thread + i));
        });
    }
}

/// Terms `first .. first + len` of the output whose elements start at `start`.
fn row<F: Fold>(data: &[f32], start: usize, reduced: &Walk, first: usize, len: usize) -> f64 {
    let mut total = f64::from(F::START);
    reduced.runs(first, len, |run| {
        let at = (start as isize + run.first as isize) as usize;
        if run.stride == 1 {
            for block in data[at..at + run.len].chunks(BLOCK) {
                total = F::join(total, lanes::<F>(block));
            }
        } else {
            for i in 0..run.len as isize {
                total = F::join(total, f64::from(data[(at as isize + i * run.stride) as usize]));
            }
        }
    });
    total
}
