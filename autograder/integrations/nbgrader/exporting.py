"""`nbgrader export`, with blanks where a mark is not known."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.plugins import ExportPlugin

from autograder.report import harmless_cell

COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


class ExportWithBlanks(ExportPlugin):
    """The columns of nbgrader's own CSV; scores that wait for a person are left blank.

    nbgrader's own exporter writes 0.0 where a grade is not known yet, which a fault of the grader
    and an answer that nobody has read share with an answer that is worth nothing.
    """

    def export(self, gradebook: Any) -> None:
        """Write the file ``--to`` (default: ``grades.csv``)."""
        with Path(self.to or "grades.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for assignment in gradebook.assignments:
                if self.assignment and assignment.name not in map(str, self.assignment):
                    continue
                for student in gradebook.students:
                    if not self.student or student.id in map(str, self.student):
                        writer.writerow(_row(gradebook, assignment, student))


def _row(gradebook: Any, assignment: Any, student: Any) -> dict[str, object]:
    row: dict[str, object] = {
        "assignment": assignment.name,
        "duedate": assignment.duedate or "",
        "student_id": harmless_cell(student.id),
        "last_name": harmless_cell(student.last_name or ""),
        "first_name": harmless_cell(student.first_name or ""),
        "email": harmless_cell(student.email or ""),
        "max_score": assignment.max_score,
    }
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:  # nothing was handed in
        return row | {"raw_score": 0.0, "late_submission_penalty": 0.0, "score": 0.0}
    row["timestamp"] = submission.timestamp or ""
    if submission.needs_manual_grade:
        return row
    penalty = submission.late_submission_penalty or 0.0
    return row | {
        "raw_score": submission.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, submission.score - penalty),
    }
