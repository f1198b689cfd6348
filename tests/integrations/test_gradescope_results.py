"""results.json from results, without grading anything."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from autograder.integrations import report_formats
from autograder.integrations.gradescope.reporting import fault_json, results_json
from autograder.report import find_format, read_material
from autograder.results import ResultError

NOW = dt.datetime(2026, 10, 21, tzinfo=dt.UTC)


def test_what_counts_is_the_mark_and_every_exercise_has_its_points(make_exercise, make_result):
    exercises = [make_exercise("f", 2.0, 2.0), make_exercise("g", 1.0, 3.0)]
    result = make_result("ada", exercises, late=True, days_late=1, penalty=0.1)
    document = json.loads(results_json(result, NOW))
    assert document["score"] == 2.7
    assert "this takes 10%" in document["output"]
    got = [(t["number"], t["name"], t["score"], t["max_score"]) for t in document["tests"]]
    assert got == [("3.1", "f", 2.0, 2.0), ("3.2", "g", 1.0, 3.0)]
    assert [t["status"] for t in document["tests"]] == ["passed", "failed"]


def test_a_zero_is_a_score_and_an_open_question_has_none(make_exercise, make_result):
    exercises = [make_exercise("f", 0.0, 2.0), make_exercise("why", None, 3.0, written=True)]
    document = json.loads(results_json(make_result("ada", exercises), NOW))
    assert document["score"] == 0.0
    zero, waiting = document["tests"]
    assert zero["score"] == 0.0
    assert "score" not in waiting
    assert waiting["output"] == "3 points, which a person gives."


def test_no_test_is_ever_hidden_because_that_would_hide_the_total(
    make_test, make_exercise, make_result
):
    tests = [make_test("a", 1.0, "wrong value"), make_test("b", 1.0, "wrong value")]
    document = json.loads(results_json(make_result("ada", [make_exercise("f", 0, 2, tests)]), NOW))
    assert {t["visibility"] for t in document["tests"]} == {"visible"}
    assert "SECRET" not in json.dumps(document)
    assert document["tests"][0]["output"].endswith("2 hidden tests: a result has wrong values")


def test_hidden_tests_are_told_in_full_when_the_unit_is_over(make_test, make_exercise, make_result):
    test = make_test("a", 1.0, "wrong value", visibility="after due")
    for closes, told in [("2026-10-20T00:00:00+00:00", True), ("2026-10-22T00:00:00+00:00", False)]:
        result = make_result("ada", [make_exercise("f", 0, 1, [test])], closes=closes)
        assert (b"SECRET" in results_json(result, NOW)) is told


def test_a_result_that_needs_a_person_has_no_score(make_result):
    needy = make_result("ada", status="needs a person", points=None, message="Traceback canary")
    assert results_json(needy, NOW) == fault_json("03_layers")
    document = json.loads(fault_json("03_layers"))
    assert "score" not in document
    assert "tests" not in document
    assert "not your fault" in document["output"]


def test_control_characters_do_not_reach_the_page(make_exercise, make_result):
    result = make_result("ada", [make_exercise("f", 1, 1)], message="\x1b[2J\u202eevil")
    assert json.loads(results_json(result, NOW))["output"] == "?[2J?evil"


def test_a_class_becomes_one_file_for_each_submission(make_result, write_class, tmp_path):
    results = [make_result("ada"), make_result("b/ob")]
    folder = write_class(tmp_path / "out", results)
    format = find_format(report_formats(), "gradescope")
    to = tmp_path / "to"
    format.write(read_material(folder.path, out=to))
    written = sorted(path.relative_to(to).as_posix() for path in to.rglob("*.json"))
    assert written == ["03_layers/ada.json", "03_layers/b%2Fob.json"]
    with pytest.raises(ResultError, match="name a folder"):
        format.write(read_material(folder.path))
    one: Path = folder.result_file("03_layers", "ada")
    assert format.write(read_material(one)).content == (to / "03_layers/ada.json").read_bytes()
