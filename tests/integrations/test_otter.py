"""otter-grader's assignment, made and graded by the real otter.

One process grades all submissions with what `otter run` calls; each has a kernel of its own.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cubes import show_figure

from autograder.course import find_unit
from autograder.integrations import release_formats
from autograder.release import CHECK_TAG, make_release, write_stub

pytest.importorskip("otter", reason="otter-grader is not installed: pip install '.[instructor]'")

RUN = """
import json
import sys
import traceback
from pathlib import Path
from otter.run import main

archive, out, *submissions = map(Path, sys.argv[1:])
said = {}
for submission in submissions:
    try:
        results = main(str(submission), autograder=str(archive), output_dir=str(out), no_logo=True)
        said[submission.parent.name] = {
            "total": results.total,
            "possible": results.possible,
            "scores": {name: results.get_score(name) for name in results.test_files},
        }
    except Exception:
        said[submission.parent.name] = {"error": traceback.format_exc()}
(out / "said.json").write_text(json.dumps(said))
"""

FORGE = """
import os, pickle, sys
try:
    import otter.test_files as tests
    tests.GradingResults.total = tests.GradingResults.possible = property(lambda self: 8.5)
    tests.abstract_test.TestFile.score = property(lambda self: 3.0)
    pickle.dump = lambda results, file: file.write(b"forged")
    sys.modules["autograder.integrations.otter"] = sys.modules["autograder"] = None
except Exception:
    pass
open("executed.txt", "w").write("the submission ran in otter's folder")
"""


@pytest.fixture(scope="module")
def assignment(shared_course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unit's folder, after `otter assign`."""
    out = tmp_path_factory.mktemp("otter")
    said = make_release(release_formats(), "otter", show_figure(shared_course), out, ())
    assert "for staff" in said[0]
    return out / "01_cubes"


@pytest.fixture(scope="module")
def student(assignment: Path) -> nbformat.NotebookNode:
    """The students' notebook."""
    return nbformat.read(assignment / "dist" / "student" / "cubes.ipynb", as_version=4)


def solution(shared_course: Path) -> dict[str, str]:
    """The reference's functions, each as its text."""
    text = (shared_course / "solutions/01_cubes/cubes.py").read_text(encoding="utf-8")
    nodes = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    return {node.name: ast.unparse(node) for node in nodes}


def answered(student: nbformat.NotebookNode, functions: dict[str, str], more: str = "") -> str:
    """The students' notebook with functions written in it, and one cell more at its end."""
    notebook = copy.deepcopy(student)
    for cell in notebook.cells:
        name = cell.source.removeprefix("def ").partition("(")[0]
        if cell.cell_type == "code" and name in functions:
            cell.source = f"{functions.get('_square', '')}\n\n{functions[name]}"
    notebook.cells.append(nbformat.v4.new_code_cell(textwrap.dedent(more)))
    return nbformat.writes(notebook)


