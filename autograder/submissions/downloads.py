"""File names that learning platforms make when a teacher downloads all submissions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from autograder.integrations.gradescope.listing import iso

_CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<id>\d+)_(?:\d+_(?P<file>.+)|(?:text|link)\.html?)"
)
_CANVAS_ANONYMOUS = re.compile(
    r"anon_(?P<late>LATE_)?(?P<id>[A-Za-z0-9]{5})_(?:\d+_(?P<file>.+)|(?:text|link)\.html?)"
)
_RESUBMITTED = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,3})(?P<ending>\.[A-Za-z0-9.]+)")
_MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<file>.*))?"
)
_ATTEMPT = re.compile(r"(?:attempt|submission)[-_ ]?(\d{1,4})", re.IGNORECASE)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T_ ](\d\d)[-:.h]?(\d\d)(?:[-:.m]?(\d\d))?)?Z?")


@dataclass(frozen=True)
class Arrived:
    """What a platform's name says.

    Attributes:
        student: the platform's identifier of the student.
        name: the name to display.
        file: what the student called it; ``""`` for a folder or a text typed into the platform.
        late: what the name says; None if such names say nothing.
        version: 0, or N of the ``-N`` that Canvas adds to a file handed in again.
        base: ``file`` without that ``-N``.
    """

    student: str
    name: str
    file: str
    late: bool | None = None
    version: int = 0
    base: str = ""


def canvas(name: str) -> Arrived | None:
    """What a name in a Canvas download says.

    Example:
        >>> arrived = canvas("doejane_LATE_12345_678901_layers-2.py")
        >>> arrived.student, arrived.late, arrived.version, arrived.base
        ('12345', True, 2, 'layers.py')
    """
    match = _CANVAS_ANONYMOUS.fullmatch(name) or _CANVAS.fullmatch(name)
    if not match:
        return None
    file = match["file"] or ""
    again = _RESUBMITTED.fullmatch(file)
    return Arrived(
        student=match["id"],
        name=match.groupdict().get("name") or "",
        file=file,
        late=match["late"] is not None,
        version=int(again["number"]) if again else 0,
        base=again["stem"] + again["ending"] if again else file,
    )


def moodle(name: str) -> Arrived | None:
    """What a name in a Moodle download says, with or without folders.

    Example:
        >>> moodle("Jane Doe_12345_assignsubmission_file_layers.py").file
        'layers.py'
    """
    match = _MOODLE.fullmatch(name)
    if not match:
        return None
    file = match["file"] or ""
    return Arrived(match["id"], match["name"], "" if match["kind"] == "onlinetext" else file)


def attempt_folder(name: str) -> tuple[str | None, int] | None:
    """(time, number) of a folder or archive of one attempt inside a student's folder.

    Example:
        >>> attempt_folder("attempt_2"), attempt_folder("2026-10-01T12-00"), attempt_folder("hw")
        ((None, 2), ('2026-10-01T12:00:00', 0), None)
    """
    numbered = _ATTEMPT.fullmatch(name)
    if numbered:
        return None, int(numbered[1])
    when = timestamp(name)
    return (when, 0) if when else None


def split_attempt(name: str) -> tuple[str, str | None, int]:
    """Student, time and number of a name such as ``alice@2026-10-01T12-00`` or ``alice@2``.

    An ``@`` followed by anything else belongs to the name, as in an email address.

    Example:
        >>> split_attempt("ada@uni.edu@2"), split_attempt("ada@uni.edu")
        (('ada@uni.edu', None, 2), ('ada@uni.edu', None, 0))
    """
    student, at, rest = name.rpartition("@")
    if at and student:
        if re.fullmatch(r"\d{1,4}", rest):
            return student, None, int(rest)
        when = timestamp(rest)
        if when:
            return student, when, 0
    return name, None, 0


def timestamp(text: str) -> str | None:
    """A time as file names can hold it, as ISO 8601; None if it is none."""
    match = _TIME.fullmatch(text)
    if not match:
        return None
    day, hour, minute, second = match.groups()
    return iso(f"{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{'Z' * text.endswith('Z')}")
