"""The formats of `autograder report`: each has a name, a sentence, and a function that writes it.

A format that needs a library of its own imports it when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from autograder.results.files import ResultError
from autograder.results.files import to_json
from autograder.report.grades import grades_csv
from autograder.report.material import Document, Material


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: as in ``--format``.
        what: what it is for, in a few words.
        write: makes the report.
    """

    name: str
    what: str
    write: Callable[[Material], Document]


def _terminal(material: Material) -> Document:
    from autograder.report.terminal import class_table

    return Document(view=class_table(material.results))


def _json(material: Material) -> Document:
    joined = b",".join(to_json(result) for result in material.results)
    return Document(msgspec.json.format(b"[" + joined + b"]", indent=2) + b"\n")


def _csv(material: Material) -> Document:
    return Document(grades_csv(material.results).encode("utf-8"))


def _feedback(material: Material) -> Document:
    from autograder.report.feedback import feedback
    from autograder.report.writing import write_feedback

    if material.folder is None:
        return Document(feedback(material.results[0], material.now).encode("utf-8"))
    if material.out is not None:
        raise ResultError("The feedback of a class goes to RESULTS/feedback: leave --out away.")
    write_feedback(material.folder, material.results, material.now)
    place = material.folder.path / "feedback"
    return Document(notes=(f"The feedback of {len(material.results)} results is in {place}.",))


def _gradescope(material: Material) -> Document:
    from autograder.integrations.gradescope.reporting import gradescope

    return gradescope(material)


def _changes(material: Material) -> Document:
    from autograder.classroom.regrading import changes
    from autograder.report.changes import changes_table

    folder = material.folder
    before = folder.previous() if folder else None
    if folder is None or before is None:
        raise ResultError(
            "There is nothing to compare with: `autograder grade --regrade` keeps the results that "
            "it replaces. Name its OUT."
        )
    units = {result.unit for result in material.results}
    found = changes(
        (r for r in before.results() if r.unit in units),
        material.results,
        (r for r in folder.waiting() if r.unit in units),
    )
    return Document(view=changes_table(found) if found else "Nothing changed.")


def _html(material: Material) -> Document:
    from autograder.report.html import html

    waiting = material.folder.waiting() if material.folder else []
    return Document(html(material.results, waiting, material.now))


def _junit(material: Material) -> Document:
    from autograder.report.junit import junit

    return Document(junit(material.results, material.now, staff=material.staff))


def _canvas(material: Material) -> Document:
    from autograder.integrations.canvas.gradebook import canvas

    return canvas(material)


def _moodle(material: Material) -> Document:
    from autograder.integrations.moodle.worksheet import moodle

    return moodle(material)


def _nbgrader(material: Material) -> Document:
    from autograder.integrations.nbgrader.gradebook import database_url, write_gradebook

    if material.out is None:
        raise ResultError(
            "Name the gradebook with --out, e.g. --out gradebook.db; it may hold grades already."
        )
    return Document(notes=tuple(write_gradebook(database_url(str(material.out)), material.results)))


def _github(material: Material) -> Document:
    from autograder.integrations.ci.summaries import class_summary

    return Document(class_summary(material.results).encode("utf-8"))


FORMATS = {
    format.name: format
    for format in (
        Format("terminal", "a table of the class", _terminal),
        Format("json", "all results as one list, for programs", _json),
        Format("csv", "one row for each student and unit, for a spreadsheet", _csv),
        Format("changes", "what grading again changed, and what waits for it", _changes),
        Format("html", "the class at a glance: one page, for staff", _html),
        Format("junit", "tests for CI systems, with points as properties", _junit),
        Format("canvas", "the gradebook of Canvas, filled in", _canvas),
        Format("moodle", "a grading worksheet of Moodle, filled in", _moodle),
        Format("nbgrader", "a gradebook of nbgrader, which may hold other grades", _nbgrader),
        Format("feedback", "what students may know now, in RESULTS/feedback", _feedback),
        Format("github", "a job summary in Markdown, for staff", _github),
        Format("gradescope", "a results.json for each submission", _gradescope),
    )
}


def find_format(name: str) -> Format:
    """The format of that name.

    Raises:
        ResultError: there is none; the text lists those there are.
    """
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise ResultError(f"There is no format {name!r}; the formats are {known}.")
    return FORMATS[name]
