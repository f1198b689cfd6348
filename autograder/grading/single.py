"""The plan for one submission whose owner is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.course import Unit
from autograder.grading.classroom import Plan
from autograder.grading.errors import GradingError
from autograder.grading.process import Job
from autograder.submissions import Unit as Recognised
from autograder.submissions import Unreadable, whole


def plan_one(
    path: Path, student: str, units: Sequence[Unit], recognised: Sequence[Recognised]
) -> Plan:
    """Grade everything at a path as one student's submission.

    Args:
        path: a folder, archive, module or notebook.
        student: whose it is.
        units: the units to grade.
        recognised: all of the course's units, as `autograder.submissions` knows them.

    Raises:
        GradingError: there is nothing at `path`.
    """
    try:
        attempt = whole(path, student, recognised)
    except Unreadable as error:
        raise GradingError(str(error)) from None
    jobs = [Job(number=n, unit=unit.name, attempt=attempt) for n, unit in enumerate(units)]
    return Plan(tuple(jobs), ())
