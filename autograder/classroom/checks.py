"""A student's own check, in a grading process: torch is imported there while others wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.classroom.errors import GradingError
from autograder.classroom.messages import Check, Orders
from autograder.classroom.processes import GradingProcesses
from autograder.course import Course, Unit
from autograder.grading import Settings
from autograder.results import Result


def check_units(
    course: Course, targets: Sequence[tuple[Unit, tuple[str, ...]]], settings: Settings
) -> Iterator[tuple[Unit, Result]]:
    """Run public tests on the files in units' folders; the result of each unit, as it comes.

    Args:
        course: the course.
        targets: units, and which of their exercises; none for all.
        settings: how to grade.

    Raises:
        GradingError: a unit cannot be checked.
    """
    units = {unit.name: unit for unit, _ in targets}
    tasks = [Check(unit=unit.name, exercises=exercises) for unit, exercises in targets]
    with GradingProcesses(Orders.of(course, settings), 1) as grading:
        for task, reply in grading.run(tasks, settings.submission_seconds):
            if reply.result is None:
                raise GradingError(reply.fault)
            yield units[task.unit], reply.result
