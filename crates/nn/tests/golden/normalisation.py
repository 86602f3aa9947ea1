"""Makes normalisation.safetensors, the numbers that tests/normalisation.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/normalisation.py
"""

import torch
from torch import nn

from writer import layer, save, write


def norm(name, module, shape):
    """The layer in training, then its averages after a second batch, and that batch in evaluation."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
    layer(name, module, torch.randn(*shape) * 2 + 1)
    if getattr(module, "running_mean", None) is None:
        return
    second = torch.randn(*shape)
    module(second)
    save(f"{name}.second", second)
    save(f"{name}.running_mean", module.running_mean)
    save(f"{name}.running_var", module.running_var)
    module.eval()
    save(f"{name}.eval", module(second))


norm("batch1d", nn.BatchNorm1d(3), (5, 3))
norm("batch1d sequences", nn.BatchNorm1d(3, eps=0.01, momentum=0.3), (2, 3, 4))
norm("batch3d", nn.BatchNorm3d(2), (2, 2, 2, 3, 2))
norm("cumulative", nn.BatchNorm2d(2, momentum=None), (2, 2, 3, 2))
norm("plain", nn.BatchNorm2d(2, affine=False), (2, 2, 3, 2))
norm("untracked", nn.BatchNorm2d(2, track_running_stats=False), (2, 2, 3, 2))
norm("layer", nn.LayerNorm(6), (2, 3, 6))
norm("layer axes", nn.LayerNorm((3, 4), eps=0.01), (2, 3, 4))
norm("layer biasless", nn.LayerNorm(5, bias=False), (4, 5))
norm("layer plain", nn.LayerNorm(5, elementwise_affine=False), (1, 5))
norm("rms", nn.RMSNorm(6, eps=1e-5), (2, 3, 6))
norm("rms axes", nn.RMSNorm((3, 4), eps=1e-5), (2, 3, 4))
norm("group", nn.GroupNorm(3, 6), (2, 6, 3, 2))
norm("group features", nn.GroupNorm(2, 6, affine=False), (3, 6))
norm("instance1d", nn.InstanceNorm1d(3), (2, 3, 5))
norm("instance2d", nn.InstanceNorm2d(2, affine=True), (2, 2, 3, 4))
norm("instance3d", nn.InstanceNorm3d(2, affine=True, track_running_stats=True), (3, 2, 2, 2, 3))
norm("response", nn.LocalResponseNorm(3, alpha=0.1, beta=0.6, k=2.0), (2, 5, 2, 3))
norm("response even", nn.LocalResponseNorm(4, alpha=0.5), (2, 3, 4))

write("normalisation.safetensors")
