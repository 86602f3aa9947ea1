"""Pooling with each option, the way back, and adaptive windows.

    python tests/golden/pool.py > tests/golden/pool.txt
"""

import torch
import torch.nn.functional as F
from writer import case, real, values

X = real(2, 2, 7, 6)


def both(name, shape, kernel, **options):
    """A maximum and its places, and the means with and without padding."""
    rank = len(shape) - 2
    top, mean = getattr(F, f"max_pool{rank}d"), getattr(F, f"avg_pool{rank}d")
    case(f"max_{name}", lambda x: top(x, kernel, **options), real(*shape))
    case(f"index_{name}", lambda x: top(x, kernel, return_indices=True, **options)[1], real(*shape))
    if "dilation" not in options:
        case(f"avg_{name}", lambda x: mean(x, kernel, **options), real(*shape))
        case(f"avg_exclude_{name}", lambda x: mean(x, kernel, count_include_pad=False, **options), real(*shape))


both("1d", (2, 2, 9), 3, stride=2, padding=1)
both("2d", (2, 2, 7, 6), (3, 2), stride=(1, 2), padding=(1, 0))
both("3d", (1, 2, 4, 5, 4), 2, stride=2, padding=1)
both("overlap", (1, 2, 6, 6), 3, stride=1)
both("ceil", (1, 2, 6, 8), 3, stride=2, ceil_mode=True)
both("ceil_padded", (1, 2, 5, 3), 2, stride=2, padding=1, ceil_mode=True)
both("ceil_padded3", (2, 1, 6, 7), 3, stride=2, padding=1, ceil_mode=True)
both("ceil_small", (1, 1, 2, 2), 3, stride=2, ceil_mode=True)
both("ceil_gaps", (1, 1, 9, 6), 2, stride=4, ceil_mode=True)
both("dilated", (1, 2, 7, 8), 3, stride=1, dilation=2, padding=1)
both("dilated_ceil", (1, 2, 9, 8), 2, stride=3, dilation=3, ceil_mode=True)
case("divisor", lambda x: F.avg_pool2d(x, 2, padding=1, divisor_override=3), real(1, 2, 4, 5))
case("lp", lambda x: F.lp_pool2d(x, 3, 2, stride=1), real(1, 2, 4, 5, low=0.5))

def unpool(x, kernel, size=None, **options):
    y, index = F.max_pool2d(x, kernel, return_indices=True, **options)
    return F.max_unpool2d(y * y, index, kernel, output_size=size, **options)

case("unpool", lambda x: unpool(x, 2), real(1, 2, 4, 6))
case("unpool_size", lambda x: unpool(x, 2, size=(5, 7)), real(1, 2, 5, 7))
case("unpool_padded", lambda x: unpool(x, 3, size=(6, 7), stride=3, padding=1), real(1, 2, 6, 7))

for shape, size in [((2, 2, 7), (3,)), ((2, 2, 5, 7), (3, 2)), ((1, 2, 3, 4), (5, 7)), ((1, 2, 6, 8), (3, 4)),
                    ((2, 2, 5, 4), (1, 3)), ((1, 1, 3, 4, 5), (2, 3, 2)), ((1, 2, 5, 4), (1, 1))]:
    rank = len(size)
    name = "x".join(map(str, size))
    mean, top = getattr(F, f"adaptive_avg_pool{rank}d"), getattr(F, f"adaptive_max_pool{rank}d")
    case(f"adaptive_avg_{name}", lambda x: mean(x, size), real(*shape))
    case(f"adaptive_max_{name}", lambda x: top(x, size), real(*shape))
    case(f"adaptive_index_{name}", lambda x: top(x, size, return_indices=True)[1], real(*shape))
case("adaptive_ties", lambda x: F.adaptive_max_pool2d(x, (2, 2)), values(1, 1, 1, 2, 2, 1, 2, 2, 1, 2, 2, 1).reshape(1, 1, 3, 4))
case("global_avg", lambda x: x.mean((2, 3)), real(2, 3, 3, 4))
case("global_max", lambda x: F.adaptive_max_pool2d(x, 1).flatten(1), real(2, 3, 3, 4))
