"""Result files: written whole or not at all, read with a sentence for what is wrong."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from autograder.errors import HandgradError
from autograder.results.records import SCHEMA, Resolution, Result, Struct


class ResultError(HandgradError):
    """A result file cannot be used; the sentence says why."""


def to_json(value: Struct | list[Resolution]) -> bytes:
    """Indented JSON, ending in a newline."""
    raw = msgspec.json.encode(value)
    if isinstance(value, Result):
        # For readers in other languages: the version, although it is a default, and the mark,
        # although it follows from the points and is not read back.
        plain = msgspec.json.decode(raw)
        raw = msgspec.json.encode({"schema": value.schema, "mark": value.mark, **plain})
    return msgspec.json.format(raw, indent=2) + b"\n"


def read_result(path: Path) -> Result:
    """A result file.

    Raises:
        ResultError: it is not one, or of another version.
    """
    try:
        result = msgspec.json.decode(path.read_bytes(), type=Result)
    except (OSError, msgspec.DecodeError) as error:
        raise ResultError(f"{path} cannot be read as a result: {error}.") from None
    if result.schema != SCHEMA:
        raise ResultError(f"{path} has the format {result.schema}; this version reads {SCHEMA}.")
    return result


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or an interruption, sees the old one or the new one whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
