"""Grading again: nothing is lost, every change is told, and no mark falls silently."""

from __future__ import annotations

import os

import msgspec
import pytest
from samples import RUN
from typer.testing import CliRunner

from autograder.classroom import GradingError, accept_lower, mark_changes, resolve
from autograder.classroom.regrading import falls
from autograder.cli import app
from autograder.results import (
    ExerciseResult,
    Folder,
    Result,
    read_result,
    to_json,
    write_atomically,
)


def result(student: str, points: float | None, digest: str = "a", **changes) -> Result:
    exercise = ExerciseResult(name="f", points=points, max_points=10.0, status="partial")
    fields = {
        "unit": "01_scaling",
        "student": student,
        "status": "graded",
        "points": points,
        "max_points": 10.0,
        "digest": digest,
        "exercises": [exercise],
        "run": RUN,
    }
    return Result(**fields | changes)


FAILED = {"status": "needs a person", "digest": "", "exercises": []}
MISSING = {"status": "missing", "digest": "", "exercises": []}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (result("a", 5.0), result("a", 5.0), False),
        (result("a", 5.0), result("a", 6.0), False),
        (result("a", 5.0), result("a", 4.0), True),
        (result("a", 5.0), result("a", 4.0, digest="b"), False),  # new work
        (result("a", 5.0), result("a", None, **FAILED), True),
        (result("a", 5.0), result("a", 0.0, **MISSING), True),  # it had been there
        (result("a", 5.0), result("a", 5.0, penalty=0.2), True),
        (result("a", 5.0, penalty=0.2), result("a", 4.5), False),
        (result("a", None, **FAILED), result("a", 0.0), False),
        (result("a", 0.0, **MISSING), result("a", None, **FAILED), False),
    ],
)
def test_the_same_work_never_has_less_than_before(before, after, expected):
    assert falls(before, after) is expected


def test_where_the_best_attempt_counts_new_work_lowers_nothing():
    assert falls(result("a", 5.0), result("a", 4.0, digest="b"), best=True)


def test_changes_are_told_by_student_and_exercise():
    def both(student, f, g):
        exercises = [
            ExerciseResult(name=name, points=p, max_points=5.0, status="partial")
            for name, p in (("f", f), ("g", g))
        ]
        return result(student, f + g, exercises=exercises)

    found = mark_changes(
        [
            both("ada", 1.0, 2.0),
            both("bob", 1.0, 2.0),
            both("eve", 3.0, 3.0),
            both("x", 1.0, 1.0),
        ],
        [
            both("ada", 1.0, 2.0),
            both("bob", 2.0, 1.0),
            both("eve", 3.0, 3.0),
            both("w", 1.0, 1.0),
        ],
        [both("eve", 3.0, 2.5)],
    )
    assert [(c.result.student, c.waits, c.exercises) for c in found] == [
        ("bob", False, (("f", 1.0, 2.0), ("g", 2.0, 1.0))),
        ("eve", True, (("g", 3.0, 2.5),)),
        ("w", False, ()),
        ("x", False, ()),
    ]
    assert (found[2].before, found[3].after) == (None, None)


@pytest.fixture
def folder(tmp_path):
    """Three results, of which two have a lower one waiting, and one has no mark waiting."""
    made = Folder(tmp_path / "out")
    for student, points in (("ada", 8.0), ("bob", 6.0), ("eve", 9.0)):
        file = made.result_file("01_scaling", student)
        write_atomically(file, to_json(result(student, points)))
    for student, waiting in (
        ("ada", result("ada", 7.0)),
        ("bob", result("bob", 5.0)),
        ("eve", result("eve", None, **FAILED)),
    ):
        write_atomically(made.waiting_file("01_scaling", student), to_json(waiting))
    return made


def marks(folder: Folder) -> dict[str, float | None]:
    return {r.student: r.mark for r in folder.results()}


def test_a_person_accepts_one_lower_mark_or_all_and_nothing_is_lost(folder):
    assert [r.student for r in accept_lower(folder, ["ada"])] == ["ada"]
    assert marks(folder) == {"ada": 7.0, "bob": 6.0, "eve": 9.0}
    assert [r.student for r in accept_lower(folder)] == ["bob"]
    assert marks(folder) == {"ada": 7.0, "bob": 5.0, "eve": 9.0}
    assert [r.student for r in folder.waiting()] == ["eve"]  # no mark is nothing to accept
    assert accept_lower(folder) == []
    kept = [Folder(path) for path in sorted((folder.path / "previous").iterdir())]
    assert len(kept) == 2
    assert {marks(k)["ada"] for k in kept} == {8.0, 7.0}


def test_accepting_what_does_not_wait_is_refused(folder):
    for student in ("zoe", "eve"):
        with pytest.raises(GradingError, match=f"No lower mark of '{student}'.* of ada, bob"):
            accept_lower(folder, ["ada", student])
    assert marks(folder)["ada"] == 8.0


def test_the_latest_previous_results_are_the_last_ones_kept(folder):
    assert folder.previous() is None
    for points in range(12):  # more than ten within a second: the names must still be in order
        write_atomically(
            folder.result_file("01_scaling", "ada"), to_json(result("ada", float(points)))
        )
        folder.keep_previous()
    assert len(list((folder.path / "previous").iterdir())) == 12
    assert marks(folder.previous())["ada"] == 11.0


def test_a_mark_for_the_whole_unit_ends_the_waiting(folder):
    resolve(folder, "ada", "", "f", 8.0, "the exercise was right")
    assert folder.waiting_file("01_scaling", "ada").exists()
    resolve(folder, "ada", "", "", 8.0, "it was right")
    assert not folder.waiting_file("01_scaling", "ada").exists()
    assert marks(folder)["ada"] == 8.0


