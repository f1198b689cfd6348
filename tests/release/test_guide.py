"""The unit in docs/writing-a-unit.md is a unit, and what the guide says of it holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.course import alternatives, find_units, mistakes
from autograder.release import release, write_stub

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "writing-a-unit.md"
FILE = re.compile(r"^`(?P<path>solutions/\S+\.py)`:\n\n```python\n(?P<text>.*?)^```$", re.M | re.S)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course whose one unit is the guide's."""
    root = tmp_path / "course"
    for match in FILE.finditer(GUIDE.read_text(encoding="utf-8")):
        path = root / match["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match["text"], encoding="utf-8")
    return root


def run_tests(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest as a student would, in a folder of theirs."""
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return told.returncode, told.stdout


def test_the_unit_of_the_guide_has_points_mistakes_and_alternatives(course: Path) -> None:
    (unit,) = find_units(course / "solutions")
    points = {exercise.name: exercise.points for exercise in unit.exercises}
    assert points == {"square_forward": 3, "square_backward": 5, "why_even": 2}
    assert [mistake.exercise for mistake in mistakes(unit)] == [
        "square_forward",
        "square_backward",
        "square_backward",
        "square_backward",
    ]
    assert alternatives(unit)[0].functions == ("square_forward", "square_backward")


def test_plain_pytest_runs_the_public_tests_of_a_release(course: Path, tmp_path: Path) -> None:
    students = tmp_path / "students"
    release(course, students, wheel=False)
    code, told = run_tests(students)
    assert code == 1
    assert "square_forward is not written yet" in told

    # Work of their own, and a new text beside it that is not to be collected.
    (unit,) = find_units(course / "solutions")
    work = unit.source_file.read_text(encoding="utf-8")
    (students / unit.name / "squares.py").write_text(work, encoding="utf-8")
    (students / unit.name / "test_public.new.py").write_text("raise SystemExit", encoding="utf-8")
    code, told = run_tests(students)
    assert code == 0, told
    code, told = run_tests(students / unit.name, "--device", "cpu", "-k", "square_forward")
    assert code == 0, told
    assert "1 deselected" in told


def test_the_stub_of_the_guide_holds_no_answer(course: Path) -> None:
    (unit,) = find_units(course / "solutions")
    stub = write_stub(unit)
    assert "x * x" not in stub
    assert "same square" not in stub
    assert "the sign" not in stub
