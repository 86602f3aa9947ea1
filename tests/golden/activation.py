"""Activation functions, and the rest of the elementwise functions.

    python tests/golden/activation.py > tests/golden/activation.txt
"""

import torch
import torch.nn.functional as F
from writer import SPECIAL, case, index, inf, nan, real, values

EXTREME = torch.tensor([nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.25, -2.5, 9.0625, -20.0, 50.0, -87.0])
KINKS = values(-7, -6, -3, -1, -0.5, 0, 0.5, 1, 3, 6, 7)
UNARY = {
    "exp2": (torch.exp2, -3, 3), "expm1": (torch.expm1, -3, 3), "log2": (torch.log2, 0.1, 5),
    "log1p": (torch.log1p, -0.8, 5), "tan": (torch.tan, -1.3, 1.3), "asin": (torch.asin, -0.9, 0.9),
    "acos": (torch.acos, -0.9, 0.9), "atan": (torch.atan, -5, 5), "sinh": (torch.sinh, -3, 3),
    "cosh": (torch.cosh, -3, 3), "asinh": (torch.asinh, -5, 5), "acosh": (torch.acosh, 1.2, 5),
    "atanh": (torch.atanh, -0.9, 0.9), "erf": (torch.erf, -3, 3), "trunc": (torch.trunc, -3, 3),
    "frac": (torch.frac, -3, 3),
}
for name, (f, low, high) in UNARY.items():
    case(name, f, real(9, low=low, high=high))
    # the sines of infinities are NaN, and PyTorch's of large numbers are right too
    case(f"{name} special", f, SPECIAL, f32=True)
case("sin large", torch.sin, torch.tensor([1e3, -1e5, 1e7, 3e9, -1e15, 1e30]), f32=True)
case("cos large", torch.cos, torch.tensor([1e3, -1e5, 1e7, 3e9, -1e15, 1e30]), f32=True)
case("atan2", torch.atan2, real(7), real(7))
case("remainder large", torch.remainder, torch.tensor([1e10, -1e10, 3e30, 7e20]), torch.tensor([3.0, 0.7, 1e-3, -9.0]), f32=True)

ACTIVATIONS = {
    "relu6": F.relu6, "leaky_relu": lambda x: F.leaky_relu(x, 0.01), "elu": lambda x: F.elu(x, 1.5), "selu": F.selu,
    "celu": lambda x: F.celu(x, 0.7), "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu, "mish": F.mish, "softplus": lambda x: F.softplus(x, 2.0, 5.0), "softsign": F.softsign,
    "hard_tanh": lambda x: F.hardtanh(x, -1, 2), "hard_sigmoid": F.hardsigmoid, "hard_swish": F.hardswish,
    "threshold": lambda x: F.threshold(x, 0.5, -3.0), "log_sigmoid": F.logsigmoid,
}
for name, f in ACTIVATIONS.items():
    case(name, f, real(9, low=-8, high=8))
    case(f"{name} at kinks", f, KINKS)
    # PyTorch's own kernels of these give other values for infinities than their formula, NaN is the formula's
    if name not in ("gelu", "gelu_tanh", "silu", "mish", "hard_swish", "softsign"):
        case(f"{name} special", f, EXTREME, f32=True)
case("step", lambda x: torch.heaviside(x, torch.zeros(1, dtype=x.dtype)).detach(), values(-1, 0, 2))
case("prelu", lambda x, w: F.prelu(x, w), real(2, 3, 4), real(3))
case("prelu one", lambda x, w: F.prelu(x, w), real(5), real(1))
case("glu", lambda x: F.glu(x, 1), real(2, 6, 3))
case("masked_fill", lambda m, x: x.masked_fill(m.bool(), -2.5), index((3, 4), 2), real(3, 4))
