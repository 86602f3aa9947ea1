"""Resizing in each mode.

    python tests/golden/resize.py > tests/golden/resize.txt
"""

import torch.nn.functional as F
from writer import case, real

MODES = {
    "nearest": {"mode": "nearest"}, "exact": {"mode": "nearest-exact"},
    "linear": {"align_corners": False}, "corners": {"align_corners": True},
}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
for shape, size in [((2, 2, 5), (8,)), ((1, 2, 9), (4,)), ((1, 2, 3, 4), (6, 8)), ((1, 2, 5, 6), (3, 2)),
                    ((1, 1, 1, 3), (4, 1)), ((1, 1, 2, 3, 2), (3, 5, 4))]:
    for name, options in MODES.items():
        mode = {"mode": LINEAR[len(size)], **options}
        case(f"{name} {'x'.join(map(str, size))}", lambda x: F.interpolate(x, size=size, **mode), real(*shape))
for name, aligned in [("cubic", False), ("cubic_corners", True)]:
    for shape, size in [((1, 2, 3, 4), (7, 6)), ((1, 1, 7, 6), (4, 3)), ((1, 1, 1, 2), (3, 5))]:
        f = lambda x: F.interpolate(x, size=size, mode="bicubic", align_corners=aligned)
        case(f"{name} {'x'.join(map(str, size))}", f, real(*shape))
double = lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
case("by", double, real(1, 2, 3, 4))
