"""File and folder names of a download of all submissions from Moodle."""

from __future__ import annotations

import re

from autograder.submissions import Arrived

_MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<file>.*))?"
)


def moodle_name(name: str, folder: bool = False) -> Arrived | None:
    """What a name in a Moodle download says, with or without folders.

    Example:
        >>> moodle_name("Jane Doe_12345_assignsubmission_file_layers.py").file
        'layers.py'
    """
    match = _MOODLE.fullmatch(name)
    if not match:
        return None
    file = match["file"] or ""
    return Arrived(match["id"], match["name"], "" if match["kind"] == "onlinetext" else file)
