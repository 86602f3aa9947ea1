//! Attention with online softmax, and its gradients, without the matrix of weights in memory.
//!
//! Scores of a block of queries with a block of keys live in a few hundred kilobytes that a thread keeps for itself;
//! the largest score and the sum of each query go along (Milakov and Gimelshein 2018, <https://arxiv.org/abs/1805.02867>;
//! Dao et al. 2022, <https://arxiv.org/abs/2205.14135>). The logarithm of that sum is all that is kept for the
//! gradients, which compute the weights again.

mod blocks;
mod naive;
mod rows;

use anygrad_layout::{Attention, Layout, Shape};

use crate::host::Pooled;
use crate::walk::Walk;
use crate::{CpuError, Host, Storage, View, Word};

const OP: &str = "attention";

/// The logarithm of the sum for a query that reads no key: it makes every weight 0.
const NOTHING_READ: f32 = f32::MAX;

/// `softmax(Q·Kᵀ/√d)·V` for queries `[batch.., n, d]`, keys `[batch.., m, d]` and values `[batch.., m, e]`, then a mask
/// and a bias `[batch.., n, m]` as `kind` says. The result is dense: outputs `[batch.., n, e]` and behind them, for
/// each query, the logarithm of the sum of its exponentials, `[batch.., n]`.
///
/// What a query does not read adds nothing, whatever it is. A query that reads nothing gets zeros.
///
/// # Errors
/// [`CpuError::Shape`], [`CpuError::DType`], [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn attention(host: &Host, inputs: &[View<'_>], kind: Attention) -> Result<Storage, CpuError> {
    let [q, k, v, rest @ ..] = inputs else { return Err(number_of_inputs()) };
    match q.data {
        Storage::F32(_) => forward::<f32>(host, [*q, *k, *v], rest, kind, blocks::forward),
        Storage::F64(_) => forward::<f64>(host, [*q, *k, *v], rest, kind, naive::forward),
        _ => Err(CpuError::Unsupported { op: OP, dtype: q.dtype() }),
    }
}

