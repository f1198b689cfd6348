"""`autograder prepare`, and what `grade` does with what was prepared."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def run(course_root, tmp_path):
    """Run a command in the course's folder, with a cache folder of its own."""
    environment = {
        **os.environ,
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autograder", *map(str, arguments)],
            cwd=course_root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def graded(run, scaling_source, tmp_path):
    """Grade one right submission; what was said about its exam."""
    home = tmp_path / "submissions" / "ada"
    home.mkdir(parents=True)
    (home / "scaling.py").write_text(scaling_source, encoding="utf-8")
    count = iter(range(100))

    def graded(*options: object) -> list[str]:
        out = tmp_path / f"out{next(count)}"
        need = ["--require", "none", "--device", "cpu", "--unit", "01_scaling"]
        done = run("grade", home.parent, "--out", out, *need, *options)
        assert done.returncode == 0, done.stderr
        assert "13" in done.stdout
        return [line for line in done.stderr.splitlines() if "repared" in line]

    return graded


def exams(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.exam"))


def test_grading_prepares_once_and_keeps_it(graded, tmp_path):
    (told,) = graded()
    assert told.startswith("Prepared the tests of 01_scaling (")
    (file,) = exams(tmp_path / "cache")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert graded() == []
    assert exams(tmp_path / "cache") == [file]


def test_what_was_prepared_before_is_used(run, graded, tmp_path):
    done = run("prepare", "01_scaling", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    (file,) = exams(tmp_path / "cache")
    assert done.stdout.startswith("01_scaling: prepared, ")
    assert str(file) in done.stdout
    assert graded() == []
    assert run("prepare", "--device", "cpu").stdout.startswith("01_scaling: was there, ")


def test_what_travels_with_the_course_is_used(run, graded, course_root, tmp_path):
    there = course_root / "solutions" / ".exams"
    assert run("prepare", "--device", "cpu", "--out", there).returncode == 0
    assert len(exams(there)) == 1
    assert graded() == []
    assert exams(tmp_path / "cache") == []


def test_what_no_longer_fits_is_told_of_and_prepared_again(run, graded, course_root):
    there = course_root / "solutions" / ".exams"
    run("prepare", "--device", "cpu", "--out", there)
    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    hidden.write_text(hidden.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    (told,) = graded()
    assert "is of other files, settings or versions; it is prepared again." in told


def test_without_the_cache_nothing_is_kept(graded, tmp_path):
    assert graded("--no-cache") != []
    assert exams(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no_such_unit"], "no_such_unit"),
        (["--out", "solutions/course.toml/exams"], "cannot be made"),
        (["--device", "abacus"], "abacus"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(run, course_root, arguments, said):
    (course_root / "solutions" / "course.toml").write_text("seed = 0\n", encoding="utf-8")
    done = run("prepare", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_unit_that_cannot_be_prepared_is_told_of_with_the_reason(run, course_root):
    hidden = course_root / "solutions" / "01_scaling" / "test_hidden.py"
    wrong = "\n\n@exercise('total', points=1)\ndef test_total_is_five(student):\n    assert False\n"
    hidden.write_text(hidden.read_text(encoding="utf-8") + wrong, encoding="utf-8")
    done = run("prepare", "--device", "cpu")
    assert done.returncode == 1
    assert "test_total_is_five" in done.stderr
    assert "Traceback" not in done.stderr
