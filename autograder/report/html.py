"""The class at a glance as one HTML page, for staff.

The page is one file and asks for nothing: its style and pictures are in it, it has no script, and
its policy forbids the browser to load or run anything else, whatever a student wrote.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from autograder.report.overview import class_overview
from autograder.report.words import (
    CATEGORIES,
    STATUS,
    building_on,
    lateness_told,
    mark_text,
    points_text,
    printable,
)
from autograder.results import Result

_CUT = 4000


def class_page(results: Sequence[Result], waiting: Sequence[Result], now: dt.datetime) -> bytes:
    """The page.

    Args:
        results: that count, of any number of units.
        waiting: lower ones of a regrade, which wait to be accepted.
        now: the moment of the report.

    Raises:
        ModuleNotFoundError: jinja2 is not installed.
    """
    import jinja2
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        # Markup is what the template itself has made; everything else came from outside.
        return (
            printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        )

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    environment.filters |= {
        "points": points_text,
        "cut": _cut,
        "category": lambda name: CATEGORIES.get(name, name),
    }
    style = _resource("class.css")
    students = sorted({result.student for result in results})
    page = environment.from_string(_resource("class.html.jinja")).render(
        style=Markup(style),
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        units=class_overview(results, waiting),
        students=[
            (student, [result for result in results if result.student == student])
            for student in students
        ],
        anchors={student: f"student-{number}" for number, student in enumerate(students, 1)},
        names={result.student: result.name or result.student for result in results},
        written=now.strftime("%Y-%m-%d %H:%M %Z"),
        status=STATUS,
        total=mark_text,
        building_on=building_on,
        lateness_told=lateness_told,
    )
    return page.encode("utf-8", errors="replace")


def _resource(name: str) -> str:
    return (files("autograder.report") / name).read_text(encoding="utf-8")


def _cut(text: str) -> str:
    """Text whose end does not matter to the reader."""
    return text if len(text) <= _CUT else f"{text[:_CUT]} ... ({len(text) - _CUT} more characters)"
