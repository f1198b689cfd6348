"""Notebooks (nbformat 3 and 4), read as data: the code cells and the written answers."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from autograder.submissions.magics import cell_magic, is_python, python_of
from autograder.submissions.records import MIB, Cell, Limits, Unreadable
from autograder.submissions.text import clean, decode, newlines

CHECK_TAG = "autograder-check"  # on cells of the released notebook that only call the tool
_LENIENT = 16 * MIB  # larger notebooks are read by the strict parser only
_METADATA = 64 * 1024
_CELLS = 5000
_NODES = 1_000_000  # lists and mappings, outputs included
_RAW = msgspec.Raw(b"null")


class _Cell(msgspec.Struct):
    """What is looked at in a cell; outputs are skipped without being built."""

    cell_type: str
    source: msgspec.Raw = _RAW
    input: msgspec.Raw = _RAW
    metadata: msgspec.Raw = _RAW


class _Worksheet(msgspec.Struct):
    cells: list[_Cell] = []


class _Notebook(msgspec.Struct):
    cells: list[_Cell] | None = None
    worksheets: list[_Worksheet] | None = None


@dataclass(frozen=True)
class Written:
    """A cell that may hold an answer: the names it goes by and its text."""

    names: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Read:
    """What a notebook holds.

    Attributes:
        cells: its code, one entry for each code cell that runs in the notebook's namespace.
        written: cells whose metadata name a question.
        notes: sentences for the student.
    """

    cells: tuple[Cell, ...]
    written: tuple[Written, ...]
    notes: tuple[str, ...]


def read_notebook(data: bytes, name: str, limits: Limits) -> Read:
    """The code and the answers in a notebook file; nothing of it is executed.

    Args:
        data: the file's bytes.
        name: its name, for labels and sentences.
        limits: how much code it may hold.

    Raises:
        Unreadable: if it is not a notebook or holds too much code.
    """
    cells: list[Cell] = []
    written: list[Written] = []
    notes: list[str] = []
    size = 0
    for number, (kind, source, metadata) in enumerate(_cells(data, name), start=1):
        size += len(source)
        if number > _CELLS or size > limits.source_bytes:
            raise Unreadable(
                f"{name} holds more code and text than any unit needs. Remove what does not "
                "belong to this unit and hand it in again."
            )
        if "\0" in source:
            raise Unreadable(
                f"Cell {number} of {name} contains NUL characters. Delete them and hand it in."
            )
        names = _names(metadata)
        if names:
            written.append(Written(names, source))
        if kind != "code" or CHECK_TAG in _strings(metadata.get("tags")):
            continue
        if is_python(source):
            cells.append(Cell(f"{name}[cell {number}]", python_of(source)))
        else:
            magic = clean(cell_magic(source) or "", 30)
            notes.append(f"Cell {number} of {name} was not run: it begins with %%{magic}.")
    return Read(tuple(cells), tuple(written), tuple(notes))


def _cells(data: bytes, name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, source, metadata) of every cell, in document order."""
    notebook = _parsed(data, name)
    sheets = [notebook.cells] if notebook.cells is not None else []
    if not sheets and notebook.worksheets is not None:
        sheets = [sheet.cells for sheet in notebook.worksheets]
    if not sheets:
        raise Unreadable(f"{name} is not a Jupyter notebook: it has no cells.")
    for cell in (cell for sheet in sheets for cell in sheet):
        raw = cell.source if bytes(cell.source) != b"null" else cell.input
        yield cell.cell_type, _text(raw, name), _metadata(cell.metadata)


def _parsed(data: bytes, name: str) -> _Notebook:
    plain = _utf8(data, name)
    if plain.count(b"{") + plain.count(b"[") > _NODES:
        raise Unreadable(
            f"{name} holds too much output. Clear all outputs, save it, and hand it in again."
        )
    try:
        return msgspec.json.decode(plain, type=_Notebook)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        pass
    try:
        # Python's own parser accepts what some tools write: NaN in a plot's data, a lone surrogate.
        if len(plain) <= _LENIENT:
            return msgspec.convert(_encoded(json.loads(plain)), type=_Notebook)
    except (msgspec.MsgspecError, RecursionError, ValueError, TypeError, LookupError):
        pass
    raise Unreadable(
        f"{name} is not a readable Jupyter notebook. Open it in Jupyter, save it, and hand it in "
        "again."
    )


def _encoded(notebook: dict[str, Any]) -> dict[str, Any]:
    """What the strict parser would have made of a notebook: cells with their parts still JSON."""
    if "cells" in notebook:
        return {"cells": [_raw_cell(cell) for cell in notebook["cells"]]}
    sheets = [{"cells": [_raw_cell(c) for c in s["cells"]]} for s in notebook["worksheets"]]
    return {"worksheets": sheets}


def _raw_cell(cell: dict[str, Any]) -> dict[str, Any]:
    parts = {"cell_type": cell["cell_type"]}
    for part in ("source", "input", "metadata"):
        if part in cell:
            parts[part] = msgspec.Raw(json.dumps(_without_surrogates(cell[part])).encode())
    return parts


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


def _utf8(data: bytes, name: str) -> bytes:
    """JSON is UTF-8; an editor may have saved it otherwise, with a byte order mark."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return decode(data, name)[0].encode()
    return data.removeprefix(codecs.BOM_UTF8)


def _text(raw: msgspec.Raw, name: str) -> str:
    """A source, which is a string or a list of lines."""
    try:
        value = msgspec.json.decode(raw, type=str | list[str] | None)
    except (msgspec.MsgspecError, ValueError):
        raise Unreadable(
            f"A cell of {name} holds something other than text. Open the notebook in Jupyter, save "
            "it, and hand it in again."
        ) from None
    return newlines("".join(value) if isinstance(value, list) else value or "")


def _metadata(raw: msgspec.Raw) -> dict[str, Any]:
    if len(bytes(raw)) > _METADATA:
        return {}
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _names(metadata: dict[str, Any]) -> tuple[str, ...]:
    """The question a cell answers: ``answer`` in its metadata, or nbgrader's ``grade_id``."""
    nbgrader = metadata.get("nbgrader")
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return tuple(name for name in (metadata.get("answer"), grade_id) if isinstance(name, str))


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
