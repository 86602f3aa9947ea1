"""Makes blocks.safetensors, the numbers that tests/blocks.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/blocks.py
"""

import torch
from torch import nn

from writer import layer, save, write

layer("prelu", nn.PReLU(), torch.randn(3, 4))
layer("prelu channels", nn.PReLU(3), torch.randn(2, 3, 2, 2))


class Maxout(nn.Linear):
    def forward(self, x):
        return super().forward(x).unflatten(-1, (4, 3)).amax(-1)


layer("maxout", Maxout(5, 12), torch.randn(3, 2, 5))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Conv2d(2, 3, 3, padding=1)
        self.shortcut = nn.Conv2d(2, 3, 1, bias=False)

    def forward(self, x):
        return self.block(x) + self.shortcut(x)


layer("residual", Residual(), torch.randn(1, 2, 3, 4))


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(2, 1, 1)
        self.three = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), x], 1)


layer("concat", Inception(), torch.randn(1, 2, 3, 4))

pair = nn.Bilinear(3, 4, 2)
left, right = torch.randn(2, 5, 3).requires_grad_(), torch.randn(2, 5, 4).requires_grad_()
y = pair(left, right)
c = torch.randn_like(y)
(y * c).sum().backward()
for key, value in [("left", left), ("right", right), ("y", y), ("c", c), ("dleft", left.grad), ("dright", right.grad)]:
    save(f"bilinear.{key}", value)
for key, value in pair.named_parameters():
    save(f"bilinear.{key}", value)
    save(f"bilinear.d{key}", value.grad)

write("blocks.safetensors")
