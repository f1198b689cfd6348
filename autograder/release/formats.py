"""The forms that a course can be released in, by name.

A format is a function of the course's folder, the folder to write and the units wanted (none: all).
It writes, and returns what it did, one sentence each. What only one format needs is imported when
that format is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from autograder.course.declarations import CourseError
from autograder.release.publish import ASSIGNMENTS, release

Format = Callable[[Path, Path, Sequence[str]], list[str]]


def folder(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """The folder that students work in: `autograder.release.publish`."""
    generated = out.resolve() == (root / ASSIGNMENTS).resolve()
    return release(root, out, wheel=not generated, only=units).sentences()


def nbgrader(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """A course of nbgrader: `autograder.integrations.nbgrader.course_tree`."""
    from autograder.integrations.nbgrader.course_tree import write_course

    return write_course(root, out, units)


def gradescope(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """Zips for Gradescope: `autograder.integrations.gradescope.zips`."""
    from autograder.integrations.gradescope.zips import gradescope

    return gradescope(root, out, units)


def otter(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """Assignments of otter-grader: `autograder.integrations.otter.assignments`."""
    from autograder.integrations.otter.assignments import otter

    return otter(root, out, units)


def github(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """Repositories for GitHub Actions: `autograder.integrations.ci.repositories`."""
    from autograder.integrations.ci.repositories import repositories

    return repositories("github", root, out, units)


def gitlab(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    """Repositories for GitLab CI: `autograder.integrations.ci.repositories`."""
    from autograder.integrations.ci.repositories import repositories

    return repositories("gitlab", root, out, units)


FORMATS: dict[str, Format] = {
    "folder": folder,
    "nbgrader": nbgrader,
    "gradescope": gradescope,
    "otter": otter,
    "github": github,
    "gitlab": gitlab,
}


def make_release(name: str, root: Path, out: Path | None, units: Sequence[str]) -> list[str]:
    """Release a course in a format.

    Args:
        name: one of `FORMATS`.
        root: the course's folder, which holds ``solutions/``.
        out: the folder to write; None means ``assignments/``, which is of the format ``folder``.
        units: the names of the units wanted; none means all.

    Returns:
        What was done, one sentence each.

    Raises:
        CourseError: there is no such format, it needs a folder, or the course cannot be released.
    """
    if name not in FORMATS:
        raise CourseError(
            f"There is no format {name!r} of a release; the formats are {', '.join(FORMATS)}."
        )
    if out is None and name != "folder":
        raise CourseError(
            f"Name the folder to write: autograder release FOLDER --format {name}. Only the format "
            f"folder has a place of its own, {ASSIGNMENTS}/."
        )
    return FORMATS[name](root, out or root / ASSIGNMENTS, units)
