"""Reading the percent format: a Python file that is also a notebook.

A line that starts with ``# %%`` begins a cell. ``# %% [markdown]`` begins a text cell, whose lines
are comments. Words ``key=value`` after it, with JSON values, are the cell's metadata::

    # %% [markdown] question="why_1x1" points=2
    # ### Question: what is a 1x1 convolution for?

Jupytext reads the same format; the tool needs this much of it where jupytext is not installed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CellKind = Literal["code", "markdown", "raw"]

_MARKER = re.compile(r"#\s*%%+(?P<rest>.*)$")
_KIND = re.compile(r"\[(?P<kind>markdown|md|raw)\]")
_OPTION = re.compile(r"(?P<key>[\w.-]+)=(?P<value>\"(?:[^\"\\]|\\.)*\"|\[[^\]]*\]|\S+)")


@dataclass(frozen=True)
class Cell:
    """One cell of a percent-format file.

    Attributes:
        kind: ``"code"``, ``"markdown"`` or ``"raw"``.
        line: the number of its first line in the file, the marker included, from 1.
        lines: its body as it stands in the file, without the marker line.
        marker: the marker line itself; empty for what stands before the first marker.
        metadata: what the marker line says, e.g. ``{"question": "why_1x1", "points": 2}``.
    """

    kind: CellKind
    line: int
    lines: tuple[str, ...]
    marker: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The body as it stands in the file, without surrounding blank lines."""
        return "\n".join(self.lines).strip("\n")

    @property
    def text(self) -> str:
        """What a notebook shows: the source of a code cell, the uncommented text of a text cell."""
        if self.kind == "code":
            return self.source
        return "\n".join(_uncommented(line) for line in self.lines).strip("\n")


def _uncommented(line: str) -> str:
    """The line without the comment sign that makes text legal Python.

    Example:
        >>> _uncommented("# ## Shapes"), _uncommented("#"), _uncommented("# # 3. Layers")
        ('## Shapes', '', '# 3. Layers')
    """
    return re.sub(r"^#( |$)", "", line)


def _options(rest: str) -> dict[str, object]:
    options: dict[str, object] = {}
    for match in _OPTION.finditer(rest):
        try:
            options[match["key"]] = json.loads(match["value"])
        except json.JSONDecodeError:
            options[match["key"]] = match["value"]
    return options


def read_cells(source: str) -> list[Cell]:
    """Split a percent-format file into its cells.

    Args:
        source: the text of the file.

    Returns:
        The cells in their order. Code before the first marker, if any, is a cell of its own.

    Example:
        >>> [cell.kind for cell in read_cells("# %% [markdown]\\n# # Title\\n# %%\\nx = 1\\n")]
        ['markdown', 'code']
    """
    cells: list[Cell] = []
    kind: CellKind = "code"
    marker, start, metadata = "", 1, dict[str, object]()
    body: list[str] = []

    def finish() -> None:
        if marker or any(line.strip() for line in body):
            cells.append(Cell(kind, start, tuple(body), marker, metadata))

    for number, line in enumerate(source.split("\n"), 1):
        match = _MARKER.match(line)
        if match is None:
            body.append(line)
            continue
        finish()
        rest = match["rest"]
        named = _KIND.search(rest)
        kind = "code" if named is None else "raw" if named["kind"] == "raw" else "markdown"
        marker, start, body = line, number, []
        metadata = _options(rest[named.end() :] if named else rest)
    finish()
    return cells
