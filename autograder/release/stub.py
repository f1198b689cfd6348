"""Solution -> stub: the module of a unit without what students are to find out.

Everything between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, and between
``### BEGIN MARK SCHEME`` and ``### END MARK SCHEME``, is left out. In a function the gap becomes
``raise NotImplementedError``, in an answer's cell an invitation to write; elsewhere nothing is
left.

What a mark does not clearly bound is never released: a mark that is spelled differently, stands
alone or crosses a cell, and an exercise without any mark, are errors.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.course import Cell, CourseError, Unit, functions, parse, place, read_cells

ANSWER = "*Write your answer here.*"
"""What stands in a released cell for an answer."""

_MARK = re.compile(
    r"(?P<indent>\s*)(?:# )?### (?P<end>BEGIN|END) (?P<kind>SOLUTION|MARK SCHEME)\s*"
)
_LOOKS_LIKE_A_MARK = re.compile(r"\b(BEGIN|END)[\s_-]*(SOLUTION|MARK[\s_-]*SCHEME|HIDDEN)", re.I)


@dataclass(frozen=True)
class Region:
    """What stands between two marks.

    Attributes:
        kind: ``"SOLUTION"`` or ``"MARK SCHEME"``.
        first: the line of the mark that opens it, from 1.
        last: the line of the mark that closes it.
        indent: the white space before the opening mark.
        cell: the cell that it stands in.
    """

    kind: str
    first: int
    last: int
    indent: str
    cell: Cell


def write_stub(unit: Unit) -> str:
    """The text of a unit's module as students get it.

    Args:
        unit: a unit of ``solutions/``.

    Returns:
        A module that defines the same functions; those that are exercises raise
        ``NotImplementedError``.

    Raises:
        CourseError: a mark is wrong or missing, so that a solution might be released.
    """
    path = unit.source_file
    source = path.read_text(encoding="utf-8")
    cells = read_cells(source)
    regions = find_regions(path, source, cells)
    defined = functions(parse(path))
    _require_marks(unit, regions, defined, cells)

    stub = _without_empty_cells(_cleared(path, source, regions, defined))
    _verify(path, stub)
    return stub


def stub_cell(source: str) -> str:
    """A notebook's code cell as students get it.

    Args:
        source: the text of the cell, with its marks.

    Raises:
        CourseError: a mark is wrong, so that a solution might be released.
    """
    path = Path("notebook")
    regions = find_regions(path, source, [Cell("code", 1, tuple(source.split("\n")))])
    try:
        defined = functions(ast.parse(source))
    except SyntaxError:  # a magic; then the marks alone say what is left out
        defined = {}
    return _cleared(path, source, regions, defined).rstrip("\n")


def _cleared(
    path: Path, source: str, regions: list[Region], defined: dict[str, ast.FunctionDef]
) -> str:
    """The text without what stands between marks."""
    lines = source.rstrip("\n").split("\n")
    written: list[str] = []
    position = 0
    for region in regions:
        written += lines[position : region.first - 1]
        position = region.last
        left = stand_in(path, region, defined)
        if left is not None:
            written.append(left)
            continue
        if region.cell.kind != "code":
            while written and written[-1].strip() in ("", "#"):
                written.pop()
            continue
        # Where nothing is left, the wider of the two gaps around the region remains.
        before = _trailing_blanks(written)
        while position < len(lines) and not lines[position].strip():
            position += 1
        after = position - region.last
        del written[len(written) - before :]
        written += [""] * (max(before, after) if position < len(lines) and written else 0)
    written += lines[position:]
    return "\n".join(written).rstrip("\n") + "\n"


def find_regions(path: Path, source: str, cells: list[Cell]) -> list[Region]:
    """What stands between marks, in order.

    Args:
        path: the module, for the sentence of an error.
        source: its text.
        cells: its cells.

    Raises:
        CourseError: a mark is misspelled, unbalanced, nested, or its pair is in another cell.
    """
    starts = {cell.line: cell for cell in cells}
    cell = cells[0] if cells else Cell("code", 1, ())
    regions: list[Region] = []
    opened: tuple[str, int, str] | None = None
    for number, line in enumerate(source.split("\n"), 1):
        if number in starts:
            cell = starts[number]
            if opened and number > 1:
                raise CourseError(_unclosed(path, *opened[:2]))
        mark = _MARK.fullmatch(line)
        if mark is None:
            if _LOOKS_LIKE_A_MARK.search(line):
                raise CourseError(
                    f"{place(path, number)}: {line.strip()!r} looks like a mark but is none; write "
                    "### BEGIN SOLUTION, ### END SOLUTION, ### BEGIN MARK SCHEME or "
                    "### END MARK SCHEME on a line of its own."
                )
            continue
        kind = mark["kind"]
        if mark["end"] == "BEGIN":
            if opened:
                raise CourseError(_unclosed(path, *opened[:2]))
            opened = kind, number, mark["indent"]
            continue
        if opened is None or opened[0] != kind:
            raise CourseError(
                f"{place(path, number)}: ### END {kind} closes nothing; put ### BEGIN {kind} above "
                "it, in the same cell."
            )
        regions.append(Region(kind, opened[1], number, opened[2], cell))
        opened = None
    if opened:
        raise CourseError(_unclosed(path, *opened[:2]))
    return regions


def _unclosed(path: Path, kind: str, line: int) -> str:
    return (
        f"{place(path, line)}: ### BEGIN {kind} is not closed; put ### END {kind} below it, in the "
        "same cell and before another mark."
    )


def _require_marks(
    unit: Unit, regions: list[Region], defined: dict[str, ast.FunctionDef], cells: list[Cell]
) -> None:
    """Nothing that is asked of students is released for want of a mark."""
    path = unit.source_file
    solutions = [region for region in regions if region.kind == "SOLUTION"]
    marked = {
        name
        for name, node in defined.items()
        if any(_encloses(node, region) for region in solutions)
    }
    asked = {exercise.function for exercise in unit.exercises if exercise.function is not None}
    for name in sorted(asked - marked):
        raise CourseError(
            f"{place(path, defined[name].lineno)}: {name} is an exercise but nothing of it is "
            "marked as solution, so all of it would be released; put its answer between "
            "### BEGIN SOLUTION and ### END SOLUTION."
        )
    for name in sorted(name for name in marked - asked if not name.startswith("_")):
        raise CourseError(
            f"{place(path, defined[name].lineno)}: {name} has a solution, but no test names it; "
            f'add tests with @exercise("{name}", points=...), or remove the marks.'
        )
    for cell in cells:
        if "answer" in cell.metadata and not any(r.cell.line == cell.line for r in solutions):
            raise CourseError(
                f"{place(path, cell.line)}: the answer to {cell.metadata['answer']} is not marked; "
                "put it between # ### BEGIN SOLUTION and # ### END SOLUTION."
            )


def _encloses(node: ast.FunctionDef, region: Region) -> bool:
    # The closing mark is a comment, so it may stand after the function's last statement.
    return node.lineno < region.first <= (node.end_lineno or node.lineno)


def stand_in(path: Path, region: Region, defined: dict[str, ast.FunctionDef]) -> str | None:
    """The line that students get in the place of a region; None for no line."""
    if region.kind == "MARK SCHEME":
        if "question" not in region.cell.metadata:
            raise CourseError(
                f"{place(path, region.first)}: this mark scheme is of no question; put it in a "
                'cell that begins # %% [markdown] question="name" points=2'
            )
        return None
    if region.cell.kind != "code":
        if "answer" not in region.cell.metadata:
            raise CourseError(
                f"{place(path, region.first)}: this model answer is of no question; put it in a "
                'cell that begins # %% [markdown] answer="name"'
            )
        return f"# {ANSWER}"
    if not region.indent:
        return None
    for node in defined.values():
        if _encloses(node, region):
            return f'{region.indent}raise NotImplementedError("{node.name} is not written yet")'
    return f'{region.indent}raise NotImplementedError("this is not written yet")'


def _trailing_blanks(lines: list[str]) -> int:
    count = 0
    while count < len(lines) and not lines[-1 - count].strip():
        count += 1
    return count


def _without_empty_cells(source: str) -> str:
    """The text without code cells of which nothing is left."""
    lines = source.split("\n")
    cells = read_cells(source)
    ends = [cell.line for cell in cells[1:]] + [len(lines) + 1]
    for cell, end in reversed(list(zip(cells, ends, strict=True))):
        if cell.kind == "code" and cell.marker and not cell.source.strip():
            del lines[cell.line - 1 : end - 1]
    return "\n".join(lines).rstrip("\n") + "\n"


def _verify(path: Path, stub: str) -> None:
    """A stub is valid Python and holds no mark."""
    try:
        ast.parse(stub)
    except SyntaxError as error:
        raise CourseError(
            f"{place(path)}: without its solutions it is not valid Python (line {error.lineno} of "
            f"the stub: {error.msg}); see that each mark bounds whole statements."
        ) from error
    if _LOOKS_LIKE_A_MARK.search(stub):
        raise CourseError(f"{place(path)}: a mark would be released; correct the marks.")
