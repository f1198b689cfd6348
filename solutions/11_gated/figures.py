"""An LSTM of one unit that was told when to write, when to keep and when to show."""

import numpy as np

from autograder.release import style

VALUES = [0.3, 0.9, -0.5, 0.6, -0.9, 0.4, 0.7, -0.8, 0.5, -0.3, 0.8, 0.2]
WRITES, SHOWS = (2, 8), (5, 11)
STEPS = len(VALUES)


def _sigmoid(a):
    return 1 / (1 + np.exp(-a))


def _run():
    """The gates i, f, o, the cell state and what is shown of it, step by step."""
    c, rows = 0.0, []
    for t, value in enumerate(VALUES, 1):
        write, show = t in WRITES, t in SHOWS
        i, f, o = _sigmoid(10 * write - 5), _sigmoid(5 - 10 * write), _sigmoid(10 * show - 5)
        c = f * c + i * np.tanh(1.5 * value)
        rows.append((i, f, o, c, o * np.tanh(c)))
    return np.array(rows).T


def gates_over_time(figure):
    figure.set_size_inches(style.WIDTH, 4.2)
    heights = {"height_ratios": [1, 1.05, 1, 1]}
    given, gates, cell, shown = figure.subplots(4, 1, sharex=True, gridspec_kw=heights)
    i, f, o, c, h = _run()
    t = np.arange(1, STEPS + 1)
    wanted = [style.ORANGE if n in WRITES else style.LIGHT for n in t]
    given.bar(t, np.tanh(1.5 * np.array(VALUES)), width=0.55, color=wanted)
    given.set_ylabel("candidate\n$g_t$")
    extent = (0.5, STEPS + 0.5, 2.5, -0.5)
    gates.imshow([i, f, o], aspect="auto", vmin=0, vmax=1.25, extent=extent)
    for row, values in enumerate((i, f, o)):
        for n, value in zip(t, values, strict=True):
            dark = value > 0.5
            text = "open" if dark else "0"
            gates.text(
                n, row, text, ha="center", va="center", size=7.5, color="white" if dark else "#999"
            )
    gates.set_yticks([0, 1, 2], ["input $i_t$", "forget $f_t$", "output $o_t$"])
    gates.tick_params(left=False)
    cell.bar(t, c, width=0.55, color=style.BLUE)
    cell.set_ylabel("memory\n$c_t$")
    shown.bar(t, h, width=0.55, color=style.GREEN)
    shown.set_ylabel("shown\n$h_t$")
    shown.set(xlabel="step $t$", xticks=t)
    for axes in (given, cell, shown):
        axes.axhline(0, color=style.GREY, lw=0.8)
        axes.set(ylim=(-1.05, 1.05), yticks=[-1, 0, 1], xlim=(0.5, STEPS + 0.5))
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(bottom=False)
    gates.spines[:].set_visible(False)
    gates.tick_params(bottom=False)
