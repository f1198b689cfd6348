"""Nothing secret is in a release: no planted word, and no run of words of a secret text."""

from __future__ import annotations

import ast
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cubes import show_figure

from autograder.course import find_units, read_cells
from autograder.course.units import unit_folders
from autograder.exam import CARRIED
from autograder.release import find_regions, release

HOUSE = Path(__file__).resolve().parents[2]

REAL = HOUSE / "solutions"
REAL_UNITS = [folder.name for folder in unit_folders(REAL)] if REAL.is_dir() else []

RUN = 8
"""How many tokens in a row betray a source. Shorter runs are idioms (``import torch``, ``for i in
range(``) that a stub and the tool's own words may share with anything."""

RUN_IN_THE_TOOL = 20
"""The same for the tool's wheel, which is code written without the course: it shares idioms of the
length of a list of imports with hidden tests, which are code too, and no more."""


def tokens(text: str) -> list[str]:
    # A sign that is repeated is one token: rulers of dashes are nobody's secret.
    return [match[0] for match in re.finditer(r"\w+|([^\w\s])\1*", text)]


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = tokens(text)
    return {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}


def secrets_of(solutions: Path) -> Iterator[tuple[str, str]]:
    """Each secret text of a course, with its place."""
    yield "course.toml", (solutions / "course.toml").read_text(encoding="utf-8")
    for unit in find_units(solutions):
        for file in ("test_hidden.py", "mistakes.py", "alternatives.py", "figures.py"):
            path = unit.folder / file
            if path.is_file():
                yield f"{unit.name}/{file}", path.read_text(encoding="utf-8")
        source = unit.source_file.read_text(encoding="utf-8")
        lines = source.split("\n")
        for region in find_regions(unit.source_file, source, read_cells(source)):
            yield (
                f"{unit.name}/{unit.source_file.name}:{region.first}",
                "\n".join(lines[region.first : region.last - 1]),
            )


def public_texts(solutions: Path) -> Iterator[str]:
    """What the course itself makes public: its modules outside the marks, and its public tests."""
    for unit in find_units(solutions):
        source = unit.source_file.read_text(encoding="utf-8")
        lines = source.split("\n")
        position = 0
        for region in find_regions(unit.source_file, source, read_cells(source)):
            yield from _as_released(lines[position : region.first - 1])
            position = region.last
        yield from _as_released(lines[position:])
        yield (unit.folder / "test_public.py").read_text(encoding="utf-8")
        if (unit.folder / "figures.py").is_file():
            yield from _labels(unit.folder / "figures.py")


def _labels(path: Path) -> Iterator[str]:
    """What figures say in words, which an SVG repeats in comments; docstrings are not shown."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def _as_released(lines: list[str]) -> Iterator[str]:
    """Public lines as a module holds them, and as a notebook does: a string each.

    What a mistake changes is a string too, and may begin with a line that is public.
    """
    yield "\n".join(lines)
    yield "\n".join(json.dumps(line) for line in lines)


def released_texts(out: Path) -> Iterator[tuple[str, str]]:
    """Each text of a release, unpacked as far as it can be, with its place."""
    for path in sorted(out.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    yield f"{path.name}/{name}", archive.read(name).decode("utf-8")
            continue
        text = path.read_text(encoding="utf-8")
        yield path.name, text
        if path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            yield f"{path.name} (cells)", "\n".join("".join(cell["source"]) for cell in cells)


@pytest.fixture
def out(course: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "students"
    release(show_figure(course), folder)
    return folder


def test_no_planted_word_is_released(course: Path, out: Path) -> None:
    planted = set()
    for place, text in secrets_of(course / "solutions"):
        words = set(re.findall(r"canary_\w+", text, re.I))
        assert words, f"nothing is planted in {place}"
        planted |= words
    for place, text in released_texts(out):
        found = [word for word in planted if word.lower() in text.lower()]
        assert not found, f"{place} holds {found}"
        assert "424242424242" not in text


def test_an_exam_that_travels_with_the_course_is_not_released(course: Path, tmp_path: Path) -> None:
    exams = course / "solutions" / CARRIED
    exams.mkdir()
    (exams / "01_cubes-0.exam").write_bytes(b"canary_exam")
    release(course, tmp_path / "students")
    for path in (tmp_path / "students").rglob("*"):
        assert path.suffix != ".exam"
        assert not path.is_file() or b"canary_exam" not in path.read_bytes()


def test_no_run_of_words_of_a_secret_is_released(course: Path, out: Path) -> None:
    assert betrayed(course / "solutions", out) == []


def test_a_leak_would_be_noticed(course: Path, out: Path) -> None:
    stub = out / "01_cubes" / "cubes.py"
    leak = "    canary_forward = _square(x) * x\n    return canary_forward, x\n"
    stub.write_text(stub.read_text(encoding="utf-8") + leak, encoding="utf-8")
    assert any("cubes.py" in place for place in betrayed(course / "solutions", out))


@pytest.mark.parametrize("name", REAL_UNITS)
def test_a_real_unit_is_released_without_a_run_of_its_secrets(name: str, tmp_path: Path) -> None:
    solutions = tmp_path / "course" / "solutions"
    shutil.copytree(REAL / name, solutions / name)
    shutil.copy(REAL / "course.toml", solutions)
    drawn = HOUSE / "assignments" / name / "figures"
    shutil.copytree(drawn, tmp_path / "course" / "assignments" / name / "figures")
    release(tmp_path / "course", tmp_path / "students")
    assert betrayed(solutions, tmp_path / "students") == []


def betrayed(solutions: Path, out: Path) -> list[str]:
    """The places of a release that share a run of words with a secret and with nothing public."""
    allowed = {
        length: set().union(*(runs(text, length) for text in public_texts(solutions)))
        for length in (RUN, RUN_IN_THE_TOOL)
    }
    secret = {
        length: {
            run: place
            for place, text in secrets_of(solutions)
            for run in runs(text, length) - allowed[length]
        }
        for length in (RUN, RUN_IN_THE_TOOL)
    }
    found = []
    for place, text in released_texts(out):
        length = RUN_IN_THE_TOOL if ".whl/" in place else RUN
        for run in runs(text, length) & secret[length].keys():
            found.append(f"{place} shares {' '.join(run)!r} with {secret[length][run]}")
    return found
