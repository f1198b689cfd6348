"""The six optimisers on f(w) = (w_1^2 + 25 w_2^2) / 2, each from the same point."""

import numpy as np
import torch
from optimisers import adadelta, adagrad, adam, momentum, rmsprop, sgd

from autograder.release import style

CURVATURE = torch.tensor([1.0, 25.0], dtype=torch.float64)
START = torch.tensor([-9.0, 1.6], dtype=torch.float64)
STEPS = 100
RUNS = [
    ("SGD", sgd, {"lr": 0.07}, style.BLACK, "-"),
    ("momentum", momentum, {"lr": 0.01, "momentum": 0.8}, style.GREY, "--"),
    ("AdaGrad", adagrad, {"lr": 1.0}, style.PURPLE, "-."),
    ("RMSProp", rmsprop, {"lr": 0.2}, style.BLUE, "-"),
    ("AdaDelta", adadelta, {"rho": 0.9, "eps": 1e-2}, style.GREEN, "--"),
    ("Adam", adam, {"lr": 0.4}, style.ORANGE, "-"),
]


def _path(step, settings):
    w, state, points = START, None, [START.numpy()]
    for _ in range(STEPS):
        w, state = step(w, CURVATURE * w, state, **settings)
        points.append(w.numpy())
    return np.array(points)


def _loss(points):
    return 0.5 * (points**2 @ CURVATURE.numpy())


def paths(figure):
    from matplotlib.patches import Ellipse

    figure.set_size_inches(style.WIDTH, 5.4)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.35, 1])
    panels = upper.subplots(2, 3, sharex=True, sharey=True)
    curves = lower.add_subplot()
    ends = {}
    for axes, (name, step, settings, colour, dashes) in zip(panels.flat, RUNS, strict=True):
        points = _path(step, settings)
        for radius in range(2, 15, 2):
            level = Ellipse((0, 0), 2 * radius, 2 * radius / 5, fc="none", ec="#cccccc", lw=0.7)
            axes.add_patch(level)
        axes.plot(*points.T, ".-", color=colour, lw=1, ms=3, markevery=slice(0, 40))
        axes.plot(0, 0, "x", color=style.BLACK, ms=6, mew=1.5)
        axes.set(xlim=(-10, 4), ylim=(-2.2, 2.2), xticks=[-8, -4, 0], yticks=[-2, 0, 2])
        axes.set_title(name, color=colour)
        losses = _loss(points)
        curves.plot(np.arange(STEPS + 1), losses, dashes, color=colour)
        ends[name] = (losses[-1], colour)
    for axes in panels[1]:
        axes.set_xlabel("$w_1$")
    for axes in panels[:, 0]:
        axes.set_ylabel("$w_2$")
    curves.set(yscale="log", xlabel="step $t$", ylabel="$f(w_t)$", xlim=(0, 120))
    curves.set_xticks(range(0, 101, 20))
    curves.set_ylim(1e-7, 100)
    last = 0.0
    for name, (height, colour) in sorted(ends.items(), key=lambda end: end[1]):
        last = max(height, 6 * last)  # one above the other, where two curves end alike
        curves.text(STEPS + 1.5, last, name, color=colour, va="center")
