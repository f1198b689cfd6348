"""The worked example of 18.1 as a tree, and which of it a beam of size 2 keeps."""

from autograder.release import style

TOKENS = "ABC"
BEAM, LENGTH, EOS = 2, 4, 3
FIRST, SECOND = (0.5, 0.2, 0.2, 0.1), (0.1, 0.4, 0.3, 0.2)
AFTER_C = ((0.1, 0.6, 0.2, 0.1), (0.1, 0.2, 0.1, 0.6))
OTHERWISE = ((0.2, 0.2, 0.4, 0.2), (0.0, 0.2, 0.2, 0.6))


def _next(prefix):
    """The probabilities of the next token, as the tables of 18.1 have them."""
    if len(prefix) < 2:
        return (FIRST, SECOND)[len(prefix)]
    return (AFTER_C if prefix[1] == 2 else OTHERWISE)[len(prefix) - 2]


def beam(figure):
    figure.set_size_inches(style.WIDTH, 3.5)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set(xlim=(-0.25, 4.62), ylim=(7.5, -1.0))
    prefixes, ends = [((), 1.0)], {(): _node(axes, (0, 3.5), "empty", style.BLUE)}
    for step in range(1, LENGTH + 1):
        axes.text(step + 0.08, -0.75, f"step {step}", ha="center", color=style.GREY)
        found = [
            ((*prefix, token), total * p)
            for prefix, total in prefixes
            for token, p in enumerate(_next(prefix))
        ]
        kept = sorted(found, key=lambda extension: -extension[1])[:BEAM]
        top = 3.5 - (len(found) - 1) / 2
        for n, (sequence, total) in enumerate(found):
            colour = None
            if (sequence, total) in kept:
                colour = style.GREEN if sequence[-1] == EOS else style.BLUE
            _branch(axes, ends[sequence[:-1]], (step - 0.2, top + n), colour)
            ends[sequence] = _node(axes, (step, top + n), _said(sequence, total), colour)
        # In the order of the picture, so that no branches cross.
        prefixes = sorted(extension for extension in kept if extension[0][-1] != EOS)


def _said(sequence, total):
    word = "".join(TOKENS[token] for token in sequence if token != EOS)
    return f"{word} eos  {total:.3g}".strip() if sequence[-1] == EOS else f"{word}  {total:.3g}"


def _branch(axes, start, end, colour):
    width, order = (1.8, 2) if colour else (1, 1)
    axes.plot(*zip(start, end, strict=True), color=colour or style.LIGHT, lw=width, zorder=order)


def _node(axes, at, text, colour):
    """A prefix; where the branches to its extensions begin."""
    left = at[0] - 0.15
    box = {"boxstyle": "round,pad=0.25", "fc": "white", "ec": colour or "none", "lw": 1.4}
    axes.text(
        left,
        at[1],
        text,
        va="center",
        bbox=box,
        zorder=3,
        color=style.BLACK if colour else style.GREY,
        size=8.5 if colour else 8,
    )
    return left + 0.063 * len(text) - 0.08, at[1]
