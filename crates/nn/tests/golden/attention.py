"""Makes attention.safetensors, the numbers that tests/attention.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/attention.py

Masks are saved as integers and are 1 where a key is read. Additive attention is Bahdanau's formula, written out.
"""

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from writer import save, write


def finish(name, named, given, found):
    """Gradients of the sum of all results, each times its own numbers."""
    loss = 0
    for key, value in found.items():
        c = torch.randn_like(value)
        save(f"{name}.{key}", value)
        save(f"{name}.c_{key}", c)
        loss = loss + (value * c).sum()
    loss.backward()
    for key, value in [*given.items(), *named]:
        save(f"{name}.{key}", value)
        save(f"{name}.d{key}", value.grad)


def tensor(*shape):
    return torch.randn(*shape).requires_grad_()


def shaken(module):
    """Biases and norms start as zeros and ones, which would hide mistakes."""
    with torch.no_grad():
        for value in module.parameters():
            value.add_(torch.randn_like(value) * 0.3)
    return module


keys = torch.tensor([[1, 1, 0, 1], [1, 0, 0, 0]])
pairs = torch.tensor([[1, 1, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]])
save("keys", keys)
save("pairs", pairs)

q, k, v = (lambda: tensor(2, 2, 3, 4)), (lambda: tensor(2, 2, 4, 4)), (lambda: tensor(2, 2, 4, 3))
added = torch.randn(3, 4)
save("added", added)
for name, options in {
    "dot": {},
    "dot bool": {"attn_mask": pairs.bool()},
    "dot float": {"attn_mask": added},
    "dot causal": {"is_causal": True},
}.items():
    given = {"q": q(), "k": k(), "v": v()}
    finish(name, [], given, {"y": scaled_dot_product_attention(*given.values(), **options)})

given = {"q": tensor(2, 3, 4), "k": tensor(2, 4, 3), "v": tensor(2, 4, 2)}
additive = {"query.weight": tensor(5, 4), "key.weight": tensor(5, 3), "scale": tensor(5)}
wq, wk, scale = additive.values()
scores = ((given["q"] @ wq.T)[:, :, None] + (given["k"] @ wk.T)[:, None]).tanh() @ scale
weights = scores.masked_fill(~keys.bool()[:, None], -torch.inf).softmax(-1)
finish("additive", additive.items(), given, {"y": weights @ given["v"], "w": weights})

for name, options in {
    "heads": {},
    "heads keys": {"key_padding_mask": ~keys.bool()},
    "heads pairs": {"key_padding_mask": ~keys.bool(), "attn_mask": ~torch.ones(3, 4).tril().bool()},
}.items():
    module = shaken(nn.MultiheadAttention(4, 2, batch_first=True))
    given = {"q": tensor(2, 3, 4), "k": tensor(2, 4, 4), "v": tensor(2, 4, 4)}
    y, w = module(*given.values(), average_attn_weights=False, **options)
    finish(name, module.named_parameters(), given, {"y": y, "w": w})

real = torch.tensor([[1, 1, 1], [1, 1, 0]])
save("real", real)
triangle = ~torch.ones(3, 3).tril().bool()
for name, options in {"post": {}, "pre": {"norm_first": True, "activation": "gelu"}}.items():
    options |= {"dropout": 0.0, "batch_first": True}
    module = shaken(nn.TransformerEncoderLayer(4, 2, 6, **options))
    given = {"x": tensor(2, 3, 4)}
    y = module(given["x"], src_key_padding_mask=~real.bool())
    finish(f"encoder {name}", module.named_parameters(), given, {"y": y})
    module = shaken(nn.TransformerDecoderLayer(4, 2, 6, **options))
    given = {"x": tensor(2, 3, 4), "memory": tensor(2, 4, 4)}
    y = module(*given.values(), tgt_mask=triangle, memory_key_padding_mask=~keys.bool())
    finish(f"decoder {name}", module.named_parameters(), given, {"y": y})

layer = nn.TransformerEncoderLayer(4, 2, 3, dropout=0.0, batch_first=True)
stack = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(4), enable_nested_tensor=False)
given = {"x": tensor(2, 3, 4)}
module = shaken(stack)
finish("encoder stack", module.named_parameters(), given, {"y": module(given["x"])})
layer = nn.TransformerDecoderLayer(4, 2, 3, dropout=0.0, batch_first=True)
module = shaken(nn.TransformerDecoder(layer, 2, norm=nn.LayerNorm(4)))
given = {"x": tensor(2, 3, 4), "memory": tensor(2, 4, 4)}
y = module(*given.values(), tgt_mask=triangle)
finish("decoder stack", module.named_parameters(), given, {"y": y})

write("attention.safetensors")
