"""A course in nbgrader, from generating to exporting, by nbgrader's own commands."""

from __future__ import annotations

import base64
import csv
import html
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cubes import show_figure
from nbgrader.api import Gradebook

from autograder.classroom.class_run import Folder
from autograder.integrations import release_formats
from autograder.integrations.nbgrader.exporting import ExportWithBlanks
from autograder.integrations.nbgrader.gradebook import write_gradebook
from autograder.release import make_release
from autograder.results import Result

UNIT, MODULE = "01_cubes", "cubes"
FORWARD = "def cube_forward(x):\n    return {}, {}\n"
RIGHT = {
    "cube_forward_solution": FORWARD.format("x * x * x", "x"),
    "cube_backward_solution": "def cube_backward(dout, cache):\n    return 3 * dout * cache**2\n",
    "cube_sum_solution": "def cube_sum(x):\n    return (x**3).sum()\n",
    "why_cubes": "Three factors, three signs.",
}


def without(*names: str) -> dict[str, str]:
    return {name: text for name, text in RIGHT.items() if name not in names}


def changed(name: str, text: str) -> dict[str, str]:
    return RIGHT | {f"{name}_solution": text}


SUBMISSIONS: dict[str, dict[str, str]] = {
    "right": RIGHT,
    "powers": RIGHT
    | {
        "cube_forward_solution": FORWARD.format("x.pow(3)", "{'kept': x}"),
        "cube_backward_solution": "def cube_backward(d, c):\n    return 3 * d * c['kept'].pow(2)\n",
    },
    "no-answer": without("why_cubes"),
    "untouched": {},
    "forward-only": {"cube_forward_solution": RIGHT["cube_forward_solution"]},
    "blocked": without("cube_forward_solution"),
    "doubled": changed("cube_backward", "def cube_backward(d, c):\n    return 6 * d * c * c\n"),
    "positive": changed("cube_forward", FORWARD.format("x.abs() ** 3", "x")),
    "hanging": changed("cube_sum", "def cube_sum(x):\n    while True:\n        pass\n"),
    "raising": changed("cube_sum", "def cube_sum(x):\n    raise RuntimeError('cube <b>sum</b>')\n"),
    "crashing": changed("cube_sum", "import os\ndef cube_sum(x):\n    os._exit(0)\n"),
    "warning": changed(
        "cube_sum",
        "import sys\ndef cube_sum(x):\n    print('oh', file=sys.stderr)\n    return (x**3).sum()\n",
    ),
    "syntax-error": changed("cube_forward", "def cube_forward(x)\n    return x\n"),
    "not-importable": changed("cube_forward", "import no_such_module\n" + FORWARD.format("x", "x")),
    "exits": {**RIGHT, "": "raise SystemExit(0)"},
    "forging": {**RIGHT, "": "import IPython\nprint('3.0')"}
    | {"cube_sum_solution": "def cube_sum(x):\n    return 7\n"},
    "deleted": RIGHT,
    "empty": {},
    "module-beside": {},
}


SHOWN = "[dpr]*"  # whose feedback is made: doubled, deleted, positive, powers, right, raising


@dataclass(frozen=True)
class Run:
    """An nbgrader course whose submissions were graded in both ways."""

    solutions: Path
    course: Path
    said: dict[str, str]
    results: dict[str, Result]


