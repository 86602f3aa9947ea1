"""Makes losses.safetensors, the numbers that tests/losses.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/losses.py
"""

import torch
from torch import nn
from torch.nn import functional as F

from writer import save, write


def case(name, function, reductions=("none", "mean", "sum"), **leaves):
    """`function(reduction, *leaves)` and its gradients for each reduction; unreduced, those of sum(loss * c)."""
    for key, value in leaves.items():
        save(f"{name}.{key}", value)
    for reduction in reductions:
        inputs = [value.clone().requires_grad_() for value in leaves.values()]
        y = function(reduction, *inputs)
        save(f"{name}.{reduction}", y)
        if reduction == "none":
            c = torch.randn_like(y)
            save(f"{name}.c", c)
            y = (y * c).sum()
        y.backward()
        for key, value in zip(leaves, inputs):
            save(f"{name}.{reduction}.d{key}", value.grad)


def reduced(reduction, each):
    return {"none": each, "mean": each.mean(), "sum": each.sum()}[reduction]


# differences: small, large, and beyond every bend
x = torch.tensor([[0.1, -0.3, 2.5], [-4.0, 1.0, 30.0]])
t = torch.tensor([[0.0, 0.4, 0.5], [1.0, 0.25, -10.0]])
case("mse", lambda r, x, t: F.mse_loss(x, t, reduction=r), x=x, t=t)
case("half squared", lambda r, x, t: 0.5 * F.mse_loss(x, t, reduction=r), x=x, t=t)
case("mae", lambda r, x, t: F.l1_loss(x, t, reduction=r), x=x, t=t)
case("huber", lambda r, x, t: F.huber_loss(x, t, reduction=r, delta=1.5), x=x, t=t)
case("smooth l1", lambda r, x, t: F.smooth_l1_loss(x, t, reduction=r, beta=0.5), x=x, t=t)
case("smooth l1 at 0", lambda r, x, t: F.smooth_l1_loss(x, t, reduction=r, beta=0.0), x=x, t=t)
# Keras: x + softplus(-2x) - log 2
case("log cosh", lambda r, x, t: reduced(r, x - t + F.softplus(-2 * (x - t), threshold=100) - torch.log(torch.tensor(2.0))), x=x, t=t)

write("losses.safetensors")
