"""Moodle: marks into the offline grading worksheet of one assignment.

The worksheet has a row for each participant: ``Identifier`` (``Participant 123``, where 123 is the
number in the folders of the download), the names, ``Grade``, ``Maximum grade``, ``Last modified
(grade)``. All titles and the word before the number are in the language of whoever downloads, so
columns are known by what is in them. Moodle finds the row by the identifier and enters the grade.
Source: https://github.com/moodle/moodle, ``mod/assign/feedback/offline/importgradeslib.php``.
"""

from __future__ import annotations

import re

from autograder.report import (
    Document,
    MatchingKey,
    Material,
    Sheet,
    casefolded,
    cell_number,
    fill_rows,
    name_words,
    read_roster,
    requested_title,
    results_by_unit,
    scale_factor,
)
from autograder.results import ResultError

_IDENTIFIER = re.compile(r"[^\d\s][^\d]*(?P<number>\d+)")


def fill_worksheet(material: Material) -> Document:
    """The worksheet with its marks filled in.

    Args:
        material: of one unit; its roster is the downloaded worksheet.

    Raises:
        ResultError: there is no roster, it is no worksheet, or there are several units.
    """
    sheet = read_roster(material, "moodle", "Moodle (Download grading worksheet)")
    units = results_by_unit(material)
    if len(units) != 1:
        raise ResultError(
            "A worksheet of Moodle is of one assignment: say with --unit which of "
            f"{', '.join(units)} it is for."
        )
    [(unit, results)] = units.items()
    students = [row for row in sheet.rows if _IDENTIFIER.fullmatch(sheet.cell(row, 0))]
    if not students:
        raise ResultError(
            f"{material.roster} is not a grading worksheet of Moodle: its first column must hold "
            "identifiers such as 'Participant 123'. Download the worksheet again."
        )
    column = _grade_column(sheet, students, requested_title(material, unit))
    worth = _maximum(sheet, students, column + 1)
    keys = [MatchingKey((0,), _number), *(MatchingKey((c,), casefolded) for c in range(1, column))]
    keys += [MatchingKey((c,), name_words, names=True) for c in range(1, column)]
    factor = scale_factor(material, unit, results, worth, sheet.header[column].strip())
    filled = fill_rows(results, sheet, students, keys, column, factor)
    return Document(sheet.to_bytes(), notes=tuple(filled.notes))


def _number(text: str) -> str:
    """The participant's number, with or without the word before it."""
    match = _IDENTIFIER.fullmatch(text.strip())
    return match["number"] if match else text.strip()


def _grade_column(sheet: Sheet, students: list[list[str]], asked: str) -> int:
    """The column before the one that holds the same maximum in every row."""
    titles = [title.strip().casefold() for title in sheet.header]
    wanted = [c for c, title in enumerate(titles) if title == (asked or "grade").casefold()]
    if len(wanted) == 1 and wanted[0] > 0:
        return wanted[0]
    before_maximum = [
        column
        for column in range(1, len(sheet.header) - 1)
        if _maximum(sheet, students, column + 1) is not None
        and all(
            not sheet.cell(row, column) or cell_number(sheet.cell(row, column)) is not None
            for row in students
        )
    ]
    if asked or len(before_maximum) != 1:
        names = ", ".join(repr(title.strip()) for title in sheet.header)
        raise ResultError(
            f"Which column is for the grade? Name one of {names} with --column TITLE."
        )
    return before_maximum[0]


def _maximum(sheet: Sheet, students: list[list[str]], column: int) -> float | None:
    """The number that a column holds in every row; None if it does not."""
    found = {cell_number(sheet.cell(row, column)) for row in students}
    [only] = found if len(found) == 1 else [None]
    return only if only and only > 0 else None
