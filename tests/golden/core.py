"""The first ops: arithmetic, simple functions, products, convolution, pooling, reductions, indexing.

    python tests/golden/core.py > tests/golden/core.txt
"""

import torch
import torch.nn.functional as F
from writer import LEFT, RIGHT, SPECIAL, case, index, real, values

UNARY = {
    "exp": (torch.exp, -3, 3), "log": (torch.log, 0.1, 5), "sqrt": (torch.sqrt, 0.1, 5), "rsqrt": (torch.rsqrt, 0.1, 5),
    "reciprocal": (torch.reciprocal, 0.3, 3), "square": (torch.square, -3, 3), "sin": (torch.sin, -3, 3),
    "cos": (torch.cos, -3, 3), "tanh": (torch.tanh, -3, 3), "sigmoid": (torch.sigmoid, -5, 5), "relu": (torch.relu, -2, 2),
    "abs": (torch.abs, -2, 2), "neg": (torch.neg, -2, 2), "sign": (torch.sign, -2, 2), "floor": (torch.floor, -3, 3),
    "ceil": (torch.ceil, -3, 3), "round": (torch.round, -3, 3),
}
for name, (f, low, high) in UNARY.items():
    case(name, f, real(7, low=low, high=high))
    special = SPECIAL[:-2] if name in ("sin", "cos") else SPECIAL
    if name != "sign":  # PyTorch's sign of NaN is 0
        case(f"{name} special", f, special, f32=True)
case("relu at 0", torch.relu, values(0, -1, 1))
case("abs at 0", torch.abs, values(0, -1, 1))
case("round halves", torch.round, values(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5))

BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "remainder": torch.remainder,
    "minimum": torch.minimum, "maximum": torch.maximum,
}
for name, f in BINARY.items():
    case(name, f, real(3, 1, 2), real(4, 1))
    case(f"{name} special", f, LEFT, RIGHT, f32=True)
case("pow", torch.pow, real(3, 1, low=0.2, high=3), real(4))
case("pow special", torch.pow, LEFT, RIGHT, f32=True)
case("pow at 0", torch.pow, values(0, 0, 0, 0), values(0, 1, 2, 3.5))
case("maximum ties", torch.maximum, values(1, 2, 3), values(1, 3, 2))
case("minimum ties", torch.minimum, values(1, 2, 3), values(1, 3, 2))
case("where", lambda c, x, y: torch.where(c.bool(), x, y), index((3, 4), 2), real(3, 4), real(4))
case("clamp", lambda x: x.clamp(-0.5, 1.0), real(9))
# not at the ends: there PyTorch 2.15 gives 0, 1/2 or 1 by the kind of limits, and anygrad 1
case("clamp special", lambda x: x.clamp(-0.5, 1.0), SPECIAL, f32=True)

case("matmul", torch.matmul, real(4, 3), real(3, 5))
case("matmul batches", torch.matmul, real(2, 1, 3, 4), real(3, 4, 2))
case("matmul vectors", torch.matmul, real(4), real(4))
case("matmul vector", torch.matmul, real(2, 3, 4), real(4))

case("conv1d", lambda x, w: F.conv1d(x, w, stride=2, padding=1), real(2, 3, 8), real(4, 3, 3))
case("conv2d", lambda x, w: F.conv2d(x, w, stride=2, padding=1), real(2, 3, 6, 5), real(4, 3, 3, 3))
case("conv2d groups", lambda x, w: F.conv2d(x, w, padding=1, groups=2), real(1, 4, 4, 5), real(6, 2, 3, 3))
case("conv2d dilation", lambda x, w: F.conv2d(x, w, padding=2, dilation=2), real(1, 2, 5, 5), real(2, 2, 3, 3))
case("conv3d", lambda x, w: F.conv3d(x, w, padding=(0, 1, 1)), real(1, 2, 3, 4, 3), real(2, 2, 2, 3, 2))
case("conv_transpose2d", lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1), real(2, 3, 3, 4), real(3, 2, 3, 3))

case("max_pool1d", lambda x: F.max_pool1d(x, 3, stride=2, padding=1), real(2, 2, 9))
case("max_pool2d", lambda x: F.max_pool2d(x, 3, stride=2, padding=1), real(2, 2, 7, 6))
case("max_pool2d ties", lambda x: F.max_pool2d(x, 2), values(1, 1, 0, 2, 1, 1, 2, 2).reshape(1, 1, 2, 4))
case("max_pool3d", lambda x: F.max_pool3d(x, 2), real(1, 2, 4, 4, 5))
case("avg_pool2d", lambda x: F.avg_pool2d(x, 3, stride=2, padding=1), real(2, 2, 7, 6))

case("sum", lambda x: x.sum((0, 2)), real(3, 4, 5))
case("mean", lambda x: x.mean(1), real(3, 4, 5))
case("amax", lambda x: x.amax((0, 1)), real(3, 4, 2))
case("amax ties", lambda x: x.amax(1), values(1, 3, 3, 2, 2, 2).reshape(2, 3))
case("amin", lambda x: x.amin(-1), real(3, 4))
case("amax special", lambda x: x.amax(1), LEFT.reshape(10, 10).t().contiguous(), f32=True)
case("argmax", lambda x: x.argmax(1), real(4, 6))
case("argmin", lambda x: x.argmin(0), real(4, 6))
case("var", lambda x: x.var(1, unbiased=False), real(3, 5))
case("softmax", lambda x: x.softmax(1), real(3, 5))
case("log_softmax", lambda x: x.log_softmax(-1), real(3, 5))
case("cross_entropy", lambda x, y: F.cross_entropy(x, y), real(4, 5), index((4,), 5))

case("gather", lambda x, i: x.gather(1, i), real(3, 5), index((3, 4), 5))
case("scatter_add", lambda x, i: torch.zeros(4, 3, dtype=x.dtype).scatter_add(0, i, x), real(6, 3), index((6, 3), 4))
case("index_select", lambda x, i: x.index_select(0, i), real(4, 3), index((6,), 4))
case("one_hot", lambda i: F.one_hot(i, 4), index((5,), 4))
case("pad", lambda x: F.pad(x, (1, 2, 0, 1)), real(2, 3))
case("concat", lambda x, y: torch.cat([x, y], 1), real(2, 3), real(2, 2))
case("flip", lambda x: x.flip(0, 2), real(2, 3, 4))
case("permute", lambda x: x.permute(2, 0, 1).reshape(4, 6), real(2, 3, 4))
