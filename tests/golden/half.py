"""Half precision: what PyTorch gives for float16 on the CPU. Numbers and results are halves, printed exactly enough.

    cd tests/golden && python half.py > half.txt
"""

import torch
import torch.nn.functional as F
from writer import index, line, nan, inf, values

torch.manual_seed(7)


def half(*shape, low=-2.0, high=2.0):
    return (low + (high - low) * torch.rand(shape, dtype=torch.float64)).half()


def case(name, f, *inputs):
    """As in writer.py, in float16; gradients too, of sum(out * weight) with the sum in float32."""
    inputs = [t.clone() for t in inputs]
    for t in inputs:
        t.requires_grad_(t.is_floating_point())
    y = f(*inputs)
    print(f"case {name} f16")
    for t in inputs:
        print(line("in" if t.is_floating_point() else "const", t))
    print(line("out", y))
    if y.requires_grad:
        weight = torch.tensor([((7 * i) % 11 - 5) / 4 for i in range(y.numel())], dtype=y.dtype)
        y.reshape(-1).backward(weight) if y.dim() == 1 else y.backward(weight.reshape(y.shape))
        for t in inputs:
            if t.is_floating_point():
                print(line("grad", t.grad if t.grad is not None else torch.zeros_like(t), shape=False))


case("round", lambda x: x + 0, values(0.1, 2049, 2051, 65519, 65520, 1e-8, 6e-8, 3e-8, -0.3333, 1e5, -1e5, nan, inf).half())
case("add", torch.add, half(3, 1, 2), half(4, 1))
case("add at the end", torch.add, values(65504, 65504, 2048, 2048, 1e-7).half(), values(15, 16, 1, 3, 1e-7).half())
case("mul", torch.mul, half(5, 3), half(3))
case("mul small", torch.mul, values(0.001, 0.01, 6e-5, 300).half(), values(0.001, 0.0001, 0.5, 300).half())
case("div", torch.div, half(7), half(7, low=0.5))
case("scalar", lambda x: x * 0.1 + 1e-8, half(9))
case("scalar large", lambda x: x * 1e5, values(0.01, 0.5, 0.66, -0.1).half())
case("exp", torch.exp, half(7, low=-3, high=12))
case("tanh", torch.tanh, half(7, low=-3, high=3))
case("sqrt", torch.sqrt, half(7, low=0.1, high=5))
case("relu", torch.relu, half(7))
case("where", lambda c, x, y: torch.where(c.bool(), x, y), index((3, 4), 2), half(3, 4), half(4))
case("chain", lambda x: ((x * 3 + 0.7) * x - 1.1) / 7, half(11))
case("sum", lambda x: x.sum(1), half(3, 100, low=0.0))
case("sum large", lambda x: x.sum(0), half(700, 2, low=30.0, high=60.0))
case("mean large", lambda x: x.mean(0), half(3000, 1, low=30.0, high=60.0))
case("max", lambda x: x.amax(1), half(3, 7))
case("matmul", torch.matmul, half(5, 64), half(64, 3))
case("conv2d", lambda x, w: F.conv2d(x, w, padding=1), half(1, 3, 6, 5), half(4, 3, 3, 3))
case("max_pool2d", lambda x: F.max_pool2d(x, 2), half(1, 2, 6, 4))
case("softmax", lambda x: F.softmax(x, 1), half(3, 9, low=-6, high=6))
case("concat", lambda x, y: torch.cat([x, y], 1), half(2, 3), half(2, 2))
case("gather", lambda i, x: torch.gather(x, 1, i), index((3, 2), 5), half(3, 5))
