"""Makes embedding.safetensors, the numbers that tests/embedding.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/embedding.py
"""

import torch
from torch import nn

from writer import save, write


def steps(name, module, *inputs, **options):
    """The table, what is looked up and its gradients, and the table after two steps of SGD, before a third look-up."""
    save(f"{name}.weight", module.weight)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    for step in range(2):
        y = module(*inputs, **options)
        if step == 0:
            c = torch.randn_like(y)
            save(f"{name}.c", c)
            save(f"{name}.y", y)
        optimizer.zero_grad()
        (y * c).sum().backward()
        if step == 0:
            save(f"{name}.dweight", module.weight.grad)
        optimizer.step()
    save(f"{name}.after", module.weight)
    save(f"{name}.third", module(*inputs, **options))


index = torch.tensor([[1, 4, 1], [0, 3, 4]])
save("index", index)
steps("plain", nn.Embedding(6, 3), index)
steps("padding", nn.Embedding(6, 3, padding_idx=4), index)
steps("max norm", nn.Embedding(6, 3, max_norm=1.2), index)
steps("max norm 1", nn.Embedding(6, 3, max_norm=1.5, norm_type=1.0, padding_idx=0), index)

for mode in ["sum", "mean", "max"]:
    flat = torch.tensor([1, 4, 2, 0, 3, 4, 5, 2])
    save("flat", flat)
    # the second bag and the last are empty
    steps(f"{mode} offsets", nn.EmbeddingBag(6, 3, mode=mode), flat, torch.tensor([0, 3, 3, 7, 8]))
    steps(f"{mode} rows", nn.EmbeddingBag(6, 3, mode=mode, padding_idx=4, max_norm=1.2), index[:, 1:])
weights = torch.randn(2, 3)
save("weights", weights)
steps("weighted", nn.EmbeddingBag(6, 3, mode="sum"), index, per_sample_weights=weights)

write("embedding.safetensors")
