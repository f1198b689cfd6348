"""Results into the rows of a gradebook: whose is which, and what goes into a cell.

Nothing is guessed. What fits no row, or more than one, is left out and told.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from autograder.report.sheet import Sheet, cell_number
from autograder.report.words import points_text, printable
from autograder.results import Result

EXCUSED = "EX"
UNASSIGNED = "N/A"
_NAMED = 8


@dataclass(frozen=True)
class MatchingKey:
    """One way to recognise a student.

    Attributes:
        columns: of the gradebook; several for a name in parts.
        form: brings a cell to the form in which it is compared with the student's id.
        names: compare with the student's name instead, or with an id that is a name.
    """

    columns: tuple[int, ...]
    form: Callable[[str], str]
    names: bool = False

    def found(self, sheet: Sheet, row: list[str]) -> str:
        """What a row says."""
        return self.form(" ".join(sheet.cell(row, column) for column in self.columns))

    def said(self, result: Result) -> set[str]:
        """What the cell of a student may hold."""
        if not self.names:
            return {casefolded(result.student)} - {""}
        return {self.form(result.name), self.form(result.student)} - {""}


@dataclass
class Filled:
    """What came of filling in a gradebook, in sentences.

    Attributes:
        written: how many cells were filled in.
        notes: what the person at the keyboard must know.
    """

    written: int = 0
    notes: list[str] = field(default_factory=list)


def casefolded(text: str) -> str:
    """For ids and addresses: case and the spaces around them do not matter."""
    return text.strip().removeprefix("'").casefold()


def name_words(text: str) -> str:
    """For names: the words in alphabetical order, without accents and punctuation.

    Example:
        >>> name_words("Lovelace, Ada") == name_words("ada LOVELACE"), name_words("Gödel, Kurt")
        (True, 'godel kurt')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(sorted(re.findall(r"[^\W_]+", plain)))


def find_row(
    result: Result, sheet: Sheet, rows: Sequence[list[str]], keys: Sequence[MatchingKey]
) -> list[str] | str:
    """The row of a student, or the sentence why there is none.

    Args:
        result: whose.
        sheet: the gradebook.
        rows: its rows that are students.
        keys: tried in order; the first that fits any row decides.
    """
    for key in keys:
        said = key.said(result)
        fitting = [row for row in rows if key.found(sheet, row) in said]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            title = " ".join(sheet.header[column].strip() for column in key.columns)
            return f"{who(result)} fits {len(fitting)} rows by {title}: enter it by hand."
    return f"{who(result)} is not in the gradebook."


def fill_rows(
    results: Iterable[Result],
    sheet: Sheet,
    rows: Sequence[list[str]],
    keys: Sequence[MatchingKey],
    column: int,
    factor: float = 1.0,
) -> Filled:
    """Fill in the marks of one unit.

    A mark that waits for a person is not entered. Whoever is excused stays so, and whoever the work
    is not assigned to, whose mark Canvas would drop. A row without a result stays as it was.

    Args:
        results: of the unit.
        sheet: the gradebook.
        rows: its rows that are students.
        keys: how to recognise them.
        column: for the marks.
        factor: of the gradebook's points to the unit's.
    """
    filled = Filled()
    placed: dict[int, list[Result]] = {}
    for result in results:
        row = find_row(result, sheet, rows, keys)
        if isinstance(row, str):
            filled.notes.append(f"{row} {_worth(result)}")
        else:
            placed.setdefault(id(row), []).append(result)
    lowered: list[str] = []
    waiting: list[str] = []
    for row in rows:
        here = placed.get(id(row), [])
        before = sheet.cell(row, column)
        if problem := _why_not(here, before):
            filled.notes.append(problem)
        elif here and (here[0].mark is None or here[0].pending):
            waiting.append(who(here[0]))
        elif here and here[0].mark is not None:
            mark = round(here[0].mark * factor, 2)
            known = cell_number(before)
            if known is not None and mark < known:
                lowered.append(f"{who(here[0])} ({points_text(known)} to {points_text(mark)})")
            sheet.put(row, column, sheet.number(mark))
            filled.written += 1
    title = sheet.header[column].strip()
    filled.notes.insert(0, f"{title}: {filled.written} marks entered.")
    if bare := sum(id(row) not in placed for row in rows):
        filled.notes.append(f"{title}: {bare} rows have no result and stay as they were.")
    if waiting:
        filled.notes.append(
            f"{title}: not entered, since they wait for a person: {_some(waiting)}. See "
            "`autograder resolve`."
        )
    if lowered:
        filled.notes.append(f"{title}: lower than in the gradebook now: {_some(lowered, 50)}.")
    return filled


def _why_not(here: Sequence[Result], before: str) -> str:
    """Why nothing may be entered in a row, in a sentence; empty if something may.

    Args:
        here: the results of whom the row may be.
        before: what stands there.
    """
    if len(here) > 1:
        return f"{' and '.join(who(r) for r in here)} fit the same row: nothing was entered there."
    if here and before.upper() == EXCUSED:
        return f"{who(here[0])} is excused and stays so. {_worth(here[0])}"
    if here and before.upper() == UNASSIGNED:
        return f"The gradebook does not assign this to {who(here[0])}. {_worth(here[0])}"
    return ""


def who(result: Result) -> str:
    """A student by id, and by name where it is known."""
    name = printable(result.name).replace("\n", " ")
    student = printable(result.student).replace("\n", " ")
    return f"{student} ({name})" if name and name != student else student


def _worth(result: Result) -> str:
    if result.mark is None or result.pending:
        return f"The mark in {result.unit} waits for a person."
    return f"The mark in {result.unit} is {points_text(result.mark)}."


def _some(names: Sequence[str], most: int = _NAMED) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
