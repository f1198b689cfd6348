"""Due dates, extensions, grace and penalty: the course's own date, then the download's word."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from samples import RUN

from autograder.classroom import with_lateness
from autograder.classroom.lateness import Lateness, lateness
from autograder.course import CourseError, Late, Policy, read_policy
from autograder.results import ExerciseResult, Resolution, Result, TestResult, read_result, to_json
from autograder.submissions import Attempt

DUE = dt.datetime(2026, 10, 15, 23, 59, tzinfo=dt.UTC)
RULE = Late(per_day=0.1, grace_minutes=15, at_most=0.5, cutoff_days=10)


def attempt(when: str | None, said: bool | None = None, student: str = "ada") -> Attempt:
    return Attempt(student, "", f"{student}.py", when, 1, said, Path("ada.py"), ())


def result(**changes: object) -> Result:
    tests = [
        TestResult(name="p", status="passed", points=1.0, visibility="public"),
        TestResult(name="h", status="passed", points=1.0, visibility="hidden"),
    ]
    exercise = ExerciseResult(name="f", points=2.0, max_points=2.0, status="full", tests=tests)
    fields = {
        "unit": "01_scaling",
        "student": "ada",
        "status": "graded",
        "points": 31.0,
        "max_points": 40.0,
        "run": RUN,
        "exercises": [exercise],
    }
    return Result(**fields | changes)


@pytest.mark.parametrize(
    ("when", "said", "due", "expected"),
    [
        ("2026-10-15T23:58:00+00:00", True, DUE, False),
        ("2026-10-15T23:59:00+00:00", True, DUE, False),
        ("2026-10-15T23:59:00.000001+00:00", None, DUE, True),
        ("2026-10-16T00:00:00+00:00", False, DUE, True),
        ("2026-10-16T01:30:00+02:00", None, DUE, False),
        ("2026-10-16T00:00:00", True, DUE, True),  # no time zone: nothing to compare with
        ("yesterday", False, DUE, False),
        (None, True, DUE, True),
        ("2026-10-16T00:00:00+00:00", None, None, None),
    ],
)
def test_late_is_after_the_due_date(when, said, due, expected):
    assert lateness(attempt(when, said), due, Late()).late is expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (dt.timedelta(0), Lateness(False)),
        (dt.timedelta(minutes=15), Lateness(False)),
        (dt.timedelta(minutes=15, seconds=1), Lateness(True, 1, 0.1)),
        (dt.timedelta(days=1), Lateness(True, 1, 0.1)),
        (dt.timedelta(days=1, seconds=1), Lateness(True, 2, 0.2)),
        (dt.timedelta(days=3), Lateness(True, 3, 0.3)),
        (dt.timedelta(days=7), Lateness(True, 7, 0.5)),
        (dt.timedelta(days=10), Lateness(True, 10, 0.5)),
        (dt.timedelta(days=10, seconds=1), Lateness(True, 11, 1.0)),
    ],
)
def test_each_day_begun_costs_up_to_the_most_and_the_cutoff_costs_all(after, expected):
    came = (DUE + after).astimezone(dt.timezone(dt.timedelta(hours=-7)))
    assert lateness(attempt(came.isoformat()), DUE, RULE) == expected


def test_a_day_is_24_hours_although_clocks_change():
    # Berlin's clocks go back on 25 October 2026: 23:59 a day later is 25 hours later.
    due = dt.datetime.fromisoformat("2026-10-24T23:59:00+02:00")
    assert lateness(attempt("2026-10-25T22:59:00+01:00"), due, RULE).days == 1
    assert lateness(attempt("2026-10-25T23:59:00+01:00"), due, RULE).days == 2


def test_the_word_of_a_download_costs_nothing_because_it_does_not_say_how_late():
    assert lateness(attempt(None, True), DUE, RULE) == Lateness(True)


def test_points_and_mark_are_kept_apart():
    late = result(penalty=0.3, late=True, days_late=3)
    assert (late.points, late.mark) == (31.0, 21.7)
    assert result().mark == 31.0
    assert result(points=None, penalty=0.3).mark is None
    assert result(penalty=1.0).mark == 0.0


def test_the_mark_is_written_for_readers_and_follows_from_the_points_when_read(tmp_path):
    file = tmp_path / "result.json"
    raw = to_json(result(penalty=0.3))
    assert b'"mark": 21.7' in raw
    file.write_bytes(raw.replace(b'"mark": 21.7', b'"mark": 40'))
    assert read_result(file).mark == 21.7


def test_points_for_the_whole_unit_are_final():
    decision = Resolution(
        student="ada", unit="01_scaling", exercise="", points=30.0, reason="ill", by="", when=""
    )
    assert result(points=30.0, penalty=0.3, resolution=decision).mark == 30.0


def policy(**changes: object) -> Policy:
    return Policy(
        due={"01_scaling": DUE},
        extensions={"eve": {"01_scaling": DUE + dt.timedelta(days=7)}},
        late=RULE,
        **changes,
    )


def test_an_extension_counts_for_its_student_only():
    when = "2026-10-17T00:00:00+00:00"
    ada = with_lateness(result(), attempt(when), policy())
    eve = with_lateness(result(student="eve"), attempt(when, student="eve"), policy())
    assert (ada.late, ada.days_late, ada.mark) == (True, 2, 24.8)
    assert (eve.late, eve.days_late, eve.mark) == (False, 0, 31.0)
    assert ada.due == "2026-10-15T23:59:00+00:00"
    assert eve.due == "2026-10-22T23:59:00+00:00"


def test_a_granted_extension_undoes_the_penalty_without_grading():
    when = "2026-10-17T00:00:00+00:00"
    before = with_lateness(result(), attempt(when), policy())
    granted = Policy(due={"01_scaling": DUE + dt.timedelta(days=3)}, late=RULE)
    after = with_lateness(before, attempt(when), granted)
    assert (after.late, after.days_late, after.penalty, after.mark) == (False, 0, 0.0, 31.0)


def test_what_was_not_handed_in_is_missing_and_not_late():
    missing = result(status="missing", points=0.0, exercises=[])
    assert with_lateness(missing, attempt("2026-12-01T00:00:00+00:00"), policy()).late is None


def test_a_unit_closes_when_the_last_extension_its_grace_and_the_cutoff_are_over():
    assert policy().closes("01_scaling") == DUE + dt.timedelta(days=17, minutes=15)
    assert policy().closes("02_other") is None
    assert Policy(due={"01_scaling": DUE}).closes("01_scaling") == DUE


def test_hidden_tests_open_after_the_due_date_only_where_the_course_says_so():
    def seen(of: Policy, start: Result) -> list[str]:
        return [t.visibility for t in with_lateness(start, attempt(None), of).exercises[0].tests]

    assert seen(policy(), result()) == ["public", "hidden"]
    assert seen(policy(show_hidden="after due"), result()) == ["public", "after due"]
    once_open = with_lateness(result(), attempt(None), policy(show_hidden="after due"))
    assert seen(policy(), once_open) == ["public", "hidden"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[late]\nper_week = 1",
            r"\[late\] has no setting per_week; it has per_day, grace_minutes",
        ),
        ("[late]\nper_day = 10", "per_day"),
        ("[late]\nper_day = -0.1", "per_day"),
        ("[late]\nat_most = 2", "at_most"),
        ("[late]\ncutoff_days = 0", "cutoff_days"),
        ("[late]\ngrace_minutes = -5", "grace_minutes"),
        ("[late]\nper_day = nan", "per_day"),
        ("late = 3", "late"),
        ("show_hidden = 'always'", "show_hidden"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_a_sentence(tmp_path, text, sentence):
    file = tmp_path / "course.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match=sentence) as caught:
        read_policy(file)
    assert str(caught.value).startswith("course.toml: ")


def test_the_rule_is_read(tmp_path):
    file = tmp_path / "course.toml"
    file.write_text(
        "[late]\nper_day = 0.1\ngrace_minutes = 15\nat_most = 0.5\ncutoff_days = 10\n",
        encoding="utf-8",
    )
    assert read_policy(file).late == RULE


def test_a_date_of_a_unit_that_there_is_not_is_a_sentence():
    with pytest.raises(CourseError, match=r"there is no unit named 01_scaling; .* are 02_other"):
        policy().check_names(["02_other"])
