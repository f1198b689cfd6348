"""What students are told, and that nothing else reaches them."""

from __future__ import annotations

import csv
import datetime as dt
import io

import msgspec
import pytest
from rich.console import Console
from samples import RUN

from autograder.report import class_table, escape_markdown, failure_told, inline_code, printable
from autograder.report.feedback import feedback_markdown
from autograder.report.grades import grades_csv
from autograder.results import (
    Diagnosis,
    ExerciseResult,
    Failure,
    Result,
    TestResult,
    read_result,
    to_json,
)

SECRET = "SECRET-hidden-input-0.731"


def hidden_failure(**changes):
    return Failure(
        **(
            {
                "category": "exception",
                "message": f"f raised ValueError: {SECRET}",
                "function": "f",
                "exception": "ValueError",
                "line": "layers.py:41",
                "trace": SECRET,
                "inputs": {"x": SECRET},
            }
            | changes
        )
    )


def result(tests, **changes):
    exercise = ExerciseResult(
        name="f",
        points=1.0,
        max_points=4.0,
        status="partial",
        tests=tests,
        diagnosis=changes.pop("diagnosis", None),
    )
    fields = {
        "unit": "03_layers",
        "student": "ada",
        "status": "graded",
        "points": 1.0,
        "max_points": 4.0,
        "run": RUN,
        "label": "ada",
        "exercises": [exercise],
        "output": SECRET,
    }
    return Result(**(fields | changes))


def hidden(**changes):
    return TestResult(
        name=f"test_{SECRET}",
        status="failed",
        points=1.0,
        visibility="hidden",
        failure=hidden_failure(**changes),
    )


@pytest.mark.parametrize(
    "category",
    ["exception", "wrong value", "wrong shape", "timeout", "crash", "protocol", "input changed"],
)
def test_of_a_hidden_test_nothing_but_category_type_and_line_is_told(category):
    text = feedback_markdown(result([hidden(category=category)]))
    assert SECRET not in text
    assert "1 hidden test" in text


def test_an_exception_in_a_hidden_test_is_told_by_type_and_line():
    assert failure_told(hidden()) == "your code raised an exception (ValueError at layers.py:41)"


def test_a_public_failure_is_told_in_full_with_the_command_that_reruns_it():
    test = TestResult(
        name="test_f_by_hand[cpu]",
        status="failed",
        points=1.0,
        visibility="public",
        failure=Failure(category="wrong value", message="out is wrong", inputs={"x": "[1, 2]"}),
        rerun="03_layers/test_public.py::test_f_by_hand[cpu]",
    )
    text = feedback_markdown(result([test]))
    assert "out is wrong" in text
    assert "x = [1, 2]" in text
    assert '`pytest "03_layers/test_public.py::test_f_by_hand[cpu]"`' in text


def test_the_diagnosis_is_a_sentence_and_not_the_name_of_the_mistake():
    diagnosis = Diagnosis(mistake="db_is_averaged", sentence="You averaged over the batch.")
    text = feedback_markdown(result([hidden()], diagnosis=diagnosis))
    assert "**You averaged over the batch.**" in text
    assert "db_is_averaged" not in text


def test_what_the_code_printed_is_not_sent():
    assert SECRET not in feedback_markdown(result([]))


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred", "a\u202eb", "\x00", "\x07", "a\u2066b", "\r", "\x9b31m"],
)
def test_no_control_character_reaches_a_reader(text):
    nasty = result([], name=text, label=text, message=text, notes=[text])
    assert text not in feedback_markdown(nasty)
    assert text not in grades_csv([nasty])
    assert printable(text).isprintable()


def test_markdown_and_html_of_others_are_shown_as_they_are():
    text = feedback_markdown(result([], name="<script>alert(1)</script> [x](http://y) **b**"))
    assert "<script>" not in text
    assert "\\<script\\>" in text
    assert "\\[x\\]" in text
    assert "\\*\\*b\\*\\*" in text
    assert escape_markdown("a|b\nc") == "a\\|b c"


def test_inline_code_survives_backticks_and_table_bars():
    assert inline_code("f") == "`f`"
    assert inline_code("a`b``c") == "``` a`b``c ```"
    assert "|" not in inline_code("a|b")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_a_spreadsheet_runs_no_formula_of_a_student(text):
    line = grades_csv([result([], student=text)]).splitlines()[1]
    assert not line.lstrip('"').startswith(("=", "+", "-", "@", "\t"))


def test_rich_markup_in_a_name_is_text():
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(class_table([result([], name="[red]x[/] [link=http://y]z")]))
    assert "[red]x[/] [link=http://y]z" in console.export_text()


def test_a_decision_is_explained():
    base = result([])
    exercise = msgspec.structs.replace(
        base.exercises[0], status="marked", points=3.0, reason="the idea is right"
    )
    text = feedback_markdown(msgspec.structs.replace(base, exercises=[exercise]))
    assert "A person decided: the idea is right" in text


def test_results_survive_being_written_and_read(tmp_path):
    original = result([hidden()], diagnosis=Diagnosis(mistake="m", sentence="s"))
    file = tmp_path / "r.json"
    file.write_bytes(to_json(original))
    assert read_result(file) == original
    assert b'"schema": "handgrad/result/1"' in file.read_bytes()


BEFORE = dt.datetime(2026, 11, 1, 12, 0, tzinfo=dt.UTC)
AFTER = dt.datetime(2026, 11, 1, 12, 0, 1, tzinfo=dt.UTC)


def due_test(**changes):
    return msgspec.structs.replace(hidden(**changes), visibility="after due")


def test_after_the_unit_is_over_an_open_test_is_told_in_full_less_its_name():
    closed = result([due_test(message="values differ")], closes="2026-11-01T13:00:00+01:00")
    before, after = feedback_markdown(closed, BEFORE), feedback_markdown(closed, AFTER)
    assert SECRET not in before
    assert "1 hidden test:" in before
    assert "values differ" in after
    assert f"x = {SECRET}" in after
    assert f"test_{SECRET}" not in after
    assert "A hidden test:" in after


@pytest.mark.parametrize("closes", ["", "2026-11-01T12:00:00", "soon"])
def test_without_a_moment_at_which_it_is_over_nothing_opens(closes):
    far = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    assert SECRET not in feedback_markdown(result([due_test()], closes=closes), far)


def test_a_hidden_test_stays_hidden_after_the_unit_is_over():
    closed = result([hidden()], closes="2026-11-01T12:00:00+00:00")
    assert SECRET not in feedback_markdown(closed, AFTER)


def test_late_work_is_told_with_points_penalty_and_mark():
    late = result(
        [],
        points=3.0,
        late=True,
        days_late=2,
        penalty=0.2,
        due="2026-10-15T23:59:00+02:00",
        submitted="2026-10-17T10:00:00+02:00",
    )
    text = feedback_markdown(late)
    assert "# `03_layers`: 2.4 / 4 points" in text
    assert "up to 2 days late" in text
    assert "Of 3 points earned this takes 20%, 0.6 points." in text
    row = next(csv.DictReader(grades_csv([late]).splitlines()))
    assert (row["points"], row["penalty"], row["mark"]) == ("3", "0.2", "2.4")
    console = Console(width=200, file=io.StringIO())
    console.print(class_table([late]))
    shown = console.file.getvalue()
    assert "late 2 d, -20%" in shown
    assert "2.4" in shown
