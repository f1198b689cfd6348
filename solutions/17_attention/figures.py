"""What a causal mask does to the scores of a short sequence, and to the weights."""

import numpy as np

from autograder.release import style

WORDS = ["the", "cat", "sat", "on", "the", "mat"]
SCORES = np.round(np.random.default_rng(17).normal(size=(6, 6)), 1)
MASK = np.tril(np.ones((6, 6), bool))


def masked_weights(figure):
    figure.set_size_inches(style.WIDTH, 3.5)
    left, right = figure.subplots(1, 2)
    masked = np.where(MASK, SCORES, -np.inf)
    e = np.exp(masked - masked.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    _matrix(left, SCORES, "{:.1f}", (SCORES + 2.5) / 7)
    left.set_title("scores $S$")
    _matrix(right, weights, "{:.2f}", weights)
    right.set_title("weights $P$: each row sums to 1")
    left.set_ylabel("query $i$")
    right.tick_params(labelleft=False)


def _matrix(axes, values, form, shade):
    from matplotlib.patches import Rectangle

    axes.imshow(np.where(MASK, shade, np.nan), vmin=0, vmax=1.2)
    for (i, j), value in np.ndenumerate(values):
        seen = MASK[i, j]
        if not seen:
            axes.add_patch(
                Rectangle((j - 0.5, i - 0.5), 1, 1, fc="#f4f4f4", ec="#c4c4c4", lw=0, hatch="////")
            )
        text = form.format(value).replace("-", "−")
        if not seen:
            text = "−∞" if values is SCORES else "0"
        colour = "white" if seen and shade[i, j] > 0.62 else style.BLACK if seen else style.GREY
        axes.text(j, i, text, ha="center", va="center", size=8, color=colour)
    axes.set_xticks(range(6), WORDS)
    axes.set_yticks(range(6), WORDS)
    axes.set_xlabel("key $j$")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
