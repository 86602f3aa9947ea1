//! Factorisations and linear equations.

use anygrad_graph::Tensor;

use crate::case::{Case, Input, Lies, case, float};

const WHY: &str = "factorisations have no GPU kernels";

fn on_cpu(
    op: &'static str,
    name: &str,
    inputs: impl Into<Vec<Input>>,
    build: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static,
) -> Case {
    // some digits go with the condition of a matrix
    case(op, name, inputs, build).cpu_only(WHY).loose(30.0)
}

/// Well away from singular: twice the identity is added, times the size.
fn regular(x: &Tensor) -> Tensor {
    let n = x.size(-1);
    let diagonal = Tensor::iota(n, x.device()).unsqueeze(1).eq(Tensor::iota(n, x.device()));
    x + diagonal.to_dtype(x.dtype()) * (2.0 * n as f64)
}

/// Positive definite, and symmetric however `x` is moved.
fn definite(x: &Tensor) -> Tensor {
    regular(&x.matmul(&x.t()))
}

/// Eigenvalues that are apart: 1, 2, 3 … and a little more.
fn apart(x: &Tensor) -> Tensor {
    let n = x.size(-1);
    let counts = Tensor::iota(n, x.device());
    let diagonal = counts.unsqueeze(1).eq(&counts).to_dtype(x.dtype());
    x * 0.1 + diagonal * counts.to_dtype(x.dtype())
}

fn factorisations() -> Vec<Case> {
    vec![
        on_cpu("cholesky", "odd", [float([5, 5])], |x| definite(&x[0]).cholesky()),
        on_cpu("cholesky", "of one", [float([1, 1])], |x| definite(&x[0]).cholesky()),
        on_cpu("cholesky", "a batch", [float([2, 3, 3, 3])], |x| definite(&x[0]).cholesky()),
        on_cpu("cholesky", "of nothing", [float([0, 0])], |x| x[0].cholesky()),
        on_cpu("cholesky", "of no matrices", [float([0, 3, 3])], |x| x[0].cholesky()),
        on_cpu("cholesky", "of what is not symmetric", [float([4, 4])], |x| regular(&x[0]).cholesky()),
        on_cpu("cholesky", "other layouts", [float([4, 4]).lies(Lies::SlicedPermuted)], |x| {
            regular(&x[0]).t().cholesky()
        }),
        on_cpu("inverse", "odd", [float([5, 5])], |x| regular(&x[0]).inverse()),
        on_cpu("inverse", "of one", [float([1, 1])], |x| regular(&x[0]).inverse()),
        on_cpu("inverse", "a batch", [float([3, 2, 2]).lies(Lies::Flipped)], |x| regular(&x[0]).inverse()),
        on_cpu("inverse", "with row exchanges", [float([3, 3])], |x| regular(&x[0]).flip(&[0]).inverse()),
        on_cpu("inverse", "of nothing", [float([0, 0])], |x| x[0].inverse()),
        on_cpu("inverse", "as a negative power", [float([3, 3])], |x| regular(&x[0]).matrix_power(-2)),
        on_cpu("det", "odd", [float([5, 5])], |x| x[0].det()),
        on_cpu("det", "a batch", [float([2, 3, 3])], |x| x[0].det()),
        on_cpu("det", "of one", [float([1, 1])], |x| x[0].det()).order(1),
        on_cpu("det", "of nothing", [float([0, 0])], |x| x[0].det()).order(0),
        on_cpu("slogdet", "logarithm", [float([4, 4])], |x| x[0].slogdet().1),
        on_cpu("slogdet", "sign", [float([3, 4, 4])], |x| x[0].slogdet().0).order(0),
        on_cpu("slogdet", "a batch", [float([2, 3, 3])], |x| regular(&x[0]).slogdet().1),
        on_cpu("eigh", "values", [float([5, 5])], |x| apart(&x[0]).eigh().0),
        on_cpu("eigh", "vectors", [float([4, 4])], |x| apart(&x[0]).eigh().1),
        on_cpu("eigh", "both, a batch", [float([2, 3, 3])], |x| {
            let (values, vectors) = apart(&x[0]).eigh();
            vectors.square() * values.unsqueeze(-2)
        }),
        on_cpu("eigh", "of one", [float([1, 1])], |x| x[0].eigh().0),
        on_cpu("eigh", "of nothing", [float([0, 0])], |x| x[0].eigh().0),
        on_cpu("qr", "tall", [float([5, 3])], |x| {
            let (q, r) = x[0].qr();
            Tensor::concat(&[&q, &r], 0)
        }),
        on_cpu("qr", "square", [float([4, 4])], |x| regular(&x[0]).qr().0),
        on_cpu("qr", "only R, a batch", [float([2, 4, 2])], |x| x[0].qr().1),
        on_cpu("qr", "of one", [float([1, 1]).range(0.5, 2.0)], |x| x[0].qr().1),
        on_cpu("qr", "of no columns", [float([3, 0])], |x| x[0].qr().0),
    ]
}

fn equations() -> Vec<Case> {
    vec![
        on_cpu("solve", "matrices", [float([5, 5]), float([5, 3])], |x| regular(&x[0]).solve(&x[1])),
        on_cpu("solve", "a vector", [float([4, 4]), float([4])], |x| regular(&x[0]).solve(&x[1])),
        on_cpu("solve", "of one", [float([1, 1]), float([1, 1])], |x| regular(&x[0]).solve(&x[1])),
        on_cpu("solve", "broadcast batches", [float([2, 1, 3, 3]), float([4, 3, 2])], |x| {
            regular(&x[0]).solve(&x[1])
        }),
        on_cpu("solve", "one side for all", [float([3, 2, 2]), float([2, 1])], |x| {
            regular(&x[0]).solve(&x[1])
        }),
        on_cpu("solve", "no columns", [float([3, 3]), float([3, 0])], |x| regular(&x[0]).solve(&x[1])),
        on_cpu("solve", "other layouts", [float([4, 4]), float([4, 3]).lies(Lies::SlicedPermuted)], |x| {
            regular(&x[0]).t().solve(&x[1])
        }),
        on_cpu("solve_triangular", "lower", [float([4, 4]), float([4, 2])], |x| {
            regular(&x[0]).solve_triangular(&x[1], true)
        }),
        on_cpu("solve_triangular", "upper", [float([2, 3, 3]), float([2, 3, 2])], |x| {
            regular(&x[0]).solve_triangular(&x[1], false)
        }),
        on_cpu("solve_triangular", "a vector", [float([3, 3]), float([3])], |x| {
            regular(&x[0]).solve_triangular(&x[1], true)
        }),
        on_cpu("lstsq", "tall", [float([6, 3]), float([6, 2])], |x| x[0].lstsq(&x[1])),
        on_cpu("lstsq", "a vector", [float([5, 2]), float([5])], |x| x[0].lstsq(&x[1])),
        on_cpu("lstsq", "square", [float([3, 3]), float([3, 1])], |x| regular(&x[0]).lstsq(&x[1])),
        on_cpu("lstsq", "a batch", [float([2, 4, 2]), float([2, 4, 1])], |x| x[0].lstsq(&x[1])),
    ]
}

pub fn cases() -> Vec<Case> {
    [factorisations(), equations()].concat()
}
