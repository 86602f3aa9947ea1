//! f32: blocks of queries times blocks of keys, with the products by `gemm`.
//!
//! Which blocks there are, and the order in which they are added up, follow from the sizes alone; threads share blocks
//! out among themselves.

use rayon::prelude::*;

use super::rows::{Soften, Weigh};
use super::{Given, NOTHING_READ, Operand, Problem, naive};
use crate::CpuError;
use crate::parallel::worth_threads;
use crate::product::{Matrix, Product};

/// Queries of a block.
const QUERIES: usize = 64;
/// Keys of a block. The scores of a block take 64 KiB.
const KEYS: usize = 256;

/// What a thread keeps for itself: scores and their gradients.
#[derive(Default)]
struct Scratch {
    scores: Vec<f32>,
    slopes: Vec<f32>,
}

fn sized(room: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if room.len() < len {
        room.resize(len, 0.0);
    }
    &mut room[..len]
}

impl<'a> Operand<'a, f32> {
    /// The rows of matrix `b` from `first` on.
    fn rows(&self, b: usize, first: usize) -> Matrix<'a> {
        Matrix { data: self.data, offset: self.start(b, first), row: self.row, column: self.column }
    }

    fn is_finite(&self, b: usize, rows: usize, columns: usize) -> bool {
        let mut finite = true;
        for row in 0..rows {
            let start = self.start(b, row);
            if self.column == 1 {
                self.data[start..start + columns].iter().for_each(|x| finite &= x.is_finite());
            } else {
                (0..columns).for_each(|column| finite &= self.at(b, row, column).is_finite());
            }
        }
        finite
    }
}

fn transposed(matrix: Matrix<'_>) -> Matrix<'_> {
    Matrix { row: matrix.column, column: matrix.row, ..matrix }
}

fn dense(data: &[f32], columns: usize) -> Matrix<'_> {
    Matrix { data, offset: 0, row: columns as isize, column: 1 }
}

/// A product on one thread: threads have blocks of their own.
fn product(m: usize, k: usize, n: usize, accumulate: bool) -> Product {
    Product { m, k, n, out_row: n, accumulate, threads: false }
}

impl Problem<'_, f32> {
    /// Products leave out nothing: weights of 0 would turn numbers that are not finite into NaN.
    fn takes_products(&self, b: usize) -> bool {
        !self.kind.leaves_out() || self.k.is_finite(b, self.m, self.d) && self.v.is_finite(b, self.m, self.e)
    }

    /// Keys from `first` on, in the block of `rows` queries from `query` on.
    fn width(&self, query: usize, rows: usize, first: usize) -> usize {
        self.kind.keys_before(query + rows, self.m).saturating_sub(first).min(KEYS)
    }

    /// The scores of a block of queries and keys, −∞ where a key is not read; they have yet to be multiplied by the
    /// result.
    fn scores(
        &self,
        b: usize,
        (query, rows): (usize, usize),
        (key, columns): (usize, usize),
        scores: &mut [f32],
    ) -> Result<f32, CpuError> {
        let keys = transposed(self.k.rows(b, key));
        product(rows, self.d, columns, false).run(scores, self.q.rows(b, query), keys)?;
        let scale = self.scale as f32;
        let each = scores.chunks_exact_mut(columns).enumerate();
        if self.mask.is_none() && self.bias.is_none() {
            if self.kind.causal {
                for (i, row) in each {
                    let read = (query + i + 1).saturating_sub(key).min(columns);
                    row[read..].fill(f32::NEG_INFINITY);
                }
            }
            return Ok(scale);
        }
        for (i, row) in each {
            for (j, score) in row.iter_mut().enumerate() {
                let added = self.added(b, query + i, key + j);
                *score = added.map_or(f32::NEG_INFINITY, |added| *score * scale + added as f32);
            }
        }
        Ok(1.0)
    }

    fn work(&self) -> usize {
        let pairs = self.n.saturating_mul(self.m).saturating_mul(self.batch);
        pairs.saturating_mul(self.d + self.e) / 16
    }

    fn is_degenerate(&self) -> bool {
        [self.batch, self.n, self.m, self.d, self.e].contains(&0)
    }
}

pub(super) fn forward(problem: &Problem<'_, f32>, out: &mut [f32]) -> Result<(), CpuError> {
    if problem.is_degenerate() {
        return naive::forward(problem, out);
    }
    let Problem { batch, n, e, .. } = *problem;
    let (outputs, logs) = out.split_at_mut(batch * n * e);
    let mut tasks = Vec::new();
    for (b, (outputs, logs)) in outputs.chunks_mut(n * e).zip(logs.chunks_mut(n)).enumerate() {
        let products = problem.takes_products(b);
        let blocks = outputs.chunks_mut(QUERIES * e).zip(logs.chunks_mut(QUERIES)).enumerate();
        tasks.extend(blocks.map(|(block, (outputs, logs))| (b, block * QUERIES, products, outputs, logs)));
    }
    let run = |scratch: &mut Scratch, (b, first, products, outputs, logs): Task<'_>| {
        if products {
            return block(problem, scratch, b, first, outputs, logs);
        }
        let rows = outputs.chunks_mut(e).zip(logs).enumerate();
        rows.for_each(|(i, (output, log))| *log = naive::query(problem, b, first + i, output));
        Ok(())
    };
    if worth_threads(problem.work()) {
        tasks.into_par_iter().try_for_each_init(Scratch::default, run)
    } else {
        let mut scratch = Scratch::default();
        tasks.into_iter().try_for_each(|task| run(&mut scratch, task))
    }
}

