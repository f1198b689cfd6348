"""What is going to be graded: the submissions that were named, and the units that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom.errors import GradingError
from autograder.classroom.messages import Job
from autograder.course import Policy, Unit
from autograder.submissions import (
    Attempt,
    Discovery,
    Platform,
    RecognisedUnit,
    Unreadable,
    discover,
    read,
    single_submission,
)

# From so many students on, what one of them seems to have handed in alone is not graded by itself.
_CLASS = 3


@dataclass(frozen=True)
class Plan:
    """What is going to be graded.

    Attributes:
        jobs: one for each unit of each attempt that counts.
        warnings: sentences about what was found.
    """

    jobs: tuple[Job, ...]
    warnings: tuple[str, ...]


def find_submissions(
    paths: Sequence[Path],
    recognised: Sequence[RecognisedUnit],
    platforms: Sequence[Platform] = (),
) -> Discovery:
    """The submissions under the paths that the instructor named.

    Args:
        paths: folders of submissions, or single ones.
        recognised: all of the course's units, as `autograder.submissions` knows them.
        platforms: whose downloads are known.

    Raises:
        GradingError: there are none.
    """
    try:
        found = discover(paths, recognised, platforms=platforms)
    except Unreadable as error:
        raise GradingError(str(error)) from None
    if not found.attempts:
        named = ", ".join(str(p) for p in paths)
        raise GradingError(
            f"No submissions were found in {named}. Name a folder with one entry for each student, "
            "or single submissions; docs/submitting.md shows the forms that are recognised."
        )
    return found


def units_present(
    found: Discovery, units: Sequence[Unit], recognised: Sequence[RecognisedUnit]
) -> tuple[list[Unit], list[str]]:
    """The units that the submissions hold something for.

    What only one student of a class seems to have handed in is most likely a name that happens to
    fit: grading it would give everybody else a zero for a unit that was not due.

    Args:
        found: the submissions.
        units: all of the course's.
        recognised: the same, as `autograder.submissions` knows them.

    Returns:
        Those to grade, and a sentence on each that is left out.

    Raises:
        GradingError: there is none.
    """
    by_name = {unit.name: unit for unit in recognised}
    holders = {
        unit.name: {a.student: a for a in found.attempts if _holds(a, by_name[unit.name])}
        for unit in units
    }
    students = {attempt.student for attempt in found.attempts}
    if not any(holders.values()):
        raise GradingError(
            "None of the submissions holds work on a unit of this course. Name the unit with "
            "--unit to grade them all the same, or see docs/submitting.md for what is found."
        )
    alone = len(students) >= _CLASS and any(len(those) > 1 for those in holders.values())
    present, left_out = [], []
    for unit in units:
        those = holders[unit.name]
        if alone and len(those) == 1:
            ((student, attempt),) = those.items()
            left_out.append(
                f"Only {student} seems to have handed in something for {unit.name} "
                f"({attempt.label}): it is not graded. Name it with --unit {unit.name} if it is to "
                "be."
            )
        elif those:
            present.append(unit)
    return present, left_out


def _holds(attempt: Attempt, unit: RecognisedUnit) -> bool:
    try:
        checked = read(attempt, unit)
    except Unreadable:
        return False
    return checked is not None and not checked.untouched


def plan(
    found: Discovery, units: Sequence[Unit], *, best: bool, warnings: Sequence[str] = ()
) -> Plan:
    """Decide which attempts are graded.

    Args:
        found: the submissions.
        units: the units to grade.
        best: whether a student's best attempt counts, so that all are graded, or the latest.
        warnings: more sentences about what was found.
    """
    by_student: dict[str, list[Attempt]] = {}
    for attempt in found.attempts:
        by_student.setdefault(attempt.student, []).append(attempt)
    jobs: list[Job] = []
    for attempts in by_student.values():
        attempts.sort(key=lambda a: a.number)
        for attempt in attempts if best else attempts[-1:]:
            for unit in units:
                jobs.append(
                    Job(number=len(jobs), unit=unit.name, attempt=attempt, attempts=len(attempts))
                )
    return Plan(tuple(jobs), (*found.warnings, *warnings))


def plan_one(
    path: Path, student: str, units: Sequence[Unit], recognised: Sequence[RecognisedUnit]
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
        attempt = single_submission(path, student, recognised)
    except Unreadable as error:
        raise GradingError(str(error)) from None
    jobs = [Job(number=n, unit=unit.name, attempt=attempt) for n, unit in enumerate(units)]
    return Plan(tuple(jobs), ())


def idle_extensions(policy: Policy, plan: Plan) -> list[str]:
    """A sentence for each extension of a student of whom nothing is graded: mistyped, perhaps."""
    students = {job.attempt.student for job in plan.jobs}
    return [
        f"course.toml has an extension for {student}, of whom nothing was found."
        for student in sorted(policy.extensions.keys() - students)
    ]
