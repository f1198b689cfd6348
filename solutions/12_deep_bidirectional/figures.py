"""Which inputs each state of the two directions knows about."""

import numpy as np

from autograder.release import style

STEPS, LENGTH, UNITS, FEATURES = 8, 6, 24, 6


def knowledge(figure):
    axes = figure.subplots(1, 2, sharey=True)
    rng = np.random.default_rng(12)
    x = rng.normal(size=(LENGTH, FEATURES))
    for place, title, backwards in (
        (axes[0], "forward states", False),
        (axes[1], "backward states", True),
    ):
        w_xh = rng.normal(scale=0.5 / np.sqrt(FEATURES), size=(FEATURES, UNITS))
        w_hh = rng.normal(scale=1.0 / np.sqrt(UNITS), size=(UNITS, UNITS))
        sizes = np.zeros((STEPS, STEPS))
        known = _sensitivity(x[::-1] if backwards else x, w_xh, w_hh)
        sizes[:LENGTH, :LENGTH] = known[::-1, ::-1] if backwards else known
        place.imshow(sizes, vmin=0, vmax=sizes.max())
        place.axhline(LENGTH - 0.5, color=style.GREY, linewidth=0.8)
        place.axvline(LENGTH - 0.5, color=style.GREY, linewidth=0.8)
        place.text(6.5, 2.5, "padding", rotation=90, ha="center", va="center", color=style.GREY)
        place.text(2.5, 6.5, "padding", ha="center", va="center", color=style.GREY)
        ticks = range(STEPS)
        place.set_xticks(ticks, [str(t + 1) for t in ticks])
        place.set_yticks(ticks, [str(t + 1) for t in ticks])
        place.set(title=title, xlabel="input $x_s$")
    axes[0].set_ylabel("state at step $t$")


def _sensitivity(x, w_xh, w_hh):
    """How far the state at step t (row) moves for a small step of the input at step s (column)."""
    moved = np.zeros((len(x), len(x)))
    for s in range(len(x)):
        for feature in range(x.shape[1]):
            other = x.copy()
            other[s, feature] += 1e-6
            change = (_states(other, w_xh, w_hh) - _states(x, w_xh, w_hh)) / 1e-6
            moved[:, s] += (change**2).sum(1)
    return np.sqrt(moved)


def _states(x, w_xh, w_hh):
    h, states = np.zeros(UNITS), []
    for row in x:
        h = np.tanh(row @ w_xh + h @ w_hh)
        states.append(h)
    return np.array(states)
