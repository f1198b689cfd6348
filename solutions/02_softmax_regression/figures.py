"""Softmax and its cross entropy over the plane of two scores, the third being 0."""

import numpy as np

from autograder.release import style

Z = np.linspace(-4, 4, 161)


def _softmax(z1, z2):
    e = np.exp(np.stack(np.broadcast_arrays(z1, z2, 0.0)))
    return e / e.sum(axis=0)


def level_lines(figure):
    figure.set_size_inches(style.WIDTH, 3.5)
    left, right = figure.subplots(1, 2, sharey=True)
    p = _softmax(Z[None, :], Z[:, None])
    for axes in (left, right):
        axes.plot([0, 0], [-4, 0], [0, -4], [0, 0], [0, 4], [0, 4], color=style.LIGHT, lw=3)
        axes.set(xlabel="$z_1$", aspect="equal", xticks=range(-4, 5, 2), yticks=range(-4, 5, 2))
    left.set_ylabel("$z_2$")

    lines = left.contour(Z, Z, p[0], levels=[0.05, 0.2, 0.5, 0.8, 0.95], colors=style.BLUE)
    spots = [(-2.6, -2.2), (-1.3, -2.0), (0.1, -1.9), (1.5, -1.6), (3.05, -1.4)]
    left.clabel(lines, fmt="%g", manual=spots, fontsize=8)
    left.set_title("the probability $p_1$")
    for at, text in [((3.5, -3.2), "1"), ((-1.6, 2.9), "2"), ((-3.5, -3.2), "3")]:
        left.text(*at, text, color=style.GREY, size=15, ha="center", va="center")

    lines = right.contour(Z, Z, -np.log(p[0]), levels=[0.1, 0.5, 1, 2, 3, 4, 5], colors=style.BLUE)
    spots = [(2.2, -2.0), (0.5, -2.0), (-0.5, -2.0), (-1.8, -2.0), (-2.9, -2.0)]
    right.clabel(lines, levels=lines.levels[:5], fmt="%g", manual=spots, fontsize=8)
    grid = np.arange(-3, 4, 2)
    z1, z2 = (part.ravel() for part in np.meshgrid(grid, grid))
    q = _softmax(z1, z2)
    right.quiver(
        z1,
        z2,
        1 - q[0],
        -q[1],
        color=style.ORANGE,
        angles="xy",
        scale_units="xy",
        scale=0.9,
        width=0.009,
        zorder=3,
    )
    right.set_title("the loss $-\\log\\,p_1$, and minus its gradient")
