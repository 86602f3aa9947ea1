"""Makes losses.safetensors, the numbers that tests/losses.rs compares with, from PyTorch in float64.

    python crates/nn/tests/golden/losses.py
"""

import torch
from torch import nn
from torch.nn import functional as F

from writer import save, write


def case(name, function, reductions=("none", "mean", "sum"), **leaves):
    """`function(reduction, *leaves)` and its gradients for each reduction; unreduced, those of sum(loss * c)."""
    for key, value in leaves.items():
        save(f"{name}.{key}", value)
    for reduction in reductions:
        inputs = [value.clone().requires_grad_() for value in leaves.values()]
        y = function(reduction, *inputs)
        save(f"{name}.{reduction}", y)
        if reduction == "none":
            c = torch.randn_like(y)
            save(f"{name}.c", c)
            y = (y * c).sum()
        y.backward()
        for key, value in zip(leaves, inputs):
            save(f"{name}.{reduction}.d{key}", value.grad)


def reduced(reduction, each):
    return {"none": each, "mean": each.mean(), "sum": each.sum()}[reduction]


# differences: small, large, and beyond every bend
x = torch.tensor([[0.1, -0.3, 2.5], [-4.0, 1.0, 30.0]])
t = torch.tensor([[0.0, 0.4, 0.5], [1.0, 0.25, -10.0]])
case("mse", lambda r, x, t: F.mse_loss(x, t, reduction=r), x=x, t=t)
case("half squared", lambda r, x, t: 0.5 * F.mse_loss(x, t, reduction=r), x=x, t=t)
case("mae", lambda r, x, t: F.l1_loss(x, t, reduction=r), x=x, t=t)
case("huber", lambda r, x, t: F.huber_loss(x, t, reduction=r, delta=1.5), x=x, t=t)
case("smooth l1", lambda r, x, t: F.smooth_l1_loss(x, t, reduction=r, beta=0.5), x=x, t=t)
case("smooth l1 at 0", lambda r, x, t: F.smooth_l1_loss(x, t, reduction=r, beta=0.0), x=x, t=t)
# Keras: x + softplus(-2x) - log 2
case("log cosh", lambda r, x, t: reduced(r, x - t + F.softplus(-2 * (x - t), threshold=100) - torch.log(torch.tensor(2.0))), x=x, t=t)


# class labels: weights, a label to ignore, smoothing, pixels, probabilities; logits far apart
logits = torch.tensor([[1.0, -2.0, 0.5], [30.0, 0.0, -1.0], [0.2, 0.1, 0.0], [-1.0, 2.0, 1.5]])
labels = torch.tensor([2, 1, 0, 1])
padded = torch.tensor([2, -100, 0, 1])
pixels = torch.randn(2, 3, 2, 2)
pixel_labels = torch.tensor([[[0, 1], [2, 2]], [[1, 1], [0, 2]]])
mixed = torch.softmax(torch.randn(4, 3), 1)
weight = torch.tensor([0.5, 2.0, 1.25])
save("classes.labels", labels)
save("classes.padded", padded)
save("classes.pixels", pixel_labels)
cross = F.cross_entropy
case("ce", lambda r, x: cross(x, labels, reduction=r), x=logits)
case("ce weighted", lambda r, x: cross(x, labels, weight, reduction=r), x=logits)
case("ce padded", lambda r, x: cross(x, padded, reduction=r, label_smoothing=0.2), x=logits)
case("ce ignored class", lambda r, x: cross(x, labels, weight, ignore_index=1, reduction=r, label_smoothing=0.2), x=logits)
case("ce pixels", lambda r, x: cross(x, pixel_labels, weight, reduction=r, label_smoothing=0.1), x=pixels)
case("ce mixed", lambda r, x, t: cross(x, t, weight, reduction=r, label_smoothing=0.1), x=logits, t=mixed)
case("nll", lambda r, x: F.nll_loss(F.log_softmax(x, 1), padded, weight, reduction=r), x=logits)
case("nll pixels", lambda r, x: F.nll_loss(x, pixel_labels, reduction=r), x=F.log_softmax(pixels, 1))

# decisions
p = torch.tensor([[0.9, 0.25, 0.5], [1e-5, 1 - 2**-10, 0.7]])
x = torch.tensor([[0.5, -1.0, 0.0], [20.0, -25.0, 2.0]])
t = torch.tensor([[1.0, 0.0, 0.3], [1.0, 0.0, 0.9]])
hard = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])
positive = torch.tensor([3.0, 1.0, 0.5])
case("bce", lambda r, p, t: F.binary_cross_entropy(p, t, reduction=r), p=p, t=t)
with_logits = F.binary_cross_entropy_with_logits
case("bce logits", lambda r, x, t: with_logits(x, t, reduction=r), x=x, t=t)
case("bce positive", lambda r, x, t: with_logits(x, t, pos_weight=positive, reduction=r), x=x, t=t)
case("bce twice", lambda r, x, t: with_logits(x, t, pos_weight=torch.tensor([2.0]), reduction=r), x=x, t=t)
save("decisions.hard", hard)


def focal(x, gamma, alpha):
    """torchvision.ops.sigmoid_focal_loss"""
    p = torch.sigmoid(x)
    right = p * hard + (1 - p) * (1 - hard)
    loss = with_logits(x, hard, reduction="none") * (1 - right) ** gamma
    return loss if alpha is None else (alpha * hard + (1 - alpha) * (1 - hard)) * loss


