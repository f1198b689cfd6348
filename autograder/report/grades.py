"""Results as a table that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from autograder.report.sheet import harmless
from autograder.report.words import printable
from autograder.results import Result


def grades_csv(results: Iterable[Result]) -> str:
    """The results as a table for a spreadsheet: one row for each student and unit.

    ``mark`` is ``points`` less ``penalty``, the share of them that lateness costs.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            *("student", "name", "unit", "points", "max_points", "open", "status", "attempt"),
            *("message", "days_late", "penalty", "mark"),
        ]
    )
    for r in results:
        writer.writerow(
            [
                harmless_cell(r.student),
                harmless_cell(r.name),
                r.unit,
                "" if r.points is None else f"{r.points:g}",
                f"{r.max_points:g}",
                f"{r.pending:g}",
                r.status,
                r.attempt,
                harmless_cell(r.message),
                r.days_late,
                f"{r.penalty:g}",
                "" if r.mark is None else f"{r.mark:g}",
            ]
        )
    return out.getvalue()


def harmless_cell(text: str) -> str:
    return harmless(printable(text), numbers=False)
