//! The methods of linear algebra; the ops are in `linalg`.

use std::panic::Location;

use anygrad_cpu::{Factor, Solve};

use super::linalg::{Factored, Solved};
use crate::{Tensor, scope};

impl Tensor {
    /// The lower triangular L with `A = L·Lᵀ` of symmetric positive definite matrices, `[.., n, n] → [.., n, n]`. Of
    /// a matrix that is not symmetric the symmetric part `(A + Aᵀ)/2` is taken, and gradients are symmetric.
    ///
    /// On the CPU device, as are all of the linear algebra; a GPU tensor is an error that says so. A matrix that is
    /// not positive definite is an error when the result is computed; one with NaN or infinity in it gives NaN.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let a = Tensor::from_slice(&[4.0f32, 2.0, 2.0, 5.0], [2, 2], &device);
    /// assert_eq!(a.cholesky().to_vec::<f32>()?, [2.0, 0.0, 1.0, 2.0]);
    /// let error = (-a).cholesky().to_vec::<f32>().unwrap_err().to_string();
    /// assert!(error.starts_with("cholesky: matrix 0 of [2, 2] is not positive definite"), "{error}");
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn cholesky(&self) -> Tensor {
        Tensor::record(Factored(Factor::Cholesky), &[self])
    }

    /// The inverse of square matrices, `[.., n, n] → [.., n, n]`. To solve equations, [`solve`](Tensor::solve) is
    /// faster and more accurate. A singular matrix is an error when the result is computed; one with NaN or infinity
    /// in it gives NaN. On the CPU device.
    #[track_caller]
    pub fn inverse(&self) -> Tensor {
        Tensor::record(Factored(Factor::Inverse), &[self])
    }

    /// The determinant of square matrices, `[.., n, n] → [..]`; 1 of an empty one. Its gradient `det(A)·A⁻ᵀ` takes
    /// the inverse, so of a singular matrix it is an error. On the CPU device.
    #[track_caller]
    pub fn det(&self) -> Tensor {
        Tensor::record(Factored(Factor::Determinant), &[self])
    }

    /// The sign of the determinant and the logarithm of its size, which does not overflow: `[.., n, n] → [..]` twice.
    /// A singular matrix has 0 and −∞. On the CPU device.
    #[track_caller]
    pub fn slogdet(&self) -> (Tensor, Tensor) {
        let both = Tensor::record(Factored(Factor::SignLogDeterminant), &[self]);
        match both.check() {
            Ok(_) => (both.slice(-1, 0, 1).squeeze(-1), both.slice(-1, 1, 1).squeeze(-1)),
            Err(_) => (both.clone(), both),
        }
    }

    /// Eigenvalues in ascending order, `[.., n]`, and eigenvectors as the columns of `[.., n, n]`, of symmetric
    /// matrices `[.., n, n]`: `A = V·diag(λ)·Vᵀ`. Of a matrix that is not symmetric the symmetric part is taken.
    ///
    /// The element of each vector that is largest in size is positive. The gradient of the vectors is defined where the
    /// eigenvalues differ; that of the eigenvalues always. NaN for a matrix with NaN or infinity in it. On the CPU
    /// device.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// // the Laplacian of a path of three nodes
    /// let a = [1.0f64, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 1.0];
    /// let (values, _) = Tensor::from_slice(&a, [3, 3], &Device::cpu()).eigh();
    /// for (found, want) in values.to_vec::<f64>()?.iter().zip([0.0, 1.0, 3.0]) {
    ///     assert!((found - want).abs() < 1e-12);
    /// }
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn eigh(&self) -> (Tensor, Tensor) {
        let both = Tensor::record(Factored(Factor::Eigen), &[self]);
        match both.check() {
            Ok(_) => (both.slice(-2, 0, 1).squeeze(-2), both.slice(-2, 1, self.size(-1))),
            Err(_) => (both.clone(), both),
        }
    }

    /// Q with orthonormal columns, `[.., m, n]`, and the upper triangular R, `[.., n, n]`, with `A = Q·R`, of matrices
    /// `[.., m, n]` with m ≥ n. The diagonal of R is not negative, so both are determined if the columns of A do not
    /// depend on each other; gradients are defined there. On the CPU device.
    #[track_caller]
    pub fn qr(&self) -> (Tensor, Tensor) {
        let both = Tensor::record(Factored(Factor::Qr), &[self]);
        match both.check() {
            Ok(_) => (both.slice(-2, 0, self.size(-2)), both.slice(-2, self.size(-2), self.size(-1))),
            Err(_) => (both.clone(), both),
        }
    }

