"""A course is released in several forms, by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import CourseError, find_units
from autograder.integrations import release_formats
from autograder.release import FOLDER, ReleaseFormat, make_release

SCROLL = ReleaseFormat("scroll", "to be unrolled", lambda root, out, units: [])


@pytest.fixture
def two_units(course: Path) -> Path:
    """The course, with a second unit."""
    first = course / "solutions" / "01_cubes"
    second = course / "solutions" / "02_more"
    shutil.copytree(first, second)
    (second / "cubes.py").rename(second / "more.py")
    return course


def test_an_unknown_format_is_answered_with_those_that_there_are(course: Path) -> None:
    with pytest.raises(CourseError, match=r"no format 'scroll'.*folder"):
        make_release([FOLDER], "scroll", course, None, ())


def test_the_help_names_every_format() -> None:
    text = CliRunner().invoke(app, ["release", "--help"], env={"COLUMNS": "300"}).output
    assert [form.name for form in release_formats() if form.name not in text] == []


def test_only_the_folder_has_a_place_of_its_own(course: Path) -> None:
    with pytest.raises(CourseError, match="Name the folder to write"):
        make_release([FOLDER, SCROLL], "scroll", course, None, ())
    assert make_release([FOLDER], "folder", course, None, ())
    assert (course / "assignments" / "01_cubes" / "cubes.py").is_file()


def test_a_course_is_published_unit_by_unit(two_units: Path, tmp_path: Path) -> None:
    out = tmp_path / "students"
    make_release([FOLDER], "folder", two_units, out, ["02_more"])
    assert [unit.name for unit in find_units(out)] == ["02_more"]
    assert "01_cubes" not in (out / "README.md").read_text(encoding="utf-8")
    make_release([FOLDER], "folder", two_units, out, ["01_cubes"])
    assert [unit.name for unit in find_units(out)] == ["01_cubes", "02_more"]


def test_the_committed_assignments_are_always_whole(two_units: Path) -> None:
    with pytest.raises(CourseError, match="holds all units"):
        make_release([FOLDER], "folder", two_units, None, ["02_more"])
