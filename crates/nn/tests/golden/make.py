"""Makes golden.safetensors, the numbers that tests/golden.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/make.py
"""

import torch
from torch import nn

from writer import layer, save, write

layer("linear", nn.Linear(3, 2), torch.randn(4, 3))
layer("conv", nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), torch.randn(2, 4, 5, 4))
layer("dilated", nn.Conv2d(1, 2, 2, dilation=2), torch.randn(1, 1, 5, 4))

norm = nn.BatchNorm2d(2)
with torch.no_grad():
    norm.weight.copy_(torch.tensor([1.5, -0.5]))
    norm.bias.copy_(torch.tensor([0.25, 2.0]))
layer("norm", norm, torch.randn(3, 2, 2, 3) * 2 + 1)
second = torch.randn(3, 2, 2, 3)
norm(second)
save("norm.second", second)
save("norm.running_mean", norm.running_mean)
save("norm.running_var", norm.running_var)
norm.eval()
save("norm.eval", norm(second))

logits = (torch.randn(5, 4) * 3).requires_grad_()
labels = torch.tensor([0, 3, 1, 1, 2])
loss = nn.functional.cross_entropy(logits, labels)
loss.backward()
for key, value in [("logits", logits), ("labels", labels), ("loss", loss), ("dlogits", logits.grad)]:
    save(f"cross_entropy.{key}", value)

pixels = (torch.randn(2, 3, 2, 2)).requires_grad_()
pixel_labels = torch.tensor([[[0, 1], [2, 2]], [[1, 1], [0, 2]]])
loss = nn.functional.cross_entropy(pixels, pixel_labels)
loss.backward()
for key, value in [("logits", pixels), ("labels", pixel_labels), ("loss", loss), ("dlogits", pixels.grad)]:
    save(f"pixels.{key}", value)

for name, function in {
    "leaky_relu": nn.functional.leaky_relu,
    "elu": nn.functional.elu,
    "softplus": nn.functional.softplus,
    "log_sigmoid": nn.functional.logsigmoid,
    "silu": nn.functional.silu,
    "gelu": nn.functional.gelu,
    "gelu_tanh": lambda x: nn.functional.gelu(x, approximate="tanh"),
    "selu": nn.functional.selu,
    "celu": nn.functional.celu,
    "mish": nn.functional.mish,
    "softsign": nn.functional.softsign,
    "hard_tanh": nn.functional.hardtanh,
    # PyTorch's own gradients of these hold 1/6 in f32
    "hard_sigmoid": lambda x: nn.functional.relu6(x + 3) / 6,
    "hard_swish": lambda x: x * nn.functional.relu6(x + 3) / 6,
    "relu6": nn.functional.relu6,
}.items():
    x = torch.tensor([-30.0, -2.5, -0.75, 0.5, 1.0, 4.0, 7.0, 40.0], requires_grad=True)
    y = function(x)
    y.sum().backward()
    save(f"activation.{name}", torch.stack([x, y, x.grad]))


class Rule(torch.optim.Optimizer):
    """An optimizer that PyTorch lacks, from its paper."""

    def __init__(self, params):
        super().__init__(params, {"lr": 0.1})
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state["a"], state["b"] = torch.zeros_like(p), torch.zeros_like(p)
                p.copy_(self.rule(group["lr"], p, p.grad, state))


class KerasRmsProp(Rule):
    """keras.optimizers.RMSprop(rho=0.9, epsilon=1e-7): epsilon inside the root."""

    def rule(self, lr, w, g, s):
        s["a"] = 0.9 * s["a"] + 0.1 * g**2
        return w - lr * g / (s["a"] + 1e-7) ** 0.5


class Lion(Rule):
    """Chen et al. 2023, algorithm 2, weight decay 0.1."""

    def rule(self, lr, w, g, s):
        direction = torch.sign(0.9 * s["a"] + 0.1 * g)
        s["a"] = 0.99 * s["a"] + 0.01 * g
        return w - lr * (direction + 0.1 * w)


class Lamb(Rule):
    """You et al. 2020, algorithm 2, with bias correction, weight decay 0.01."""

    def rule(self, lr, w, g, s):
        s["a"] = 0.9 * s["a"] + 0.1 * g
        s["b"] = 0.999 * s["b"] + 0.001 * g**2
        r = s["a"] / (1 - 0.9**self.t) / ((s["b"] / (1 - 0.999**self.t)) ** 0.5 + 1e-6) + 0.01 * w
        return w - lr * w.norm() / r.norm() * r


class Ftrl(Rule):
    """McMahan et al. 2013, algorithm 1: beta 1, l1 0.3, l2 0.1."""

    def rule(self, lr, w, g, s):
        root = (s["b"] + g**2) ** 0.5
        s["a"] = s["a"] + g - (root - s["b"] ** 0.5) / lr * w
        s["b"] = s["b"] + g**2
        moved = -(s["a"] - torch.sign(s["a"]) * 0.3) / ((1 + root) / lr + 0.1)
        return torch.where(s["a"].abs() <= 0.3, torch.zeros_like(w), moved)


inputs, targets, start = torch.randn(6, 3), torch.randn(6, 2), torch.randn(2, 3)
for key, value in [("x", inputs), ("t", targets), ("start", start)]:
    save(f"steps.{key}", value)
for name, make in {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "adagrad initial": lambda p: torch.optim.Adagrad(p, lr=0.1, initial_accumulator_value=0.1, eps=1e-7),
    "rmsprop centred": lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.9, momentum=0.8, centered=True),
    "rmsprop inside": lambda p: KerasRmsProp(p),
    "adadelta": lambda p: torch.optim.Adadelta(p, lr=0.1),
    "adamax": lambda p: torch.optim.Adamax(p, lr=0.1),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.1),
    "radam": lambda p: torch.optim.RAdam(p, lr=0.1),
    "amsgrad": lambda p: torch.optim.AdamW(p, lr=0.1, amsgrad=True, betas=(0.5, 0.6)),
    "lion": lambda p: Lion(p),
    "lamb": lambda p: Lamb(p),
    "ftrl": lambda p: Ftrl(p),
}.items():
    weight = start.clone().requires_grad_()
    optimizer = make([weight])
    path = []
    for step in range(10):
        optimizer.param_groups[0]["lr"] = 0.1 * 0.8**step
        optimizer.zero_grad()
        nn.functional.mse_loss(inputs @ weight.T, targets).backward()
        optimizer.step()
        path.append(weight.detach().clone())
    save(f"steps.{name}", torch.stack(path))

write("golden.safetensors")
