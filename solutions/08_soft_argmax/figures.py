"""The soft argmax of five scores whose peak moves from index 0 to index 4."""

import numpy as np

from autograder.release import style

PEAK = np.linspace(0, 4, 401)
INDEX = np.arange(5)
SHARPNESS = {1: style.GREEN, 4: style.BLUE, 40: style.ORANGE}


def _weights(t):
    """p for each place of the peak, where x_i = -(i - a)^2 / 2 for the peak a."""
    z = -0.5 * t * (INDEX - PEAK[:, None]) ** 2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def staircase(figure):
    left, right = figure.subplots(1, 2)
    for step in INDEX:
        low, high = max(step - 0.5, 0), min(step + 0.5, 4)
        left.plot([low, high], [step, step], color=style.LIGHT, lw=5, solid_capstyle="butt")
    left.text(0.0, -0.42, "argmax", color=style.GREY)
    for t, colour in SHARPNESS.items():
        p = _weights(t)
        s = p @ INDEX
        left.plot(PEAK, s, color=colour)
        variance = p @ INDEX**2 - s**2
        right.plot(PEAK, t * variance, color=colour)
    left.set(xlabel="peak of the scores, $a$", ylabel="soft argmax $s$", xticks=INDEX, yticks=INDEX)
    left.set_ylim(-0.55, 4.25)
    left.set_title("the function becomes a staircase")
    left.text(0.0, 0.78, "$t=1$", color=style.GREEN)
    left.text(2.62, 2.38, "$t=4$", color=style.BLUE)
    left.text(1.6, 1.12, "$t=40$", color=style.ORANGE)
    right.set(xlabel="peak of the scores, $a$", ylabel="slope $ds/da$", xticks=INDEX)
    right.set(ylim=(0, 11.5), yticks=[0, 1, 5, 10])
    right.set_title("... flat, but for its steps")
    right.text(2.58, 9.4, "$t=40$", color=style.ORANGE)
    right.annotate(
        "$t=4$",
        (1.5, 1.14),
        (1.72, 3.2),
        color=style.BLUE,
        arrowprops={"arrowstyle": "-", "color": style.BLUE, "lw": 0.7},
    )
    right.annotate(
        "$t=1$",
        (3, 0.9),
        (2.95, 2.6),
        color=style.GREEN,
        arrowprops={"arrowstyle": "-", "color": style.GREEN, "lw": 0.7},
    )
