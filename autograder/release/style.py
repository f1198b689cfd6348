"""How figures of handouts look: one size, one type, few colours, and how they become bytes.

What this file says is part of every figure, so that a change of it makes all of them stale. A
figure has a white background of its own: it is legible on a dark page, and prints as it is seen.

The colours can be told apart by people who do not see all colours: they are those of Okabe & Ito
(*Color universal design*, 2008), two of them darker, so that words in them are legible. In a grey
print they are much alike: so write beside a line what it is, which is better than a legend anyway,
and dash lines that cross. Use the colours in this order; grey is for what is only there to compare.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#00805d", "#a5568c"
BLACK, GREY, LIGHT = "#222222", "#767676", "#dddddd"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)

WIDTH = 6.25
"""Inches: 600 of a browser's pixels, so that 9 points are 12 of them."""

SETTINGS: dict[str, Any] = {
    "figure.figsize": (WIDTH, 2.8),
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.08,  # inches: no text touches the border
    "figure.constrained_layout.w_pad": 0.08,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # it comes with matplotlib, so it is everywhere the same
    "mathtext.fontset": "cm",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "axes.edgecolor": GREY,
    "axes.labelcolor": BLACK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": BLACK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "legend.frameon": False,
    "image.cmap": "Blues",
    # The same bytes every time and everywhere: names of parts do not depend on chance, and letters
    # are drawn, so that no reader's font matters.
    "svg.hashsalt": "handgrad",
    "svg.fonttype": "path",
}


def new_figure() -> Figure:
    """An empty figure; its size may be changed with ``set_size_inches(style.WIDTH, height)``."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcdefaults()  # whatever a matplotlibrc on this machine says
    settings: Any = SETTINGS
    matplotlib.rcParams.update(settings)
    return Figure()


def as_svg(figure: Figure) -> bytes:
    """The figure as an SVG, the same bytes for the same figure."""
    written = io.BytesIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    lines = (line.rstrip() for line in written.getvalue().splitlines())
    return b"\n".join(lines) + b"\n"


def bare(axes: Axes) -> None:
    """Leave out frame and ticks, for drawings that have no scale; lengths are true."""
    axes.set_axis_off()
    axes.set_aspect("equal")


def cells(
    axes: Axes,
    values: Sequence[Sequence[object]],
    *,
    at: tuple[float, float] = (0, 0),
    fill: Sequence[Sequence[str]] | None = None,
    size: float = 9,
) -> None:
    """Draw a matrix as squares of side 1 with a text in each.

    Args:
        axes: where rows count downwards: `bare` them, and invert the vertical axis.
        values: what each square says, row by row.
        at: the corner of the first square, (horizontal, vertical).
        fill: the colour of each square; none is white.
        size: of the text, in points.
    """
    from matplotlib.patches import Rectangle

    for i, row in enumerate(values):
        for j, value in enumerate(row):
            corner = (at[0] + j, at[1] + i)
            colour = fill[i][j] if fill is not None else "white"
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor=GREY, linewidth=0.8))
            axes.text(
                corner[0] + 0.5, corner[1] + 0.53, str(value), ha="center", va="center", size=size
            )


def arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], *, colour: str = GREY
) -> None:
    """An arrow from one point of the axes to another."""
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 1.2, "shrinkA": 0, "shrinkB": 0},
    )
