"""`autograder check` says what it checked, and claims nothing of what it did not."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from autograder.cli import app

UNTESTED = "total has no public tests: hidden tests check it."


@pytest.fixture
def check(course_root, monkeypatch):
    """Run the command in the course; its exit code and everything it said."""
    monkeypatch.chdir(course_root)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["check", "--device", "cpu", *arguments])
        return done.exit_code, done.output

    return run


def test_an_exercise_without_public_tests_is_said_to_be_unchecked(check):
    code, said = check("total")
    assert code == 2
    assert UNTESTED in said
    assert "Nothing was checked" in said
    assert "All public tests pass" not in said
    assert "public points" not in said  # no table of nothing


def test_what_has_public_tests_is_checked_beside_what_has_none(check):
    code, said = check("total", "descend")
    assert code == 0
    assert UNTESTED in said
    assert "All public tests pass" in said


def test_a_whole_unit_names_the_exercises_that_only_hidden_tests_check(check):
    code, said = check("scaling")
    assert code == 0
    assert "scale_backward and total have no public tests: hidden tests check them." in said
    assert "why_scale" not in said  # a person marks it


def test_a_job_that_leaves_out_what_is_not_begun_does_not_fail_for_lack_of_tests(check):
    code, said = check("total", "--begun")
    assert code == 0
    assert UNTESTED in said
    assert "nothing is written yet" not in said
    assert "All public tests pass" not in said
