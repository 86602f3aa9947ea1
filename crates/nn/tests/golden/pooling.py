"""Makes pooling.safetensors, the numbers that tests/pooling.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/pooling.py
"""

import torch
from torch import nn

from writer import layer, write

layer("max1d", nn.MaxPool1d(3, stride=2, padding=1, dilation=2), torch.randn(2, 2, 9))
layer("max2d", nn.MaxPool2d((2, 3), stride=(1, 2), padding=(1, 0)), torch.randn(1, 2, 4, 5))
layer("max2d ceil", nn.MaxPool2d(2, ceil_mode=True), torch.randn(1, 2, 3, 5))
layer("max3d", nn.MaxPool3d(2, stride=1), torch.randn(1, 2, 3, 2, 3))
layer("avg1d", nn.AvgPool1d(3, stride=2, padding=1), torch.randn(2, 2, 6))
layer("avg1d ceil", nn.AvgPool1d(3, stride=2, padding=1, ceil_mode=True), torch.randn(1, 2, 6))
layer("avg2d", nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), torch.randn(1, 2, 4, 5))
layer("avg2d ceil", nn.AvgPool2d(2, ceil_mode=True), torch.randn(1, 2, 3, 5))
layer("avg3d", nn.AvgPool3d((1, 2, 2), divisor_override=3), torch.randn(1, 2, 2, 4, 5))
for dims, size, shape in [(1, 3, (2, 2, 7)), (2, (2, 4), (1, 2, 5, 3)), (3, (1, 2, 2), (1, 2, 3, 4, 5))]:
    layer(f"adaptive avg{dims}d", getattr(nn, f"AdaptiveAvgPool{dims}d")(size), torch.randn(*shape))
    layer(f"adaptive max{dims}d", getattr(nn, f"AdaptiveMaxPool{dims}d")(size), torch.randn(*shape))
layer("global avg", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), torch.randn(2, 3, 3, 4))
layer("global max", nn.Sequential(nn.AdaptiveMaxPool1d(1), nn.Flatten()), torch.randn(2, 3, 5))
layer("nearest", nn.Upsample(scale_factor=2), torch.randn(1, 2, 2, 3))
layer("bilinear", nn.Upsample(size=(5, 3), mode="bilinear"), torch.randn(1, 2, 3, 4))
layer("corners", nn.Upsample(scale_factor=3, mode="bilinear", align_corners=True), torch.randn(1, 1, 3, 2))
layer("linear", nn.Upsample(size=7, mode="linear"), torch.randn(2, 2, 4))
layer("trilinear", nn.Upsample(scale_factor=2, mode="trilinear"), torch.randn(1, 1, 2, 2, 3))
layer("bicubic", nn.Upsample(size=(4, 6), mode="bicubic", align_corners=True), torch.randn(1, 1, 3, 4))

write("pooling.safetensors")
