"""Loads the weights that tests/interop.rs has written into the same modules of PyTorch, and compares outputs.

    ANYGRAD_INTEROP_DIR=DIR cargo test --test interop
    python tests/interop/torch_check.py DIR

Needs torch; safetensors files are read here, so that nothing else has to be installed. Exits with 1 if an output
differs by more than 1e-5.
"""

import json
import pathlib
import struct
import sys

import torch
from torch import nn


def read(file):
    data = pathlib.Path(file).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    body = bytearray(data[8 + size :])
    dtypes = {"F32": torch.float32, "I64": torch.int64}
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(body[start:end], dtype=dtypes[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(6, 8, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(self.lstm(x)[0])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        make = lambda kind: kind(16, 4, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(make(nn.TransformerEncoderLayer), 2, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(make(nn.TransformerDecoderLayer), 2, norm=nn.LayerNorm(16))

    def forward(self, x, target):
        causal = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        return self.decoder(target, self.encoder(x), tgt_mask=causal)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, stride=2, groups=2)
        self.fc = nn.Linear(72, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.norm(self.conv1(x)).relu(), 2)
        return self.fc(self.conv2(x).relu().flatten(1))


torch.set_grad_enabled(False)
folder = pathlib.Path(sys.argv[1])
worst = 0.0
for name, module in {"lstm": Lstm(), "transformer": Transformer(), "cnn": Cnn()}.items():
    weights = read(folder / f"{name}.safetensors")
    module.load_state_dict({key: value.reshape(module.state_dict()[key].shape) for key, value in weights.items()})
    given = read(folder / f"{name}_data.safetensors")
    inputs = [given[key] for key in ("x", "target") if key in given]
    found = module.eval()(*inputs)
    assert found.shape == given["y"].shape, (name, found.shape, given["y"].shape)
    difference = (found - given["y"]).abs().max().item()
    worst = max(worst, difference)
    print(f"{name}: {len(weights)} tensors, {given['y'].numel()} outputs, largest difference {difference:.2e}")
if worst > 1e-5:
    sys.exit("the outputs differ")
