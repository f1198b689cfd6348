"""The forms that a course can be released in.

This room knows one, the folder that students work in. Every outside tool brings its own, in its
room of `autograder.integrations`. Importing this module imports no other: the help of
`autograder release` lists the formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ReleaseFormat:
    """One form of a release.

    Attributes:
        name: as in ``--format``.
        what: what it is for, in a few words.
        write: makes it of the course's folder, in the folder to write, for the units wanted (none:
            all); returns what it did, one sentence each.
    """

    name: str
    what: str
    write: Callable[[Path, Path, Sequence[str]], list[str]]


def _folder(root: Path, out: Path, units: Sequence[str]) -> list[str]:
    from autograder.release.folder import ASSIGNMENTS
    from autograder.release.publish import release

    generated = out.resolve() == (root / ASSIGNMENTS).resolve()
    return release(root, out, wheel=not generated, only=units).sentences()


FOLDER = ReleaseFormat("folder", "what students work in", _folder)


def make_release(
    formats: Iterable[ReleaseFormat], name: str, root: Path, out: Path | None, units: Sequence[str]
) -> list[str]:
    """Release a course in a format.

    Args:
        formats: those there are.
        name: of one of them.
        root: the course's folder, which holds ``solutions/``.
        out: the folder to write; None means ``assignments/``, which is of the format ``folder``.
        units: the names of the units wanted; none means all.

    Returns:
        What was done, one sentence each.

    Raises:
        CourseError: there is no such format, it needs a folder, or the course cannot be released.
    """
    from autograder.course import CourseError
    from autograder.release.folder import ASSIGNMENTS

    known = {format.name: format for format in formats}
    if name not in known:
        raise CourseError(
            f"There is no format {name!r} of a release; the formats are {', '.join(known)}."
        )
    if out is None and name != FOLDER.name:
        raise CourseError(
            f"Name the folder to write: autograder release FOLDER --format {name}. Only the format "
            f"folder has a place of its own, {ASSIGNMENTS}/."
        )
    return known[name].write(root, out or root / ASSIGNMENTS, units)