/// One of the batch, the first query of a block, whether it goes by products, its outputs and logarithms.
type Task<'a> = (usize, usize, bool, &'a mut [f32], &'a mut [f32]);

/// A block of queries with all keys they read.
fn block(
    problem: &Problem<'_, f32>,
    scratch: &mut Scratch,
    b: usize,
    first: usize,
    outputs: &mut [f32],
    logs: &mut [f32],
) -> Result<(), CpuError> {
    let (rows, e) = (logs.len(), problem.e);
    let (mut most, mut total) = ([f32::MIN; QUERIES], [0.0; QUERIES]);
    let (most, total) = (&mut most[..rows], &mut total[..rows]);
    outputs.fill(0.0);
    for key in (0..problem.m).step_by(KEYS) {
        let columns = problem.width(first, rows, key);
        if columns == 0 {
            break;
        }
        let scores = sized(&mut scratch.scores, rows * columns);
        let factor = problem.scores(b, (first, rows), (key, columns), scores)?;
        Soften { scores, columns, factor, most, total, outputs, features: e }.run();
        product(rows, columns, e, true).run(outputs, dense(scores, columns), problem.v.rows(b, key))?;
    }
    for ((output, log), (&most, &total)) in
        outputs.chunks_exact_mut(e).zip(logs).zip(most.iter().zip(total.iter()))
    {
        if total == 0.0 {
            output.fill(0.0);
            *log = NOTHING_READ;
        } else {
            output.iter_mut().for_each(|x| *x /= total);
            *log = most + total.ln();
        }
    }
    Ok(())
}

/// The gradients of one of the batch.
struct Slopes<'a> {
    dq: &'a mut [f32],
    dk: &'a mut [f32],
    dv: &'a mut [f32],
    /// For each query the mean of the gradients of its weights.
    means: &'a mut [f32],
}

pub(super) fn backward(
    problem: &Problem<'_, f32>,
    given: &Given<'_, f32>,
    out: &mut [f32],
) -> Result<(), CpuError> {
    if problem.is_degenerate() {
        return naive::backward(problem, given, out);
    }
    let Problem { batch, n, m, d, e, .. } = *problem;
    let (dq, rest) = out.split_at_mut(batch * n * d);
    let (dk, rest) = rest.split_at_mut(batch * m * d);
    let (dv, means) = rest.split_at_mut(batch * m * e);
    let queries = dq.chunks_mut(n * d).zip(means.chunks_mut(n));
    let keys = dk.chunks_mut(m * d).zip(dv.chunks_mut(m * e));
    let each = queries.zip(keys).enumerate();
    let each = each.map(|(b, ((dq, means), (dk, dv)))| (b, Slopes { dq, dk, dv, means }));
    let back = Back { problem, given };
    if worth_threads(problem.work()) && batch >= rayon::current_num_threads() {
        let all: Vec<_> = each.collect();
        return all
            .into_par_iter()
            .try_for_each_init(Scratch::default, |scratch, (b, slopes)| back.alone(scratch, b, slopes));
    }
    let mut scratch = Scratch::default();
    for (b, slopes) in each {
        if worth_threads(problem.work() / batch) {
            back.shared(b, slopes)?;
        } else {
            back.alone(&mut scratch, b, slopes)?;
        }
    }
    Ok(())
}

/// A block of queries: the first, and how many.
type Queries = (usize, usize);

struct Back<'a> {
    problem: &'a Problem<'a, f32>,
    given: &'a Given<'a, f32>,
}

