"""What somebody means by the names after `autograder check`."""

from __future__ import annotations

from pathlib import Path

from autograder.course.courses import Course, meant
from autograder.course.declarations import CourseError
from autograder.course.units import Unit


def find_targets(
    course: Course, names: list[str], here: Path
) -> list[tuple[Unit, tuple[str, ...]]]:
    """The units that somebody means, and of each the exercises (none: all).

    Args:
        course: the course.
        names: units (``5``, ``convolution``) and exercises (``conv2d_forward``); none means the
            unit whose folder `here` is in, or all.
        here: the present folder.

    Raises:
        CourseError: a name is neither.
    """
    units = course.units
    if not names:
        inside = [u for u in units if here == u.folder or u.folder in here.parents]
        return [(unit, ()) for unit in inside or units]
    wanted: dict[str, tuple[Unit, list[str]]] = {}
    whole: set[str] = set()
    for name in names:
        owners = [u for u in units if any(e.name == name and not e.written for e in u.exercises)]
        for unit in owners:
            wanted.setdefault(unit.name, (unit, []))[1].append(name)
        if not owners:
            unit = _unit(units, name)
            wanted.setdefault(unit.name, (unit, []))
            whole.add(unit.name)
    return [(u, () if u.name in whole else tuple(names)) for u, names in wanted.values()]


def _unit(units: list[Unit], name: str) -> Unit:
    unit = meant(units, name)
    if unit is not None:
        return unit
    exercises = ", ".join(e.name for u in units for e in u.exercises if not e.written)
    raise CourseError(
        f"There is no unit or exercise named {name!r}. The units are "
        f"{', '.join(u.name for u in units)}; the exercises are {exercises}."
    )
