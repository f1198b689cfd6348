"""A class of twenty made-up students, for `autograder demo`."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from autograder.classroom.verifying import Variant, variants
from autograder.course import Unit

STUDENTS = (
    *("ada", "alan", "barbara", "claude", "donald", "edsger", "emmy", "frances"),
    *("geoffrey", "grace", "john", "juris", "katherine", "leslie", "margaret"),
    *("niklaus", "radia", "robin", "shafi", "yann"),
)

CRASH = "\n\nimport os\nos._exit(0)\n"


def write_demo(unit: Unit, stub: str, folder: Path) -> dict[str, str]:
    """Write a class of twenty submissions in the forms that submissions come in.

    Args:
        unit: the unit they handed in.
        stub: its module as released.
        folder: where to.

    Returns:
        For each student in words what they handed in.
    """
    known = variants(unit)
    right = next(v for v in known if v.kind == "reference")
    alternatives = [v for v in known if v.kind == "alternative"][:4]
    first = alternatives[0] if alternatives else right
    handed_in: list[tuple[str, str, str]] = [
        ("module", right.source, "the reference"),
        *(("module", a.source, a.title) for a in alternatives),
        ("zip", right.source, "the reference in a zip"),
        ("notebook", first.source, "an alternative in a notebook"),
        ("module", _hanging(unit, right), "a function that never returns"),
        ("module", right.source + CRASH, "ends the process on import"),
        ("module", right.source.replace("def ", "dfe ", 1), "a syntax error"),
        ("nothing", "", "no file"),
        ("notebook", "", "an empty notebook"),
        ("module", stub, "the stub, untouched"),
    ]
    for mistake in _spread([v for v in known if v.kind == "mistake"]):
        if len(handed_in) == len(STUDENTS):
            break
        handed_in.append(("module", mistake.source, f"mistake in {mistake.title}"))
    while len(handed_in) < len(STUDENTS):
        handed_in.append(("module", right.source, "the reference again"))
    for student, (form, source, _) in zip(STUDENTS, handed_in, strict=True):
        _write(folder / student, unit.module, form, source)
    return {student: what for student, (_, _, what) in zip(STUDENTS, handed_in, strict=True)}


def _spread(mistakes: list[Variant]) -> list[Variant]:
    """One mistake of each exercise first, then the second of each, and so on."""
    seen: dict[str, int] = {}
    order: list[tuple[int, int]] = []
    for position, mistake in enumerate(mistakes):
        order.append((seen.get(mistake.exercise, 0), position))
        seen[mistake.exercise] = seen.get(mistake.exercise, 0) + 1
    return [mistakes[position] for _, position in sorted(order)]


def _hanging(unit: Unit, right: Variant) -> str:
    """The reference with its first exercise replaced by a loop without end."""
    name = next(e.name for e in unit.exercises if not e.written)
    return f"{right.source}\n\ndef {name}(*args, **kwargs):\n    while True:\n        pass\n"


def _write(home: Path, module: str, form: str, source: str) -> None:
    if form == "zip":
        home.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(home.with_suffix(".zip"), "w") as archive:
            archive.writestr(f"{module}.py", source)
        return
    home.mkdir(parents=True)
    if form == "module":
        (home / f"{module}.py").write_text(source, encoding="utf-8")
    elif form == "notebook":
        cells = [_cell(source), _cell("1 / 0  # an experiment that failed")] if source else []
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (home / f"{module}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def _cell(source: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "id": f"cell-{len(source)}",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    }
