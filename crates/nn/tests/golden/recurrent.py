"""Makes recurrent.safetensors, the numbers that tests/recurrent.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/recurrent.py

Keras's GRU with the reset gate before the product is not in PyTorch; its formula is written out below.
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from writer import save, write


def finish(name, module, given, found):
    """Gradients of the sum of all results, each times its own numbers."""
    loss = 0
    for key, value in found.items():
        c = torch.randn_like(value)
        save(f"{name}.{key}", value)
        save(f"{name}.c_{key}", c)
        loss = loss + (value * c).sum()
    loss.backward()
    for key, value in given.items():
        save(f"{name}.{key}", value)
        save(f"{name}.d{key}", value.grad)
    for key, value in module.named_parameters():
        save(f"{name}.{key}", value)
        save(f"{name}.d{key}", value.grad)


def states(kind, *shape):
    names = ["h0", "c0"] if kind is nn.LSTM or kind is nn.LSTMCell else ["h0"]
    return {key: torch.randn(*shape).requires_grad_() for key in names}


def ends(last):
    h, c = last if isinstance(last, tuple) else (last, None)
    return {"hn": h} | ({"cn": c} if c is not None else {})


def sequence(name, kind, lengths=None, steps=4, **options):
    n, inputs, hidden = 3, 2, 2
    module = kind(inputs, hidden, batch_first=True, **options)
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    given = {"x": torch.randn(n, steps, inputs).requires_grad_()} | states(kind, count, n, hidden)
    initial = (given["h0"], given["c0"]) if "c0" in given else given["h0"]
    x = given["x"]
    if lengths is not None:
        x = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        save(f"{name}.lengths", torch.tensor(lengths))
    y, last = module(x, initial)
    if lengths is not None:
        y, _ = pad_packed_sequence(y, batch_first=True, total_length=steps)
    finish(name, module, given, {"y": y} | ends(last))


for name, kind in {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}.items():
    sequence(name, kind)
    sequence(f"{name} stacked", kind, num_layers=2, bidirectional=True)
    sequence(f"{name} lengths", kind, num_layers=2, bidirectional=True, lengths=[2, 4, 3])
sequence("rnn relu", nn.RNN, nonlinearity="relu")
sequence("rnn long", nn.RNN, steps=20)
sequence("lstm no bias", nn.LSTM, bias=False)

for name, kind in {"rnn cell": nn.RNNCell, "lstm cell": nn.LSTMCell, "gru cell": nn.GRUCell}.items():
    module = kind(3, 2)
    given = {"x": torch.randn(2, 3).requires_grad_()} | states(kind, 2, 2)
    initial = (given["h0"], given["c0"]) if "c0" in given else given["h0"]
    finish(name, module, given, ends(module(given["x"], initial)))


class ResetBefore(nn.Module):
    """Keras's GRUCell with reset_after=False, its gates in PyTorch's order r, z, n."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.randn(3 * hidden, inputs) * 0.5)
        self.weight_hh_l0 = nn.Parameter(torch.randn(3 * hidden, hidden) * 0.5)
        self.bias_ih_l0 = nn.Parameter(torch.randn(3 * hidden) * 0.5)

    def forward(self, x, h):
        steps = []
        for t in range(x.shape[1]):
            xr, xz, xn = (x[:, t] @ self.weight_ih_l0.T + self.bias_ih_l0).chunk(3, 1)
            ur, uz, un = self.weight_hh_l0.chunk(3, 0)
            r, z = torch.sigmoid(xr + h @ ur.T), torch.sigmoid(xz + h @ uz.T)
            h = z * h + (1 - z) * torch.tanh(xn + (r * h) @ un.T)
            steps.append(h)
        return torch.stack(steps, 1), h.unsqueeze(0)


module = ResetBefore(2, 2)
given = {"x": torch.randn(3, 4, 2).requires_grad_(), "h0": torch.randn(1, 3, 2).requires_grad_()}
y, last = module(given["x"], given["h0"][0])
finish("gru reset before", module, given, {"y": y, "hn": last})

write("recurrent.safetensors")
