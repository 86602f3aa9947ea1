"""Makes convolution.safetensors, the numbers that tests/convolution.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/convolution.py
"""

import torch
from torch import nn

from writer import layer, save, write

layer("conv1d", nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2), torch.randn(2, 4, 11))
layer("conv1d same", nn.Conv1d(2, 3, 4, padding="same", bias=False), torch.randn(2, 2, 7))
layer("conv2d", nn.Conv2d(2, 3, (2, 3), stride=(1, 2), padding=(1, 0)), torch.randn(2, 2, 4, 7))
layer("conv3d", nn.Conv3d(2, 3, (1, 2, 3), stride=(1, 2, 1), padding=(0, 1, 1)), torch.randn(1, 2, 2, 3, 4))
layer("transpose1d", nn.ConvTranspose1d(4, 6, 3, stride=3, padding=1, output_padding=2, groups=2), torch.randn(2, 4, 5))
layer("transpose2d", nn.ConvTranspose2d(2, 3, (3, 2), stride=2, padding=(1, 0), dilation=(2, 1)), torch.randn(2, 2, 3, 4))
layer("transpose3d", nn.ConvTranspose3d(2, 2, 2, stride=(1, 2, 2), output_padding=(0, 1, 0)), torch.randn(1, 2, 2, 3, 2))
layer("depthwise", nn.Conv2d(3, 6, 3, padding=1, groups=3), torch.randn(1, 3, 4, 5))


class Separable(nn.Module):
    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, bias=False)
        self.pointwise = nn.Conv2d(4, 3, 1)

    def forward(self, x):
        return self.pointwise(self.depthwise(x))


layer("separable", Separable(), torch.randn(2, 2, 5, 5))

write("convolution.safetensors")
