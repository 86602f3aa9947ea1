"""Writes synthetic.txt: make_moons(8) and make_circles(8, factor=0.5) without noise, class by class."""
from sklearn.datasets import make_circles, make_moons

with open("synthetic.txt", "w") as out:
    for name, (x, y) in {
        "moons": make_moons(8, shuffle=False),
        "circles": make_circles(8, factor=0.5, shuffle=False),
    }.items():
        out.write(name + ": " + " ".join(f"{v:.9g}" for v in x.flatten()) + "\n")
