"""How long a gradient lasts on its way back in time, by the size of the eigenvalues of W_hh."""

import numpy as np

from autograder.release import style

UNITS, STEPS = 32, 40
SIZES = {1.2: style.ORANGE, 1.0: style.BLACK, 0.9: style.BLUE, 0.6: style.GREEN}


def norms(figure):
    left, right = figure.subplots(1, 2, sharey=True)
    rng = np.random.default_rng(9)
    rotation, _ = np.linalg.qr(rng.normal(size=(UNITS, UNITS)))  # its eigenvalues have size 1
    inputs = rng.normal(size=(STEPS, UNITS))
    upstream = rng.normal(size=UNITS)
    upstream /= np.linalg.norm(upstream)
    back = np.arange(STEPS + 1)
    for size, colour in SIZES.items():
        for axes, strength in ((left, 0.0), (right, 0.6)):
            lengths = _lengths(size * rotation, strength * inputs, upstream)
            axes.plot(back, lengths, color=colour)
            axes.text(STEPS + 0.8, lengths[-1], f"{size:g}", color=colour, va="center", size=8)
    for axes in (left, right):
        axes.set(yscale="log", ylim=(1e-15, 1e5), xlim=(0, 46), xlabel="steps back, $t - s$")
        axes.set_xticks(range(0, 41, 10))
    left.text(23, 1e3, "$|\\lambda|=1.2$", color=style.ORANGE, ha="right")
    left.set_ylabel("length of the gradient")
    left.set_title("all states 0")
    right.set_title("states driven by inputs")


def _lengths(w, inputs, upstream):
    """The length of what arrives at each state, going back from the last one."""
    h, states = np.zeros(UNITS), []
    for x in inputs:
        h = np.tanh(x + h @ w)
        states.append(h)
    g, lengths = upstream, [1.0]
    for h in reversed(states):
        g = (g * (1 - h * h)) @ w.T
        lengths.append(np.linalg.norm(g))
    return lengths
