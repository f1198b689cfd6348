"""The outside tools there are: each folder of this room that holds ``entry.py``."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Sequence
from pathlib import Path

from autograder.integrations.integration import Annotator, Gradebook, Integration
from autograder.release import FOLDER, ReleaseFormat
from autograder.report import FORMATS, ReportFormat
from autograder.submissions import Platform


@functools.cache
def integrations() -> tuple[Integration, ...]:
    """What every tool brings, in the order of the names of their folders."""
    found = sorted(entry.parent.name for entry in Path(__file__).parent.glob("*/entry.py"))
    modules = (importlib.import_module(f"autograder.integrations.{name}.entry") for name in found)
    return tuple(module.INTEGRATION for module in modules)


def release_formats() -> Sequence[ReleaseFormat]:
    """The formats of ``autograder release``."""
    return [FOLDER, *(format for tool in integrations() for format in tool.releases)]


def report_formats() -> Sequence[ReportFormat]:
    """The formats of ``autograder report``."""
    return [*FORMATS, *(format for tool in integrations() for format in tool.reports)]


def platforms() -> Sequence[Platform]:
    """How tools hand over a class that is downloaded; the first that knows a name wins."""
    return [tool.platform for tool in integrations() if tool.platform is not None]


def gradebooks() -> Sequence[Gradebook]:
    """The gradebooks that grades can be entered into."""
    return [tool.gradebook for tool in integrations() if tool.gradebook is not None]


def annotators() -> Sequence[Annotator]:
    """The CI systems that show a check at the lines of the files."""
    return [annotator for tool in integrations() for annotator in tool.annotators]
