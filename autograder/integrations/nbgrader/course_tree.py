"""Solution -> a course of nbgrader: its configuration, ``source/`` and ``release/``.

The instructor's notebook of a unit is made from the reference. Solutions stand between nbgrader's
marks, each exercise is followed by a grade cell that is worth all its points, and each written
answer is a cell that people grade, with the rubric in the question above it. The hidden tests are
in none of it: a grade cell runs the public tests while a student works, and when nbgrader grades,
`autograder.integrations.nbgrader` fills it in from outside.

nbgrader copies every file beside a notebook to the students. So beside it lie only the public
tests, ``handgrad.json`` and the figures.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat

from autograder.course import (
    MARKER,
    Cell,
    CourseError,
    Exercise,
    Policy,
    Release,
    Unit,
    find_units,
    read_cells,
    read_policy,
)
from autograder.integrations.nbgrader.programs import find_programs
from autograder.release import (
    CHECK_TAG,
    check_source,
    defined_functions,
    digest,
    figure_files,
    find_package,
    marker,
    notebook_text,
    public_tests,
    public_unit,
    require_apart,
    write_stub,
)

_v4: Any = nbformat.v4  # its functions are not typed

CONFIG = "nbgrader_config.py"
DATABASE = "gradebook.db"


def write_course(root: Path, out: Path, names: Sequence[str]) -> list[str]:
    """Write a course of nbgrader, and let nbgrader generate what students get.

    Args:
        root: the course's folder, which holds ``solutions/``.
        out: the folder of the nbgrader course; made if it does not exist. Submissions, grades and
            a configuration that somebody changed stay.
        names: the units wanted; none means all.

    Returns:
        What was done, one sentence each.

    Raises:
        CourseError: a unit cannot be released, or nbgrader refuses it.
        ModuleNotFoundError: nbgrader is not installed.
    """
    import nbgrader.api  # before anything is written

    find_programs()
    require_apart(root, out)
    every = find_units(root / "solutions")
    units = [unit for unit in every if not names or unit.name in names]
    policy = read_policy(root / "solutions" / "course.toml")
    policy.check_names(unit.name for unit in every)
    texts = [(unit, _assignment(root, unit, policy)) for unit in units]  # may refuse: write later
    said = [_configured(root, out)]
    for unit, files in texts:
        folder = out / "source" / unit.name
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(text)
        _generate(out, unit)
        said.append(f"Generated release/{unit.name} from source/{unit.name}.")
    with nbgrader.api.Gradebook(f"sqlite:///{(out / DATABASE).resolve()}") as gradebook:
        for unit in units:
            due = policy.due.get(unit.name)
            moment = due.astimezone(dt.UTC).replace(tzinfo=None) if due else None
            gradebook.update_or_create_assignment(unit.name, duedate=moment)
    return said


def _assignment(root: Path, unit: Unit, policy: Policy) -> dict[str, bytes]:
    """The files of ``source/UNIT``: the notebook with the solutions, and what is public."""
    stub, tests = write_stub(unit), public_tests(unit)
    public = replace(public_unit(unit, stub, tests), folder=Path("."))
    version = f"{find_package().version}+{digest(stub.encode())[:8]}"
    return {
        f"{unit.module}.ipynb": source_notebook(unit).encode(),
        "test_public.py": tests.encode(),
        MARKER: marker(Release(version, policy.name, (public,), {})),
    } | figure_files(root, unit, stub)


def source_notebook(unit: Unit) -> str:
    """The text of the instructor's notebook.

    Raises:
        CourseError: a written question has no cell for its answer.
    """
    exercises = {exercise.name: exercise for exercise in unit.exercises}
    cells = [_v4.new_markdown_cell(_introduction(unit))]
    graded: set[str] = set()
    for cell in read_cells(unit.source_file.read_text(encoding="utf-8")):
        if cell.kind != "code":
            cells.append(_text_cell(cell, exercises))
            graded |= {str(cell.metadata.get("answer", ""))}
            continue
        names = defined_functions(cell.source)
        solved = "### BEGIN SOLUTION" in cell.source
        known = next((name for name in names if name in exercises), names[0] if names else "")
        roles = _roles(f"{known or f'line{cell.line}'}_solution", solution=True) if solved else {}
        cells.append(_v4.new_code_cell(cell.text, metadata=roles))
        for name in names:
            if name in exercises:
                graded.add(name)
                metadata = _roles(name, grade=True, locked=True, points=exercises[name].points)
                metadata["tags"] = [CHECK_TAG]
                source = check_source(name, strict=True)
                cells.append(_v4.new_code_cell(source, metadata=metadata))
    missing = sorted(exercises.keys() - graded)
    if missing:
        raise CourseError(
            f"{unit.name} has no cell to grade for {', '.join(missing)}; add a cell that begins "
            f'# %% [markdown] answer="{missing[0]}"'
        )
    return notebook_text(cells)


def _text_cell(cell: Cell, exercises: dict[str, Exercise]) -> Any:
    """A cell of text: an answer is graded by people, a question locked with its rubric."""
    answer, question = cell.metadata.get("answer"), cell.metadata.get("question")
    if isinstance(answer, str) and answer in exercises:
        points = exercises[answer].points
        roles = _roles(answer, grade=True, solution=True, points=points)
        return _v4.new_markdown_cell(cell.text, metadata={**roles, "answer": answer})
    if isinstance(question, str):
        roles = _roles(f"{question}_question", locked=True)
        return _v4.new_markdown_cell(cell.text, metadata={**roles, "question": question})
    return _v4.new_markdown_cell(cell.text)


def _roles(
    grade_id: str,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> dict[str, Any]:
    """The metadata by which nbgrader knows a cell (its schema 3)."""
    roles = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": locked,
        "task": False,
    }
    if points is not None:
        roles["points"] = int(points) if float(points).is_integer() else points
    return {"nbgrader": roles}


def _introduction(unit: Unit) -> str:
    return (
        "*Replace each `raise NotImplementedError(...)` by your code, and answer the questions in "
        "their cells. Keep names and arguments as they are.*\n\n"
        "Below each exercise stands a cell that runs its public tests on your functions as they "
        "are now: run the cells above it first. The points that it is worth are earned by these "
        "and by hidden tests, which run after you hand in. `autograder check` in a terminal does "
        f"the same for the whole of {unit.name}."
    )


def _configured(root: Path, out: Path) -> str:
    """Write the configuration, unless somebody has made it their own."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / CONFIG
    course = Path(os.path.relpath(root.resolve(), out.resolve())).as_posix()
    text = f'''\
"""The configuration of this nbgrader course. Add your own settings below."""

from pathlib import Path

from autograder.integrations.nbgrader import configure

c = get_config()  # noqa: F821 (nbgrader defines it)

# Grade with the tests in solutions/ of this folder. Only nbgrader's own process reads them.
configure(c, course=Path(__file__).parent / {course!r})
'''
    if path.exists():
        present = path.read_text(encoding="utf-8")
        if present == text:
            return f"{CONFIG} is as before."
        if "configure(c, course=" in present:
            return f"Kept: {CONFIG}, which was changed here."
        raise CourseError(
            f"{path} is another course's configuration. Add these lines to it and try again:\n"
            f"from pathlib import Path\nfrom autograder.integrations.nbgrader import configure\n"
            f"configure(c, course=Path(__file__).parent / {course!r})"
        )
    path.write_text(text, encoding="utf-8")
    return f"New: {CONFIG}."


def _generate(out: Path, unit: Unit) -> None:
    """Let nbgrader make the students' version, as an instructor would."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "generate_assignment", unit.name, "--force"],
        cwd=out,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return
    lines = done.stderr.strip().splitlines()
    told = [line for line in lines if re.search(r"\bERROR\b|Error:", line)] or lines
    raise CourseError(
        f"nbgrader cannot generate {unit.name}: {' '.join(told[-3:])} "
        f"Its source/{unit.name} is written; run `nbgrader generate_assignment {unit.name}` in "
        f"{out} to see all that nbgrader says."
    )
