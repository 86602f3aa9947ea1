"""Reductions: products, truth, spread, norms, sums of exponentials.

    python tests/golden/reduce.py > tests/golden/reduce.txt
"""

import torch
from writer import case, inf, nan, real, values


def matrix(rows):
    return torch.tensor(rows, dtype=torch.float64)


norm = torch.linalg.vector_norm
ROWS = torch.tensor([[1.0, 2.0, -inf], [-inf] * 3, [inf, 1.0, 0.0], [nan, inf, 1.0], [1000.0, 1000.0, 0.0]])
MIXED = torch.tensor([[0.0, -0.0, 0.0], [0.0, 1.0, nan], [1.0, -2.0, inf], [nan, nan, nan]])

case("prod", lambda x: x.prod(1), real(3, 4))
case("prod zeros", lambda x: x.prod(1), matrix([[2, 0, 3, -1.5], [2, 0, 0, 4], [0, 0, 0, 1]]))
case("prod of nothing", lambda x: x.prod(1), real(2, 0))
case("prod special", lambda x: x.prod(1), ROWS, f32=True)
case("sum of nothing", lambda x: x.sum(1), real(2, 0))
case("mean of nothing", lambda x: x.mean(1), torch.zeros(2, 0), f32=True)
case("sum special", lambda x: x.sum(1), ROWS, f32=True)

case("max_with_index", lambda x: x.max(1).values, real(4, 6))
case("max_with_index ties", lambda x: x.max(1).values, matrix([[1, 3, 3], [2, 2, 2]]))
case("max_with_index index", lambda x: x.max(1).indices.double(), matrix([[1, 3, 3], [2, 2, 2]]), f32=True)
case("min_with_index", lambda x: x.min(0).values, real(4, 3))
case("min ties", lambda x: x.amin(1), matrix([[1, 1, 3], [2, 2, 2]]))
case("argmax special", lambda x: x.argmax(1).float(), ROWS, f32=True)
case("argmin special", lambda x: x.argmin(1).float(), ROWS, f32=True)
case("argmax_all", lambda x: x.argmax().double(), real(3, 4), f32=True)

case("any", lambda x: x.any(1).float(), MIXED, f32=True)
case("all", lambda x: x.all(1).float(), MIXED, f32=True)
case("any of nothing", lambda x: x.any(0).float(), torch.zeros(0, 2), f32=True)
case("all of nothing", lambda x: x.all(0).float(), torch.zeros(0, 2), f32=True)
case("count_nonzero", lambda x: x.count_nonzero(1).float(), MIXED, f32=True)

case("var corrected", lambda x: x.var(1), real(3, 5))
case("var corrected by more", lambda x: x.var((0, 2), correction=3), real(3, 5, 2))
case("var of one", lambda x: x.var(1), torch.ones(2, 1), f32=True)
case("var overcorrected", lambda x: x.var(1, correction=5), torch.tensor([[1.0, 2.0]]), f32=True)
case("var of nothing", lambda x: x.var(1, correction=0), torch.zeros(2, 0), f32=True)
case("std", lambda x: x.std(1, correction=0), real(3, 5))
case("std corrected", lambda x: x.std(0), real(3, 5))
case("std of equals", lambda x: x.std(1), matrix([[2, 2, 2], [1, 2, 3]]))
case("var_mean", lambda x: torch.var_mean(x, 1)[0] + torch.var_mean(x, 1)[1], real(3, 5))

for p in (1, 2, 3, 0.5, -1, inf, -inf):
    case(f"norm {p}", lambda x: norm(x, p, 1), real(3, 4))
    if p > 0:  # at 0 the gradient of others is NaN in PyTorch
        case(f"norm {p} of zeros", lambda x: norm(x, p, 1), matrix([[0, 0, 0], [0, 2, -1]]))
    case(f"norm {p} special", lambda x: norm(x, p, 1), MIXED, f32=True)
case("norm 0", lambda x: norm(x, 0, 1), matrix([[0, 0, 0], [0, 2, -1]]), f32=True)
case("norm of nothing", lambda x: norm(x, 2, 1), torch.zeros(2, 0), f32=True)

case("logsumexp", lambda x: x.logsumexp((0, 2)), real(2, 3, 4))
case("logsumexp special", lambda x: x.logsumexp(1), ROWS, f32=True)
case("logsumexp of nothing", lambda x: x.logsumexp(1), torch.zeros(2, 0), f32=True)
case("logaddexp", torch.logaddexp, real(3, 1), real(4))
case("logaddexp special", torch.logaddexp, values(inf, -inf, inf, 1, nan, 1000).float(), values(inf, -inf, -inf, -inf, 1, 999).float(), f32=True)
case("softmax special", lambda x: x.softmax(1), ROWS, f32=True)
case("log_softmax special", lambda x: x.log_softmax(1), ROWS, f32=True)
case("softmin", lambda x: torch.nn.functional.softmin(x, 1), real(3, 4))
