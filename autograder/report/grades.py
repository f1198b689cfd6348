"""Results as a table that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from autograder.results.records import Result
from autograder.report.sheet import harmless
from autograder.report.words import visible


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
                cell(r.student),
                cell(r.name),
                r.unit,
                "" if r.points is None else f"{r.points:g}",
                f"{r.max_points:g}",
                f"{r.pending:g}",
                r.status,
                r.attempt,
                cell(r.message),
                r.days_late,
                f"{r.penalty:g}",
                "" if r.mark is None else f"{r.mark:g}",
            ]
        )
    return out.getvalue()


def cell(text: str) -> str:
    return harmless(visible(text), numbers=False)
