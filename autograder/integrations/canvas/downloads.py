"""File names of a download of all submissions from Canvas."""

from __future__ import annotations

import re

from autograder.submissions import Arrived

_CANVAS = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<id>\d+)_(?:\d+_(?P<file>.+)|(?:text|link)\.html?)"
)
_CANVAS_ANONYMOUS = re.compile(
    r"anon_(?P<late>LATE_)?(?P<id>[A-Za-z0-9]{5})_(?:\d+_(?P<file>.+)|(?:text|link)\.html?)"
)
_RESUBMITTED = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,3})(?P<ending>\.[A-Za-z0-9.]+)")


def canvas_name(name: str, folder: bool = False) -> Arrived | None:
    """What a name in a Canvas download says.

    Example:
        >>> arrived = canvas_name("doejane_LATE_12345_678901_layers-2.py")
        >>> arrived.student, arrived.late, arrived.version, arrived.base
        ('12345', True, 2, 'layers.py')
    """
    if folder or "_assignsubmission_" in name:  # the latter is Moodle's
        return None
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
