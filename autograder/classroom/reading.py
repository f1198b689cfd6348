"""Reading what was handed in for a job; what cannot be read is a zero with a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from autograder.classroom.messages import Job, Reply
from autograder.classroom.recognition import recognised_unit
from autograder.course import Course, Unit, read_unit
from autograder.grading import Settings, describe_run
from autograder.results import Result
from autograder.submissions import Checked, Unreadable, read


def read_job(course: Course, unit: Unit, job: Job, settings: Settings) -> Checked | Result:
    """What was handed in for a unit, or the zero that it gets because it cannot be read.

    Args:
        course: the course.
        unit: the job's.
        job: what was handed in.
        settings: how it would be graded.
    """
    try:
        checked = read(job.attempt, recognised_unit(course, unit))
    except Unreadable as error:
        return _zero(course, unit, job, settings, "unreadable", str(error))
    if checked is None:
        sentence = (
            f"Nothing for {unit.name} was found: hand in {unit.module}.py or {unit.module}.ipynb."
        )
        return _zero(course, unit, job, settings, "missing", sentence)
    return checked


def unreadable_jobs(
    course: Course, jobs: Sequence[Job], settings: Settings
) -> list[tuple[Job, Reply]]:
    """The jobs that need no grading process, because nothing of them can be read."""
    found = []
    for job in jobs:
        unit = read_unit(course.units_folder / job.unit)
        result = read_job(course, unit, job, settings)
        if isinstance(result, Result):
            found.append((job, Reply(number=job.number, result=result)))
    return found


def whose(job: Job) -> dict[str, Any]:
    """What a result says of the attempt that it is of."""
    attempt = job.attempt
    return {
        "unit": job.unit,
        "student": attempt.student,
        "name": attempt.name,
        "attempt": attempt.number,
        "attempts": job.attempts,
        "label": attempt.label,
    }


def _zero(
    course: Course, unit: Unit, job: Job, settings: Settings, status: Any, sentence: str
) -> Result:
    run = describe_run(course, unit, settings, None, layers={}, seconds=0.0)
    return Result(
        status=status,
        points=0.0,
        max_points=unit.points,
        message=sentence,
        run=msgspec.structs.replace(run, worker={}),  # none of it ran
        **whose(job),
    )
