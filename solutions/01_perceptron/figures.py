"""The worked example of 1.3 in pictures: the boundary after each update, and the bound on them."""

import numpy as np

from autograder.release import style

X = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
Y = np.array([1.0, -1.0, 1.0])
U = np.array([-2.0, 2.0, 1.0]) / 3  # separates with the margin 1/3
EPOCHS = 4


def _updates():
    """Each update as the sample that caused it, and weights and bias after it."""
    v, made = np.zeros(3), []
    for _ in range(EPOCHS):
        for n, (x, y) in enumerate(zip(np.c_[X, np.ones(3)], Y, strict=True)):
            if y * (v @ x) <= 0:
                v = v + y * x
                made.append((n, v))
    return made


def updates(figure):
    figure.set_size_inches(style.WIDTH, 4.3)
    *panels, last = figure.subplots(2, 3).flat
    made = _updates()
    for k, (axes, (n, v)) in enumerate(zip(panels, made, strict=True), 1):
        _boundary(axes, v)
        axes.plot(*X[n], "o", ms=13, mfc="none", mec=style.BLACK, mew=1)
        w = "({:.0f}, {:.0f})".format(*v[:2]).replace("-", "−")
        axes.set_title(f"{k}. moved by $x_{n + 1}$")
        axes.set_xlabel(f"$w$ = {w},  $b$ = {v[2]:.0f}")
    _bound(last, made)


def _boundary(axes, v):
    low, high = -1.4, 3.0
    side = np.array([low, high])  # two points are enough: the score is linear
    scores = v[0] * side[None, :] + v[1] * side[:, None] + v[2]
    axes.contourf(side, side, scores, levels=[0, 1e9], colors=["#d9ebf7"])
    axes.contour(side, side, scores, levels=[0], colors=[style.BLUE], linewidths=1.8)
    foot = -v[2] * v[:2] / (v[:2] @ v[:2])
    style.arrow(axes, tuple(foot), tuple(foot + v[:2] / np.hypot(*v[:2])), colour=style.BLUE)
    for x, y in zip(X, Y, strict=True):
        colour = style.BLUE if y > 0 else style.ORANGE
        axes.plot(*x, marker="+" if y > 0 else "_", ms=8, mew=2.4, color=colour)
    axes.set(xlim=(low, high), ylim=(low, high), xticks=[0, 2], yticks=[0, 2], aspect="equal")


def _bound(axes, made):
    k = np.arange(len(made) + 1)
    v = np.array([np.zeros(3), *(v for _, v in made)])
    radius = np.sqrt(5)
    axes.plot(k, np.sqrt(k) * radius, color=style.GREY, ls="--")
    axes.plot(k, np.linalg.norm(v, axis=1), "o-", color=style.BLUE)
    axes.plot(k, v @ U, "o-", color=style.ORANGE)
    axes.plot(k, k / 3, color=style.GREY, ls="--")
    last = k[-1] + 0.15
    for height, text, colour in [
        (np.sqrt(5) * radius, r"$\sqrt{k}\,\eta R$", style.GREY),
        (np.linalg.norm(v[-1]) + 0.15, r"$\Vert v \Vert$", style.BLUE),
        (v[-1] @ U - 0.25, r"$u \cdot v$", style.ORANGE),
        (5 / 3, r"$k\,\eta\gamma$", style.GREY),
    ]:
        axes.text(last, height, text, color=colour, va="center")
    axes.set(xlim=(0, 6.8), ylim=(0, 5.4), xticks=k, xlabel="updates $k$")
    axes.set_title("between two bounds")
