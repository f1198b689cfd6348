"""A person decides: enter a mark."""

from __future__ import annotations

import datetime as dt
import getpass

from autograder.classroom.errors import GradingError
from autograder.course import means_unit
from autograder.results import (
    Folder,
    Resolution,
    Result,
    add_resolution,
    apply_resolutions,
    read_resolutions,
    to_json,
    write_atomically,
)


def resolve(
    folder: Folder, student: str, unit: str, exercise: str, points: float, reason: str
) -> Result:
    """Give a student points for an exercise or a whole unit.

    Args:
        folder: of the class run.
        student: the id.
        unit: the unit; may be empty if the student has one result.
        exercise: empty for the whole unit.
        points: how many.
        reason: why.

    Returns:
        The result with the new points.

    Raises:
        GradingError: there is no such result or exercise, too many points, or no reason.
    """
    result = _find(folder, student, unit)
    limit = result.max_points
    if exercise:
        found = next((e for e in result.exercises if e.name == exercise), None)
        if found is None:
            names = ", ".join(e.name for e in result.exercises) or "none, since nothing was graded"
            raise GradingError(
                f"{result.unit} of {student} has no exercise {exercise!r}; it has {names}."
            )
        limit = found.max_points
    if not 0 <= points <= limit:  # false for NaN too
        raise GradingError(
            f"{points:g} is not between 0 and {limit:g}, the points that there are for "
            f"{exercise or result.unit}."
        )
    if not reason.strip():
        raise GradingError("Say why with --reason: the student and the next person will ask.")
    decision = Resolution(
        student=result.student,
        unit=result.unit,
        exercise=exercise,
        points=points,
        reason=reason.strip(),
        by=_user(),
        when=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )
    add_resolution(folder.resolutions_file, decision)
    result = apply_resolutions(result, read_resolutions(folder.resolutions_file))
    write_atomically(folder.result_file(result.unit, result.student), to_json(result))
    if not exercise:  # the mark is decided, and no other waits any more
        folder.waiting_file(result.unit, result.student).unlink(missing_ok=True)
    return result


def _find(folder: Folder, student: str, unit: str) -> Result:
    if not (folder.path / "results").is_dir():
        raise GradingError(f"{folder.path} holds no results. Name the OUT of `autograder grade`.")
    results = folder.results()
    of_student = [r for r in results if r.student == student]
    if not of_student:
        known = ", ".join(sorted({r.student for r in results})[:30])
        raise GradingError(f"There is no result of {student!r}. There are results of {known}.")
    matching = [r for r in of_student if not unit or means_unit(unit, r.unit)]
    if len(matching) != 1:
        names = ", ".join(r.unit for r in of_student)
        raise GradingError(f"Name the unit with --unit; {student} has results in {names}.")
    return matching[0]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""
