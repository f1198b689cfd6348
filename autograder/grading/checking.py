"""A student's own check: the public tests on the student's own files, or running notebook."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from autograder.course import Course, CourseError, Unit, read_release
from autograder.exam import ExamStore
from autograder.grading.grader import Graded, UnitGrader
from autograder.grading.hints import hints
from autograder.grading.live import LiveBackend
from autograder.grading.provenance import describe_run
from autograder.grading.settings import Settings
from autograder.results import Result
from autograder.submissions import Limits, RecognisedUnit, discover, listing, read, read_notebook
from autograder.supervisor import Code, Workers
from autograder.worker import UNCONFINED


def check(
    course: Course,
    unit: Unit,
    exercises: tuple[str, ...],
    settings: Settings,
    workers: Workers | None,
    exams: ExamStore,
) -> Result:
    """Run the public tests of a unit on the files in its folder.

    Args:
        course: the course.
        unit: the unit.
        exercises: only these; empty for all.
        settings: how to grade.
        workers: where the code runs; None for in this process.
        exams: where the inputs of public tests are kept.

    Raises:
        CourseError: there is nothing to check.
    """
    released = _released(course, unit)
    recognised = RecognisedUnit(
        name=unit.name,
        module=unit.module,
        stub=released,
        questions=tuple(q.name for q in unit.questions),
    )
    attempts = discover([unit.folder], [recognised]).attempts
    checked = read(attempts[0], recognised) if attempts else None
    if checked is None:
        raise CourseError(
            f"There is no {unit.module}.py or {unit.module}.ipynb in {unit.folder}. Restore it "
            "from the release, or change to the folder that holds your work."
        )
    # Nothing is hidden here, and the code is the user's own.
    own = replace(settings, exercises=exercises, hidden=False, require=UNCONFINED)
    grader = UnitGrader(unit, own, workers, released or "", exams)
    code = Code(unit.module, tuple((c.label, c.source) for c in checked.cells))
    graded = grader.grade(code, {})
    return msgspec.structs.replace(
        _result(course, grader, graded),
        label=", ".join(dict.fromkeys(c.label.partition("[")[0] for c in checked.cells)),
        digest=checked.digest,
        notes=[
            *checked.notes,
            *_untested(unit, exercises, graded),
            *hints(code.cells, unit.forbids),
            *graded.notes,
        ],
    )


def check_live(
    course: Course,
    unit: Unit,
    exercises: tuple[str, ...],
    settings: Settings,
    namespace: Mapping[str, Any],
    named: Callable[[str], str | None],
) -> Result:
    """Run the public tests of a unit on the functions that a running notebook holds.

    Args:
        course: the course.
        unit: the unit.
        exercises: only these; empty for all.
        settings: how to grade.
        namespace: the notebook's variables.
        named: what the notebook calls a file of code; None if it is not the notebook's.
    """
    own = replace(settings, exercises=exercises, hidden=False)
    grader = UnitGrader(unit, own, None, exams=ExamStore.here(course.units_folder))
    graded = grader.grade_on(
        lambda device: LiveBackend(unit.module, namespace, unit.returns, named, device), {}
    )
    wanted = [e.function for e in unit.exercises if not exercises or e.name in exercises]
    unknown = [name for name in wanted if name and not callable(namespace.get(name))]
    notes = []
    if unknown:
        notes.append(
            f"{listing(unknown)} {'is' if len(unknown) == 1 else 'are'} not defined in this "
            "notebook: run the cells above first."
        )
    notes += _untested(unit, exercises, graded)
    return msgspec.structs.replace(
        _result(course, grader, graded), label="this notebook", notes=[*notes, *graded.notes]
    )


def _untested(unit: Unit, exercises: tuple[str, ...], graded: Graded) -> list[str]:
    """A sentence on the exercises that only hidden tests check, if there are any."""
    wanted = exercises or [e.name for e in unit.exercises if not e.written]
    tested = {e.name for e in graded.exercises}
    names = [name for name in wanted if name not in tested]
    if not names:
        return []
    have, them = ("has", "it") if len(names) == 1 else ("have", "them")
    return [f"{listing(names)} {have} no public tests: hidden tests check {them}."]


def _result(course: Course, grader: UnitGrader, graded: Graded) -> Result:
    return Result(
        unit=grader.unit.name,
        student="",
        status="graded",
        points=sum(e.points or 0.0 for e in graded.exercises),
        max_points=sum(e.max_points for e in graded.exercises),
        message=" ".join(graded.problems),
        exercises=graded.exercises,
        output=graded.output,
        run=describe_run(
            course,
            grader.unit,
            grader.settings,
            grader.workers,
            layers=graded.layers,
            seconds=graded.seconds,
        ),
    )


def _released(course: Course, unit: Unit) -> str | None:
    """The unit's module as it was released, if the module or the notebook is still as it was.

    A folder always holds both: then the other one is the work.
    """
    if course.kind != "student":
        return None
    known = read_release(course.root).files
    for path in (unit.source_file, unit.source_file.with_suffix(".ipynb")):
        raw = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(raw).hexdigest() != known.get(path.relative_to(course.root).as_posix()):
            continue
        if path.suffix == ".py":
            return raw.decode("utf-8")
        cells = read_notebook(raw, path.name, Limits()).cells
        return "\n".join(f"# %%\n{cell.source}" for cell in cells)
    return None
