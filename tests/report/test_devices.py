"""Wherever a report names the second device, it says that it is simulated."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.course import Unit
from autograder.integrations import report_formats
from autograder.integrations.ci.summaries import annotated, check_summary
from autograder.report import Page, exercise_html
from autograder.results import Failure

SIMULATED = "cuda (simulated)"
DOWNLOADS = Path(__file__).parents[1] / "integrations" / "downloads"
GRADEBOOKS = {
    "canvas": ["--roster", DOWNLOADS / "canvas.csv"],
    "moodle": ["--roster", DOWNLOADS / "moodle.csv"],
    "nbgrader": ["--out", "gradebook.db"],
}
# Those that show marks only.
NO_DEVICE = {"changes", "csv", "github", *GRADEBOOKS}


@pytest.fixture(scope="module")
def result(make_test, make_exercise, make_result):
    """A public and a hidden test that failed on the simulated device, and a note on a line."""
    failure = Failure(
        category="wrong device",
        message="f raised RuntimeError: Expected all tensors to be on the same device, but found "
        "at least two devices, cuda:1 and cpu!",
        function="f",
        exception="RuntimeError",
        line="layers.py:5",
        inputs={"x": "float32 (2,) on cuda:1"},
        advice="The inputs are on cuda:1; this is about cuda:1 and cpu. layers.py:4: write more.",
    )
    where = {"device": SIMULATED, "failure": failure}
    tests = [
        make_test(
            f"test_f_by_hand[{SIMULATED}]", 1.0, "wrong device", visibility="public", **where
        ),
        make_test(f"test_f_matches[{SIMULATED}]", 1.0, "wrong device", **where),
    ]
    made = make_result(
        "101",
        [make_exercise("f", 0.0, 2.0, tests)],
        notes=[f"layers.py:7 decides by the value of a tensor (seen on {SIMULATED})."],
    )
    run = msgspec.structs.replace(made.run, devices=["cpu", SIMULATED])
    return msgspec.structs.replace(made, run=run)


@pytest.fixture(scope="module")
def out(result, write_class, tmp_path_factory) -> Path:
    """The folder of a class run, and one that it replaced."""
    better = msgspec.structs.replace(result, points=2.0)
    folder = write_class(tmp_path_factory.mktemp("class"), [better])
    folder.keep_previous()
    return write_class(folder.path, [result]).path


def unsaid(text: str) -> list[str]:
    """Where a device is called CUDA and not simulated.

    An index (``cuda:1``) is what PyTorch says, and stands after a device that is named.
    """
    assert "cuda:" not in text or SIMULATED in text
    return re.findall(r".{0,60}\bcuda\b(?!:\d| \(simulated\)).{0,60}", text)


@pytest.mark.parametrize("format", [form.name for form in report_formats()])
def test_every_format_calls_the_device_simulated_or_names_none(out, format, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = out / "results" / "03_layers" / "101.json"
    options = [
        one if format == "gradescope" else out,
        "--format",
        format,
        *GRADEBOOKS.get(format, []),
    ]
    scale = ["--scale"] if format in ("canvas", "moodle") else []
    done = CliRunner().invoke(
        app, ["report", *map(str, [*options, *scale])], env={"COLUMNS": "300"}
    )
    assert done.exit_code == 0, done.output
    said = done.stdout
    if format == "feedback":
        said = (out / "feedback" / "03_layers" / "101.md").read_text(encoding="utf-8")
    if format == "nbgrader":
        said = "\n".join(sqlite3.connect(tmp_path / "gradebook.db").iterdump())
    assert unsaid(said) == []
    assert (SIMULATED in said) is (format not in NO_DEVICE), said


def test_junit_for_staff_says_it_too(out):
    done = CliRunner().invoke(app, ["report", str(out), "--format", "junit", "--staff"])
    assert done.stdout.count(f"On {SIMULATED}: ") == 2
    assert unsaid(done.stdout) == []


def test_what_a_notebook_and_a_terminal_show_of_a_check_says_it(result):
    page = Page(result)
    for text in (page._repr_html_(), repr(page), exercise_html(result.exercises[0])):
        assert f"On {SIMULATED}: f raised RuntimeError" in text
        assert unsaid(text) == []
    for text in (page._repr_html_(), repr(page)):
        assert f"Graded on cpu and {SIMULATED}. " in text
        assert "it is not a CUDA pass" in text.replace("\n", " ")


def test_annotations_and_the_summary_of_a_check_say_it(result, tmp_path):
    folder = tmp_path / "03_layers"
    folder.mkdir()
    (folder / "layers.py").write_text("def f(x):\n    return x\n", encoding="utf-8")
    unit = Unit("03_layers", 3, "Layers", folder, "layers", (), {})
    [line] = annotated(unit, result, tmp_path)
    summary = check_summary([result])
    assert f"::On {SIMULATED}: " in line
    assert f"Graded on cpu and {SIMULATED}. " in summary
    assert unsaid(line) == unsaid(summary) == []


def test_the_command_that_reruns_a_test_on_the_device_can_be_pasted(
    result, make_test, make_exercise
):
    test = msgspec.structs.replace(
        result.exercises[0].tests[0], rerun=f"03_layers/test_public.py::test_f_by_hand[{SIMULATED}]"
    )
    again = msgspec.structs.replace(result, exercises=[make_exercise("f", 0.0, 2.0, [test])])
    command = f'pytest "03_layers/test_public.py::test_f_by_hand[{SIMULATED}]"'
    for text in (check_summary([again]), repr(Page(again))):
        assert command in text.replace("\n", "")
