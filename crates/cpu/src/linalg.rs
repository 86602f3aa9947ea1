//! Linear algebra on batches of matrices: factorisations by `nalgebra`, one matrix at a time.
//!
//! Matrices are the last two axes of a view, `[batch.., m, n]`. A matrix with a NaN or an infinity in it has a
//! result that is NaN all over, as arithmetic has it; one that has no result for another reason (it is singular,
//! say) is an error that names it.

use std::sync::atomic::{AtomicUsize, Ordering};

use anygrad_layout::Shape;
use nalgebra::{DMatrix, RealField};

use crate::copy::dense;
use crate::host::Pooled;
use crate::parallel::chunks;
use crate::{CpuError, Host, Storage, View, Word};

mod factor;

/// A float that `nalgebra` computes with.
trait Real: Pooled + RealField + Copy {
    fn of(value: f64) -> Self {
        <Self as Word>::from_f64(value)
    }
}
impl Real for f32 {}
impl Real for f64 {}

/// What is computed of each matrix of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Factor {
    /// `[n, n] → [n, n]`: the lower L with `A = L·Lᵀ`, of the symmetric part of A.
    Cholesky,
    /// `[n, n] → [n, n]`: `A⁻¹`.
    Inverse,
    /// `[n, n] → [1]`.
    Determinant,
    /// `[n, n] → [2]`: the sign of the determinant, and the logarithm of its size.
    SignLogDeterminant,
    /// `[n, n] → [n + 1, n]`: the eigenvalues of the symmetric part in ascending order, and below them the matrix
    /// whose columns are the eigenvectors. The element of each vector that is largest in size is positive.
    Eigen,
    /// `[m, n] → [m + n, n]` for m ≥ n: Q with orthonormal columns, and below it the upper R with `A = Q·R` whose
    /// diagonal is not negative.
    Qr,
}

impl Factor {
    fn name(self) -> &'static str {
        match self {
            Self::Cholesky => "cholesky",
            Self::Inverse => "inverse",
            Self::Determinant => "det",
            Self::SignLogDeterminant => "slogdet",
            Self::Eigen => "eigh",
            Self::Qr => "qr",
        }
    }

    /// What is said of a matrix that has no such factor.
    fn why(self) -> &'static str {
        match self {
            Self::Cholesky => "is not positive definite",
            Self::Eigen => "has eigenvalues that did not converge",
            _ => "is singular",
        }
    }

    /// Rows and columns of the result for a matrix of `m × n`; `None` if it does not take such a matrix.
    fn result(self, m: usize, n: usize) -> Option<usize> {
        match self {
            Self::Qr if m >= n => m.checked_add(n)?.checked_mul(n),
            _ if m != n => None,
            Self::Cholesky | Self::Inverse => n.checked_mul(n),
            Self::Determinant => Some(1),
            Self::SignLogDeterminant => Some(2),
            Self::Eigen => n.checked_add(1)?.checked_mul(n),
            Self::Qr => None,
        }
    }
}

/// A factor of each matrix of `[batch.., m, n]`; the result has the batch axes and those that [`Factor`] says, dense.
///
/// # Errors
/// [`CpuError::NoResult`] names the first matrix that has none; [`CpuError::Shape`] for matrices of a shape that is
/// not taken, [`CpuError::Unsupported`] of integers, [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn factor(host: &Host, factor: Factor, a: View<'_>) -> Result<Storage, CpuError> {
    a.check(factor.name())?;
    match a.data {
        Storage::F32(data) => of_type(host, factor, a, data).map(Storage::F32),
        Storage::F64(data) => of_type(host, factor, a, data).map(Storage::F64),
        _ => Err(CpuError::Unsupported { op: factor.name(), dtype: a.dtype() }),
    }
}

fn of_type<T: Real>(host: &Host, factor: Factor, a: View<'_>, data: &[T]) -> Result<Vec<T>, CpuError> {
    let op = factor.name();
    let not_taken = || CpuError::Shape { op, left: a.shape().to_vec(), right: Vec::new() };
    let [batch @ .., m, n] = a.shape() else { return Err(not_taken()) };
    let (m, n) = (*m, *n);
    let size = factor.result(m, n).ok_or_else(not_taken)?;
    let count = Shape::from(batch).numel();
    let total = count.checked_mul(size).ok_or(CpuError::OutOfMemory { bytes: usize::MAX })?;
    let data = dense(host, data, a.layout)?;
    let mut out = host.take::<T>(total)?;
    let batch = Batch { op, why: factor.why(), shape: a.shape(), work: (m * n).saturating_mul(n.max(m)) };
    batch.each(&mut out, size, |i, out| {
        let matrix = &data[i * m * n..(i + 1) * m * n];
        if matrix.iter().any(|x| !x.is_finite()) {
            out.fill(T::of(f64::NAN));
            return true;
        }
        factor::one(factor, &DMatrix::from_row_slice(m, n, matrix), out)
    })?;
    Ok(out)
}

