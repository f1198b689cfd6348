"""The formats of `autograder report`: each has a name, a sentence, and a function that writes it.

Those of outside tools are in `autograder.integrations`. What a format needs is imported when it is
asked for: the help of `autograder report` lists the formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.report.material import Document, Material


@dataclass(frozen=True)
class ReportFormat:
    """One format.

    Attributes:
        name: as in ``--format``.
        what: what it is for, in a few words.
        write: makes the report.
        fills: whether it fills in a gradebook as it was downloaded.
    """

    name: str
    what: str
    write: Callable[[Material], Document]
    fills: bool = False


def _terminal(material: Material) -> Document:
    from autograder.report.material import Document
    from autograder.report.terminal import class_table

    return Document(view=class_table(material.results))


def _json(material: Material) -> Document:
    import msgspec

    from autograder.report.material import Document
    from autograder.results import to_json

    joined = b",".join(to_json(result) for result in material.results)
    return Document(msgspec.json.format(b"[" + joined + b"]", indent=2) + b"\n")


def _csv(material: Material) -> Document:
    from autograder.report.grades import grades_csv
    from autograder.report.material import Document

    return Document(grades_csv(material.results).encode("utf-8"))


def _feedback(material: Material) -> Document:
    from autograder.report.feedback import feedback_markdown
    from autograder.report.material import Document
    from autograder.report.writing import write_feedback
    from autograder.results import ResultError

    if material.folder is None:
        return Document(feedback_markdown(material.results[0], material.now).encode("utf-8"))
    if material.out is not None:
        raise ResultError("The feedback of a class goes to RESULTS/feedback: leave --out away.")
    write_feedback(material.folder, material.results, material.now)
    place = material.folder.path / "feedback"
    return Document(notes=(f"The feedback of {len(material.results)} results is in {place}.",))


def _changes(material: Material) -> Document:
    from autograder.classroom import mark_changes
    from autograder.report.changes import changes_table
    from autograder.report.material import Document
    from autograder.results import ResultError

    folder = material.folder
    before = folder.previous() if folder else None
    if folder is None or before is None:
        raise ResultError(
            "There is nothing to compare with: `autograder grade --regrade` keeps the results that "
            "it replaces. Name its OUT."
        )
    units = {result.unit for result in material.results}
    found = mark_changes(
        (r for r in before.results() if r.unit in units),
        material.results,
        (r for r in folder.waiting() if r.unit in units),
    )
    return Document(view=changes_table(found) if found else "Nothing changed.")


def _html(material: Material) -> Document:
    from autograder.report.html import class_page
    from autograder.report.material import Document

    waiting = material.folder.waiting() if material.folder else []
    return Document(class_page(material.results, waiting, material.now))


def _junit(material: Material) -> Document:
    from autograder.report.junit import junit_xml
    from autograder.report.material import Document

    return Document(junit_xml(material.results, material.now, staff=material.staff))


FORMATS = (
    ReportFormat("terminal", "a table of the class", _terminal),
    ReportFormat("json", "all results as one list, for programs", _json),
    ReportFormat("csv", "one row for each student and unit, for a spreadsheet", _csv),
    ReportFormat("changes", "what grading again changed, and what waits for it", _changes),
    ReportFormat("html", "the class at a glance: one page, for staff", _html),
    ReportFormat("feedback", "what students may know now, in RESULTS/feedback", _feedback),
    ReportFormat("junit", "tests for CI systems, with points as properties", _junit),
)


def find_format(formats: Iterable[ReportFormat], name: str) -> ReportFormat:
    """The format of that name.

    Args:
        formats: those there are.
        name: as in ``--format``.

    Raises:
        ResultError: there is none; the text lists those there are.
    """
    from autograder.results import ResultError

    known = {format.name: format for format in formats}
    if name not in known:
        raise ResultError(f"There is no format {name!r}; the formats are {', '.join(known)}.")
    return known[name]
