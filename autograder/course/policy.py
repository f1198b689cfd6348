"""The course's policy: ``solutions/course.toml``."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from autograder.course.declarations import CourseError

Positive = Annotated[float, msgspec.Meta(gt=0)]
Whole = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Late(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What work that comes after its due date loses, as a share of the points it earned.

    Attributes:
        per_day: for each day of 24 hours that has begun since the due date.
        grace_minutes: up to here after the due date it is still on time.
        at_most: the most that the days can cost.
        cutoff_days: after this it is worth nothing; None for no such moment.
    """

    per_day: Share = 0.0
    grace_minutes: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0.0
    at_most: Share = 1.0
    cutoff_days: Annotated[float, msgspec.Meta(gt=0, le=3650)] | None = None

    @property
    def costs(self) -> bool:
        """Whether lateness costs anything at all."""
        return self.per_day > 0 or self.cutoff_days is not None


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a course decides, with its defaults.

    Attributes:
        name: the course's name, as students see it.
        attempt: which of a student's attempts counts, ``"latest"`` or ``"best"``.
        seed: from which the inputs of the hidden tests are drawn; known to staff only.
        call_seconds: how long one call of a student's function may take.
        submission_seconds: how long grading one unit of one submission may take.
        memory_mb: how much memory a student's process may use beyond what torch needs.
        due: by unit the moment it is due, with its time zone.
        extensions: by student, and by unit, another moment that it is due.
        late: what lateness costs.
        show_hidden: whether students are told the failing inputs of hidden tests: ``"never"``, or
            ``"after due"``, once nobody can hand in for points any more.
        carry_forward: whether an exercise that builds on a wrong one is graded with the course's
            solution in its place, too, and the better counts.
    """

    name: str = "Handgrad"
    attempt: Literal["latest", "best"] = "latest"
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    call_seconds: Positive = 5.0
    submission_seconds: Positive = 120.0
    memory_mb: Whole = 2048
    due: dict[str, dt.datetime] = {}
    extensions: dict[str, dict[str, dt.datetime]] = {}
    late: Late = Late()
    show_hidden: Literal["never", "after due"] = "never"
    carry_forward: bool = True

    def due_for(self, student: str, unit: str) -> dt.datetime | None:
        """When a unit is due for a student; None if no date is set."""
        return self.extensions.get(student, {}).get(unit, self.due.get(unit))

    def check_names(self, units: Iterable[str]) -> None:
        """Check that every date is of a unit that there is.

        Raises:
            CourseError: it is not.
        """
        known = sorted(units)
        for dates in (self.due, *self.extensions.values()):
            for name in sorted(dates.keys() - set(known)):
                raise CourseError(
                    f"course.toml: there is no unit named {name}; correct its due date. "
                    f"The units are {', '.join(known)}."
                )

    def closes(self, unit: str) -> dt.datetime | None:
        """From when on a unit is over for everybody, extensions and cutoff counted.

        None if it has no due date: then it never is.
        """
        if unit not in self.due:
            return None
        extended = [dates[unit] for dates in self.extensions.values() if unit in dates]
        latest = max(self.due[unit], *extended) if extended else self.due[unit]
        minutes = self.late.grace_minutes + 1440 * (self.late.cutoff_days or 0)
        return latest + dt.timedelta(minutes=minutes)


def read_policy(path: Path) -> Policy:
    """Read ``course.toml``; the defaults where there is none.

    Args:
        path: the file.

    Raises:
        CourseError: it is not TOML, has an unknown key or a value of the wrong kind, or a moment
            without a time zone.
    """
    if not path.is_file():
        return Policy()
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path.name}: this is not valid TOML ({error}); correct it.") from error
    for key in values.keys() - set(Policy.__struct_fields__):
        known = ", ".join(Policy.__struct_fields__)
        raise CourseError(
            f"{path.name}: there is no setting named {key}; the settings are {known}."
        )
    late = values.get("late")
    for key in late.keys() - set(Late.__struct_fields__) if isinstance(late, dict) else ():
        known = ", ".join(Late.__struct_fields__)
        raise CourseError(f"{path.name}: [late] has no setting {key}; it has {known}.")
    try:
        policy = msgspec.convert(values, Policy)
    except msgspec.ValidationError as error:
        raise CourseError(f"{path.name}: {error}; correct the value.") from error
    for moments in (policy.due, *policy.extensions.values()):
        for unit, moment in moments.items():
            if moment.tzinfo is None:
                raise CourseError(
                    f"{path.name}: the date of {unit} names no time zone; write it like "
                    "2026-10-15T23:59:00+02:00."
                )
    return policy
