"""One submission whose owner is known: everything at a path, whatever it is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.submissions.records import Attempt, Piece, RecognisedUnit, Unreadable
from autograder.submissions.text import clean


def single_submission(path: Path, student: str, units: Sequence[RecognisedUnit]) -> Attempt:
    """The attempt that a folder, archive, module or notebook is.

    Where a platform hands over one student's files at a time, names say nothing: a folder with two
    modules is not a class of two.

    Args:
        path: where the submission lies.
        student: whose it is.
        units: all units of the course.

    Raises:
        Unreadable: there is nothing at `path`.
    """
    if not path.exists():
        raise Unreadable(f"There is nothing at {clean(str(path), 300)}. Check the path.")
    place = path.resolve()
    return Attempt(
        student=student,
        name="",
        label=clean(place.name),
        when=None,
        number=1,
        late=None,
        path=place,
        pieces=(Piece(place, called=place.name),),
        modules=tuple(unit.module for unit in units),
    )