/// How the equations `A·X = B` are solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Solve {
    /// Any invertible A, by elimination with row exchanges.
    General,
    /// A is lower triangular; what is above the diagonal is not read.
    Lower,
    /// A is upper triangular; what is below the diagonal is not read.
    Upper,
    /// As `Upper`, of the R of a least-squares problem: an element of the diagonal that is no more than rounding
    /// beside the largest, n·ε of it, means that columns depend on each other.
    UpperOfRank,
}

impl Solve {
    fn name(self) -> &'static str {
        match self {
            Self::General => "solve",
            Self::Lower | Self::Upper => "solve_triangular",
            Self::UpperOfRank => "lstsq",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::UpperOfRank => "comes from columns that depend on each other",
            _ => "is singular",
        }
    }
}

/// X with `A·X = B` for each matrix A of `[batch.., n, n]` and B of `[batch.., n, k]`: `[batch.., n, k]`, dense. The
/// batch axes are equal.
///
/// # Errors
/// [`CpuError::NoResult`] names the first A that is singular; [`CpuError::Shape`], [`CpuError::DType`],
/// [`CpuError::Unsupported`] of integers, [`CpuError::OutOfBounds`], [`CpuError::OutOfMemory`].
pub fn solve(host: &Host, how: Solve, a: View<'_>, b: View<'_>) -> Result<Storage, CpuError> {
    a.check(how.name())?;
    b.check(how.name())?;
    match (a.data, b.data) {
        (Storage::F32(x), Storage::F32(y)) => solve_of_type(host, how, [a, b], x, y).map(Storage::F32),
        (Storage::F64(x), Storage::F64(y)) => solve_of_type(host, how, [a, b], x, y).map(Storage::F64),
        _ if a.dtype() != b.dtype() => {
            Err(CpuError::DType { op: how.name(), expected: a.dtype(), found: b.dtype() })
        }
        _ => Err(CpuError::Unsupported { op: how.name(), dtype: a.dtype() }),
    }
}

fn solve_of_type<T: Real>(
    host: &Host,
    how: Solve,
    [a, b]: [View<'_>; 2],
    x: &[T],
    y: &[T],
) -> Result<Vec<T>, CpuError> {
    let op = how.name();
    let differ = || CpuError::Shape { op, left: a.shape().to_vec(), right: b.shape().to_vec() };
    let ([batch @ .., m, n], [b_batch @ .., rows, k]) = (a.shape(), b.shape()) else { return Err(differ()) };
    if batch != b_batch || m != n || rows != n {
        return Err(differ());
    }
    let (n, k) = (*n, *k);
    let (x, y) = (dense(host, x, a.layout)?, dense(host, y, b.layout)?);
    let mut out = host.take::<T>(y.len())?;
    out.copy_from_slice(&y);
    let batch = Batch { op, why: how.why(), shape: a.shape(), work: (n * n).saturating_mul(n.max(k)) };
    batch.each(&mut out, n * k, |i, out| {
        let matrix = &x[i * n * n..(i + 1) * n * n];
        if matrix.iter().any(|x| !x.is_finite()) {
            out.fill(T::of(f64::NAN));
            return true;
        }
        factor::solve(how, DMatrix::from_row_slice(n, n, matrix), out, k)
    })?;
    Ok(out)
}

/// What goes with the matrices of one call.
struct Batch<'a> {
    op: &'static str,
    why: &'static str,
    shape: &'a [usize],
    /// Operations for one matrix.
    work: usize,
}

impl Batch<'_> {
    /// Fills each result of `size` elements; `one` says whether the matrix has one.
    fn each<T: Real>(
        &self,
        out: &mut [T],
        size: usize,
        one: impl Fn(usize, &mut [T]) -> bool + Send + Sync,
    ) -> Result<(), CpuError> {
        if out.is_empty() {
            return Ok(());
        }
        let failed = AtomicUsize::new(usize::MAX);
        let work = self.work.saturating_mul(out.len() / size.max(1));
        chunks(out, size, work, |i, out| {
            if !one(i, out) {
                // the first one, whichever thread comes first
                failed.fetch_min(i, Ordering::Relaxed);
            }
        });
        match failed.into_inner() {
            usize::MAX => Ok(()),
            matrix => {
                Err(CpuError::NoResult { op: self.op, matrix, shape: self.shape.to_vec(), why: self.why })
            }
        }
    }
}
