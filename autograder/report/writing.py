"""Writing reports: a class's beside its results, any other where it was asked for."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from autograder.report.feedback import feedback_markdown
from autograder.report.grades import grades_csv
from autograder.report.material import Document
from autograder.results import Folder, Result, ResultError, write_atomically

_COLUMNS = 120


def write_reports(folder: Folder) -> None:
    """Write every student's feedback, and grades.csv, of the results in a folder.

    Raises:
        ResultError: one cannot be read.
    """
    told = _with_feedback(folder, folder.each_result(), dt.datetime.now(dt.UTC))
    write_atomically(folder.path / "grades.csv", grades_csv(told).encode("utf-8"))


def write_feedback(folder: Folder, results: Iterable[Result], now: dt.datetime) -> None:
    """Write every student's feedback, as it may be read from `now` on."""
    for _ in _with_feedback(folder, results, now):
        pass


def _with_feedback(folder: Folder, results: Iterable[Result], now: dt.datetime) -> Iterator[Result]:
    """The same results, each as soon as its feedback is written."""
    for result in results:
        text = feedback_markdown(result, now).encode("utf-8")
        write_atomically(folder.feedback_file(result.unit, result.student), text)
        yield result


def write_document(document: Document, file: Path) -> None:
    """Write a report to a file, whole or not at all; nothing if the format has done it itself.

    Raises:
        ResultError: nothing can be written there.
    """
    content = document.content
    if content is None and document.view is not None:
        page = io.StringIO()
        Console(file=page, width=_COLUMNS, color_system=None).print(document.view)
        content = page.getvalue().encode("utf-8")
    if content is None:
        return
    if file.is_dir():
        raise ResultError(f"{file} is a folder. Name the file to write.")
    try:
        write_atomically(file, content)
    except OSError as error:
        raise ResultError(f"{file} cannot be written ({error.strerror}).") from None
