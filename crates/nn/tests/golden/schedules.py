"""Rates of 50 steps for tests/schedules.rs, from torch.optim.lr_scheduler.

    python crates/nn/tests/golden/schedules.py

Where PyTorch has no such schedule the formula is written out here.
"""

import math

import torch
from torch.optim import lr_scheduler as lr

from writer import save, write

STEPS = 50


def optimizer(rate, momentum=0.9):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate, momentum=momentum)


def rates(name, rate, make):
    o = optimizer(rate)
    s = make(o)
    found, momenta = [], []
    for _ in range(STEPS):
        found.append(o.param_groups[0]["lr"])
        momenta.append(o.param_groups[0]["momentum"])
        o.step()
        s.step()
    save(name, torch.tensor(found))
    if len(set(momenta)) > 1:
        save(f"{name}.momentum", torch.tensor(momenta))


def formula(name, f):
    save(name, torch.tensor([f(k) for k in range(STEPS)]))


rates("step", 0.1, lambda o: lr.StepLR(o, 7, 0.3))
rates("multi_step", 0.1, lambda o: lr.MultiStepLR(o, [5, 20, 20, 33], 0.5))
rates("exponential", 0.1, lambda o: lr.ExponentialLR(o, 0.93))
formula("exponential_steps", lambda k: 0.1 * 0.5 ** (k / 8))
formula("exponential_staircase", lambda k: 0.1 * 0.5 ** (k // 8))
formula("natural", lambda k: 0.1 * math.exp(-0.2 * k))
formula("inverse_time", lambda k: 0.1 / (1 + 0.3 * k))
formula("inverse_staircase", lambda k: 0.1 / (1 + 0.3 * (k // 6)))
rates("polynomial", 0.1, lambda o: lr.PolynomialLR(o, 40, 1.7))
formula("polynomial_end", lambda k: 0.02 + 0.08 * (1 - min(k, 40) / 40) ** 0.5)
rates("linear", 0.1, lambda o: lr.LinearLR(o, 0.25, 0.75, 30))
rates("cosine", 0.1, lambda o: lr.CosineAnnealingLR(o, 49, 0.003))
formula("cosine_stays", lambda k: 0.01 + 0.09 * (1 + math.cos(math.pi * min(k / 30, 1))) / 2)
rates("restarts", 0.1, lambda o: lr.CosineAnnealingWarmRestarts(o, 11, 1, 0.002))
rates("restarts_growing", 0.1, lambda o: lr.CosineAnnealingWarmRestarts(o, 4, 3))


def one_cycle(name, **settings):
    # one step more than is saved, for PyTorch refuses to go past the end
    rates(name, 0.1, lambda o: lr.OneCycleLR(o, 0.6, total_steps=STEPS + 1, **settings))


one_cycle("one_cycle")
one_cycle("one_cycle_linear", anneal_strategy="linear", pct_start=0.45, div_factor=10, final_div_factor=50)
one_cycle("one_cycle_three", three_phase=True, pct_start=0.4, base_momentum=0.7, max_momentum=0.9)


def cyclic(name, **settings):
    rates(name, 0.01, lambda o: lr.CyclicLR(o, 0.01, 0.11, **settings))


cyclic("cyclic", step_size_up=6)
cyclic("cyclic2", step_size_up=4, step_size_down=9, mode="triangular2", base_momentum=0.6, max_momentum=0.95)
cyclic("cyclic_exp", step_size_up=5, mode="exp_range", gamma=0.97)


def warmup(o):
    first = lr.LinearLR(o, 0.2, 1.0, 10)
    return lr.SequentialLR(o, [first, lr.StepLR(o, 6, 0.5)], [10])


def three(o):
    parts = [lr.LinearLR(o, 0.5, 1.0, 12), lr.ExponentialLR(o, 0.9), lr.CosineAnnealingLR(o, 20, 0.01)]
    return lr.SequentialLR(o, parts, [12, 25])


rates("warmup", 0.1, warmup)
rates("three", 0.1, three)
formula("warmup_cosine", lambda k: 0.1 * k / 8 if k < 8 else 0.1 * (1 + math.cos(math.pi * min((k - 8) / 32, 1))) / 2)

# a metric that falls, stands still, and has bad ones among them
g = torch.Generator().manual_seed(3)
metric = torch.tensor([math.exp(-k / 6) for k in range(STEPS)]) + 0.05 * torch.rand(STEPS, generator=g)
metric[17] = float("nan")
save("metric", metric)


def plateau(name, sign, **settings):
    o = optimizer(0.1)
    s = lr.ReduceLROnPlateau(o, **settings)
    found = []
    for m in metric.tolist():
        s.step(sign * m)
        found.append(o.param_groups[0]["lr"])
    assert len(set(found)) > 2, name
    save(name, torch.tensor(found))


plateau("plateau", 1, factor=0.5, patience=2)
plateau("plateau_rest", 1, factor=0.3, patience=1, cooldown=3, threshold=0.01, threshold_mode="abs", min_lr=0.004)
plateau("plateau_max", 1, mode="max", factor=0.7, patience=4)
plateau("plateau_max_abs", -1, mode="max", factor=0.6, patience=3, threshold=0.02, threshold_mode="abs", eps=0.01)

write("schedules.safetensors")
