"""im2col and col2im on the worked example of 5.3: 3x3 pixels, windows of 2x2, stride 1."""

import numpy as np

from autograder.release import style

IMAGE = np.arange(9).reshape(3, 3)
WINDOWS = [(h, w) for h in range(2) for w in range(2)]
TINTS = ("#cfe5f5", "#f9d9c5", "#cdeadf", "#ecd5e5")
CENTRE = 4


def unfolding(figure):
    figure.set_size_inches(style.WIDTH, 2.3)
    axes = figure.add_subplot()
    style.bare(axes)
    axes.set(xlim=(-0.3, 23.3), ylim=(7.4, -1.0))
    for row, (h, w) in enumerate(WINDOWS):
        inside = np.zeros((3, 3), bool)
        inside[h : h + 2, w : w + 2] = True
        fill = np.where(inside, TINTS[row], "white")
        corner = (4.2 * w, 4.2 * h)
        style.cells(axes, IMAGE, at=corner, fill=fill)
        axes.text(corner[0] + 1.5, corner[1] - 0.3, f"window ({h}, {w})", ha="center", size=8)

    cols = np.array([IMAGE[h : h + 2, w : w + 2].ravel() for h, w in WINDOWS])
    at = (10.6, 1.6)
    style.cells(axes, cols, at=at, fill=[[TINTS[row]] * 4 for row in range(4)])
    axes.text(at[0] + 2, at[1] - 0.3, "cols", ha="center", size=8)
    style.arrow(axes, (7.6, 3.6), (10.3, 3.6))
    axes.text(8.95, 3.3, "im2col", ha="center", size=9)
    for row, (h, w) in enumerate(WINDOWS):
        axes.text(at[0] + 4.15, at[1] + row + 0.53, f"({h}, {w})", va="center", size=8)

    copies = (cols[..., None] == np.arange(9)).sum(axis=(0, 1)).reshape(3, 3)
    back = (18.4, 1.2)
    axes.text(back[0] + 2.25, back[1] - 0.3, "copies added up", ha="center", size=8)
    _large(axes, copies, back)
    style.arrow(axes, (16.1, 3.6), (18.1, 3.6))
    axes.text(17.1, 3.3, "col2im", ha="center", size=9)
    for row, column in np.argwhere(cols == CENTRE):
        _ring(axes, (at[0] + column + 0.5, at[1] + row + 0.5))
    for h, w in WINDOWS:
        _ring(axes, (4.2 * w + 1.5, 4.2 * h + 1.5))
    _ring(axes, (back[0] + 2.25, back[1] + 2.25), 0.6)


def _large(axes, copies, at):
    from matplotlib.patches import Rectangle

    shades = {1: "#ffffff", 2: "#e4e4e4", 4: "#bdbdbd"}
    for (i, j), count in np.ndenumerate(copies):
        corner = (at[0] + 1.5 * j, at[1] + 1.5 * i)
        axes.add_patch(
            Rectangle(corner, 1.5, 1.5, facecolor=shades[int(count)], edgecolor=style.GREY, lw=0.8)
        )
        text = f"$\\times${count}"
        axes.text(corner[0] + 0.75, corner[1] + 0.8, text, ha="center", va="center")


def _ring(axes, centre, radius=0.42):
    from matplotlib.patches import Circle

    axes.add_patch(Circle(centre, radius, facecolor="none", edgecolor=style.BLACK, lw=1.3))
