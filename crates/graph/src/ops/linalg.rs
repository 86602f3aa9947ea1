//! Linear algebra on batches of matrices, on the CPU device: factorisations and linear equations.
//!
//! The ops are here; the methods, which check and compose, in `linalg_methods`. The matrices are the last two axes.

use anygrad_cpu::{CpuError, Factor, Host, Solve, Storage, View};

use super::views;
use crate::Tensor;
use crate::op::{Gradients, Meta, Op, Vjp};

/// A factor of each matrix.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Factored(pub Factor);

/// The X of `A·X = B`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Solved(pub Solve);

/// Batch axes, rows and columns.
fn matrices(input: &Meta) -> Result<(&[usize], usize, usize), String> {
    let [batch @ .., m, n] = &input.shape[..] else {
        return Err(format!("takes matrices, not {}", input.shape));
    };
    if !input.dtype.is_float() {
        return Err(format!("takes floats, not {}", input.dtype));
    }
    Ok((batch, *m, *n))
}

impl Op for Factored {
    fn name(&self) -> &'static str {
        match self.0 {
            Factor::Cholesky => "cholesky",
            Factor::Inverse => "inverse",
            Factor::Determinant => "det",
            Factor::SignLogDeterminant => "slogdet",
            Factor::Eigen => "eigh",
            Factor::Qr => "qr",
        }
    }
    fn cpu_only(&self) -> bool {
        true
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [input] = inputs else { return Err(format!("takes 1 input, got {}", inputs.len())) };
        let (batch, m, n) = matrices(input)?;
        match self.0 {
            Factor::Qr if m < n => {
                return Err(format!("takes at least as many rows as columns, not {}", input.shape));
            }
            Factor::Qr => {}
            _ if m != n => return Err(format!("takes square matrices, not {}", input.shape)),
            _ => {}
        }
        let own = match self.0 {
            Factor::Determinant => vec![],
            Factor::SignLogDeterminant => vec![2],
            Factor::Eigen => vec![n + 1, n],
            Factor::Qr => vec![m.checked_add(n).ok_or("the size overflows")?, n],
            _ => vec![n, n],
        };
        Ok(Meta { shape: batch.iter().copied().chain(own).collect(), dtype: input.dtype })
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        let a = v.inputs.first()?;
        let (y, g) = (v.output, v.grad);
        let gradient = match self.0 {
            Factor::Cholesky => cholesky_gradient(y, g),
            // dY = −Y·dA·Y
            Factor::Inverse => -y.t().matmul(g).matmul(&y.t()),
            // d det A = det A · tr(A⁻¹·dA)
            Factor::Determinant => (g * y).unsqueeze(-1).unsqueeze(-1) * a.inverse().t(),
            // d log|det A| = tr(A⁻¹·dA); the sign is constant
            Factor::SignLogDeterminant => g.slice(-1, 1, 1).unsqueeze(-1) * a.inverse().t(),
            Factor::Eigen => eigen_gradient(y, g),
            Factor::Qr => qr_gradient(y, g),
        };
        Some(vec![Some(gradient)])
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [a] = views(self.name(), inputs)?;
        anygrad_cpu::factor(host, self.0, a)
    }
    fn flops(&self, inputs: &[&Meta], _: &Meta) -> u64 {
        cubic(inputs)
    }
}

/// `dA = Φ-symmetrised L⁻ᵀ·Φ(Lᵀ·dL)·L⁻¹`, where Φ takes the lower triangle and half of the diagonal (Murray,
/// Differentiation of the Cholesky decomposition, 2016).
fn cholesky_gradient(l: &Tensor, g: &Tensor) -> Tensor {
    let phi = triangle(&l.t().matmul(g), Triangle::Lower) - diagonal_part(&l.t().matmul(g)) * 0.5;
    // L⁻ᵀ·Φ·L⁻¹ = L⁻ᵀ·(L⁻ᵀ·Φᵀ)ᵀ
    let upper = l.t();
    let right = Tensor::record(Solved(Solve::Upper), &[&upper, &phi.t()]).t();
    symmetric(&Tensor::record(Solved(Solve::Upper), &[&upper, &right]))
}

/// `dA = V·(diag(dλ) + (Vᵀ·dV) ∘ F)·Vᵀ` with `F[i, j] = 1/(λ_j − λ_i)`, 0 on the diagonal, for the symmetric part
/// (Giles, Collected matrix derivative results, 2008). Infinite or NaN for eigenvalues that are equal, unless the
/// vectors do not matter.
fn eigen_gradient(y: &Tensor, g: &Tensor) -> Tensor {
    let n = y.size(-1);
    let (values, vectors) = (y.slice(-2, 0, 1), y.slice(-2, 1, n));
    let (of_values, of_vectors) = (g.slice(-2, 0, 1), g.slice(-2, 1, n));
    let apart = &values - values.t();
    let inner = vectors.t().matmul(&of_vectors);
    // equal eigenvalues do no harm where no gradient arrives at their vectors, nor does a value beside itself
    let harmless = apart.eq(0.0).logical_and(inner.eq(0.0).logical_or(identity_mask(n, y)));
    let counts = harmless.logical_not();
    let scaled = counts.select(&inner / counts.select(apart, 1.0), 0.0);
    let middle = scaled + of_values * identity(y);
    symmetric(&vectors.matmul(&middle).matmul(&vectors.t()))
}