@pytest.fixture(scope="module")
def handed_in(
    shared_course: Path, student: nbformat.NotebookNode, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Submissions, by what they are."""
    right = solution(shared_course)
    powers = {
        "cube_forward": "def cube_forward(x):\n    return x.pow(3), {'kept': x}",
        "cube_backward": "def cube_backward(dout, cache):\n    return 3 * dout * cache['kept']**2",
    }
    hang = "def cube_backward(dout, cache):\n    while True:\n        pass"
    sources = {
        "right": answered(student, right),
        "powers": answered(student, right | powers),
        "doubled": answered(
            student, right, "def cube_backward(dout, cache):\n    return 6 * dout * cache**2"
        ),
        "squared": answered(student, right, "def cube_forward(x):\n    return x * x, x"),
        "only one": answered(student, {"cube_forward": right["cube_forward"]} | _helper(right)),
        "untouched": answered(student, {}),
        "hanging": answered(student, right | {"cube_backward": hang}),
        "dying": answered(student, right, "def cube_sum(x):\n    import os\n    os._exit(0)"),
        "no python": answered(student, right | {"cube_sum": "def cube_sum(x:\n"}),
        "raising": answered(student, right, "1 / 0"),
        "forging": answered(student, powers | {"cube_forward": "def cube_forward(x): ..."}, FORGE),
    }
    folder = tmp_path_factory.mktemp("handed in")
    files = {name: folder / name / "cubes.ipynb" for name in sources}
    for name, source in sources.items():
        files[name].parent.mkdir()
        files[name].write_text(source, encoding="utf-8")
    files["module"] = folder / "module" / "pickle.py"  # a name that otter's kernel imports
    files["module"].parent.mkdir()
    text = (shared_course / "solutions/01_cubes/cubes.py").read_text(encoding="utf-8")
    files["module"].write_text(text, encoding="utf-8")
    return files


def _helper(functions: dict[str, str]) -> dict[str, str]:
    return {"_square": functions["_square"]}


def run_otter(archive: Path, out: Path, submissions: list[Path]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, archive, out, *submissions],
        capture_output=True,
        text=True,
        timeout=550,
        cwd=out,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    said: dict[str, Any] = json.loads((out / "said.json").read_text(encoding="utf-8"))
    return said


@pytest.fixture(scope="module")
def otters(
    assignment: Path, handed_in: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What otter says of each submission."""
    out = tmp_path_factory.mktemp("graded")
    return run_otter(assignment / "autograder.zip", out, list(handed_in.values()))


@pytest.fixture(scope="module")
def ours(
    shared_course: Path, handed_in: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What `autograder grade` says of each submission."""
    out = tmp_path_factory.mktemp("ours")
    folder = next(iter(handed_in.values())).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "grade", folder, "--out", out, "--unit", "1"],
        cwd=shared_course,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in (out / "results" / "01_cubes").glob("*.json")
    }


# --- what otter assign makes --------------------------------------------------------------


def test_the_zip_carries_the_exam_and_students_get_none(assignment: Path) -> None:
    with zipfile.ZipFile(assignment / "autograder.zip") as archive:
        carried = [name for name in archive.namelist() if name.endswith(".exam")]
    assert len(carried) == 1
    assert carried[0].rpartition("/")[0].endswith("handgrad/solutions/.exams")
    assert not list((assignment / "dist" / "student").rglob("*.exam"))


def test_students_get_the_stubs_and_nothing_that_is_secret(
    assignment: Path, student: nbformat.NotebookNode, shared_course: Path
) -> None:
    for file in (assignment / "dist" / "student").rglob("*"):
        if file.is_file() and file.suffix != ".whl":
            assert "canary" not in file.read_text(encoding="utf-8"), file
    code = [
        cell.source
        for cell in student.cells
        if cell.cell_type == "code" and CHECK_TAG not in cell.metadata.get("tags", [])
    ]
    stub = write_stub(find_unit(shared_course / "solutions", "1"))
    for source in code:
        for line in filter(str.strip, source.splitlines()):
            assert line in stub
    assert sum("is not written yet" in source for source in code) == 3


def test_the_students_notebook_shows_its_figure(
    assignment: Path, student: nbformat.NotebookNode, shared_course: Path
) -> None:
    assert any("](figures/curve.svg)" in cell.source for cell in student.cells)
    assert (assignment / "dist" / "student" / "figures" / "curve.svg").is_file()
    assert not list((assignment / "dist" / "student").rglob("figures.py"))


def test_every_exercise_with_public_tests_has_a_check_and_a_written_question_an_answer(
    student: nbformat.NotebookNode,
) -> None:
    checks = [c.source for c in student.cells if c.source.startswith("grader.check(")]
    assert checks == ['grader.check("cube_forward")', 'grader.check("cube_sum")']
    answers = [c.source for c in student.cells if c.metadata.get("answer") == "why_cubes"]
    assert answers == ["*Write your answer here.*"]


def test_the_zip_says_what_its_image_needs(assignment: Path) -> None:
    with zipfile.ZipFile(assignment / "autograder.zip") as archive:
        environment = archive.read("environment.yml").decode()
        names = archive.namelist()
        tests = archive.read("tests/cube_forward.py").decode()
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in environment
    assert "torch==" in environment
    assert "files/handgrad/solutions/01_cubes/test_hidden.py" in names
    # A test case names its test; what it checks stands elsewhere.
    assert "points=2, hidden=True" in tests
    assert "CANARY_HIDDEN" not in tests


# --- what otter run says ------------------------------------------------------------------


def test_otter_gives_the_points_that_grading_here_gives(
    otters: dict[str, Any], ours: dict[str, Any], handed_in: dict[str, Path]
) -> None:
    assert otters.keys() == ours.keys() == handed_in.keys()
    assert len(handed_in) >= 12
    for name, said in otters.items():
        assert "error" not in said, (name, said)
        assert said["possible"] == 6.5, name
        assert said["total"] == pytest.approx(ours[name]["points"]), name
        for exercise in ours[name]["exercises"]:
            if not exercise.get("written"):
                assert said["scores"][exercise["name"]] == exercise["points"], (name, exercise)
    assert {name: said["total"] for name, said in otters.items()} == {
        "right": 6.5,
        "powers": 6.5,
        "doubled": 3.5,
        "squared": 3.5,
        "only one": 3.0,
        "untouched": 0.0,
        "hanging": 3.5,
        "dying": 6.0,
        "no python": 6.0,
        "raising": 6.5,
        "forging": 0.0,
        "module": 6.5,
    }


def test_the_command_otter_run_writes_the_same_points(
    assignment: Path, handed_in: dict[str, Path], ours: dict[str, Any], tmp_path: Path
) -> None:
    archive = assignment / "autograder.zip"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "otter", "run", handed_in["doubled"], "-a", archive],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    scores = [test["score"] for test in said["tests"] if test.get("score") is not None]
    assert sum(scores) == ours["doubled"]["points"] == 3.5


def test_a_grader_that_fails_gives_no_score(
    assignment: Path, handed_in: dict[str, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "autograder.zip"
    with zipfile.ZipFile(assignment / "autograder.zip") as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("test_hidden.py"):
                content += b"\nraise RuntimeError('canary_fault')\n"
            new.writestr(name, content)
    said = run_otter(broken, tmp_path, [handed_in["right"]])["right"]
    assert "needs a person" in said["error"]
    assert not (tmp_path / "results.json").exists()


# --- at home ------------------------------------------------------------------------------


def test_checks_run_the_public_tests_in_the_students_notebook(
    assignment: Path, student: nbformat.NotebookNode, shared_course: Path, tmp_path: Path
) -> None:
    functions = solution(shared_course)
    functions["cube_forward"] = "def cube_forward(x):\n    return x * x, x"
    shutil.copytree(assignment / "dist" / "student", tmp_path, dirs_exist_ok=True)
    (tmp_path / "cubes.ipynb").write_text(answered(student, functions), encoding="utf-8")
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "nbconvert", "cubes.ipynb"),
            *("--to", "notebook", "--execute", "--output", "run.ipynb"),
        ],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(home), "IPYTHONDIR": str(home)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    executed = nbformat.read(tmp_path / "run.ipynb", as_version=4)
    shown = {c.source: json.dumps(c.outputs) for c in executed.cells if "grader.check" in c.source}
    forward = shown['grader.check("cube_forward")']
    assert "out has the wrong values" in forward
    assert "passed!" in shown['grader.check("cube_sum")']