def command(folder: Path, *arguments: str) -> str:
    """Run one of nbgrader's commands; what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def grade_id(cell: Any) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def hand_in(course: Path, student: str, texts: dict[str, str]) -> None:
    """What a student hands in: the released notebook with some cells filled in."""
    folder = course / "submitted" / student / UNIT
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text("2026-10-01 12:00:00 UTC", encoding="utf-8")
    shutil.copytree(course / "release" / UNIT / "figures", folder / "figures")
    path = folder / f"{MODULE}.ipynb"
    notebook = nbformat.read(course / "release" / UNIT / path.name, as_version=4)
    for cell in notebook.cells:
        cell.source = texts.get(grade_id(cell) or "-", cell.source)
    if "" in texts:
        notebook.cells.append(nbformat.v4.new_code_cell(texts[""]))
    if student == "deleted":
        kept = ("cube_forward_solution", "cube_backward_solution", "cube_sum_solution")
        notebook.cells = [c for c in notebook.cells if grade_id(c) in ("", *kept)]
    if student == "empty":
        notebook.cells = []
    if student == "module-beside":
        imports = "import torch\n\n\n"
        code = imports + "\n\n".join(RIGHT[f"cube_{n}_solution"] for n in ("forward", "sum"))
        (folder / f"{MODULE}.py").write_text(code, encoding="utf-8")
    nbformat.write(notebook, path)


def grade_with(course: Path, solutions: Path) -> None:
    """Let a copied nbgrader course grade with other solutions."""
    config = course / "nbgrader_config.py"
    text = config.read_text(encoding="utf-8")
    before, _, _ = text.partition("configure(c, course=")
    config.write_text(f"{before}configure(c, course=Path({str(solutions)!r}))\n", encoding="utf-8")


@pytest.fixture(scope="module")
def run(shared_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    policy = shared_course / "solutions" / "course.toml"
    text = policy.read_text(encoding="utf-8").replace("seed =", "call_seconds = 3.0\nseed =")
    policy.write_text(text, encoding="utf-8")
    course = tmp_path_factory.mktemp("nbgrader") / "course"
    make_release(release_formats(), "nbgrader", show_figure(shared_course), course, ())
    shutil.copy(course / "gradebook.db", course.parent / "fresh.db")
    for student, texts in SUBMISSIONS.items():
        hand_in(course, student, texts)
    said = {"autograde": command(course, "autograde", UNIT)}
    said["feedback"] = command(course, "generate_feedback", UNIT, f"--student={SHOWN}")
    said["export"] = command(course, "export", "--to=grades.csv")
    results = course.parent / "results"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "autograder", "grade", str(course / "submitted"), "-u", "1"),
            *("-j", "1", "--out", str(results), "--gradebook", str(course.parent / "second.db")),
        ],
        cwd=shared_course,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said["grade"] = done.stdout
    return Run(shared_course, course, said, {r.student: r for r in Folder(results).results()})


@pytest.fixture(scope="module")
def gradebook(run: Run) -> Iterator[Any]:
    with Gradebook(f"sqlite:///{run.course / 'gradebook.db'}") as opened:
        yield opened


def grades(gradebook: Any, student: str) -> dict[str, float | None]:
    """The grades of a student; None for one that waits for a person."""
    submission = gradebook.find_submission_notebook(MODULE, UNIT, student)
    return {
        grade.name: None if grade.needs_manual_grade else grade.score for grade in submission.grades
    }


def exported(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


# --- what students get --------------------------------------------------------------------


def test_the_tree_holds_nothing_beside_the_notebooks_but_what_is_public(run: Run) -> None:
    for step in ("source", "release"):
        names = sorted(path.name for path in (run.course / step / UNIT).iterdir())
        assert names == ["cubes.ipynb", "figures", "handgrad.json", "test_public.py"]


def test_the_notebook_shows_its_figure_and_so_does_the_feedback(run: Run) -> None:
    svg = (run.course / "release" / UNIT / "figures" / "curve.svg").read_bytes()
    notebook = nbformat.read(run.course / "release" / UNIT / "cubes.ipynb", as_version=4)
    assert any("](figures/curve.svg)" in cell.source for cell in notebook.cells)
    # nbgrader hands out the page alone, and it was handed in with the figure beside it.
    assert (run.course / "submitted" / "right" / UNIT / "figures" / "curve.svg").is_file()
    page = feedback(run, "right")
    assert base64.b64encode(svg).decode() in page.replace("\n", "")
    assert 'alt="A line that rises' in page


def test_nothing_secret_is_released(run: Run) -> None:
    for path in (run.course / "release").rglob("*.*"):
        text = path.read_text(encoding="utf-8").lower()
        assert "canary" not in text, path
        assert "begin " not in text, path


def test_no_hidden_test_is_in_the_instructors_tree_either(run: Run) -> None:
    texts = [p.read_bytes() for p in run.course.rglob("*") if p.is_file()]
    assert len(texts) > 40
    for secret in (b"canary_test", b"CANARY_HIDDEN", b"canary_policy", b"canary_alt"):
        assert not any(secret in text for text in texts), secret


def test_a_stub_names_its_function_and_a_helper_leaves_no_stub(run: Run) -> None:
    notebook = nbformat.read(run.course / "release" / UNIT / "cubes.ipynb", as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.count('raise NotImplementedError("') == 3
    assert 'raise NotImplementedError("cube_sum is not written yet")' in text
    assert "YOUR" not in text


def test_grade_cells_have_the_points_of_the_exercises(run: Run) -> None:
    notebook = nbformat.read(run.course / "release" / UNIT / "cubes.ipynb", as_version=4)
    roles = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    points = {role.grade_id: role.points for role in roles if role.grade}
    assert points == {"cube_forward": 3, "cube_backward": 3, "cube_sum": 0.5, "why_cubes": 2}
    assert {role.grade_id for role in roles if role.locked} == {
        "cube_forward",
        "cube_backward",
        "cube_sum",
        "why_cubes_question",
    }
    assert {role.grade_id for role in roles if role.grade and role.solution} == {"why_cubes"}


def test_the_solution_validates_and_the_stub_does_not(run: Run) -> None:
    files = [f"{step}/{UNIT}/cubes.ipynb" for step in ("source", "release")]
    solved, _, stub = command(run.course, "validate", *files).partition("VALIDATION FAILED")
    assert "Success! Your notebook passes all the tests." in solved
    # Two exercises and the answer; cube_backward has hidden tests only.
    assert " ON 3 CELL(S)!" in stub
    assert "Public tests fail: cube_forward." in stub
    assert "Public tests fail: cube_sum." in stub
    assert "You did not provide a response." in stub


def test_releasing_again_changes_nothing_and_keeps_submissions(run: Run, tmp_path: Path) -> None:
    course = tmp_path / "course"
    shutil.copytree(run.course, course)
    files = [p for p in run.course.rglob("*") if p.is_file() and p.suffix != ".db"]
    config = course / "nbgrader_config.py"
    config.write_text(
        config.read_text(encoding="utf-8").replace(
            "Path(__file__).parent / ", f"Path({str(run.course)!r}) / "
        )
        + "c.ClearSolutions.text_stub = 'mine'\n",
        encoding="utf-8",
    )
    said = make_release(release_formats(), "nbgrader", run.solutions, course, ["01_cubes"])
    assert said == [
        "Kept: nbgrader_config.py, which was changed here.",
        "Generated release/01_cubes from source/01_cubes.",
    ]
    for path in files:
        name = path.relative_to(run.course)
        if name.parts[0] not in ("nbgrader_config.py", "release"):
            assert (course / name).read_bytes() == path.read_bytes(), name
    assert "mine" in (course / "release" / UNIT / "cubes.ipynb").read_text(encoding="utf-8")


# --- grading ------------------------------------------------------------------------------


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_nbgrader_gives_the_points_of_autograder_grade(
    run: Run, gradebook: Any, student: str
) -> None:
    result = run.results[student]
    assert grades(gradebook, student) == {e.name: e.points for e in result.exercises}
    assert result.status == "graded"


def test_the_submissions_are_as_different_as_they_should_be(gradebook: Any) -> None:
    full = {"cube_forward": 3.0, "cube_backward": 3.0, "cube_sum": 0.5, "why_cubes": None}
    expected: dict[str, dict[str, float | None]] = {
        "right": full,
        "powers": full,
        "no-answer": full | {"why_cubes": 0.0},
        "untouched": dict.fromkeys(full, 0.0),
        "forward-only": dict.fromkeys(full, 0.0) | {"cube_forward": 3.0},
        "doubled": full | {"cube_backward": 0.0},
        "positive": full | {"cube_forward": 1.0},
        "hanging": full | {"cube_sum": 0.0},
        "raising": full | {"cube_sum": 0.0},
        "crashing": full | {"cube_sum": 0.0},
        "warning": full,
        "exits": full,
        "forging": full | {"cube_sum": 0.0},
        "deleted": full | {"why_cubes": 0.0},
        "empty": dict.fromkeys(full, 0.0),
    }
    assert {student: grades(gradebook, student) for student in expected} == expected


def test_graders_see_the_rubric_above_the_answer(run: Run) -> None:
    path = run.course / "autograded" / "right" / UNIT / "cubes.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    at = next(i for i, cell in enumerate(cells) if grade_id(cell) == "why_cubes")
    assert "canary_scheme" in cells[at - 1].source
    assert cells[at].source == RIGHT["why_cubes"]


def ask(url: str, method: str = "GET", body: object = None) -> str:
    """What the form grader's server answers."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": "token staff", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=240) as answer:
        return str(answer.read().decode())