    /// X with `A·X = B`: square matrices `[.., n, n]` and right sides `[.., n, k]` give `[.., n, k]`. A right side of
    /// one axis, `[n]`, is a vector, and so is the result. Batch axes broadcast. A singular matrix is an error when
    /// the result is computed. On the CPU device.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let device = Device::cpu();
    /// let a = Tensor::from_slice(&[2.0f32, 0.0, 1.0, 4.0], [2, 2], &device);
    /// let b = Tensor::from_slice(&[2.0f32, 9.0], [2], &device);
    /// assert_eq!(a.solve(&b).to_vec::<f32>()?, [1.0, 2.0]);
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn solve(&self, b: &Tensor) -> Tensor {
        solved("solve", Solve::General, self, b)
    }

    /// [`solve`](Tensor::solve) for a triangular matrix, the lower triangle of `self` or the upper; the other one is
    /// not read. On the CPU device.
    #[track_caller]
    pub fn solve_triangular(&self, b: &Tensor, lower: bool) -> Tensor {
        solved("solve_triangular", if lower { Solve::Lower } else { Solve::Upper }, self, b)
    }

    /// X that makes `‖A·X − B‖²` least, for matrices `[.., m, n]` with m ≥ n whose columns do not depend on each
    /// other, and right sides `[.., m, k]`: `[.., n, k]`. A right side `[m]` is a vector, and so is the result. By QR,
    /// which keeps twice the digits that the normal equations `AᵀA·X = Aᵀ·B` would. Columns that depend on each other
    /// are an error when the result is computed. On the CPU device.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// // a line through XOR: no slope, and one half everywhere
    /// let device = Device::cpu();
    /// let a = [0.0f32, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0];
    /// let a = Tensor::from_slice(&a, [4, 3], &device);
    /// let w = a.lstsq(&Tensor::from_slice(&[0.0f32, 1.0, 1.0, 0.0], [4], &device)).to_vec::<f32>()?;
    /// assert!(w.iter().zip([0.0, 0.0, 0.5]).all(|(w, want)| (w - want).abs() < 1e-6), "{w:?}");
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    #[track_caller]
    pub fn lstsq(&self, b: &Tensor) -> Tensor {
        let caller = Location::caller();
        if let Some(wrong) = unfit("lstsq", self, b) {
            return wrong;
        }
        if self.size(-2) < self.size(-1) {
            let message = format!("takes at least as many rows as columns, not {}", self.shape());
            return Tensor::wrong("lstsq", message, &[("left", self), ("right", b)]);
        }
        scope::recorded_at(caller, || {
            let (q, r) = self.qr();
            let column = if b.rank() == 1 { b.unsqueeze(1) } else { b.clone() };
            let x = solved("lstsq", Solve::UpperOfRank, &r, &q.t().matmul(&column));
            if b.rank() == 1 { x.squeeze(-1) } else { x }
        })
    }
}

/// The error of operands that do not go together, said of the shapes as they were given.
#[track_caller]
fn unfit(name: &'static str, a: &Tensor, b: &Tensor) -> Option<Tensor> {
    let both = [("left", a), ("right", b)];
    if a.check().is_err() || b.check().is_err() {
        return Some(Tensor::wrong(name, String::new(), &both));
    }
    let rows = if b.rank() == 1 { b.size(0) } else { b.size(-2) };
    let batches = || {
        let outer = |t: &Tensor| t.shape()[..t.rank().saturating_sub(2)].to_vec();
        anygrad_layout::broadcast(&outer(a), &outer(b))
    };
    if a.rank() >= 2 && b.rank() >= 1 && a.size(-2) == rows && batches().is_some() {
        return None;
    }
    let message = format!("shapes do not fit: left {}, right {}", a.shape(), b.shape());
    Some(Tensor::wrong(name, message, &both))
}

#[track_caller]
fn solved(name: &'static str, how: Solve, a: &Tensor, b: &Tensor) -> Tensor {
    let caller = Location::caller();
    if let Some(wrong) = unfit(name, a, b) {
        return wrong;
    }
    scope::recorded_at(caller, || {
        let vector = b.rank() == 1;
        let column = if vector { b.unsqueeze(1) } else { b.clone() };
        let outer = |t: &Tensor| t.shape()[..t.rank().saturating_sub(2)].to_vec();
        let batch = anygrad_layout::broadcast(&outer(a), &outer(&column)).unwrap_or_default();
        let with = |t: &Tensor| -> Tensor {
            let own = [t.size(-2), t.size(-1)];
            t.expand(batch.iter().copied().chain(own).collect::<anygrad_layout::Shape>())
        };
        let x = Tensor::record(Solved(how), &[&with(a), &with(&column)]);
        if vector { x.squeeze(-1) } else { x }
    })
}
