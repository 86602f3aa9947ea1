"""Running results along an axis.

    python tests/golden/scan.py > tests/golden/scan.txt
"""

import torch
from writer import case, inf, nan, real, values


def linear_scan(a, b):
    """h = a h + b along the last axis, one place after another."""
    state, all = torch.zeros_like(b[..., 0]), []
    for i in range(b.shape[-1]):
        state = a[..., i] * state + b[..., i]
        all.append(state)
    return torch.stack(all, -1)


ROWS = torch.tensor([[1.0, 1.0, nan, 2.0, nan], [inf, 1.0, -inf, 3.0, 3.0], [0.0, -0.0, 0.0, -1.0, -1.0], [-inf] * 5])

case("cumsum", lambda x: x.cumsum(1), real(2, 5, 3))
case("cumsum special", lambda x: x.cumsum(1), ROWS, f32=True)
case("cumprod", lambda x: x.cumprod(-1), real(3, 5))
case("cumprod zeros", lambda x: x.cumprod(0), values(2, 0, 3, 0, 4))
case("cumprod special", lambda x: x.cumprod(1), ROWS, f32=True)
case("linear_scan", linear_scan, real(3, 6), real(3, 6))
case("cummax", lambda x: x.cummax(1).values, real(3, 6))
case("cummax ties", lambda x: x.cummax(0).values, values(1, 3, 3, 2, 3, 4))
case("cummin", lambda x: x.cummin(0).values, real(6, 2))
case("cummax special", lambda x: x.cummax(1).values, ROWS, f32=True)
case("cummax_index", lambda x: x.cummax(1).indices.float(), ROWS, f32=True)
case("cummin_index", lambda x: x.cummin(1).indices.float(), ROWS, f32=True)
case("logcumsumexp", lambda x: x.logcumsumexp(1), real(3, 5))
case("logcumsumexp special", lambda x: x.logcumsumexp(1), ROWS, f32=True)
