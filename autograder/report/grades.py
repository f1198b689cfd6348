"""Results as a table that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from autograder.grading.results import Result
from autograder.report.words import visible


def grades_csv(results: Iterable[Result]) -> str:
    """The results as a table for a spreadsheet: one row for each student and unit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["student", "name", "unit", "points", "max_points", "open", "status", "attempt", "message"]
    )
    for r in results:
        writer.writerow(
            [
                _cell(r.student),
                _cell(r.name),
                r.unit,
                "" if r.points is None else f"{r.points:g}",
                f"{r.max_points:g}",
                f"{r.pending:g}",
                r.status,
                r.attempt,
                _cell(r.message),
            ]
        )
    return out.getvalue()


def _cell(text: str) -> str:
    """A spreadsheet takes a cell that begins like this for a formula."""
    text = visible(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text
