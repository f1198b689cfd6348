"""A student's own check: the public tests on the student's own files."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from autograder.course import Course, CourseError, Unit, read_release
from autograder.grading.grader import UnitGrader
from autograder.grading.remote import Code
from autograder.grading.results import Result
from autograder.grading.settings import Settings
from autograder.grading.workers import Workers
from autograder.submissions import Unit as Recognised
from autograder.submissions import discover, read


def check(
    course: Course,
    unit: Unit,
    exercises: tuple[str, ...],
    settings: Settings,
    workers: Workers | None,
) -> Result:
    """Run the public tests of a unit on the files in its folder.

    Raises:
        CourseError: there is nothing to check.
    """
    recognised = Recognised(
        name=unit.name,
        module=unit.module,
        stub=_untouched_module(course, unit),
        questions=tuple(q.name for q in unit.questions),
    )
    attempts = discover([unit.folder], [recognised]).attempts
    checked = read(attempts[0], recognised) if attempts else None
    if checked is None:
        raise CourseError(
            f"There is no {unit.module}.py or {unit.module}.ipynb in {unit.folder}. Restore it "
            "from the release, or change to the folder that holds your work."
        )
    grader = UnitGrader(unit, replace(settings, exercises=exercises, hidden=False), workers)
    code = Code(unit.module, tuple((c.label, c.source) for c in checked.cells))
    graded = grader.grade(code, {})
    return Result(
        unit=unit.name,
        student="",
        status="graded",
        points=sum(e.points or 0.0 for e in graded.exercises),
        max_points=sum(e.max_points for e in graded.exercises),
        label=", ".join(dict.fromkeys(c.label.partition("[")[0] for c in checked.cells)),
        digest=checked.digest,
        message=" ".join(graded.problems),
        notes=list(checked.notes),
        exercises=graded.exercises,
        output=graded.output,
        run=grader.describe_run(course, graded.layers, graded.seconds),
    )


def _untouched_module(course: Course, unit: Unit) -> str | None:
    """The module's text if it is still as it was released: then the notebook is the work."""
    if course.kind != "student" or not unit.source_file.is_file():
        return None
    raw = unit.source_file.read_bytes()
    released = read_release(course.root).files
    known = released.get(unit.source_file.relative_to(course.root).as_posix())
    return raw.decode("utf-8") if hashlib.sha256(raw).hexdigest() == known else None
