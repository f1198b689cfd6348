"""Which column of a gradebook is a unit's, and what its points are worth there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from autograder.report.material import Material
from autograder.report.sheet import Sheet, read_sheet
from autograder.results import Result, ResultError


def read_roster(material: Material, format: str, where: str) -> Sheet:
    """The gradebook to fill in.

    Args:
        material: names it.
        format: for which it is wanted.
        where: it is downloaded.

    Raises:
        ResultError: none is named, it cannot be read, or the report would overwrite it.
    """
    if material.roster is None:
        raise ResultError(
            f"The format {format} fills in the file that you download from {where}: name it with "
            "--roster FILE."
        )
    if material.out is not None and material.out.resolve() == material.roster.resolve():
        raise ResultError(
            f"{material.out} is the gradebook itself. Name another file for --out, so that the "
            "download stays as it was."
        )
    return read_sheet(material.roster)


def results_by_unit(material: Material) -> dict[str, list[Result]]:
    """The results of each unit."""
    units: dict[str, list[Result]] = {}
    for result in material.results:
        units.setdefault(result.unit, []).append(result)
    return units


def requested_title(material: Material, unit: str) -> str:
    """The title that ``--column`` gives for a unit; empty for none."""
    return next((title for name, title in material.columns if name in ("", unit)), "")


def find_column(sheet: Sheet, titles: Mapping[int, str], unit: str, asked: str) -> int | None:
    """The column of a unit; None if there is none.

    Args:
        sheet: the gradebook.
        titles: by column, what the gradebook calls it.
        unit: e.g. ``03_layers``.
        asked: a title that a person named.

    Raises:
        ResultError: there are several, or not the one that was named.
    """
    if asked:
        fitting = [c for c, title in titles.items() if asked in (title, sheet.header[c].strip())]
        if len(fitting) != 1:
            raise ResultError(
                f"{len(fitting) or 'No'} columns are titled {asked!r}. The columns for marks are "
                f"{_listed(sheet, titles)}."
            )
        return fitting[0]
    for fits in (_is, _holds):
        fitting = [column for column, title in titles.items() if fits(title, unit)]
        if len(fitting) > 1:
            raise ResultError(
                f"Several columns could be {unit}: {_listed(sheet, fitting)}. Say which with "
                f"--column '{unit}=TITLE'."
            )
        if fitting:
            return fitting[0]
    return None


def _listed(sheet: Sheet, columns: Mapping[int, str] | list[int]) -> str:
    return ", ".join(repr(sheet.header[column].strip()) for column in columns) or "none"


def _parts(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _is(title: str, unit: str) -> bool:
    """Whether a title is the unit's name, whatever stands between its words."""
    wanted = _parts(unit)
    number = wanted[0].lstrip("0")
    return _parts(title) in (wanted, [number, *wanted[1:]], wanted[1:])


def _holds(title: str, unit: str) -> bool:
    """Whether a title holds the unit's name without its number, as whole words."""
    said, wanted = _parts(title), _parts(unit)[1:]
    size = len(wanted)
    return any(said[i : i + size] == wanted for i in range(len(said) - size + 1))


def scale_factor(
    material: Material, unit: str, results: list[Result], worth: float | None, title: str
) -> float:
    """What to multiply marks by for a gradebook.

    Args:
        material: says whether marks may be scaled.
        unit: whose marks.
        results: of the unit.
        worth: the gradebook's points; None if it says nothing.
        title: of the column.

    Raises:
        ResultError: the gradebook's points are others than the unit's, and nobody said --scale.
    """
    most = results[0].max_points
    if worth is None or abs(worth - most) < 1e-9:
        return 1.0
    if not material.scale or worth <= 0 or most <= 0:
        raise ResultError(
            f"{title} has {worth:g} points in the gradebook, and {unit} has {most:g}. Change it "
            "there, or add --scale to convert the marks."
        )
    return worth / most
