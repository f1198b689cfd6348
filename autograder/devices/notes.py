"""Where a student's code leaves the device: legal, slow, and worth knowing."""

from __future__ import annotations

import sys
from collections.abc import Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A line that makes the CPU wait for the device, and copies from it.

    Attributes:
        kind: ``"cpu"``, ``"item"``, ``"tolist"``, ``"bool"``, ``"int"`` or ``"float"``.
        file: the student's file.
        line: the line in it, from 1.
    """

    kind: str
    file: str
    line: int


class Notebook:
    """Collects notes on the lines of given files.

    Args:
        files: names of the files, as tracebacks show them; may grow later.
    """

    def __init__(self, files: Set[str]) -> None:
        self._files = files
        self._notes: dict[Note, None] = {}

    def write(self, kind: str) -> None:
        """Note the innermost line of the files that is being run, if there is one."""
        frame = sys._getframe(1)
        while frame.f_code.co_filename not in self._files:
            if frame.f_back is None:
                return
            frame = frame.f_back
        self._notes.setdefault(Note(kind, frame.f_code.co_filename, frame.f_lineno))

    def notes(self) -> list[Note]:
        """Each kind and line once, in order of appearance."""
        return list(self._notes)

    def clear(self) -> None:
        """Forget them."""
        self._notes.clear()