case("focal", lambda r, x: reduced(r, focal(x, 2.0, 0.25)), x=x)
case("focal plain", lambda r, x: reduced(r, focal(x, 1.5, None)), x=x)


def dice(p, t, smooth):
    common = (p * t).sum(1)
    return 1 - (2 * common + smooth) / (p.sum(1) + t.sum(1) + smooth)


case("dice", lambda r, p, t: reduced(r, dice(p, t, 1.0)), p=p, t=hard)
case("dice sharp", lambda r, p, t: reduced(r, dice(p, t, 0.0)), p=p, t=hard)

# margins; targets of both kinds
f = torch.tensor([[0.3, 2.0, -0.5], [-1.0, 0.9, -3.0]])
signs = torch.where(hard > 0, 1.0, -1.0)
save("margins.signs", signs)
case("hinge", lambda r, f: reduced(r, torch.relu(1 - signs * f)), f=f)
case("squared hinge", lambda r, f: reduced(r, torch.relu(1 - signs * f) ** 2), f=f)
case("multi margin", lambda r, x: F.multi_margin_loss(x, labels, reduction=r), x=logits)
case("multi margin 2", lambda r, x: F.multi_margin_loss(x, labels, p=2, margin=0.5, weight=weight, reduction=r), x=logits)


def crammer_singer(x):
    own = x.gather(1, labels[:, None])
    rival = x.masked_fill(F.one_hot(labels, 3) > 0, -torch.inf).max(1).values
    return torch.relu(1 + rival - own[:, 0])


case("categorical hinge", lambda r, x: reduced(r, crammer_singer(x)), x=logits)

# distributions and counts
case("kl", lambda r, x, t: F.kl_div(x, t, reduction=r), x=F.log_softmax(logits, 1), t=mixed)
case("kl log", lambda r, x, t: F.kl_div(x, t, reduction=r, log_target=True), x=F.log_softmax(logits, 1), t=mixed.log())
save("kl.batchmean", F.kl_div(F.log_softmax(logits, 1), mixed, reduction="batchmean"))
rate, counts = torch.tensor([[0.5, -1.0, 1.5], [3.0, 0.1, 2.0]]), torch.tensor([[0.0, 1.0, 2.0], [9.0, 3.0, 5.0]])
poisson = F.poisson_nll_loss
case("poisson", lambda r, x: poisson(x, counts, reduction=r), x=rate)
case("poisson full", lambda r, x: poisson(x, counts, log_input=False, full=True, reduction=r), x=rate.exp())
save("poisson.t", counts)

# embeddings
a, b, c = torch.randn(4, 3), torch.randn(4, 3), torch.randn(4, 3)
y = torch.tensor([1.0, -1.0, -1.0, 1.0])
save("pairs.y", y)
case("cosine", lambda r, a, b: F.cosine_embedding_loss(a, b, y, margin=-0.5, reduction=r), a=a, b=b)


def contrastive(a, b, margin):
    """Hadsell, Chopra & LeCun 2006, equation 4"""
    d = (a - b).norm(dim=1)
    return torch.where(y > 0, 0.5 * d**2, 0.5 * torch.relu(margin - d) ** 2)


case("contrastive", lambda r, a, b: reduced(r, contrastive(a, b, 3.0)), a=a, b=b)
triplet = F.triplet_margin_loss
case("triplet", lambda r, a, b, c: triplet(a, b, c, reduction=r), anchor=a, near=b, far=c)
case("triplet 1", lambda r, a, b, c: triplet(a, b, c, margin=2.0, p=1.0, reduction=r), anchor=a, near=b, far=c)
squares = lambda a, b, c: torch.relu((a - b).square().sum(1) - (a - c).square().sum(1) + 0.7)
case("triplet squared", lambda r, a, b, c: reduced(r, squares(a, b, c)), anchor=a, near=b, far=c)

# sequences: repeats, an empty target, steps that end early, and one that cannot fit (with zero_infinity)
scores = torch.randn(5, 6, 4)
targets = torch.tensor([[1, 2, 3], [1, 1, 2], [3, 0, 0], [0, 0, 0], [2, 2, 2]])
steps, lengths = torch.tensor([6, 6, 3, 4, 4]), torch.tensor([3, 3, 1, 0, 3])
for key, value in [("targets", targets), ("steps", steps), ("lengths", lengths)]:
    save(f"ctc.{key}", value)


def ctc(r, x, blank=0, targets=targets):
    log_p = F.log_softmax(x, 2).transpose(0, 1)
    return F.ctc_loss(log_p, targets, steps, lengths, blank=blank, reduction=r, zero_infinity=True)


case("ctc", ctc, x=scores)
# the blank is the last class, labels are one lower
case("ctc blank", lambda r, x: ctc(r, x, 3, (targets - 1).clamp(min=0)), x=scores)

# a sample with something to find and one without
x = torch.randn(2, 7)
t = torch.tensor([[1.0, 0.5, 0.4, 0.2, 0.3, 0.0, 1.0], [0.0, 0.1, 0.2, 0.3, 0.4, 1.0, 0.0]])
save("detection.t", t)


def detection(x):
    presence = with_logits(x[:, 0], t[:, 0], reduction="none")
    place = (x[:, 1:5] - t[:, 1:5]).square().sum(1)
    return presence + t[:, 0] * (5 * place + cross(x[:, 5:], t[:, 5:], reduction="none"))


case("detection", lambda r, x: reduced(r, detection(x)), x=x)

write("losses.safetensors")