@pytest.fixture
def form_grader(run: Run, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a form grader on a copy of the course, and the copy."""
    course = tmp_path / "course"
    shutil.copytree(run.course, course)
    grade_with(course, run.solutions)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
            *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
            *("--IdentityProvider.token=staff", f"--ServerApp.root_dir={course}"),
            "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
        ],
        cwd=course,
        stdout=subprocess.DEVNULL,
        stderr=(tmp_path / "server.log").open("w"),
    )
    url = f"http://127.0.0.1:{port}/formgrader"
    try:
        for _ in range(600):
            try:
                ask(f"{url}/api/status")
                break
            except OSError:
                assert server.poll() is None, (tmp_path / "server.log").read_text()
                time.sleep(0.2)
        yield url, course
    finally:
        server.terminate()
        server.wait(timeout=60)


def test_the_form_grader_shows_marks_and_grades_again(form_grader: tuple[str, Path]) -> None:
    url, course = form_grader
    notebooks = json.loads(ask(f"{url}/api/submitted_notebooks/{UNIT}/{MODULE}"))
    (right,) = (notebook for notebook in notebooks if notebook["student"] == "right")
    page = ask(f"{url}/submissions/{right['id']}/")
    assert "canary_scheme" in page  # the rubric, for graders
    assert RIGHT["why_cubes"] in page
    assert "3 of 3 points" in page
    assert "data:image/svg+xml;base64," in page

    grades_of = json.loads(ask(f"{url}/api/grades?submission_id={right['id']}"))
    (answer,) = (grade for grade in grades_of if grade["name"] == "why_cubes")
    marked = {"manual_score": 1.5, "extra_credit": None}
    ask(f"{url}/api/grade/{answer['id']}", "PUT", marked)
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        ExportWithBlanks(to=str(course / "new.csv"), student=["right"]).export(gradebook)
        rows = exported(course / "new.csv")
    assert rows.keys() == {"right"}
    assert float(rows["right"]["score"]) == 8.0

    path = course / "submitted" / "right" / UNIT / f"{MODULE}.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("x * x * x", "x * x"))
    done = json.loads(ask(f"{url}/api/submission/{UNIT}/right/autograde", "POST"))
    assert done["success"], done
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        assert grades(gradebook, "right") == {
            "cube_forward": 0.0,
            "cube_backward": 3.0,
            "cube_sum": 0.5,
            "why_cubes": None,  # marked before: to be looked at again
        }


# --- feedback and export ------------------------------------------------------------------


def feedback(run: Run, student: str) -> str:
    path = run.course / "feedback" / student / UNIT / "cubes.html"
    return path.read_text(encoding="utf-8")


def test_feedback_says_what_went_wrong_and_nothing_hidden(run: Run) -> None:
    pages = {name: feedback(run, name) for name in SUBMISSIONS if name[0] in SHOWN}
    assert len(pages) == 6
    assert "1 hidden test: a result has wrong values" in pages["positive"]
    assert "cube &lt;b&gt;sum&lt;/b&gt;" in pages["raising"]
    for student, page in pages.items():
        for secret in ("canary_test", "CANARY_HIDDEN", "canary_scheme", "canary_answer"):
            assert secret not in page, (student, secret)
    told = hidden_messages(run.results["positive"])
    assert any("-8" in line for line in told), told
    assert [line for line in told if html.escape(line) in pages["positive"]] == []


def hidden_messages(result: Result) -> list[str]:
    """What the failures of hidden tests say, line by line: it quotes inputs."""
    tests = [test for exercise in result.exercises for test in exercise.tests]
    failures = [test.failure for test in tests if test.failure and test.visibility == "hidden"]
    return [line.strip() for failure in failures for line in failure.message.splitlines()]


def test_feedback_carries_a_known_mistakes_sentence(run: Run) -> None:
    # This course's sentence about the mistake; students are meant to read it.
    assert "canary_sentence: you doubled the gradient." in feedback(run, "doubled")


def test_export_leaves_blank_what_needs_a_person(run: Run) -> None:
    rows = exported(run.course / "grades.csv")
    assert rows.keys() == SUBMISSIONS.keys()
    for student, row in rows.items():
        result = run.results[student]
        if result.pending:
            assert (row["raw_score"], row["score"]) == ("", ""), student
        else:
            assert float(row["score"]) == result.points, student
        assert float(row["max_score"]) == 8.5
    assert rows["right"]["duedate"] == "2026-10-15 21:59:00"
    assert rows["right"]["timestamp"] == "2026-10-01 12:00:00"


def test_a_fault_of_the_grader_waits_for_a_person(run: Run, tmp_path: Path) -> None:
    solutions, course = tmp_path / "solutions-of", tmp_path / "nbgrader" / "course"
    shutil.copytree(run.solutions, solutions)
    shutil.copytree(run.course, course)
    grade_with(course, solutions)
    hidden = solutions / "solutions" / UNIT / "test_hidden.py"
    hidden.write_text(hidden.read_text(encoding="utf-8") + "\n1 / 0\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", UNIT, "--student=no-answer", "--force"],
        cwd=course,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "The grader failed on 01_cubes of no-answer" in done.stderr
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        assert set(grades(gradebook, "no-answer").values()) == {None}
        ExportWithBlanks(to=str(course / "after.csv")).export(gradebook)
    assert exported(course / "after.csv")["no-answer"]["score"] == ""
    assert exported(course / "after.csv")["untouched"]["score"] == "0.0"


# --- without notebooks --------------------------------------------------------------------


def test_autograder_grade_writes_the_same_gradebook(run: Run, gradebook: Any) -> None:
    with Gradebook(f"sqlite:///{run.course.parent / 'second.db'}") as second:
        for student in SUBMISSIONS:
            assert grades(second, student) == grades(gradebook, student), student
    assert "19 submissions are in the gradebook" in run.said["grade"]


def test_results_enter_the_gradebook_that_nbgrader_made(run: Run, tmp_path: Path) -> None:
    database = shutil.copy(run.course.parent / "fresh.db", tmp_path / "gradebook.db")
    write_gradebook(f"sqlite:///{database}", list(run.results.values()))
    with Gradebook(f"sqlite:///{database}") as gradebook:
        assert grades(gradebook, "positive")["cube_forward"] == 1.0
        comment = gradebook.find_comment("cube_backward_solution", MODULE, UNIT, "doubled")
        assert comment.auto_comment.startswith("canary_sentence: you doubled the gradient.")
