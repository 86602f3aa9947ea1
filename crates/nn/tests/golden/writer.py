"""What the scripts beside this file share: numbers by name, written as safetensors in float64 and int64.

PyTorch's own writer would do but for its dependencies. Made with PyTorch 2.15.0.
"""

import json
import pathlib
import struct

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
saved = {}


def save(name, tensor):
    saved[name] = tensor.detach().clone().contiguous()


def layer(name, module, x):
    """Output and gradients of sum(y * c), which gives every element of y its own gradient c."""
    x = x.clone().requires_grad_()
    for key, value in module.named_parameters():
        save(f"{name}.{key}", value)
    y = module(x)
    c = torch.randn_like(y)
    (y * c).sum().backward()
    for key, value in [("x", x), ("y", y), ("c", c), ("dx", x.grad)]:
        save(f"{name}.{key}", value)
    for key, value in module.named_parameters():
        save(f"{name}.d{key}", value.grad)


def write(file):
    """Writes all that was saved to `file` beside this script."""
    header, data = {}, b""
    for name, tensor in saved.items():
        dtype = {torch.float64: "F64", torch.int64: "I64"}[tensor.dtype]
        code = {"F64": "d", "I64": "q"}[dtype]
        values = tensor.flatten().tolist()
        part = struct.pack(f"<{len(values)}{code}", *values)
        offsets = [len(data), len(data) + len(part)]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": offsets}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(__file__).with_name(file).write_bytes(struct.pack("<Q", len(text)) + text + data)