/// The gradients of [`attention`]: inputs are queries, keys, values, what [`attention`] gave, and the gradient of its
/// outputs `[batch.., n, e]`, then mask and bias. The result is dense: the gradients of queries `[batch.., n, d]`,
/// keys `[batch.., m, d]` and values `[batch.., m, e]` one behind another, and `[batch.., n]` numbers of no use.
///
/// # Errors
/// As [`attention`].
pub fn attention_gradient(host: &Host, inputs: &[View<'_>], kind: Attention) -> Result<Storage, CpuError> {
    let [q, k, v, kept, g, rest @ ..] = inputs else { return Err(number_of_inputs()) };
    let back = [*q, *k, *v, *kept, *g];
    match q.data {
        Storage::F32(_) => backward::<f32>(host, back, rest, kind, blocks::backward),
        Storage::F64(_) => backward::<f64>(host, back, rest, kind, naive::backward),
        _ => Err(CpuError::Unsupported { op: OP, dtype: q.dtype() }),
    }
}

fn number_of_inputs() -> CpuError {
    CpuError::Invalid { op: OP, why: "inputs are missing" }
}

/// How to compute the outputs of a problem.
type Forward<T> = fn(&Problem<'_, T>, &mut [T]) -> Result<(), CpuError>;
/// How to compute its gradients.
type Backward<T> = fn(&Problem<'_, T>, &Given<'_, T>, &mut [T]) -> Result<(), CpuError>;

fn forward<T: Pooled + Word>(
    host: &Host,
    inputs: [View<'_>; 3],
    rest: &[View<'_>],
    kind: Attention,
    run: Forward<T>,
) -> Result<Storage, CpuError> {
    let problem = Problem::<T>::new(inputs, rest, kind)?;
    let mut out = host.take::<T>(size(problem.batch, &[(problem.n, problem.e), (problem.n, 1)])?)?;
    run(&problem, &mut out)?;
    Ok(T::wrap(out))
}

fn backward<T: Pooled + Word>(
    host: &Host,
    [q, k, v, kept, g]: [View<'_>; 5],
    rest: &[View<'_>],
    kind: Attention,
    run: Backward<T>,
) -> Result<Storage, CpuError> {
    let problem = Problem::<T>::new([q, k, v], rest, kind)?;
    let Problem { batch, n, m, d, e, .. } = problem;
    let known = size(batch, &[(n, e), (n, 1)])?;
    let kept = words::<T>(kept)?.get(kept.layout.offset..).and_then(|all| all.get(..known));
    let kept = kept.ok_or(CpuError::Invalid { op: OP, why: "what was kept is too short" })?;
    let (outputs, logs) = kept.split_at(size(batch, &[(n, e)])?);
    let given = Given { outputs, logs, g: Operand::new(g, &[n, e], problem.lead)? };
    let mut out = host.take::<T>(size(batch, &[(n, d), (m, d), (m, e), (n, 1)])?)?;
    run(&problem, &given, &mut out)?;
    Ok(T::wrap(out))
}

/// The elements of matrices of these sizes, one of each for each of the batch.
fn size(batch: usize, matrices: &[(usize, usize)]) -> Result<usize, CpuError> {
    let all = || {
        let one = |sum: usize, &(rows, columns): &(usize, usize)| sum.checked_add(rows.checked_mul(columns)?);
        batch.checked_mul(matrices.iter().try_fold(0, one)?)
    };
    all().ok_or(CpuError::OutOfMemory { bytes: usize::MAX })
}

fn words<'a, T: Word>(view: View<'a>) -> Result<&'a [T], CpuError> {
    T::slice(view.data).ok_or(CpuError::DType { op: OP, expected: T::DTYPE, found: view.dtype() })
}

/// A matrix for each of the batch.
struct Operand<'a, T> {
    data: &'a [T],
    batch: Walk,
    row: isize,
    column: isize,
}

impl<'a, T: Word> Operand<'a, T> {
    fn new(view: View<'a>, sizes: &[usize; 2], lead: &'a [usize]) -> Result<Self, CpuError> {
        view.check(OP)?;
        let shape = view.shape();
        let axes = lead.len();
        if shape.len() != axes + 2 || shape[..axes] != *lead || shape[axes..] != *sizes {
            return Err(CpuError::Shape { op: OP, left: shape.to_vec(), right: sizes.to_vec() });
        }
        let strides = &view.layout.strides;
        let outer =
            Layout { shape: Shape::from(lead), strides: strides[..axes].into(), offset: view.layout.offset };
        let data = words::<T>(view)?;
        Ok(Self { data, batch: Walk::new(&outer), row: strides[axes], column: strides[axes + 1] })
    }

    /// Where row `row` of matrix `b` begins.
    fn start(&self, b: usize, row: usize) -> usize {
        (self.batch.position(b) as isize + row as isize * self.row) as usize
    }

    fn at(&self, b: usize, row: usize, column: usize) -> T {
        self.data[(self.start(b, row) as isize + column as isize * self.column) as usize]
    }
}

/// One attention for each of the batch.
struct Problem<'a, T> {
    lead: &'a [usize],
    batch: usize,
    /// Queries, keys, features of both, features of values.
    n: usize,
    m: usize,
    d: usize,
    e: usize,
    q: Operand<'a, T>,
    k: Operand<'a, T>,
    v: Operand<'a, T>,
    mask: Option<Operand<'a, u32>>,
    bias: Option<Operand<'a, T>>,
    kind: Attention,
    /// 1 / √d.
    scale: f64,
}

/// What the gradients need besides.
struct Given<'a, T> {
    /// Dense.
    outputs: &'a [T],
    logs: &'a [T],
    g: Operand<'a, T>,
}

impl<'a, T: Word> Problem<'a, T> {
    fn new([q, k, v]: [View<'a>; 3], rest: &[View<'a>], kind: Attention) -> Result<Self, CpuError> {
        let differ = || CpuError::Shape { op: OP, left: q.shape().to_vec(), right: k.shape().to_vec() };
        let ([lead @ .., n, d], [.., m, _], [.., e]) = (q.shape(), k.shape(), v.shape()) else {
            return Err(differ());
        };
        let (n, m, d, e) = (*n, *m, *d, *e);
        let mut rest = rest.iter();
        let mut next = || rest.next().copied().ok_or_else(number_of_inputs);
        let mask = if kind.mask { Some(Operand::new(next()?, &[n, m], lead)?) } else { None };
        let bias = if kind.bias { Some(Operand::new(next()?, &[n, m], lead)?) } else { None };
        let batch = Shape::from(lead).numel();
        let q = Operand::new(q, &[n, d], lead)?;
        let k = Operand::new(k, &[m, d], lead)?;
        let v = Operand::new(v, &[m, e], lead)?;
        let scale = 1.0 / (d.max(1) as f64).sqrt();
        Ok(Self { lead, batch, n, m, d, e, q, k, v, mask, bias, kind, scale })
    }

    /// What is added to the score of a query and a key; `None` if the query does not read the key.
    fn added(&self, b: usize, query: usize, key: usize) -> Option<f64> {
        if self.kind.causal && key > query {
            return None;
        }
        if self.mask.as_ref().is_some_and(|mask| mask.at(b, query, key) == 0) {
            return None;
        }
        let added = self.bias.as_ref().map_or(0.0, |bias| bias.at(b, query, key).to_f64());
        (added != f64::NEG_INFINITY).then_some(added)
    }
}
