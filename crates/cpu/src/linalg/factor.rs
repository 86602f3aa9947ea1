//! One matrix. The results are written row by row; `false` says that there is none.

use nalgebra::DMatrix;
use nalgebra::linalg::{Cholesky, LU, QR, SymmetricEigen};

use super::{Factor, Real, Solve};

/// Rounds of the eigenvalue iteration for each row; it takes two or three.
const ROUNDS: usize = 100;

pub(super) fn one<T: Real>(factor: Factor, a: &DMatrix<T>, out: &mut [T]) -> bool {
    match factor {
        Factor::Cholesky => match Cholesky::new(symmetric(a)) {
            Some(cholesky) => write(out, &cholesky.l()),
            None => false,
        },
        Factor::Inverse => match LU::new(a.clone()).try_inverse() {
            Some(inverse) => write(out, &inverse),
            None => false,
        },
        Factor::Determinant => {
            out.fill(LU::new(a.clone()).determinant());
            true
        }
        Factor::SignLogDeterminant => sign_log_determinant(a, out),
        Factor::Eigen => eigen(a, out),
        Factor::Qr => qr(a, out),
    }
}

/// `(A + Aᵀ) / 2`.
fn symmetric<T: Real>(a: &DMatrix<T>) -> DMatrix<T> {
    (a + a.transpose()) * T::of(0.5)
}

fn write<T: Real>(out: &mut [T], matrix: &DMatrix<T>) -> bool {
    for (row, to) in out.chunks_mut(matrix.ncols().max(1)).enumerate() {
        to.iter_mut().zip(matrix.row(row).iter()).for_each(|(to, &x)| *to = x);
    }
    true
}

/// The product of the diagonal may overflow where the sum of its logarithms does not. A singular matrix has sign 0 and
/// logarithm −∞.
fn sign_log_determinant<T: Real>(a: &DMatrix<T>, out: &mut [T]) -> bool {
    let lu = LU::new(a.clone());
    let (zero, one) = (T::of(0.0), T::of(1.0));
    let mut sign: T = lu.p().determinant();
    let mut log = zero;
    for &x in lu.u().diagonal().iter() {
        sign *= if x > zero {
            one
        } else if x < zero {
            -one
        } else {
            zero
        };
        log += x.abs().ln();
    }
    out.copy_from_slice(&[sign, log]);
    true
}

fn eigen<T: Real>(a: &DMatrix<T>, out: &mut [T]) -> bool {
    let n = a.nrows();
    let Some(found) = SymmetricEigen::try_new(symmetric(a), T::default_epsilon(), ROUNDS * n) else {
        return false;
    };
    let mut order: Vec<usize> = (0..n).collect();
    // finite, so every two of them compare
    order.sort_by(|&i, &j| {
        found.eigenvalues[i].partial_cmp(&found.eigenvalues[j]).unwrap_or(std::cmp::Ordering::Equal)
    });
    let (values, vectors) = out.split_at_mut(n);
    for (column, &from) in order.iter().enumerate() {
        values[column] = found.eigenvalues[from];
        let vector = found.eigenvectors.column(from);
        let flip = vector[vector.icamax()] < T::of(0.0);
        for (row, &x) in vector.iter().enumerate() {
            vectors[row * n + column] = if flip { -x } else { x };
        }
    }
    true
}

fn qr<T: Real>(a: &DMatrix<T>, out: &mut [T]) -> bool {
    let (m, n) = a.shape();
    let found = QR::new(a.clone());
    let (mut q, mut r) = (found.q(), found.r());
    for i in 0..n {
        if r[(i, i)] < T::of(0.0) {
            r.row_mut(i).neg_mut();
            q.column_mut(i).neg_mut();
        }
    }
    let (above, below) = out.split_at_mut(m * n);
    write(above, &q) && write(below, &r)
}

/// Overwrites the rows of `k` numbers of B with those of X.
pub(super) fn solve<T: Real>(how: Solve, a: DMatrix<T>, rows: &mut [T], k: usize) -> bool {
    let n = a.nrows();
    let size = a.diagonal().amax() * T::default_epsilon() * T::of(n as f64);
    if how == Solve::UpperOfRank && a.diagonal().iter().any(|x| x.abs() <= size) {
        return false;
    }
    let mut b = DMatrix::from_row_slice(n, k, rows);
    let solved = match how {
        Solve::General => LU::new(a).solve_mut(&mut b),
        Solve::Lower => a.solve_lower_triangular_mut(&mut b),
        Solve::Upper | Solve::UpperOfRank => a.solve_upper_triangular_mut(&mut b),
    };
    solved && write(rows, &b)
}
