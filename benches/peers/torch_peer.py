"""PyTorch as a contestant, see protocol.rs. Eager mode, in two threads, as its users get it.

Its operations on the CPU have finished when they return.
"""

import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(2)


def classify(model, optimizer, shape):
    """A training step on one batch of ten classes."""
    model.train()
    x = torch.rand(shape)
    labels = torch.arange(shape[0]) % 10
    loss = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        loss(model(x), labels).backward()
        optimizer.step()

    return step


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=1e-3)


def momentum(model):
    return torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)


def mlp():
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
    return classify(model, adam(model), [128, 784])


def lenet():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )
    return classify(model, momentum(model), [64, 1, 28, 28])


class Block(nn.Module):
    """The block of ResNet-18."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = None
        if stride != 1 or inputs != channels:
            conv = nn.Conv2d(inputs, channels, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


def resnet():
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    inputs = 64
    for stage, channels in enumerate([64, 128, 256, 512]):
        layers += [Block(inputs, channels, 1 if stage == 0 else 2), Block(channels, channels, 1)]
        inputs = channels
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    return classify(model, momentum(model), [16, 3, 32, 32])


class LastState(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(64, 128, batch_first=True)
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        return self.out(self.lstm(x)[0][:, -1])


def lstm():
    model = LastState()
    return classify(model, torch.optim.SGD(model.parameters(), lr=1e-3), [32, 50, 64])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.out = nn.Linear(128, 10)

    def forward(self, x):
        return self.out(self.encoder(x).mean(1))


def transformer():
    model = Encoder()
    return classify(model, adam(model), [16, 64, 128])


def tiny():
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])

    def step():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()

    return step


STEPS = {"MLP": mlp, "LeNet": lenet, "ResNet-18": resnet, "LSTM": lstm, "Transformer": transformer, "2-16-1": tiny}


def values(*shape):
    return torch.rand(shape) - 0.5


def matmul(kind, b, m, k, n):
    batch = [] if b == 1 else [b]
    x = values(*batch, k, m).mT if kind == "matmul_at" else values(*batch, m, k)
    y = values(*batch, n, k).mT if kind == "matmul_bt" else values(*batch, k, n)
    return lambda: x @ y


def conv(kind, n, c, h, w, o, k, stride, padding):
    x, weight = values(n, c, h, w), values(o, c, k, k)
    if kind == "conv":
        return lambda: F.conv2d(x, weight, None, stride, padding)
    g = values(*F.conv2d(x, weight, None, stride, padding).shape)
    mask = [kind == "conv_dx", kind == "conv_dw", False]
    pair = lambda size: [size, size]
    return lambda: torch.ops.aten.convolution_backward(
        g, x, weight, None, pair(stride), pair(padding), [1, 1], False, [0, 0], 1, mask
    )


def kernel(kind, sizes):
    if kind.startswith("matmul"):
        return matmul(kind, *sizes)
    if kind.startswith("conv"):
        return conv(kind, *sizes)
    x = values(*sizes)
    if kind == "batch_norm":
        layer = nn.BatchNorm2d(sizes[1]).train()
        return lambda: layer(x)
    if kind == "layer_norm":
        layer = nn.LayerNorm(sizes[1])
        return lambda: layer(x)
    if kind == "attention":
        q, k, v = values(*sizes), values(*sizes), values(*sizes)
        return lambda: F.scaled_dot_product_attention(q, k, v)
    return {
        "max_pool": lambda: F.max_pool2d(x, 2),
        "avg_pool": lambda: F.avg_pool2d(x, 2),
        "sum": lambda: x.sum(),
        "row_sum": lambda: x.sum(1),
        "column_sum": lambda: x.sum(0),
        "softmax": lambda: x.softmax(-1),
        "chain": lambda: F.gelu(x) * x.sigmoid(),
    }[kind]


def main():
    _, kind, *sizes = sys.argv[1:]
    if kind in STEPS:
        run = STEPS[kind]()
    else:
        with_gradients = torch.no_grad()
        with_gradients.__enter__()
        run = kernel(kind, [int(size) for size in sizes])
    run()
    print("first", flush=True)
    start = time.perf_counter()
    runs = 0
    spent = lambda: time.perf_counter() - start
    while (runs < 3 and spent() < 5) or (runs < 50 and spent() < 0.5):
        run()
        runs += 1
    print("ready", flush=True)
    for line in sys.stdin:
        seconds = float(line.split()[1])
        times = []
        start = time.perf_counter()
        while not times or time.perf_counter() - start < seconds:
            before = time.perf_counter()
            run()
            times.append(time.perf_counter() - before)
        times.sort()
        print(times[len(times) // 2], len(times), flush=True)


main()
