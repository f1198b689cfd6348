"""Writing a class's reports beside its results."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.grading.classroom import Folder
from autograder.grading.results import Result, write_atomically
from autograder.report.feedback import feedback
from autograder.report.grades import grades_csv


def write_reports(folder: Folder, results: Sequence[Result]) -> None:
    """Write every student's feedback, and grades.csv."""
    for result in results:
        text = feedback(result).encode("utf-8")
        write_atomically(folder.feedback_file(result.unit, result.student), text)
    table = grades_csv(results).encode("utf-8")
    write_atomically(folder.path / "grades.csv", table)
