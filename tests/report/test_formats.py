"""`autograder report`: what it reads, what it says when it cannot, and the plain formats."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

from autograder.cli import app
from autograder.integrations import report_formats


@pytest.fixture(scope="module")
def out(tmp_path_factory, make_result, make_exercise, write_class):
    results = [
        make_result("ada", [make_exercise("f", 4.0, 4.0)], name="Ada Lovelace"),
        make_result("bob", [make_exercise("f", 1.0, 4.0)]),
        make_result("ada", [make_exercise("g", 2.0, 2.0)], unit="05_convolution"),
    ]
    return write_class(tmp_path_factory.mktemp("class"), results).path


def report(*arguments: object):
    done = CliRunner().invoke(app, ["report", *map(str, arguments)], env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_without_a_format_it_is_a_table(out):
    done = report(out)
    assert done.exit_code == 0
    assert "Ada Lovelace" in done.stdout
    assert "05_convolution" in done.stdout


def test_a_table_in_a_file_has_no_colours(out, tmp_path):
    done = report(out, "--out", tmp_path / "table.txt")
    assert done.exit_code == 0
    text = (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert "Ada Lovelace" in text
    assert "\x1b" not in text


def test_json_is_one_list_of_all_results(out):
    results = json.loads(report(out, "--format", "json").stdout)
    assert [(r["unit"], r["student"], r["points"]) for r in results] == [
        ("03_layers", "ada", 4.0),
        ("03_layers", "bob", 1.0),
        ("05_convolution", "ada", 2.0),
    ]
    assert {r["schema"] for r in results} == {"handgrad/result/1"}


def test_csv_goes_to_a_file_whole(out, tmp_path):
    done = report(out, "--format", "csv", "--out", tmp_path / "new" / "grades.csv")
    assert done.exit_code == 0
    text = (tmp_path / "new" / "grades.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["points"] for row in rows] == ["4", "1", "2"]


def test_a_single_result_and_the_results_folder_will_do(out):
    single = report(out / "results" / "03_layers" / "bob.json", "--format", "json")
    assert [r["student"] for r in json.loads(single.stdout)] == ["bob"]
    assert len(json.loads(report(out / "results", "--format", "json").stdout)) == 3


def test_what_cannot_be_reported_is_a_sentence(out, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.json").write_bytes(b"\xff\xfe no")
    (tmp_path / "old.json").write_text('{"schema": "handgrad/result/9"}', encoding="utf-8")
    for arguments, sentence in [
        ((out, "--format", "pdf"), "There is no format 'pdf'; the formats are terminal, json"),
        ((tmp_path / "nowhere",), "There is nothing at"),
        ((tmp_path / "empty",), "holds no results. Name the OUT"),
        ((tmp_path / "text.json",), "cannot be read as a result"),
        ((tmp_path / "old.json",), "cannot be read as a result"),
        ((out, "--out", tmp_path / "empty"), "is a folder. Name the file"),
        ((out, "--out", tmp_path / "text.json" / "x"), "cannot be written"),
    ]:
        done = report(*arguments)
        assert done.exit_code == 2, (arguments, done.output)
        assert sentence in done.stderr.replace("\n", " "), done.stderr


def test_one_damaged_result_is_named_instead_of_left_out(out, tmp_path, write_class, make_result):
    folder = write_class(tmp_path / "class", [make_result("ada"), make_result("bob")])
    folder.result_file("03_layers", "bob").write_text("{", encoding="utf-8")
    done = report(folder.path, "--format", "csv")
    assert done.exit_code == 2
    assert "bob.json cannot be read" in done.stderr.replace("\n", "")


def test_feedback_is_written_anew_when_a_unit_is_over(
    tmp_path, write_class, make_result, make_exercise, make_test
):
    test = make_test("t", 2.0, "wrong value", visibility="after due")
    exercise = make_exercise("f", 1.0, 3.0, [test])
    folder = write_class(
        tmp_path / "class",
        [
            make_result("ada", [exercise], closes="2020-01-01T00:00:00+00:00"),
            make_result("bob", [exercise], closes="2999-01-01T00:00:00+00:00"),
        ],
    )
    done = report(folder.path, "--format", "feedback")
    assert done.exit_code == 0
    assert "The feedback of 2 results is in" in done.stderr
    told = {
        name: folder.feedback_file("03_layers", name).read_text("utf-8") for name in ("ada", "bob")
    }
    assert "SECRET" in told["ada"]
    assert "SECRET" not in told["bob"]
    one = report(folder.result_file("03_layers", "bob"), "--format", "feedback")
    assert one.stdout == told["bob"]
    assert report(folder.path, "--format", "feedback", "--out", tmp_path / "x").exit_code == 2


def test_every_format_has_a_name_of_its_own_and_says_what_it_is_for():
    formats = report_formats()
    assert len({form.name for form in formats}) == len(formats) > 6
    assert all(len(form.what) > 10 for form in formats)
