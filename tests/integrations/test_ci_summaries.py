"""Annotations and summaries for GitHub Actions."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course import Unit
from autograder.integrations.ci.summaries import (
    SUMMARY_BYTES,
    annotated,
    check_summary,
    class_summary,
    command,
    for_github,
    write_summary,
)
from autograder.results import Failure

EVIL = "a%0A\n::add-mask::x\r\n::error::, : | <b> `` ` \x1b[31m"


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    """A student's unit, its module written."""
    folder = tmp_path / "03_layers"
    folder.mkdir()
    (folder / "layers.py").write_text("import torch\n\n\ndef f(x):\n    return x\n", "utf-8")
    return Unit("03_layers", 3, "Layers", folder, "layers", (), {})


def test_a_command_is_one_line_whatever_its_parts_hold():
    line = command("error", EVIL, file=EVIL, title=EVIL)
    assert "\n" not in line
    assert "\r" not in line
    assert "\x1b" not in line
    head, _, message = line.removeprefix("::error ").partition("::")
    assert [part.partition("=")[0] for part in head.split(",")] == ["file", "title"]
    assert ":" not in head
    assert message.startswith("a%250A%0A::add-mask::x%0D%0A::error::")


def test_a_failing_public_test_is_shown_at_the_line_that_raised_or_else_at_the_function(
    unit, make_test, make_exercise, make_result
):
    raised = Failure(category="exception", message="no", line="layers.py:5")
    tests = [
        make_test("wrong", 1.0, "wrong value", visibility="public"),
        make_test("raises", 1.0, "exception", visibility="public", failure=raised),
        make_test("hidden", 1.0, "wrong value"),
        make_test("passes", 1.0, visibility="public"),
    ]
    result = make_result("", [make_exercise("f", 1, 4, tests)], label="layers.py")
    lines = annotated(unit, result, unit.folder.parent)
    assert lines == [
        "::error file=03_layers/layers.py,line=4,title=f%3A wrong::wrong%3A SECRET 0.731".replace(
            "wrong%3A SECRET", "wrong: SECRET"
        ),
        "::error file=03_layers/layers.py,line=5,title=f%3A raises::no",
    ]


def test_what_was_never_begun_is_not_annotated(unit, make_test, make_exercise, make_result):
    test = make_test("t", 1.0, "not attempted", visibility="public")
    exercise = make_exercise("f", 0, 1, [test], status="not attempted")
    assert annotated(unit, make_result("", [exercise], label="layers.py"), unit.folder) == []


def test_what_is_printed_inside_is_no_command(unit, make_result, capsys):
    with for_github(unit, make_result("", label="layers.py"), unit.folder.parent):
        print("::error::mine")
    stop, inside, again = capsys.readouterr().out.splitlines()
    assert inside == "::error::mine"
    token = stop.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert again == f"::{token}::"


def test_the_summary_shows_text_as_text_and_is_bounded(make_test, make_exercise, make_result):
    failure = Failure(category="wrong value", message=EVIL, inputs={"x": EVIL})
    test = make_test("t", 1.0, "wrong value", visibility="public", failure=failure)
    exercise = make_exercise("f", 0, 1, [test])
    text = check_summary([make_result("", [exercise], message="<b>|`")])
    assert "0 / 1" in text
    for line in text.splitlines():
        # What the student's code said is in indented blocks, or escaped.
        assert "add-mask" not in line or line.startswith("    ")
    assert "\\<b\\>\\|\\`" in text
    many = class_summary([make_result(f"student-{n:06}") for n in range(30_000)])
    assert len(many.encode()) <= SUMMARY_BYTES + 100
    assert many.endswith("And more.\n")


def test_the_summary_goes_where_the_job_says_and_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    write_summary("nowhere")
    place = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(place))
    write_summary("one\n")
    write_summary("two\n")
    assert place.read_text(encoding="utf-8") == "one\ntwo\n"