impl Back<'_> {
    /// Sets the sums to 0 and computes the means; false if the gradients are done.
    fn begin(&self, b: usize, slopes: &mut Slopes<'_>) -> bool {
        let Problem { n, e, .. } = *self.problem;
        let finite = self.problem.takes_products(b)
            && (!self.problem.kind.leaves_out()
                || self.problem.q.is_finite(b, n, self.problem.d) && self.given.g.is_finite(b, n, e));
        if !finite {
            naive::one(self.problem, self.given, b, slopes.dq, slopes.dk, slopes.dv);
            slopes.means.fill(0.0);
            return false;
        }
        for part in [&mut *slopes.dq, &mut *slopes.dk, &mut *slopes.dv] {
            part.fill(0.0);
        }
        let outputs = self.given.outputs[b * n * e..][..n * e].chunks_exact(e);
        for (i, (mean, output)) in slopes.means.iter_mut().zip(outputs).enumerate() {
            let terms = output.iter().enumerate().map(|(c, o)| o * self.given.g.at(b, i, c));
            *mean = terms.sum();
        }
        true
    }

    /// On one thread: each block of queries with each block of keys.
    fn alone(&self, scratch: &mut Scratch, b: usize, mut slopes: Slopes<'_>) -> Result<(), CpuError> {
        if !self.begin(b, &mut slopes) {
            return Ok(());
        }
        let Problem { m, d, e, .. } = *self.problem;
        for queries in self.blocks() {
            for key in (0..m).step_by(KEYS) {
                let columns = self.problem.width(queries.0, queries.1, key);
                if columns == 0 {
                    break;
                }
                self.weigh(scratch, b, queries, (key, columns), slopes.means)?;
                self.for_queries(scratch, b, queries, (key, columns), &mut slopes.dq[queries.0 * d..])?;
                let (dk, dv) = (&mut slopes.dk[key * d..], &mut slopes.dv[key * e..]);
                self.for_keys(scratch, b, queries, (key, columns), dk, dv)?;
            }
        }
        Ok(())
    }

    /// By all threads: blocks of queries, then blocks of keys, which compute the weights once more. The sums are the
    /// same, term by term.
    fn shared(&self, b: usize, mut slopes: Slopes<'_>) -> Result<(), CpuError> {
        if !self.begin(b, &mut slopes) {
            return Ok(());
        }
        let Problem { m, d, e, .. } = *self.problem;
        let Slopes { dq, dk, dv, means } = slopes;
        let means = &*means;
        let blocks: Vec<(Queries, &mut [f32])> = self.blocks().zip(dq.chunks_mut(QUERIES * d)).collect();
        blocks.into_par_iter().try_for_each_init(Scratch::default, |scratch, (queries, dq)| {
            (0..m).step_by(KEYS).try_for_each(|key| {
                let columns = self.problem.width(queries.0, queries.1, key);
                if columns == 0 {
                    return Ok(());
                }
                self.weigh(scratch, b, queries, (key, columns), means)?;
                self.for_queries(scratch, b, queries, (key, columns), dq)
            })
        })?;
        let blocks = dk.par_chunks_mut(KEYS * d).zip(dv.par_chunks_mut(KEYS * e)).enumerate();
        blocks.try_for_each_init(Scratch::default, |scratch, (block, (dk, dv))| {
            let key = block * KEYS;
            self.blocks().try_for_each(|queries| {
                let columns = self.problem.width(queries.0, queries.1, key);
                if columns == 0 {
                    return Ok(());
                }
                self.weigh(scratch, b, queries, (key, columns), means)?;
                self.for_keys(scratch, b, queries, (key, columns), dk, dv)
            })
        })
    }

    fn blocks(&self) -> impl Iterator<Item = Queries> {
        let n = self.problem.n;
        (0..n).step_by(QUERIES).map(move |first| (first, QUERIES.min(n - first)))
    }

    /// Leaves the weights of a block, and the gradients of its scores, in `scratch`.
    fn weigh(
        &self,
        scratch: &mut Scratch,
        b: usize,
        (query, rows): Queries,
        (key, columns): (usize, usize),
        means: &[f32],
    ) -> Result<(), CpuError> {
        let problem = self.problem;
        let scores = sized(&mut scratch.scores, rows * columns);
        let slopes = sized(&mut scratch.slopes, rows * columns);
        let factor = problem.scores(b, (query, rows), (key, columns), scores)?;
        let values = transposed(problem.v.rows(b, key));
        product(rows, problem.e, columns, false).run(slopes, self.given.g.rows(b, query), values)?;
        let logs = &self.given.logs[b * problem.n + query..][..rows];
        let means = &means[query..query + rows];
        Weigh { scores, slopes, columns, factor, scale: problem.scale as f32, logs, means }.run();
        Ok(())
    }

    /// dQ += dS·K
    fn for_queries(
        &self,
        scratch: &Scratch,
        b: usize,
        (_, rows): Queries,
        (key, columns): (usize, usize),
        dq: &mut [f32],
    ) -> Result<(), CpuError> {
        let ds = dense(&scratch.slopes[..rows * columns], columns);
        product(rows, columns, self.problem.d, true).run(dq, ds, self.problem.k.rows(b, key))
    }

    /// dV += Pᵀ·G, dK += dSᵀ·Q
    fn for_keys(
        &self,
        scratch: &Scratch,
        b: usize,
        (query, rows): Queries,
        (_, columns): (usize, usize),
        dk: &mut [f32],
        dv: &mut [f32],
    ) -> Result<(), CpuError> {
        let Problem { d, e, .. } = *self.problem;
        let weights = transposed(dense(&scratch.scores[..rows * columns], columns));
        let ds = transposed(dense(&scratch.slopes[..rows * columns], columns));
        product(columns, rows, e, true).run(dv, weights, self.given.g.rows(b, query))?;
        product(columns, rows, d, true).run(dk, ds, self.problem.q.rows(b, query))
    }
}
