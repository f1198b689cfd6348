"""What a report is made from, and what comes out of making one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import RenderableType

from autograder.course import means_unit
from autograder.results import Folder, Result, ResultError, read_result


@dataclass(frozen=True)
class Material:
    """What a report is made from.

    Attributes:
        results: those that count, by unit and student.
        folder: of the class run; None if a single result was named.
        roster: the gradebook to fill in, as it was downloaded; None if none was named.
        out: where the report goes; None for the terminal.
        staff: whether hidden tests may be told in full.
        now: the moment of the report, with its time zone.
        columns: by unit (empty for any) the title of its column in the gradebook.
        scale: whether marks are converted to the gradebook's points where they are others.
    """

    results: tuple[Result, ...]
    folder: Folder | None
    roster: Path | None
    out: Path | None
    staff: bool
    now: dt.datetime
    columns: tuple[tuple[str, str], ...] = ()
    scale: bool = False


@dataclass(frozen=True)
class Document:
    """A finished report.

    Attributes:
        content: the bytes of the file; None if the format has written its file itself.
        view: for a terminal, instead of the bytes.
        notes: sentences for the person at the keyboard: what could not be placed, what to do next.
    """

    content: bytes | None = None
    view: RenderableType | None = None
    notes: tuple[str, ...] = ()


def read_material(
    path: Path,
    *,
    roster: Path | None = None,
    out: Path | None = None,
    staff: bool = False,
    now: dt.datetime | None = None,
    units: Sequence[str] = (),
    columns: Sequence[str] = (),
    scale: bool = False,
) -> Material:
    """Read the results of a class run, or one result.

    Args:
        path: the OUT of `autograder grade`, or one of its result files.
        roster: see `Material`.
        out: see `Material`.
        staff: see `Material`.
        now: see `Material`; the default is the present.
        units: only these: ``"3"``, ``"layers"`` or ``"03_layers"``; empty for all.
        columns: ``UNIT=TITLE``, or ``TITLE`` where there is one unit.
        scale: see `Material`.

    Raises:
        ResultError: there are no results there, or one of them cannot be read.
    """
    if not path.exists():
        raise ResultError(
            f"There is nothing at {path}. Name the OUT of `autograder grade`, or a result file."
        )
    folder = None
    if path.is_dir():
        inside = path.name == "results" and not (path / "results").is_dir()
        folder = Folder(path.parent if inside else path)
        results = folder.results()
        if not results:
            raise ResultError(f"{path} holds no results. Name the OUT of `autograder grade`.")
    else:
        results = [read_result(path)]
    chosen = _of_units(results, units)
    return Material(
        results=tuple(chosen),
        folder=folder,
        roster=roster,
        out=out,
        staff=staff,
        now=now or dt.datetime.now(dt.UTC),
        columns=tuple(_column(text, {result.unit for result in chosen}) for text in columns),
        scale=scale,
    )


def _of_units(results: list[Result], names: Sequence[str]) -> list[Result]:
    if not names:
        return results
    known = sorted({result.unit for result in results})
    wanted = set()
    for name in names:
        unit = next((unit for unit in known if means_unit(name, unit)), None)
        if unit is None:
            raise ResultError(f"There are no results of {name!r}, but of {', '.join(known)}.")
        wanted.add(unit)
    return [result for result in results if result.unit in wanted]


def _column(text: str, units: set[str]) -> tuple[str, str]:
    """``UNIT=TITLE`` in its parts; the unit is empty where only a title is given."""
    before, _, after = text.partition("=")
    unit = next((unit for unit in units if after and means_unit(before.strip(), unit)), "")
    if unit:
        return unit, after.strip()
    if len(units) > 1:
        raise ResultError(
            f"--column {text!r} does not begin with one of the units {', '.join(sorted(units))}: "
            "write UNIT=TITLE."
        )
    return "", text.strip()
