"""What a product of many matrices does to a vector, and what adding the input changes."""

import numpy as np

from autograder.release import style

DEPTH, WIDTH = 40, 32


def growth(figure):
    axes = figure.add_subplot()
    steps = np.arange(0, 16)
    w = np.array([[0.5, 10.0], [0.0, 0.5]])
    vector, lengths = np.array([0.0, 1.0]), []
    for _ in steps:
        lengths.append(np.linalg.norm(vector))
        vector = w @ vector
    largest = np.linalg.norm(w, 2)
    axes.plot(steps, largest ** steps.astype(float), color=style.GREY, dashes=(4, 3))
    axes.text(2.15, 60, "largest singular value: $10.02^{\\,l}$", color=style.GREY)
    axes.plot(steps, 0.5**steps, color=style.BLUE, dashes=(4, 3))
    axes.text(7.6, 1.2e-3, "radius: $(1/2)^l$", color=style.BLUE, ha="right")
    axes.plot(steps, lengths, color=style.ORANGE, marker="o")
    axes.text(9.2, 1.0, r"$\|W^l e_2\|$", color=style.ORANGE)
    axes.set(yscale="log", ylim=(1e-5, 1e3), xlim=(0, 15.3), xlabel="$l$")
    axes.set_ylabel("length")


def by_depth(figure):
    axes = figure.add_subplot()
    for residual, colour, name in (
        (True, style.BLUE, "residual"),
        (False, style.ORANGE, "plain"),
    ):
        lengths = _lengths(residual)
        axes.plot(range(DEPTH + 1), lengths, color=colour)
        axes.text(DEPTH + 0.6, lengths[-1], name, color=colour, va="center")
    axes.set(yscale="log", ylim=(1e-20, 1e3), xlim=(0, DEPTH + 6))
    axes.set_yticks([1e-18, 1e-12, 1e-6, 1])
    axes.set_xlabel("layers back")
    axes.set_ylabel("length of the gradient")


def _lengths(residual):
    """The length of a gradient on its way back through layers relu(x W1) W2, or x plus that."""
    rng = np.random.default_rng(10)
    x, layers = rng.normal(size=WIDTH), []
    for _ in range(DEPTH):
        w1, w2 = rng.normal(scale=0.7 / np.sqrt(WIDTH), size=(2, WIDTH, WIDTH))
        hidden = x @ w1
        layers.append((w1, w2, hidden > 0))
        x = (x if residual else 0) + np.maximum(hidden, 0) @ w2
    g = rng.normal(size=WIDTH)
    g /= np.linalg.norm(g)
    lengths = [1.0]
    for w1, w2, mask in reversed(layers):
        g = (g if residual else 0) + ((g @ w2.T) * mask) @ w1.T
        lengths.append(np.linalg.norm(g))
    return lengths
