"""The figures of a unit: which its handout shows, and whether what was drawn is still right.

A handout shows a figure as Markdown shows an image, ``![what is seen](figures/level_lines.svg)``,
and ``figures.py`` beside it defines ``level_lines``, which draws it. ``assignments/`` keeps what
was drawn. The last line of an SVG says from which files it was drawn, and what it was then: so
whether it is still right is seen without drawing, and only what is stale is drawn again. Nobody
else needs matplotlib.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.course import CourseError, Unit, functions, parse, place, read_cells
from autograder.release.folder import ASSIGNMENTS, digest

FIGURES = "figures"
"""The folder beside a notebook that holds its figures; the module that draws them has its name."""

_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(\s*<?(?P<target>[^)\s>]*)[^)]*\)")
_DRAWN = re.compile(rf"{FIGURES}/(?P<name>[a-z][a-z0-9_]*)\.svg")
_RECORD = re.compile(
    rb"(?P<svg>.*\n)<!-- drawn from (?P<sources>[^\n]*); digest (?P<own>\w+) -->\n", re.DOTALL
)


@dataclass(frozen=True)
class Figure:
    """A figure that a handout shows.

    Attributes:
        name: of the function that draws it.
        alt: its alternative text, on one line.
        line: of the released module, from 1, where the cell begins that shows it.
    """

    name: str
    alt: str
    line: int


def shown_figures(unit: Unit, stub: str) -> list[Figure]:
    """The figures that the handout of a unit shows, in its order.

    Args:
        unit: a unit of ``solutions/``.
        stub: its module as students get it: what only a solution shows is not released.

    Raises:
        CourseError: a figure is shown that is not defined, or defined and not shown, or has no
            alternative text; or an image is shown that no release ships.
    """
    path = unit.folder / f"{FIGURES}.py"
    defined = {n for n in functions(parse(path)) if n[0] != "_"} if path.is_file() else set()
    shown: list[Figure] = []
    for cell in read_cells(stub):
        for match in _IMAGE.finditer(cell.text) if cell.kind == "markdown" else ():
            target = match["target"]
            if re.match(r"https?://|data:|attachment:", target):
                continue
            name = _name(unit, target)
            if name not in defined:
                raise CourseError(
                    f"{place(unit.source_file)}: the text shows {target}, but {place(path)} does "
                    f"not define it; add def {name}(figure) there, or correct the name."
                )
            alt = " ".join(match["alt"].split())
            _require_words(unit, target, alt)
            shown.append(Figure(name, alt, cell.line))
    for name in sorted(defined - {figure.name for figure in shown}):
        raise CourseError(
            f"{place(path)}: the figure {name} is defined, but no text that students get shows "
            f"it; write ![what is seen]({FIGURES}/{name}.svg) into a cell of {unit.module}.py, or "
            "begin the name of a helper with an underscore."
        )
    return shown


def _name(unit: Unit, target: str) -> str:
    match = _DRAWN.fullmatch(target)
    if match is None:
        raise CourseError(
            f"{place(unit.source_file)}: the text shows the image {target!r}, which no release "
            f"ships; let {FIGURES}.py draw it, and write {FIGURES}/NAME.svg, with a name like a "
            "function's."
        )
    return match["name"]


def _require_words(unit: Unit, target: str, alt: str) -> None:
    where = place(unit.source_file)
    if not alt:
        raise CourseError(
            f"{where}: {target} has no alternative text; say between the brackets of ![](...) in a "
            "sentence or two what the figure shows, for those who cannot see it."
        )
    if "$" in alt or "\\" in alt:
        raise CourseError(
            f"{where}: the alternative text of {target} holds a formula, and is read aloud; say it "
            "in words."
        )


def figure_files(root: Path, unit: Unit, stub: str) -> dict[str, bytes]:
    """The figures that a unit's handout shows; what is stale is drawn again.

    Args:
        root: the course's folder, which holds ``solutions/``, and what was drawn in
            ``assignments/``.
        unit: one of its units.
        stub: the unit's module as students get it.

    Returns:
        By path from the unit's folder, e.g. ``"figures/level_lines.svg"``.

    Raises:
        CourseError: a figure is wrong, or cannot be drawn, be it for want of matplotlib.
    """
    names = dict.fromkeys(figure.name for figure in shown_figures(unit, stub))
    sources = _sources(unit) if names else ""
    kept = {name: _kept(root, unit, name) for name in names}
    files = {name: svg for name, svg in kept.items() if svg and not _why_stale(svg, sources)}
    if stale := names.keys() - files.keys():
        from autograder.release.drawing import draw

        drawn = draw(unit.folder / f"{FIGURES}.py", sorted(stale))
        files |= {name: _recorded(svg, sources) for name, svg in drawn.items()}
    return {_path(name): svg for name, svg in files.items()}


def kept_figures(root: Path, said: list[str], unit: Unit, stub: str) -> dict[str, bytes]:
    """The figures as ``assignments/`` holds them, which may be stale; nothing is drawn.

    Args:
        root: as in `figure_files`, like what is not named here.
        said: gets a sentence for each figure that is stale or missing.
    """
    names = dict.fromkeys(figure.name for figure in shown_figures(unit, stub))
    sources = _sources(unit) if names else ""
    files: dict[str, bytes] = {}
    for name in names:
        svg = _kept(root, unit, name)
        if svg is not None:
            files[_path(name)] = svg
        if why := _why_stale(svg, sources):
            said.append(
                f"{ASSIGNMENTS}/{unit.name}/{_path(name)} {why}: run `autograder release`, and "
                "commit what it writes."
            )
    return files


def _path(name: str) -> str:
    return f"{FIGURES}/{name}.svg"


def _kept(root: Path, unit: Unit, name: str) -> bytes | None:
    place = root / ASSIGNMENTS / unit.name / _path(name)
    return place.read_bytes().replace(b"\r\n", b"\n") if place.is_file() else None


def _recorded(svg: bytes, sources: str) -> bytes:
    """The SVG with a last line that says what it was drawn from."""
    return svg + f"<!-- drawn from {sources}; digest {digest(svg)} -->\n".encode()


def _why_stale(svg: bytes | None, sources: str) -> str:
    """What is wrong with an SVG that was drawn earlier; empty if nothing is."""
    if svg is None:
        return "is missing"
    record = _RECORD.fullmatch(svg)
    if record is None or digest(record["svg"]).encode() != record["own"]:
        return "is not as it was drawn"
    before = set(record["sources"].decode().split())
    changed = [source.partition("=")[0] for source in sources.split() if source not in before]
    if changed or len(before) != len(sources.split()):
        what = " and ".join(changed) or "what it is drawn from"
        return f"is stale, because {what} changed since it was drawn"
    return ""


def _sources(unit: Unit) -> str:
    """The files that a unit's figures are drawn from, each with its digest."""
    path = unit.folder / f"{FIGURES}.py"
    files = [Path(__file__).with_name("style.py"), path]
    files += (unit.folder / f"{name}.py" for name in sorted(_imported(parse(path))))
    parts = {file.name: _text(file) for file in files if file.is_file()}
    return " ".join(f"{name}={digest(text.encode())[:16]}" for name, text in parts.items())


def _text(file: Path) -> str:
    """What of a file its figures depend on: of a handout's module the code, not the text."""
    cells = read_cells(file.read_text(encoding="utf-8"))
    return "\n".join(cell.source for cell in cells if cell.kind == "code")


def _imported(tree: ast.Module) -> Iterable[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names
