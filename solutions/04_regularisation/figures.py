"""What the strength of the penalty does to the weights of ridge regression."""

import numpy as np

from autograder.release import style

SPREADS = (3.0, 1.0, 0.3)  # singular values of the centred data
NAMES = ("large", "medium", "small")
NOISE = 0.7


def ridge_path(figure):
    left, right = figure.subplots(1, 2)
    # The truth is 1 along each direction, and noise moves the targets by 0.7 along it.
    least_squares = 1 + NOISE / np.array(SPREADS)
    regs = np.logspace(-3, 2, 200)
    for spread, name, weight, colour in zip(
        SPREADS, NAMES, least_squares, style.COLOURS, strict=False
    ):
        kept = spread**2 / (spread**2 + regs)
        left.plot(regs, kept, color=colour)
        right.plot(regs, weight * kept, color=colour)
        half = regs[np.argmin(abs(kept - 0.5))]
        left.text(half / 1.3, 0.48, name, color=colour, size=8, ha="right", va="top")
        right.text(1.2e-3, weight + 0.07, name, color=colour, size=8, va="bottom")
    right.axhline(1, color=style.GREY, dashes=(4, 3), linewidth=1)
    right.text(100, 1.07, "truth", color=style.GREY, ha="right", size=8)
    for axes in (left, right):
        axes.set(xscale="log", xlim=(1e-3, 1e2), xlabel=r"$\lambda$")
    left.set_title("share kept, by spread of the data")
    right.set(ylim=(0, 4))
    right.set_title("the weight")
