"""Results in a gradebook of nbgrader: every kind of result, without grading."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nbgrader.api import Gradebook, MissingEntry
from typer.testing import CliRunner

from autograder.cli import app
from autograder.integrations.nbgrader.gradebook import write_gradebook
from autograder.integrations.nbgrader.programs import find_programs
from autograder.results import Resolution, ResultError

UNIT, NOTEBOOK = "03_layers", "layers"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty gradebook: nbgrader takes a second to make one."""
    find_programs()
    path = tmp_path_factory.mktemp("empty") / "gradebook.db"
    Gradebook(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def url(tmp_path: Path, empty: Path) -> str:
    return f"sqlite:///{shutil.copy(empty, tmp_path / 'gradebook.db')}"


@pytest.fixture
def exercises(make_exercise: Callable[..., Any]) -> Callable[..., list[Any]]:
    """A unit of two functions and a question, with these points."""

    def make(f: float | None, g: float | None, why: float | None, **changes: Any) -> list[Any]:
        asked = make_exercise("why", why, 3.0, written=True, **changes)
        return [make_exercise("f", f, 4.0), make_exercise("g", g, 3.0), asked]

    return make


@pytest.fixture
def opened(url: str) -> Iterator[Any]:
    with Gradebook(url) as gradebook:
        yield gradebook


def grades(gradebook: Any, student: str) -> dict[str, tuple[Any, ...]]:
    gradebook.db.expire_all()
    submission = gradebook.find_submission_notebook(NOTEBOOK, UNIT, student)
    return {g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for g in submission.grades}


def submission(gradebook: Any, student: str) -> Any:
    gradebook.db.expire_all()
    return gradebook.find_submission(UNIT, student)


def test_points_are_automatic_scores_and_open_ones_wait(
    url: str, opened: Any, make_result: Any, exercises: Any
) -> None:
    said = write_gradebook(url, [make_result("ada", exercises(4.0, 1.5, None), name="Ada A. L")])
    assert said == ["03_layers: 1 submission is in the gradebook, 1 of them waits for a person."]
    assert grades(opened, "ada") == {
        "f": (4.0, None, False),
        "g": (1.5, None, False),
        "why": (None, None, True),
    }
    assert submission(opened, "ada").score == 5.5
    student = opened.find_student("ada")
    assert (student.first_name, student.last_name) == ("Ada A.", "L")


def test_a_persons_points_are_manual_scores_and_their_reason_a_comment(
    url: str, opened: Any, make_result: Any, exercises: Any
) -> None:
    marked = exercises(4.0, 3.0, 2.0, status="marked", reason="two of three")
    write_gradebook(url, [make_result("ada", marked)])
    assert grades(opened, "ada")["why"] == (None, 2.0, False)
    assert opened.find_comment("why", NOTEBOOK, UNIT, "ada").auto_comment == "two of three"
    assert submission(opened, "ada").score == 9.0


def test_what_is_missing_is_no_submission_and_what_is_unreadable_a_zero(
    url: str, opened: Any, make_result: Any, exercises: Any
) -> None:
    write_gradebook(
        url,
        [
            make_result("ada", exercises(4.0, 3.0, 0.0)),
            make_result("bob", status="unreadable"),
            make_result("cy", status="missing"),
        ],
    )
    assert grades(opened, "bob") == dict.fromkeys(("f", "g", "why"), (0.0, None, False))
    assert opened.find_student("cy").id == "cy"
    with pytest.raises(MissingEntry):
        submission(opened, "cy")


def test_where_the_grader_failed_everything_waits(
    url: str, opened: Any, make_result: Any, exercises: Any
) -> None:
    good = make_result("ada", exercises(4.0, 3.0, 0.0))
    write_gradebook(url, [good])
    failed = make_result("ada", status="needs a person", points=None, pending=10.0)
    write_gradebook(url, [failed])
    assert grades(opened, "ada") == dict.fromkeys(("f", "g", "why"), (None, None, True))
    write_gradebook(url, [good])
    assert grades(opened, "ada")["f"] == (4.0, None, False)


def test_points_for_the_whole_unit_are_the_score_whatever_the_tests_gave(
    url: str, opened: Any, make_result: Any, exercises: Any
) -> None:
    decided = Resolution(
        student="ada", unit=UNIT, exercise="", points=6.5, reason="oral", by="me", when=""
    )
    whole = make_result("ada", exercises(4.0, 0.0, None), points=6.5, pending=0.0, penalty=0.5)
    other = make_result("bob", status="needs a person", points=6.5, pending=0.0)
    results = [msgspec.structs.replace(r, resolution=decided) for r in (whole, other)]
    for _ in range(2):  # entering it again adds nothing
        write_gradebook(url, results)
        for student in ("ada", "bob"):
            entered = submission(opened, student)
            assert (entered.score, entered.late_submission_penalty) == (6.5, 0.0)
            assert not entered.needs_manual_grade


def test_lateness_is_nbgraders_penalty(
    url: str, opened: Any, make_result: Any, exercises: Any
) -> None:
    late = make_result(
        "ada", exercises(4.0, 3.0, 0.5), penalty=0.1, submitted="2026-10-17T02:00:00+02:00"
    )
    write_gradebook(url, [late])
    entered = submission(opened, "ada")
    assert entered.score == 7.5
    assert entered.score - entered.late_submission_penalty == late.mark == 6.75
    assert str(entered.timestamp) == "2026-10-17 00:00:00"


def test_a_mark_of_the_form_grader_stays_and_is_looked_at_again(
    url: str, opened: Any, make_result: Any, exercises: Any
) -> None:
    result = make_result("ada", exercises(4.0, 3.0, None))
    write_gradebook(url, [result])
    grade = opened.find_grade("why", NOTEBOOK, UNIT, "ada")
    grade.manual_score, grade.needs_manual_grade = 2.5, False
    opened.db.commit()
    write_gradebook(url, [result])
    assert grades(opened, "ada")["why"] == (None, 2.5, True)
    assert submission(opened, "ada").score == 9.5


def test_a_gradebook_of_other_exercises_is_left_alone(
    url: str, opened: Any, make_result: Any, make_exercise: Any, exercises: Any
) -> None:
    write_gradebook(url, [make_result("ada", exercises(4.0, 3.0, 0.0))])
    with pytest.raises(ResultError, match=r"other exercises or points .*\(f, g, h, why\)"):
        write_gradebook(url, [make_result("bob", [make_exercise("h", 1.0, 1.0)])])
    with pytest.raises(MissingEntry):
        submission(opened, "bob")


def test_a_unit_of_which_nothing_is_known_cannot_be_entered(url: str, make_result: Any) -> None:
    with pytest.raises(ResultError, match="None of the results of 03_layers says"):
        write_gradebook(url, [make_result("ada", status="unreadable")])


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path, make_result: Any) -> None:
    with pytest.raises(ResultError, match="cannot be used"):
        write_gradebook(f"sqlite:///{tmp_path}/no/such/folder.db", [make_result("ada")])
    (tmp_path / "text.db").write_text("not a database, only text\n" * 50, encoding="utf-8")
    with pytest.raises(ResultError, match="cannot be used"):
        write_gradebook(f"sqlite:///{tmp_path}/text.db", [make_result("ada")])
    with pytest.raises(ResultError, match="cannot be used"):
        write_gradebook("nosuch://gradebook", [make_result("ada")])


def test_the_report_command_writes_a_gradebook(
    tmp_path: Path, url: str, opened: Any, write_class: Any, make_result: Any, exercises: Any
) -> None:
    write_class(tmp_path / "run", [make_result("ada", exercises(4.0, 3.0, 0.0))])
    arguments = ["report", str(tmp_path / "run"), "--format", "nbgrader"]
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    assert "Name the gradebook with --out" in refused.output
    done = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "gradebook.db")])
    assert done.exit_code == 0, done.output
    assert "1 submission is in the gradebook" in done.output
    assert submission(opened, "ada").score == 7.0
