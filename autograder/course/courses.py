"""The course: its units, their exercises and points, and its policy.

A course is found, not registered: every folder ``NN_name`` of ``solutions/`` that holds ``name.py``
is a unit. Staff read it from ``solutions/``. Students have a release, a folder with the file
``handgrad.json`` that `autograder release` wrote: it says the same less what is secret, and stays
right while their modules are half written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from autograder.course.declarations import CourseError
from autograder.course.policy import Policy, read_policy
from autograder.course.units import Unit, read_unit, unit_folders

MARKER = "handgrad.json"
"""The file that makes a folder a release."""


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``handgrad.json`` says of a release.

    Attributes:
        version: the package's version and a hash of the released text, e.g. ``"0.1.0+3f2a9c1b"``.
        course: the course's name.
        units: the units as far as they are public; their folders are relative to the release.
        files: the SHA-256 of each released file by its path.
    """

    version: str
    course: str
    units: tuple[Unit, ...]
    files: dict[str, str]


@dataclass(frozen=True)
class Course:
    """Where a course is, and for whom.

    Attributes:
        root: the folder with ``solutions/``, or the release.
        kind: ``"staff"`` where there are solutions, ``"student"`` in a release.
    """

    root: Path
    kind: Literal["staff", "student"]

    @property
    def units_folder(self) -> Path:
        """The folder that holds the units."""
        return self.root / "solutions" if self.kind == "staff" else self.root

    @property
    def units(self) -> list[Unit]:
        """The units, by number."""
        return find_units(self.units_folder)

    @property
    def policy(self) -> Policy:
        """What ``solutions/course.toml`` says; the defaults in a release.

        Raises:
            CourseError: it is wrong, or dates a unit that there is not.
        """
        policy = read_policy(self.units_folder / "course.toml")
        if self.kind == "staff":
            policy.check_names(folder.name for folder in unit_folders(self.units_folder))
        return policy


def find_course(start: Path | None = None) -> Course:
    """The course that a folder belongs to: its own, or that of the nearest folder above.

    Args:
        start: a folder or file within the course (default: the present folder).

    Raises:
        CourseError: there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / MARKER).is_file():
            return Course(folder, "student")
        if (folder / "solutions").is_dir() and any(unit_folders(folder / "solutions")):
            return Course(folder, "staff")
    raise CourseError(
        f"{here} is not in a course: neither it nor a folder above it holds {MARKER} (as released "
        "to students) or solutions/ (with units). Change to the course's folder and try again."
    )


def find_staff_course() -> Course:
    """The course that the present folder belongs to, where its solutions are.

    Raises:
        CourseError: there is no course, or it is a students' release.
    """
    course = find_course()
    if course.kind != "staff":
        raise CourseError(
            f"{course.root} is a students' release: it has no reference and no hidden tests. "
            "Instructors run this in the course's own repository; students run `autograder check`."
        )
    return course


def find_units(root: Path) -> list[Unit]:
    """The units in a folder, by number.

    Args:
        root: ``solutions/``, or a release.

    Returns:
        The units whose folders are there. Those of a release are as ``handgrad.json`` says,
        whatever has become of the files.

    Raises:
        CourseError: a file of a unit, or ``handgrad.json``, is wrong.
    """
    if (root / MARKER).is_file():
        units = [replace(unit, folder=root / unit.folder) for unit in read_release(root).units]
        return [unit for unit in units if unit.folder.is_dir()]
    units = [read_unit(folder) for folder in unit_folders(root)]
    units.sort(key=lambda unit: (unit.number, unit.name))
    for first, second in pairwise(units):
        if first.number == second.number:
            raise CourseError(
                f"{first.name} and {second.name} have the same number; renumber one of them."
            )
    modules = [unit.module for unit in units]
    for name in sorted({module for module in modules if modules.count(module) > 1}):
        raise CourseError(f"Two units have the module {name}.py; rename one of them.")
    return units


def meant(units: Iterable[Unit], name: str) -> Unit | None:
    """The one of `units` that somebody means by a number, a module, a name or a path; or None."""
    return next((unit for unit in units if means_unit(name, unit.name)), None)


def means_unit(said: str, unit: str) -> bool:
    """Whether somebody who says this means the unit of that name.

    Args:
        said: a number, a module, a name, or a path to one of the unit's files.
        unit: the unit's name.

    Example:
        >>> [means_unit(said, "05_convolution") for said in ("5", "convolution", "05_conv")]
        [True, True, False]
    """
    wanted = Path(said.rstrip("/\\")).name.removesuffix(".py").removesuffix(".ipynb")
    number, _, module = unit.partition("_")
    same_number = wanted.isdecimal() and number.isdecimal() and int(wanted) == int(number)
    return same_number or wanted in (unit, module)


def find_unit(root: Path, name: str) -> Unit:
    """The unit that somebody means by ``"5"``, ``"05"``, ``"convolution"`` or ``"05_convolution"``.

    Args:
        root: ``solutions/``, or a release.
        name: what they said; a path to the unit's folder or module will do.

    Raises:
        CourseError: no unit is meant by it; the text lists the names.
    """
    units = find_units(root)
    unit = meant(units, name)
    if unit is not None:
        return unit
    names = ", ".join(unit.name for unit in units) or "none at all"
    raise CourseError(f"There is no unit {name!r} in {root}; the units are: {names}.")


def read_release(root: Path) -> Release:
    """What ``handgrad.json`` of a release says.

    Raises:
        CourseError: the file is missing or damaged.
    """
    path = root / MARKER
    try:
        return msgspec.json.decode(path.read_bytes(), type=Release, dec_hook=_decode_path)
    except (OSError, msgspec.DecodeError) as error:
        raise CourseError(
            f"{path} is missing or damaged ({error}); copy it again from the release of the course."
        ) from error


def _decode_path(kind: type, value: object) -> object:
    if kind is not Path or not isinstance(value, str):
        raise TypeError(f"{kind.__name__} is not a type of handgrad.json")
    relative = Path(value)
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError("folders are relative to the release")
    return relative
