"""A gradebook file as it was downloaded: read, filled in, and written in the same form.

What is not filled in stays as it was: every row, every column, the byte order mark, the separator,
the line endings, the decimal comma.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.results import ResultError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)%?")


@dataclass
class Sheet:
    """The cells of a file, and the form they came in.

    Attributes:
        header: the first row.
        rows: the others; a row may be shorter than the header.
        delimiter: between cells.
        newline: between rows.
        encoding: of the text.
        bom: what stood before the text.
        comma: whether numbers have a decimal comma.
    """

    header: list[str]
    rows: list[list[str]]
    delimiter: str
    newline: str
    encoding: str
    bom: bytes
    comma: bool

    def cell(self, row: list[str], column: int) -> str:
        """A cell without the spaces around it; empty beyond the end of a short row."""
        return row[column].strip() if column < len(row) else ""

    def put(self, row: list[str], column: int, text: str) -> None:
        """Fill in a cell."""
        row.extend([""] * (column + 1 - len(row)))
        row[column] = text

    def insert(self, column: int, title: str) -> None:
        """A new, empty column."""
        self.header.insert(column, title)
        for row in self.rows:
            if len(row) > column:
                row.insert(column, "")

    def number(self, value: float) -> str:
        """A number as this file writes numbers, to a hundredth."""
        text = f"{value:.2f}".rstrip("0").rstrip(".")
        return text.replace(".", ",") if self.comma else text

    def to_bytes(self) -> bytes:
        """The file. Text that a spreadsheet would take for a formula is disarmed."""
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator=self.newline)
        for row in (self.header, *self.rows):
            writer.writerow([harmless(cell) for cell in row])
        return self.bom + out.getvalue().encode(self.encoding)


def read_sheet(path: Path) -> Sheet:
    """Read a CSV file whatever program wrote it.

    Args:
        path: UTF-8 with or without a byte order mark, UTF-16 with one, or Windows-1252; separated
            by commas, semicolons or tabs.

    Raises:
        ResultError: it is not such a file.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ResultError(f"{path} cannot be read ({error.strerror}). Check --roster.") from None
    text, encoding, bom = _decoded(raw, path)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=lambda d: len(next(csv.reader([first], delimiter=d), [])))
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise ResultError(
            f"{path} is not a CSV file ({error}). Download it again, and do not edit it."
        ) from None
    if not table or len(table[0]) < 2:
        raise ResultError(f"{path} is not a table. Download the gradebook again as CSV.")
    cells = [cell.strip() for row in table[1:] for cell in row]
    return Sheet(
        header=table[0],
        rows=table[1:],
        delimiter=delimiter,
        newline="\r\n" if "\r\n" in text else "\n",
        encoding=encoding,
        bom=bom,
        comma=any(re.fullmatch(r"\d+,\d+", c) for c in cells)
        and not any(re.fullmatch(r"\d+\.\d+", c) for c in cells),
    )


def _decoded(raw: bytes, path: Path) -> tuple[str, str, bytes]:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            candidates, raw = [encoding], raw[len(bom) :]
            break
    else:
        bom, candidates = b"", ["utf-8", "cp1252"]
    for encoding in candidates:
        try:
            return raw.decode(encoding), encoding, bom
        except UnicodeDecodeError:
            continue
    raise ResultError(f"{path} is not text in UTF-8. Download the gradebook again as CSV.")


def cell_number(text: str) -> float | None:
    """The number in a cell, with a decimal point or comma; None if it is none.

    Example:
        >>> [cell_number(text) for text in ("7,5", " 10.00 ", "EX", "-")]
        [7.5, 10.0, None, None]
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text) or text.endswith("%"):
        return None
    return float(text.replace(",", "."))


def harmless(text: str, *, numbers: bool = True) -> str:
    """A cell that no spreadsheet takes for a formula.

    Example:
        >>> harmless("=1+1"), harmless("-1.5"), harmless("-"), harmless("-1+cmd|'x'!A1")
        ("'=1+1", '-1.5', '-', "'-1+cmd|'x'!A1")

    Args:
        text: of the cell.
        numbers: whether a signed number is left to be one.
    """
    start = text.lstrip(" \t\r\n")
    if text.startswith(("\t", "\r", "\n")) or start.startswith(("=", "@")):
        return f"'{text}"
    signed = start.startswith(("+", "-")) and start != "-"
    if signed and not (numbers and _NUMBER.fullmatch(start.rstrip())):
        return f"'{text}"
    return text