def test_a_decision_on_an_exercise_holds_in_what_is_accepted(folder):
    resolve(folder, "bob", "", "f", 6.5, "half a point for the idea")
    [accepted] = accept_lower(folder, ["bob"])
    assert (accepted.mark, accepted.exercises[0].graded_points) == (6.5, 5.0)


# --- the command, on a small course -------------------------------------------------------

MEAN = "\n\ndef total(x, w):\n    return (x * w).mean()\n"
SHIFT = "\n\ndef scale_forward(x, w):\n    return x + w, (x, w)\n"
THREE_STEPS = """

def descend(gradient, x, *, steps):
    for _ in range(min(steps, 3)):
        x = x - 0.5 * gradient(x)
    return x
"""
WRONG_TEST = 'assert_close(student.total(case.x, case.w), reference.total(case.x, case.w), "total")'
RIGHT_TEST = """
    x, w = case.x[:1, :1], case.w[:1]
    assert_close(student.total(x, w), reference.total(x, w), "total")
"""


@pytest.fixture
def course(course_root, tmp_path, scaling_source, monkeypatch):
    for student, change in {"ada": THREE_STEPS, "bob": MEAN}.items():
        (tmp_path / "submissions" / student).mkdir(parents=True)
        file = tmp_path / "submissions" / student / "scaling.py"
        file.write_text(scaling_source + change, encoding="utf-8")
    monkeypatch.chdir(course_root)
    return course_root


def command(name: str, *arguments: object, code: int = 0):
    done = CliRunner().invoke(app, [name, *map(str, arguments)], env={"COLUMNS": "160"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    return done


def test_a_regrade_keeps_compares_and_lowers_only_what_is_accepted(
    course, tmp_path, scaling_source
):
    submissions, out = tmp_path / "submissions", tmp_path / "out"
    grade = ("grade", submissions, "--out", out, "-u", "1", "-j", "1")
    command(*grade)
    assert marks(Folder(out)) == {"ada": 13.0, "bob": 11.0}
    assert "nothing to compare with" in command("report", out, "-f", "changes", code=2).stderr

    # A test becomes stricter, and one more lenient: ada loses a point, bob gains two.
    hidden = course / "solutions" / "01_scaling" / "test_hidden.py"
    text = hidden.read_text(encoding="utf-8")
    assert WRONG_TEST in text
    text = text.replace("steps=2", "steps=5").replace(WRONG_TEST, RIGHT_TEST.strip())
    hidden.write_text(text, encoding="utf-8")
    done = command(*grade, "--regrade", code=1)
    assert "The earlier results are kept in" in done.stdout
    assert "descend 2 to 1" in done.stdout
    assert "total 0 to 2" in done.stdout
    assert "1 would have less than before and keep the earlier mark" in done.stderr
    assert marks(Folder(out)) == {"ada": 13.0, "bob": 13.0}
    assert marks(Folder(out).previous()) == {"ada": 13.0, "bob": 11.0}

    # What waits still waits and is not graded once more; new work counts although it is worse.
    new = submissions / "bob" / "scaling.py"
    new.write_text(scaling_source + SHIFT, encoding="utf-8")
    again = command(*grade, "--resume", code=1)
    assert "1 of them from before" in again.stdout
    assert "scale_forward 6 to 1" in again.stdout
    assert "lower, for new work" in again.stdout
    assert marks(Folder(out))["bob"] < 11.0
    table = command("report", out, "-f", "changes").stdout
    assert "descend 2 to 1" in table
    assert "the earlier mark stays until a person decides" in " ".join(table.split())
    page = command("report", out, "-f", "html").stdout
    assert "Graded again it came to 12 instead of 13" in page

    said = command("accept", out, "bob", code=2).stderr
    assert "No lower mark of 'bob' waits. There are those of ada." in said
    assert "ada has 12 / 15 (2 open) points" in command("accept", out).stdout
    assert marks(Folder(out))["ada"] == 12.0
    assert "12 / 15" in (out / "feedback" / "01_scaling" / "ada.md").read_text(encoding="utf-8")
    assert "No lower mark waits" in command("accept", out).stdout


def test_a_grader_that_fails_this_time_takes_no_mark_away_and_other_units_stay(course, tmp_path):
    submissions, folder = tmp_path / "submissions", Folder(tmp_path / "out")
    grade = ("grade", submissions, "--out", folder.path, "-u", "1", "-j", "1")
    other = msgspec.structs.replace(result("ada", 7.0), unit="09_other")
    for known in (result("ada", 9.0), result("bob", 8.0), other):
        write_atomically(folder.result_file(known.unit, known.student), to_json(known))
    hidden = course / "solutions" / "01_scaling" / "test_hidden.py"
    text = hidden.read_text(encoding="utf-8")
    hidden.write_text(text.replace(WRONG_TEST, "assert 1 == 2"), encoding="utf-8")
    done = command(*grade, "--regrade", code=1)
    assert [r.mark for r in folder.results()] == [9.0, 8.0, 7.0]
    assert "the grader failed" in " ".join(done.stdout.split())
    assert [r.status for r in folder.waiting()] == ["needs a person"] * 2
    assert read_result(folder.result_file("09_other", "ada")) == other
    assert "09_other" in (folder.path / "grades.csv").read_text(encoding="utf-8")
    hidden.write_text(text, encoding="utf-8")
    command(*grade, "--resume")
    assert folder.waiting() == []
    assert [r.mark for r in folder.results()] == [13.0, 11.0, 7.0]


def test_accepting_in_a_folder_without_results_is_a_sentence(tmp_path):
    assert "holds no results" in command("accept", tmp_path, code=2).stderr
    assert os.listdir(tmp_path) == []