/// `dA = (dQ + Q·copyltu(M))·R⁻ᵀ`, `M = R·dRᵀ − dQᵀ·Q`, where copyltu mirrors the lower triangle (Walter and
/// Lehmann, Algorithmic differentiation of linear algebra functions, 2018).
fn qr_gradient(y: &Tensor, g: &Tensor) -> Tensor {
    let n = y.size(-1);
    let m = y.size(-2) - n;
    let (q, r) = (y.slice(-2, 0, m), y.slice(-2, m, n));
    let (of_q, of_r) = (g.slice(-2, 0, m), triangle(&g.slice(-2, m, n), Triangle::Upper));
    let inner = triangle(&(r.matmul(&of_r.t()) - of_q.t().matmul(&q)), Triangle::Lower);
    let mirrored = &inner + inner.t() - diagonal_part(&inner);
    let left = of_q + q.matmul(&mirrored);
    // X·R⁻ᵀ = (R⁻¹·Xᵀ)ᵀ
    Tensor::record(Solved(Solve::Upper), &[&r, &left.t()]).t()
}

impl Op for Solved {
    fn name(&self) -> &'static str {
        match self.0 {
            Solve::General => "solve",
            Solve::UpperOfRank => "lstsq",
            _ => "solve_triangular",
        }
    }
    fn cpu_only(&self) -> bool {
        true
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        let [a, b] = inputs else { return Err(format!("takes 2 inputs, got {}", inputs.len())) };
        let (batch, m, n) = matrices(a)?;
        if m != n {
            return Err(format!("takes square matrices on the left, not {}", a.shape));
        }
        if a.dtype != b.dtype {
            return Err(format!("dtypes differ: left {}, right {}", a.dtype, b.dtype));
        }
        let (b_batch, rows, _) = matrices(b)?;
        if rows != n || batch != b_batch {
            return Err(format!("shapes do not fit: left {}, right {}", a.shape, b.shape));
        }
        Ok(Meta::clone(b))
    }
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        // A·X = B: dB = A⁻ᵀ·dX, dA = −dB·Xᵀ, of which a triangular A has one half
        let [a, _] = v.inputs else { return None };
        let turned = match self.0 {
            Solve::Lower => Solve::Upper,
            Solve::Upper | Solve::UpperOfRank => Solve::Lower,
            other => other,
        };
        let of_b = Tensor::record(Solved(turned), &[&a.t(), v.grad]);
        let of_a = -of_b.matmul(&v.output.t());
        let of_a = match self.0 {
            Solve::General => of_a,
            Solve::Lower => triangle(&of_a, Triangle::Lower),
            _ => triangle(&of_a, Triangle::Upper),
        };
        Some(vec![Some(of_a), Some(of_b)])
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        let [a, b] = views(self.name(), inputs)?;
        anygrad_cpu::solve(host, self.0, a, b)
    }
    fn flops(&self, inputs: &[&Meta], _: &Meta) -> u64 {
        cubic(inputs)
    }
}

/// About n operations for each element.
fn cubic(inputs: &[&Meta]) -> u64 {
    let cost = |meta: &&Meta| {
        let n = meta.shape.last().copied().unwrap_or(1);
        (meta.shape.numel() as u64).saturating_mul(n as u64)
    };
    inputs.iter().map(cost).max().unwrap_or(0)
}

#[derive(Clone, Copy, PartialEq)]
enum Triangle {
    Lower,
    Upper,
}

/// The elements of a triangle and of the diagonal, zeros elsewhere.
fn triangle(x: &Tensor, which: Triangle) -> Tensor {
    let (m, n) = (x.size(-2), x.size(-1));
    let row = Tensor::iota(m, x.device()).unsqueeze(1);
    let column = Tensor::iota(n, x.device());
    let kept = if which == Triangle::Lower { row.ge(column) } else { row.le(column) };
    kept.select(x, 0.0)
}

fn diagonal_part(x: &Tensor) -> Tensor {
    identity_mask(x.size(-1), x).select(x, 0.0)
}

fn identity_mask(n: usize, like: &Tensor) -> Tensor {
    Tensor::iota(n, like.device()).unsqueeze(1).eq(Tensor::iota(n, like.device()))
}

/// 1 on the diagonal of a matrix of the size and type of `like`'s.
pub(super) fn identity(like: &Tensor) -> Tensor {
    identity_mask(like.size(-1), like).to_dtype(like.dtype())
}

fn symmetric(x: &Tensor) -> Tensor {
    (x + x.t()) * 0.5
}
