"""Stub -> notebook: the same text for those who work in Jupyter.

The notebook is a function of the stub alone: its cells' ids are hashes of their text, and it names
no version of Python or of any tool, so that writing it again changes nothing. The cells are those
that `autograder.course.percent` reads, as everywhere in the tool; jupytext reads the same ones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import nbformat

from autograder.course import Unit, read_cells

_v4: Any = nbformat.v4  # its functions are not typed

CHECK_TAG = "autograder-check"
"""The tag of cells that only call the tool; they are no part of a submission."""

_KEPT = ("question", "answer", "points")


def write_notebook(unit: Unit, stub: str) -> str:
    """The text of a unit's notebook.

    Each cell of the stub is one cell of the notebook. The first cell says how to check one's work,
    and each exercise is followed by a cell that does so.

    Args:
        unit: the unit; which functions are exercises.
        stub: the module as students get it, in percent format.

    Returns:
        A notebook in nbformat 4.5, without outputs.
    """
    cells = [_v4.new_markdown_cell(_introduction(unit))]
    exercises = {exercise.function for exercise in unit.exercises}
    for cell in read_cells(stub):
        metadata = {key: cell.metadata[key] for key in _KEPT if key in cell.metadata}
        new_cell = _v4.new_code_cell if cell.kind == "code" else _v4.new_markdown_cell
        cells.append(new_cell(cell.text, metadata=metadata))
        if cell.kind != "code":
            continue
        for name in defined_functions(cell.source):
            if name in exercises:
                tagged = {"tags": [CHECK_TAG]}
                cells.append(_v4.new_code_cell(check_source(name), metadata=tagged))
    return notebook_text(cells)


def notebook_text(cells: list[Any]) -> str:
    """The text of a notebook, without outputs, in nbformat 4.5.

    Args:
        cells: its cells; they get their ids here.
    """
    _identify(cells)
    notebook = _v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
    )
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    text: str = _v4.writes(notebook)
    return text.rstrip("\n") + "\n"


def _introduction(unit: Unit) -> str:
    return (
        f"*Work here or in `{unit.module}.py`, whichever you prefer: the two hold the same "
        "exercises. Hand in one of them.*\n\n"
        "Below each exercise stands a cell that checks it: it runs the public tests on your "
        "functions as they are now, so run the cells above it first. `check()` checks the whole "
        f"unit, and so does `autograder check {unit.name}` in a terminal, which reads the notebook "
        "as saved."
    )


def check_source(name: str, *, strict: bool = False) -> str:
    """The text of the cell that checks an exercise; where `strict`, it fails if the check does."""
    arguments = f'"{name}", strict=True' if strict else f'"{name}"'
    return f"from autograder.notebook import check\n\ncheck({arguments})"


def defined_functions(source: str) -> list[str]:
    """The functions that a cell defines at its top level."""
    starts = (line for line in source.splitlines() if line.startswith("def "))
    return [line.removeprefix("def ").partition("(")[0].strip() for line in starts]


def _identify(cells: list[Any]) -> None:
    """Give each cell an id that depends on its text, and on how often the text came before."""
    seen: Counter[str] = Counter()
    for cell in cells:
        text = f"{cell.cell_type}\n{cell.source}"
        digest = hashlib.sha256(f"{seen[text]}\n{text}".encode()).hexdigest()
        seen[text] += 1
        cell["id"] = digest[:16]
