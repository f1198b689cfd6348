"""The three activations and their derivatives."""

import numpy as np

from autograder.release import style

X = np.linspace(-5, 5, 201)


def activations(figure):
    left, right = figure.subplots(1, 2)
    sigmoid, tanh = 1 / (1 + np.exp(-X)), np.tanh(X)
    below, above = np.array([-5, 0]), np.array([0, 5])
    left.plot(X, np.maximum(X, 0), color=style.BLUE)
    left.plot(X, sigmoid, color=style.ORANGE)
    left.plot(X, tanh, color=style.GREEN)
    left.set(ylim=(-1.2, 2.2), yticks=[-1, 0, 1, 2], xlabel="$x$", ylabel="$y$")
    left.text(2.05, 1.9, "ReLU", color=style.BLUE)
    left.text(-4.9, 0.14, "sigmoid", color=style.ORANGE)
    left.text(-4.9, -0.86, "tanh", color=style.GREEN)
    left.set_title("the function")

    right.plot(below, [0, 0], color=style.BLUE)
    right.plot(above, [1, 1], color=style.BLUE)
    right.plot(0, 0, "o", color=style.BLUE, zorder=4)
    right.plot(0, 1, "o", mfc="white", mec=style.BLUE, mew=1.4, zorder=4)
    right.plot(X, sigmoid * (1 - sigmoid), color=style.ORANGE)
    right.plot(X, 1 - tanh**2, color=style.GREEN)
    right.set(ylim=(-0.08, 1.16), yticks=[0, 0.25, 1], xlabel="$x$", ylabel="$dy/dx$")
    right.text(3.1, 1.04, "ReLU", color=style.BLUE)
    right.text(2.0, 0.17, "sigmoid", color=style.ORANGE)
    right.text(0.95, 0.55, "tanh", color=style.GREEN)
    right.set_title("its slope")
    for axes in (left, right):
        axes.set_xticks([-4, -2, 0, 2, 4])
        axes.axhline(0, color=style.LIGHT, lw=0.8, zorder=0)
        axes.axvline(0, color=style.LIGHT, lw=0.8, zorder=0)
