//! Products and linear algebra: `tests/golden/contract.py`.

use anygrad_graph::{Tensor, einsum};

use super::Build;

/// What only the CPU device computes: a GPU has to refuse it.
pub const CPU_ONLY: &[&str] = &[
    "solve",
    "solve_lower",
    "solve_upper",
    "inverse",
    "cholesky",
    "det",
    "slogdet",
    "slogdet_sign",
    "eigvalsh",
    "eigvalsh_only",
    "eigh_equal",
    "eigh_squares",
    "qr",
    "lstsq",
];

/// What each case of the file is here.
pub const TABLE: &[(&str, Build)] = &[
    ("einsum_ij,jk->ik", |x| sums("ij,jk->ik", x)),
    ("einsum_ij,jk->ki", |x| sums("ij,jk->ki", x)),
    ("einsum_ba,cb", |x| sums("ba,cb", x)),
    ("einsum_ij->ji", |x| sums("ij->ji", x)),
    ("einsum_ijk->ki", |x| sums("ijk->ki", x)),
    ("einsum_ij->", |x| sums("ij->", x)),
    ("einsum_i,i->", |x| sums("i,i->", x)),
    ("einsum_i,j->ij", |x| sums("i,j->ij", x)),
    ("einsum_ij,j->i", |x| sums("ij,j->i", x)),
    ("einsum_bi,bi->b", |x| sums("bi,bi->b", x)),
    ("einsum_bhqd,bhkd->bhqk", |x| sums("bhqd,bhkd->bhqk", x)),
    ("einsum_bn,anm,bm->ba", |x| sums("bn,anm,bm->ba", x)),
    ("einsum_ij,jk,kl->il", |x| sums("ij,jk,kl->il", x)),
    ("einsum_...ij,...jk->...ik", |x| sums("...ij,...jk->...ik", x)),
    ("einsum_...i,...i", |x| sums("...i,...i", x)),
    ("einsum_i...,i...->...", |x| sums("i...,i...->...", x)),
    ("einsum_ij,ij->ij", |x| sums("ij,ij->ij", x)),
    ("einsum_Ab,bA->A", |x| sums("Ab,bA->A", x)),
    ("matmul", |x| x[0].matmul(&x[1])),
    ("dot", |x| x[0].dot(&x[1])),
    ("outer", |x| x[0].outer(&x[1])),
    ("linear", |x| x[0].linear(&x[1], Some(&x[2]))),
    ("bilinear", |x| x[0].bilinear(&x[1], &x[2], Some(&x[3]))),
    ("tensordot", |x| x[0].tensordot(&x[1], &[1, 0], &[0, 1])),
    ("kron", |x| x[0].kron(&x[1])),
    ("matrix_power", |x| x[0].matrix_power(3)),
    ("solve", |x| x[0].solve(&x[1])),
    ("solve_lower", |x| x[0].solve_triangular(&x[1], true)),
    ("solve_upper", |x| x[0].solve_triangular(&x[1], false)),
    ("inverse", |x| x[0].inverse()),
    ("cholesky", |x| x[0].cholesky()),
    ("det", |x| x[0].det()),
    ("slogdet", |x| x[0].slogdet().1),
    ("slogdet_sign", |x| x[0].slogdet().0),
    ("eigvalsh", |x| x[0].eigh().0),
    ("eigh_equal", |x| x[0].eigh().0.square().sum_all()),
    ("eigvalsh_only", |x| x[0].eigh().0),
    ("eigh_squares", |x| x[0].eigh().1.square()),
    ("qr", |x| {
        let (q, r) = x[0].qr();
        Tensor::concat(&[&q, &r], -2)
    }),
    ("lstsq", |x| x[0].lstsq(&x[1])),
];

fn sums(equation: &str, x: &[Tensor]) -> Tensor {
    einsum(equation, &x.iter().collect::<Vec<_>>())
}
