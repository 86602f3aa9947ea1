//! Query by query, as the definition has it: for f64, for sizes of 0, and for f32 where numbers that are not finite lie
//! beside keys that are not read.

use super::{Given, NOTHING_READ, Problem};
use crate::{CpuError, Word};

pub(super) fn forward<T: Word>(problem: &Problem<'_, T>, out: &mut [T]) -> Result<(), CpuError> {
    let Problem { batch, n, e, .. } = *problem;
    let (outputs, logs) = out.split_at_mut(batch * n * e);
    for b in 0..batch {
        for i in 0..n {
            logs[b * n + i] = query(problem, b, i, &mut outputs[(b * n + i) * e..][..e]);
        }
    }
    Ok(())
}

/// Computes the output of a query and gives the logarithm of its sum.
pub(super) fn query<T: Word>(problem: &Problem<'_, T>, b: usize, i: usize, output: &mut [T]) -> T {
    let scores: Vec<Option<f64>> = (0..problem.m).map(|j| score(problem, b, i, j)).collect();
    // a NaN is no maximum, but makes the sum NaN
    let most = scores.iter().flatten().copied().fold(f64::from(f32::MIN), f64::max);
    let mut sums = vec![0.0; problem.e];
    let mut total = 0.0;
    for (j, score) in scores.iter().enumerate() {
        let Some(score) = score else { continue };
        let weight = (score - most).exp();
        total += weight;
        for (c, sum) in sums.iter_mut().enumerate() {
            *sum += weight * problem.v.at(b, j, c).to_f64();
        }
    }
    let none = total == 0.0;
    for (to, sum) in output.iter_mut().zip(sums) {
        *to = T::from_f64(if none { 0.0 } else { sum / total });
    }
    T::from_f64(if none { f64::from(NOTHING_READ) } else { most + total.ln() })
}

/// The score of a query and a key that it reads.
fn score<T: Word>(problem: &Problem<'_, T>, b: usize, i: usize, j: usize) -> Option<f64> {
    let added = problem.added(b, i, j)?;
    let terms = (0..problem.d).map(|c| problem.q.at(b, i, c).to_f64() * problem.k.at(b, j, c).to_f64());
    Some(T::from_f64(terms.sum::<f64>() * problem.scale + added).to_f64())
}

pub(super) fn backward<T: Word>(
    problem: &Problem<'_, T>,
    given: &Given<'_, T>,
    out: &mut [T],
) -> Result<(), CpuError> {
    let Problem { batch, n, m, d, e, .. } = *problem;
    let (dq, rest) = out.split_at_mut(batch * n * d);
    let (dk, rest) = rest.split_at_mut(batch * m * d);
    let (dv, unused) = rest.split_at_mut(batch * m * e);
    unused.fill(T::default());
    for b in 0..batch {
        let (dq, dk) = (&mut dq[b * n * d..][..n * d], &mut dk[b * m * d..][..m * d]);
        one(problem, given, b, dq, dk, &mut dv[b * m * e..][..m * e]);
    }
    Ok(())
}

/// The gradients of one of the batch.
pub(super) fn one<T: Word>(
    problem: &Problem<'_, T>,
    given: &Given<'_, T>,
    b: usize,
    dq: &mut [T],
    dk: &mut [T],
    dv: &mut [T],
) {
    let Problem { n, m, d, e, .. } = *problem;
    let (mut sums_k, mut sums_v) = (vec![0.0; m * d], vec![0.0; m * e]);
    for i in 0..n {
        let g = |c: usize| given.g.at(b, i, c).to_f64();
        let log = given.logs[b * n + i].to_f64();
        let mean: f64 = (0..e).map(|c| g(c) * given.outputs[(b * n + i) * e + c].to_f64()).sum();
        let mut sums_q = vec![0.0; d];
        for j in 0..m {
            let Some(score) = score(problem, b, i, j) else { continue };
            // p = e^(s − log), dV = Pᵀ·G, dS = P∘(G·Vᵀ − rowsum(G∘O)), dQ = dS·K/√d, dK = dSᵀ·Q/√d
            let weight = (score - log).exp();
            let dp: f64 = (0..e).map(|c| g(c) * problem.v.at(b, j, c).to_f64()).sum();
            let ds = weight * (dp - mean) * problem.scale;
            (0..e).for_each(|c| sums_v[j * e + c] += weight * g(c));
            for c in 0..d {
                sums_q[c] += ds * problem.k.at(b, j, c).to_f64();
                sums_k[j * d + c] += ds * problem.q.at(b, i, c).to_f64();
            }
        }
        store(&mut dq[i * d..][..d], &sums_q);
    }
    store(dk, &sums_k);
    store(dv, &sums_v);
}

fn store<T: Word>(to: &mut [T], sums: &[f64]) {
    to.iter_mut().zip(sums).for_each(|(to, &sum)| *to = T::from_f64(sum));
}
