"""How large the numbers are that reach each layer, without batch normalisation and with it."""

import numpy as np

from autograder.release import style

DEPTH, WIDTH, SAMPLES = 30, 100, 200
# Factors on the weights' scale of He et al., at which a layer of ReLUs keeps the size.
FACTORS = {1.2: style.ORANGE, 1.0: style.BLACK, 0.8: style.BLUE}


def sizes_by_depth(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    for factor, colour in FACTORS.items():
        for axes, normalised in ((left, False), (right, True)):
            sizes = _sizes(factor, normalised)
            axes.plot(range(1, DEPTH + 1), sizes, color=colour)
            if not normalised:
                axes.text(DEPTH + 0.7, sizes[-1], f"{factor:g}", color=colour, va="center", size=8)
    right.text(DEPTH, 2.2, "all three scales", ha="right", size=8)
    for axes in (left, right):
        axes.set(yscale="log", ylim=(1e-4, 1e4), xlim=(0, DEPTH + 5), xlabel="layer")
        axes.set_xticks(range(0, DEPTH + 1, 10))
    left.text(14, 2e2, "weights' scale 1.2", color=style.ORANGE, ha="right", size=8)
    left.set_ylabel("standard deviation before ReLU")
    left.set_title("linear, ReLU")
    right.set_title("linear, batch norm, ReLU")


def _sizes(factor, normalised):
    """The standard deviation of what each layer hands to its ReLU."""
    rng = np.random.default_rng(6)
    x, sizes = rng.normal(size=(SAMPLES, WIDTH)), []
    for _ in range(DEPTH):
        x = x @ rng.normal(scale=factor * np.sqrt(2 / WIDTH), size=(WIDTH, WIDTH))
        if normalised:
            x = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
        sizes.append(x.std())
        x = np.maximum(x, 0)
    return sizes
