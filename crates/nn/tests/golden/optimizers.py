"""Numbers for tests/{optimizers,penalties,averages,lbfgs}.rs.

    python crates/nn/tests/golden/optimizers.py
"""

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from writer import save, write

inputs, targets = torch.randn(6, 3), torch.randn(6, 2)
first = nn.Linear(3, 2)
save("x", inputs)
save("t", targets)
for key, value in first.named_parameters():
    save(f"start.{key}", value)


def model():
    m = nn.Linear(3, 2)
    m.load_state_dict(first.state_dict())
    return m


def steps(name, make, after=lambda m: None, count=10, penalty=lambda m: 0.0, clip=lambda m: None):
    """All parameters after each of `count` steps with a rate that falls."""
    m = model()
    o = make(m)
    rates = [group["lr"] for group in o.param_groups]
    path = []
    for k in range(count):
        for group, rate in zip(o.param_groups, rates):
            group["lr"] = rate * 0.8**k
        o.zero_grad()
        (nn.functional.mse_loss(m(inputs), targets) + penalty(m)).backward()
        clip(m)
        o.step()
        with torch.no_grad():
            after(m)
        path.append(torch.cat([m.weight.flatten(), m.bias]))
    save(f"steps.{name}", torch.stack(path))


O = torch.optim
for name, make in {
    "adadelta": lambda p: O.Adadelta(p, lr=1.0, weight_decay=0.1),
    "adagrad": lambda p: O.Adagrad(p, lr=0.1, weight_decay=0.1),
    "adamax": lambda p: O.Adamax(p, lr=0.1, weight_decay=0.1),
    "nadam": lambda p: O.NAdam(p, lr=0.1, weight_decay=0.1),
    "nadam decoupled": lambda p: O.NAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True),
    "radam": lambda p: O.RAdam(p, lr=0.1, weight_decay=0.1),
    "radam decoupled": lambda p: O.RAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True),
    "rmsprop": lambda p: O.RMSprop(p, lr=0.1, weight_decay=0.1, momentum=0.5),
    "sgd": lambda p: O.SGD(p, lr=0.1),
}.items():
    steps(name, lambda m: make(m.parameters()))


def groups(m):
    weight = {"params": [m.weight], "weight_decay": 0.2}
    bias = {"params": [m.bias], "weight_decay": 0.0, "lr": 0.02, "betas": (0.5, 0.9)}
    return O.AdamW([weight, bias], lr=0.1)


steps("groups", groups)

EPSILON = 1e-7


def norm(w):
    return w.square().sum(1, keepdim=True).sqrt()


def constrained(name, f):
    def after(m):
        m.weight.copy_(f(m.weight))

    steps(name, lambda m: O.SGD(m.parameters(), lr=0.3, momentum=0.5), after)


constrained("max norm", lambda w: w * norm(w).clamp(0, 0.4) / (norm(w) + EPSILON))
constrained("unit norm", lambda w: w / (norm(w) + EPSILON))
constrained(
    "min max norm",
    lambda w: w * (0.7 * norm(w).clamp(0.5, 0.6) + 0.3 * norm(w)) / (norm(w) + EPSILON),
)
constrained("non negative", lambda w: w * (w >= 0))


def clip(m):
    for p in m.parameters():
        nn.utils.clip_grad_norm_([p], 0.3)


steps("clip norm", lambda m: O.SGD(m.parameters(), lr=0.5), clip=clip)
steps("clip value", lambda m: O.SGD(m.parameters(), lr=0.5), clip=lambda m: nn.utils.clip_grad_value_(m.parameters(), 0.2))
steps("clip global", lambda m: O.SGD(m.parameters(), lr=0.5), clip=lambda m: nn.utils.clip_grad_norm_(m.parameters(), 0.3))


def elastic(m):
    return 0.05 * m.weight.abs().sum() + 0.1 * m.weight.square().sum() + 0.02 * m.bias.abs().sum()


m = model()
loss = nn.functional.mse_loss(m(inputs), targets) + elastic(m)
loss.backward()
save("penalty.loss", loss)
save("penalty.dweight", m.weight.grad)
save("penalty.dbias", m.bias.grad)
steps("penalty", lambda m: O.SGD(m.parameters(), lr=0.2), penalty=elastic)

m = model()
y = torch.relu(m(inputs))
loss = nn.functional.mse_loss(y, targets) + (0.3 * y.abs().sum() + 0.1 * y.square().sum()) / 6
loss.backward()
save("activity.loss", loss)
save("activity.dweight", m.weight.grad)
save("activity.dbias", m.bias.grad)

# averages of the weights of plain descent
m = model()
average = AveragedModel(m, multi_avg_fn=get_ema_multi_avg_fn(0.9))
average.update_parameters(m)  # the first only copies
corrected, path = None, []
o = O.SGD(m.parameters(), lr=0.3)
for k in range(1, 11):
    o.zero_grad()
    nn.functional.mse_loss(m(inputs), targets).backward()
    o.step()
    average.update_parameters(m)
    now = m.weight.detach().clone()
    corrected = 0.1 * now if corrected is None else 0.9 * corrected + 0.1 * now
    path.append(torch.stack([average.module.weight.detach().clone(), corrected / (1 - 0.9**k)]))
save("ema", torch.stack(path))


def lbfgs(name, parameters, loss, iterations, **settings):
    """The loss at first and after each iteration. PyTorch's own loop, interrupted after each."""
    o = O.LBFGS(parameters, max_iter=1, max_eval=1000, line_search_fn="strong_wolfe", **settings)

    def closure():
        o.zero_grad()
        value = loss()
        value.backward()
        return value

    losses = [o.step(closure).item() for _ in range(iterations + 1)]
    save(f"lbfgs.{name}", torch.tensor(losses))


w = torch.tensor([-1.2, 1.0], requires_grad=True)
lbfgs("rosenbrock", [w], lambda: (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2, 30)
w = torch.tensor([-1.2, 1.0], requires_grad=True)
lbfgs("short", [w], lambda: (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2, 12, history_size=2)

features = torch.randn(40, 3)
labels = (features @ torch.tensor([2.0, -1.0, 0.5]) + torch.randn(40) > 0.3).double()
save("logistic.x", features)
save("logistic.t", labels.reshape(40, 1))
m = nn.Linear(3, 1)
nn.init.zeros_(m.weight)
nn.init.zeros_(m.bias)
bce = nn.functional.binary_cross_entropy_with_logits
lbfgs("logistic", list(m.parameters()), lambda: bce(m(features)[:, 0], labels) + 0.005 * m.weight.square().sum(), 10)
save("logistic.weight", m.weight)
save("logistic.bias", m.bias)

write("optimizers.safetensors")
