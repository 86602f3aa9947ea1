"""Orders along an axis.

    python tests/golden/sort.py > tests/golden/sort.txt
"""

import torch
from writer import case, inf, nan, real, values

LINE = torch.tensor([2.0, nan, 1.0, nan, inf, -inf, -0.0, 0.0, 1.0])
PAIRS = torch.tensor([[1.0, nan, 2.0, 3.0], [inf, inf, 1.0, 2.0], [-inf, 0.0, 1.0, 2.0]])

for way, descending in (("", False), (" descending", True)):
    case(f"sort{way}", lambda x: x.sort(dim=1, descending=descending, stable=True).values, real(2, 5, 3))
    case(f"sort{way} special", lambda x: x.sort(dim=0, descending=descending, stable=True).values, LINE, f32=True)
    case(f"argsort{way}", lambda x: x.sort(dim=0, descending=descending, stable=True).indices.float(), LINE, f32=True)
case("topk", lambda x: x.topk(3, 1).values, real(3, 7))
case("topk smallest", lambda x: x.topk(2, 0, largest=False).values, real(6, 2))
case("topk index", lambda x: x.topk(3, 0).indices.double(), real(8), f32=True)
case("kth_value", lambda x: x.kthvalue(2, 1).values, real(3, 5))
case("median odd", lambda x: x.median(1).values, real(3, 7))
case("median even", lambda x: x.median(0).values, real(6, 3))
case("median special", lambda x: x.median(1).values, PAIRS, f32=True)
for q in (0, 0.3, 0.5, 1):
    case(f"quantile {q}", lambda x: x.quantile(q, 1), real(3, 6))
case("quantile special", lambda x: x.quantile(0.25, 1), PAIRS, f32=True)
