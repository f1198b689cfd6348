"""Preparing units for grading before anything is handed in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.classroom.errors import GradingError
from autograder.classroom.messages import Orders, Prepare, Reply
from autograder.classroom.processes import GradingProcesses
from autograder.course import Course, Unit
from autograder.exam import user_folder
from autograder.grading import Settings


def prepare_units(
    course: Course,
    units: Sequence[Unit],
    settings: Settings,
    folder: Path | None = None,
    *,
    processes: int,
) -> Iterator[Reply]:
    """Write units' exams; says of each in its turn what became of it.

    Args:
        course: the course.
        units: of it.
        settings: how they will be graded.
        folder: where to write; None for where exams are kept.
        processes: how many at once.

    Raises:
        GradingError: the folder cannot be made.
    """
    to = (folder or user_folder()).absolute()
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise GradingError(f"{to} cannot be made: {error.strerror}. Name another folder.") from None
    tasks = [Prepare(unit=unit.name, folder=str(to)) for unit in units]
    with GradingProcesses(Orders.of(course, settings), processes) as grading:
        for _, reply in grading.run(tasks):
            yield reply
