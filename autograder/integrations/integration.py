"""What an outside tool brings to the commands.

The commands' help lists the formats, so neither this module nor an ``entry.py`` imports what it
takes to make one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.release import ReleaseFormat
from autograder.report import ReportFormat
from autograder.submissions import Platform

if TYPE_CHECKING:
    from autograder.course import Unit
    from autograder.results import Result


@dataclass(frozen=True)
class Gradebook:
    """A gradebook that grades can be entered into while a class is graded.

    Attributes:
        tool: whose it is.
        example: an address that it takes.
        accepts: whether an address is one of its own.
        enter: enters results at an address; returns what it did, one sentence each.
    """

    tool: str
    example: str
    accepts: Callable[[str], bool]
    enter: Callable[[str, Sequence[Result]], list[str]]


@dataclass(frozen=True)
class Annotator:
    """A CI system that shows a student's check at the lines of the files, and as a summary.

    Attributes:
        name: as in ``autograder check --annotate``.
        around: of a unit, its result and the course's folder: what to be in while the check is
            printed.
        summarise: is given all results at the end.
    """

    name: str
    around: Callable[[Unit, Result, Path], AbstractContextManager[None]]
    summarise: Callable[[Sequence[Result]], None]


@dataclass(frozen=True)
class Integration:
    """Everything that the commands know of one outside tool.

    Attributes:
        name: the tool, in its own spelling.
        releases: what it is given: formats of ``autograder release``.
        reports: what it is sent back: formats of ``autograder report``.
        platform: how it hands over a class; None if nothing is downloaded from it.
        gradebook: that grades can be entered into; None for none.
        annotators: CI systems that show a check.
    """

    name: str
    releases: tuple[ReleaseFormat, ...] = ()
    reports: tuple[ReportFormat, ...] = ()
    platform: Platform | None = None
    gradebook: Gradebook | None = None
    annotators: tuple[Annotator, ...] = ()
