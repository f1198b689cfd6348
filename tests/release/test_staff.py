"""What goes to a machine that grades one unit: enough for the same points, and nobody's name."""

from __future__ import annotations

from pathlib import Path

from autograder.course import Course, find_unit
from autograder.grading import Settings, fingerprint
from autograder.release import staff_side

POLICY = """\
name = "Cubes for all"
seed = 7
call_seconds = 2.5
submission_seconds = 60
memory_mb = 512
show_hidden = "after due"
[due]
01_cubes = 2026-10-15T23:59:00+02:00
02_squares = 2026-11-15T23:59:00+02:00
[extensions.ada_lovelace]
01_cubes = 2026-10-22T23:59:00Z
[late]
per_day = 0.1
"""


def packed(course: Path, to: Path) -> Course:
    """The course on the machine that grades ``01_cubes``."""
    for path, content in staff_side(course, find_unit(course / "solutions", "cubes")).items():
        place = to / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return Course(to, "staff")


def test_no_student_is_named_and_no_date(course: Path) -> None:
    (course / "solutions" / "course.toml").write_text(POLICY, encoding="utf-8")
    files = staff_side(course, find_unit(course / "solutions", "cubes"))
    text = files["solutions/course.toml"].decode()
    assert "seed" in text
    for word in ("ada", "extensions", "2026"):
        assert not [path for path, content in files.items() if word.encode() in content], word


def test_points_depend_on_nothing_that_stays_behind(course: Path, tmp_path: Path) -> None:
    (course / "solutions" / "course.toml").write_text(POLICY, encoding="utf-8")
    # A course of two units: the dates of the other one mean nothing where only one is.
    (course / "solutions" / "02_squares").mkdir()
    (course / "solutions" / "02_squares" / "squares.py").write_text("", encoding="utf-8")
    here, there = Course(course, "staff"), packed(course, tmp_path / "there")
    settings = [Settings.of(of.policy, ["cpu"]) for of in (here, there)]
    assert settings[0] == settings[1]
    assert settings[1].seed == 7
    units = [find_unit(of.units_folder, "cubes") for of in (here, there)]
    assert fingerprint(units[0], settings[0]) == fingerprint(units[1], settings[1])


def test_a_course_without_a_policy_is_packed_with_the_defaults(course: Path, tmp_path) -> None:
    (course / "solutions" / "course.toml").unlink()
    there = packed(course, tmp_path / "there")
    assert there.policy == Course(course, "staff").policy
