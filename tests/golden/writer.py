"""The format of the golden files: what PyTorch gives for the ops of anygrad, and the gradients.

Each family of ops has a script that writes its file, and a table in tests/ops/golden that reads it:

    python tests/golden/core.py > tests/golden/core.txt

Each block is one case: `case NAME` (f64) or `case NAME f32` (no gradient; inputs such as infinities), then
`in SHAPE | numbers` for each input (`const` if it has no gradient), `out SHAPE | numbers`, and `grad | numbers` for each
`in`: the gradient of sum(out * weight), where weight[i] = ((7 i) mod 11 - 5) / 4 in row-major order.
Made with PyTorch 2.15 on the CPU.
"""

import math

import torch
import torch.nn.functional as F

torch.manual_seed(20240229)


def number(x):
    x = float(x)
    return "%d" % x if math.isfinite(x) and x == int(x) and abs(x) < 1e6 and math.copysign(1, x) > 0 else "%.8g" % x


def line(kind, t, shape=True):
    sizes = " ".join(str(n) for n in t.shape) + " " if shape and t.dim() else ""
    return f"{kind} {sizes}| " + " ".join(number(x) for x in t.detach().reshape(-1))


def case(name, f, *inputs, f32=False):
    """Integer tensors among the inputs are indices, and constant."""
    inputs = [t.clone() for t in inputs]
    for t in inputs:
        t.requires_grad_(t.is_floating_point() and not f32)
    y = f(*inputs)
    print(f"case {name}" + (" f32" if f32 else ""))
    for t in inputs:
        print(line("in" if t.is_floating_point() else "const", t))
    print(line("out", y))
    if not f32 and y.requires_grad:
        weight = torch.tensor([((7 * i) % 11 - 5) / 4 for i in range(y.numel())], dtype=y.dtype)
        (y.reshape(-1) * weight).sum().backward()
        for t in inputs:
            if t.is_floating_point():
                print(line("grad", t.grad if t.grad is not None else torch.zeros_like(t), shape=False))


def real(*shape, low=-2.0, high=2.0):
    """Numbers with two decimals."""
    t = low + (high - low) * torch.rand(shape, dtype=torch.float64)
    return (t * 100).round() / 100


def values(*xs):
    return torch.tensor(xs, dtype=torch.float64)


def index(shape, below):
    return torch.randint(0, below, shape)


nan, inf = math.nan, math.inf
SPECIAL = torch.tensor([nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 9.0625, -20.0, 88.875, -104.5, 1e30, -1e30])
PAIRS = torch.tensor([nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 0.5, 3.0, -2.5])
LEFT, RIGHT = (t.reshape(-1) for t in torch.meshgrid(PAIRS, PAIRS, indexing="ij"))
