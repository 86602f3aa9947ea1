"""Products and linear algebra: einsum, linear, outer and their kin, factorisations and equations.

    python tests/golden/contract.py > tests/golden/contract.txt
"""

import torch
import torch.nn.functional as F
from writer import case, real, values

EINSUMS = [
    ("ij,jk->ik", (3, 4), (4, 5)), ("ij,jk->ki", (3, 4), (4, 5)), ("ba,cb", (4, 3), (5, 4)), ("ij->ji", (3, 4)),
    ("ijk->ki", (2, 3, 4)), ("ij->", (3, 4)), ("i,i->", (5,), (5,)), ("i,j->ij", (3,), (4,)), ("ij,j->i", (3, 4), (4,)),
    ("bi,bi->b", (3, 4), (3, 4)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("bn,anm,bm->ba", (2, 3), (4, 3, 2), (2, 2)), ("ij,jk,kl->il", (2, 5), (5, 3), (3, 4)),
    ("...ij,...jk->...ik", (2, 1, 3, 4), (3, 4, 2)), ("...i,...i", (3, 4), (2, 3, 4)), ("i...,i...->...", (4, 2, 3), (4, 3)),
    ("ij,ij->ij", (3, 1), (1, 4)), ("Ab,bA->A", (2, 3), (3, 2)),
]
for equation, *shapes in EINSUMS:
    name = "einsum_" + equation.replace(" ", "")
    case(name, lambda *x, equation=equation: torch.einsum(equation, *x), *[real(*shape) for shape in shapes])

case("matmul", torch.matmul, real(2, 3, 4), real(4))
case("matmul 1n", torch.matmul, real(3), real(2, 3, 4))
case("matmul 12", torch.matmul, real(3), real(3, 2))
case("matmul 21", torch.matmul, real(2, 3), real(3))
case("matmul nm", torch.matmul, real(2, 1, 3, 2), real(4, 2, 3))
case("matmul 3-2", torch.matmul, real(2, 3, 4), real(4, 2))
case("matmul empty", torch.matmul, real(2, 0), real(0, 3))
case("dot", torch.dot, real(6), real(6))
case("outer", torch.outer, real(3), real(4))
case("linear", F.linear, real(2, 3, 4), real(5, 4), real(5))
case("bilinear", F.bilinear, real(3, 2), real(3, 4), real(5, 2, 4), real(5))
case("tensordot", lambda a, b: torch.tensordot(a, b, ([1, 0], [0, 1])), real(3, 4, 2), real(4, 3, 5))
case("kron", torch.kron, real(2, 3), real(2, 2))
case("matrix_power", lambda a: torch.linalg.matrix_power(a, 3), real(2, 3, 3))

# from here on: the CPU only. Matrices are well away from singular
eye = lambda n: torch.eye(n, dtype=torch.float64)
symmetric = lambda a: (a + a.mT) / 2
regular = lambda n, *batch: real(*batch, n, n) + 2 * n * eye(n)
apart = lambda n: (real(n, n, low=-1, high=1) + torch.diag(3 * torch.arange(n))).double()
case("solve", torch.linalg.solve, regular(4), real(4, 3))
case("solve vector", torch.linalg.solve, regular(3), real(3))
case("solve batch", torch.linalg.solve, regular(3, 2), real(2, 3, 2))
lower = lambda a, b: torch.linalg.solve_triangular(a, b, upper=False)
upper = lambda a, b: torch.linalg.solve_triangular(a, b, upper=True)
case("solve_lower", lambda a, b: lower(a.tril(), b), regular(3), real(3, 2))
case("solve_upper", lambda a, b: upper(a.triu(), b), regular(3), real(3, 2))
case("inverse", torch.linalg.inv, regular(4))
case("inverse exchanged", torch.linalg.inv, regular(3).flip(0))
case("cholesky", lambda a: torch.linalg.cholesky(symmetric(a)), regular(4))
case("cholesky batch", lambda a: torch.linalg.cholesky(symmetric(a)), regular(3, 2))
case("det", torch.linalg.det, real(4, 4))
case("det batch", torch.linalg.det, real(2, 3, 3))
case("slogdet", lambda a: torch.linalg.slogdet(a)[1], real(4, 4))
case("slogdet_sign", lambda a: torch.linalg.slogdet(a)[0], real(3, 4, 4))
case("eigvalsh", lambda a: torch.linalg.eigh(symmetric(a))[0], apart(5))
case("eigvalsh path", lambda a: torch.linalg.eigh(symmetric(a))[0], values(1, -1, 0, -1, 2, -1, 0, -1, 1).reshape(3, 3))
# two are equal: only what treats them alike has a gradient
K3 = values(2, -1, -1, -1, 2, -1, -1, -1, 2).reshape(3, 3)
case("eigh_equal", lambda a: (torch.linalg.eigvalsh(symmetric(a)) ** 2).sum(), K3)
case("eigvalsh_only", lambda a: torch.linalg.eigvalsh(symmetric(a)).detach(), K3)
# whatever the signs of the vectors
case("eigh_squares", lambda a: torch.linalg.eigh(symmetric(a))[1] ** 2, apart(3))


def signed(a):
    """The sign that makes the diagonal of R positive."""
    q, r = torch.linalg.qr(a)
    sign = r.diagonal(dim1=-2, dim2=-1).sign()
    return torch.cat([q * sign.unsqueeze(-2), r * sign.unsqueeze(-1)], -2)


case("qr", signed, real(5, 3))
case("qr square", signed, regular(3))
case("lstsq", lambda a, b: torch.linalg.lstsq(a, b).solution, real(6, 3), real(6, 2))
XOR = values(0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1).reshape(4, 3)
case("lstsq xor", lambda a, b: torch.linalg.lstsq(a, b).solution, XOR, values(0, 1, 1, 0).reshape(4, 1))
