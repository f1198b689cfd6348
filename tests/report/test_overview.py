"""The class at a glance: what is counted, and the page as text."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import re
import sys

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.report.html import class_page
from autograder.report.overview import class_overview
from autograder.results import Resolution

NOW = dt.datetime(2026, 11, 1, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def students(make_result, make_exercise, make_test):
    """Four graded students, one missing, one on whom the grader failed."""

    def exercise(points: float, *categories: str, **changes):
        tests = [make_test(f"test_{i}", 1.0, c) for i, c in enumerate(categories)]
        return make_exercise("f", points, 4.0, tests, **changes)

    return [
        make_result("ada", [exercise(4.0, "", "wrong value"), make_exercise("why", 2.0, 2.0)]),
        make_result(
            "bob",
            [
                exercise(1.0, "exception", "wrong value", mistake="swapped"),
                make_exercise("why", None, 2.0),
            ],
            late=True,
            penalty=0.5,
        ),
        make_result(
            "eve",
            [exercise(0.0, "", "wrong shape", mistake="swapped"), make_exercise("why", 0.0, 2.0)],
        ),
        make_result("zoe", [exercise(2.0, "wrong value", "", mistake="rare")][:1], max_points=6.0),
        make_result("max", status="missing", points=0.0, max_points=6.0),
        make_result(
            "tom", status="needs a person", points=None, max_points=6.0, message="It broke."
        ),
    ]


def test_marks_of_what_was_graded_are_counted_in_tenths(students):
    [unit] = class_overview(students)
    # 6, 0.5 (half of 1), 0 and 2 of 6
    assert [b.count for b in unit.bins] == [2, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert [b.share for b in unit.bins][:4] == [1.0, 0.0, 0.0, 0.5]
    assert (unit.mean, unit.median) == (2.125, 1.25)
    assert unit.counts == {"graded": 4, "missing": 1, "needs a person": 1, "late": 1}


@pytest.mark.parametrize(("points", "tenth"), [(0.0, 0), (0.6, 1), (1.8, 3), (5.99, 9), (6.0, 9)])
def test_a_mark_on_the_border_of_tenths_belongs_to_the_upper_one(
    make_result, make_exercise, points, tenth
):
    [unit] = class_overview([make_result("ada", [make_exercise("f", points, 6.0)])])
    assert [b.count for b in unit.bins].index(1) == tenth


def test_an_exercise_says_how_many_are_right_and_its_mean_once_nothing_is_open(students):
    [unit] = class_overview(students)
    first, second = unit.exercises
    assert (first.name, first.mean) == ("f", 1.75)
    assert first.counts == {"right": 1, "partly": 2, "wrong": 1}
    assert (second.name, second.mean) == ("why", None)
    assert second.counts == {"right": 1, "open": 1, "wrong": 1}


def test_mistakes_are_counted_by_name_the_commonest_first(students):
    [unit] = class_overview(students)
    assert [(m.name, m.students) for m in unit.mistakes] == [
        ("swapped", ("bob", "eve")),
        ("rare", ("zoe",)),
    ]
    assert unit.mistakes[0].sentence == "It is swapped."


def test_a_test_that_somebody_passes_is_not_one_that_everybody_fails(students):
    assert class_overview(students)[0].never_passed == ()
    [unit] = class_overview(students[:3])
    assert [(t.name, t.attempts, t.category) for t in unit.never_passed] == [
        ("test_1", 3, "wrong value")
    ]
    assert class_overview(students[:1])[0].never_passed == ()  # one student is not everybody


def test_tests_that_were_not_attempted_do_not_count_as_failed(
    make_result, make_exercise, make_test
):
    def one(student, *statuses):
        tests = [make_test(f"t{i}", 1.0, "not attempted", status=s) for i, s in enumerate(statuses)]
        return make_result(student, [make_exercise("f", 0.0, 2.0, tests)])

    results = [one("a", "not attempted", "failed"), one("b", "blocked", "failed")]
    assert [t.name for t in class_overview(results)[0].never_passed] == ["t1"]


def test_what_needs_a_person_is_said_with_who_and_why(students, make_result, make_exercise):
    lower = make_result("ada", [make_exercise("f", 3.0, 6.0)])
    [unit] = class_overview(students, [lower])
    assert [(n.what, n.students) for n in unit.needs] == [
        ("It broke.", ("tom",)),
        ("Graded again it came to 3 instead of 6, which counts until then.", ("ada",)),
        ("To be marked: why.", ("bob",)),
    ]
    assert unit.needy == 3


def test_points_that_are_open_in_an_exercise_need_a_person(make_result, make_exercise):
    [unit] = class_overview([make_result("ada", [make_exercise("f", 4.0, 6.0, pending=2.0)])])
    assert [(n.what, n.students) for n in unit.needs] == [("Points are open: f.", ("ada",))]
    assert (unit.exercises[0].counts, unit.exercises[0].mean) == ({"open": 1}, None)


def test_a_unit_that_a_person_has_marked_needs_nobody(make_result, make_exercise):
    decision = Resolution(
        student="ada", unit="03_layers", exercise="", points=5.0, reason="r", by="", when=""
    )
    marked = make_result("ada", [make_exercise("why", None, 6.0)], points=5.0, resolution=decision)
    assert class_overview([marked])[0].needs == ()


def test_units_are_apart(make_result, make_exercise):
    results = [
        make_result("ada", [make_exercise("f", 1.0, 1.0)]),
        make_result("ada", [make_exercise("g", 1.0, 2.0)], unit="05_convolution"),
    ]
    assert [(u.name, u.max_points) for u in class_overview(results)] == [
        ("03_layers", 1.0),
        ("05_convolution", 2.0),
    ]


# --- the page -----------------------------------------------------------------------------


def test_the_page_asks_for_nothing_and_its_policy_allows_its_style_only(students):
    text = class_page(students, [], NOW).decode("utf-8")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "unsafe" not in policy
    for tag in ("<script", "<img", "<iframe", "<object", "<form", "style=", "@import", "url("):
        assert tag not in text
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:,)", text)


def test_every_student_is_there_with_marks_and_failures(students):
    text = class_page(students, [], NOW).decode("utf-8")
    for number, student in enumerate(("ada", "bob", "eve", "max", "tom", "zoe"), 1):
        assert f'id="student-{number}" aria-label="{student}"' in text
    assert "test_1: SECRET 0.731" in text  # this page is for staff
    assert "needs a person" in text


@pytest.mark.parametrize("hostile", ["<u>x</u>", '"><script>', "'", "&amp;", "{{ 7*7 }}", "\x00"])
def test_text_of_students_is_text(hostile, make_result, make_exercise):
    exercise = make_exercise("f", 1.0, 2.0, answer=hostile, reason=hostile)
    result = make_result(
        hostile, [exercise], name=hostile, label=hostile, message=hostile, output=hostile
    )
    text = class_page([result], [], NOW).decode("utf-8")
    assert "<u>" not in text
    assert "<script" not in text
    assert "\x00" not in text
    escaped = {"&amp;": "&amp;amp;", "'": "&#39;", "\x00": "?"}.get(hostile, hostile[:3])
    assert escaped.replace("<", "&lt;").replace('"', "&#34;").replace(">", "&gt;") in text


def test_a_class_of_which_nothing_was_graded_has_a_page(make_result):
    text = class_page([make_result("ada", status="missing", points=0.0)], [], NOW).decode("utf-8")
    assert "Nothing was graded." in text


def test_without_jinja2_there_is_a_sentence(tmp_path, write_class, students, monkeypatch):
    folder = write_class(tmp_path / "class", students)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = CliRunner().invoke(app, ["report", str(folder.path), "--format", "html"])
    assert done.exit_code == 2
    assert "This needs jinja2: pip install 'handgrad[instructor]'." in done.stderr


def test_only_the_page_needs_jinja2(tmp_path, write_class, students, monkeypatch):
    folder = write_class(tmp_path / "class", students)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    for name in ("terminal", "json", "csv", "junit"):
        done = CliRunner().invoke(app, ["report", str(folder.path), "--format", name])
        assert done.exit_code == 0, done.stderr
