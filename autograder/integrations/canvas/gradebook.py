"""Canvas: marks into the gradebook that Canvas exports, to be imported there again.

The identity columns (``Student`` or ``LastName``, ``FirstName``; ``ID``, ``SIS User ID``,
``SIS Login ID``, ..., ``Section``) are Canvas's own and stay as they are. Columns of the teacher's
own follow, then assignments, titled ``Name (id)``, then totals. Rows without an ID are no students:
``Points Possible``, and the posting policy above it. Canvas finds a student by the ID, then by the
SIS IDs, then by the name. Source: https://github.com/instructure/canvas-lms,
``lib/gradebook_importer.rb`` and ``lib/gradebook_exporter.rb``.
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
    find_column,
    name_words,
    read_roster,
    requested_title,
    results_by_unit,
    scale_factor,
)
from autograder.results import Result, ResultError

_TITLE = re.compile(r"(?P<name>.*?)\s*\((?P<id>\d+)\)\s*")
_TOTAL = re.compile(r"\b(Current|Final|Override) (Score|Points|Grade|Status)\b")


def fill_gradebook(material: Material) -> Document:
    """The gradebook with one column for each unit filled in.

    Args:
        material: its roster is the exported gradebook. A unit without a column gets a new one,
            which Canvas offers to make an assignment.

    Raises:
        ResultError: there is no roster, it is not Canvas's, or a column is not clear.
    """
    sheet = read_roster(material, "canvas", "Canvas (Grades, Export)")
    identity = {title.strip(): number for number, title in enumerate(sheet.header)}
    name = _name_columns(identity)
    if not name or "ID" not in identity or "Section" not in identity:
        raise ResultError(
            f"{material.roster} is not a gradebook of Canvas: it must begin with the columns "
            "Student, ID and end its identity columns with Section. Export it again."
        )
    number = identity["ID"]
    students = [row for row in sheet.rows if sheet.cell(row, number)]
    keys = [
        MatchingKey((identity[title],), casefolded)
        for title in ("ID", "SIS User ID", "SIS Login ID", "Integration ID")
        if title in identity
    ]
    keys.append(MatchingKey(name, name_words, names=True))
    notes: list[str] = []
    for unit, results in results_by_unit(material).items():
        column, new = _column(material, sheet, unit, results, identity["Section"] + 1)
        if new:
            notes.append(
                f"There was no column for {unit}: one was added, and Canvas will ask whether to "
                "make it a new assignment. Name an existing one with --column."
            )
        possible = _possible(sheet, number)
        worth = cell_number(sheet.cell(possible, column)) if possible else None
        factor = scale_factor(material, unit, results, worth, sheet.header[column].strip())
        notes += fill_rows(results, sheet, students, keys, column, factor).notes
    return Document(sheet.to_bytes(), notes=tuple(notes))


def _name_columns(identity: dict[str, int]) -> tuple[int, ...]:
    if "Student" in identity:
        return (identity["Student"],)
    if "LastName" in identity and "FirstName" in identity:
        return (identity["LastName"], identity["FirstName"])
    return ()


def _possible(sheet: Sheet, number: int) -> list[str] | None:
    """The row of points possible: no student, and numbers in it."""
    for row in sheet.rows[:5]:
        if not sheet.cell(row, number) and any(cell_number(cell) is not None for cell in row):
            return row
    return None


def _column(
    material: Material, sheet: Sheet, unit: str, results: list[Result], first: int
) -> tuple[int, bool]:
    """The column of a unit, and whether it is new.

    Without a number in its title, a column is the teacher's own, unless it is called like the unit:
    then it is one that was made here before.
    """
    titles: dict[int, str] = {}
    for column, title in enumerate(sheet.header):
        match = _TITLE.fullmatch(title)
        if column >= first and not _TOTAL.search(title) and (match or title.strip() == unit):
            titles[column] = match["name"] if match else unit
    found = find_column(sheet, titles, unit, requested_title(material, unit))
    if found is not None:
        return found, False
    totals = [c for c, title in enumerate(sheet.header) if c >= first and _TOTAL.search(title)]
    end = max(titles) + 1 if titles else min(totals, default=len(sheet.header))
    sheet.insert(end, unit)
    number = sheet.header.index("ID")
    possible = _possible(sheet, number) or _points_row(sheet)
    sheet.put(possible, end, sheet.number(results[0].max_points))
    return end, True


def _points_row(sheet: Sheet) -> list[str]:
    row = next((r for r in sheet.rows[:5] if r and r[0].startswith("    ")), None)
    if row is None:
        row = ["    Points Possible"]
        sheet.rows.insert(0, row)
    return row
