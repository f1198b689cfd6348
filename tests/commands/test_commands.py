"""The installed command, as students and instructors run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograder.cli import app
from autograder.worker import LEVELS

ROOT = Path(__file__).parents[2]
AUTOGRADER = Path(sys.executable).with_name("autograder")
COMMANDS = (
    "accept",
    "check",
    "demo",
    "doctor",
    "grade",
    "prepare",
    "release",
    "report",
    "resolve",
    "verify",
)


def run(*arguments: object, cwd: Path = ROOT, **options) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.run(
        [str(AUTOGRADER), *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


def solved(unit: str) -> str:
    """The reference of a unit of the course."""
    return next((ROOT / "solutions").glob(f"{unit}/{unit[3:]}.py")).read_text(encoding="utf-8")


@pytest.fixture
def release(tmp_path) -> Path:
    """A student's folder: what is released, without the wheel, which only `pip` needs."""
    folder = tmp_path / "course"
    shutil.copytree(ROOT / "assignments", folder)
    return folder


# --- students -----------------------------------------------------------------------------


def test_an_untouched_release_is_not_attempted(release):
    done = run("check", "layers", cwd=release)
    assert done.returncode == 1, done.stderr
    assert "not attempted" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_solved_unit_passes_all_public_tests(release):
    (release / "03_layers" / "layers.py").write_text(solved("03_layers"), encoding="utf-8")
    done = run("check", cwd=release / "03_layers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All public tests pass" in done.stdout


def test_a_mistake_is_told_with_input_and_rerun_command_and_the_command_reruns_it(release):
    source = solved("03_layers")
    source += "\n\ndef relu_forward(x):\n    print('I was here')\n    return x.abs(), x\n"
    (release / "03_layers" / "layers.py").write_text(source, encoding="utf-8")
    done = run("check", "relu_forward", cwd=release)
    assert done.returncode == 1
    assert "out has the wrong values" in done.stdout
    assert "expected:" in done.stdout
    assert "got:" in done.stdout
    assert "I was here" in done.stdout
    command = re.search(r'rerun: pytest "([^"]+)"', done.stdout)
    assert command, done.stdout
    again = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", command[1]],
        cwd=release,
        capture_output=True,
        text=True,
    )
    assert again.returncode == 1, again.stdout
    assert "1 failed" in again.stdout
    assert "out has the wrong values" in again.stdout


def test_plain_pytest_selects_an_exercise_by_its_name(release):
    (release / "03_layers" / "layers.py").write_text(solved("03_layers"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "03_layers", "-m", "relu_forward"],
        cwd=release,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deselected" in done.stdout
    assert re.search(r"\b[1-9]\d* passed", done.stdout)


def test_a_loop_without_end_comes_back_as_a_sentence(release):
    source = solved("03_layers") + "\n\ndef relu_forward(x):\n    while True:\n        pass\n"
    (release / "03_layers" / "layers.py").write_text(source, encoding="utf-8")
    done = run("check", "relu_forward", cwd=release)
    assert done.returncode == 1
    assert "did not return within" in done.stdout


def test_a_syntax_error_is_told_by_its_line(release):
    (release / "03_layers" / "layers.py").write_text("x = (\n", encoding="utf-8")
    done = run("check", "layers", cwd=release)
    assert done.returncode == 1
    assert "SyntaxError" in done.stdout
    assert "layers.py:1" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_module_is_checked_when_the_notebook_is_untouched(release):
    (release / "03_layers" / "layers.py").write_text(solved("03_layers"), encoding="utf-8")
    done = run("check", "relu_forward", cwd=release)
    said = " ".join(done.stdout.split())
    assert "layers.py was graded, because the code in layers.ipynb is as it was released" in said


def test_the_notebook_is_checked_when_the_module_is_untouched(release):
    notebook = release / "03_layers" / "layers.ipynb"
    cells = json.loads(notebook.read_text(encoding="utf-8"))
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells["cells"].append({**code, "id": "mine", "source": "%matplotlib inline\n1 / 0"})
    cells["cells"].append({**code, "id": "work", "source": solved("03_layers")})
    notebook.write_text(json.dumps(cells), encoding="utf-8")
    done = run("check", "layers", cwd=release)
    assert done.returncode == 0, done.stdout + done.stderr


def test_in_process_says_so_and_checks_the_same(release):
    (release / "03_layers" / "layers.py").write_text(solved("03_layers"), encoding="utf-8")
    done = run("check", "layers", "--in-process", cwd=release)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runs in this process" in done.stderr


def test_names_that_mean_nothing_are_answered_with_the_names_there_are(release):
    done = run("check", "relu", cwd=release)
    assert done.returncode == 2
    assert "There is no unit or exercise named 'relu'" in done.stderr
    assert "relu_forward" in done.stderr


def test_outside_a_course_there_is_a_sentence(tmp_path):
    for command in (["check"], ["verify"], ["demo"], ["release"], ["grade", ".", "--out", "o"]):
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 2
        assert "is not in a course" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_student_cannot_grade_and_is_told_why(release):
    done = run("grade", ".", "--out", "results", cwd=release)
    assert done.returncode == 2
    assert "students run `autograder check`" in done.stderr


# --- instructors --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    done = run("demo", "--unit", "layers", "--keep", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return folder


def results(out: Path) -> dict[str, dict]:
    return {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in (out / "results" / "03_layers").glob("*.json")
    }


def test_the_demo_grades_twenty_students_as_they_deserve(demo):
    graded = results(demo / "out")
    assert len(graded) == 20
    full = graded["ada"]["max_points"] - graded["ada"]["pending"]
    for right in ("ada", "alan", "barbara", "claude", "donald", "edsger", "emmy"):
        assert graded[right]["points"] == full, right
    assert 0 < graded["frances"]["points"] < full  # one function never returns
    assert "ended the Python process" in graded["geoffrey"]["message"]
    assert "SyntaxError" in graded["grace"]["message"]
    assert graded["john"]["status"] == "missing"
    for nothing in ("geoffrey", "grace", "john", "juris", "katherine"):
        assert graded[nothing]["points"] == 0.0, nothing
    for mistaken in ("leslie", "margaret", "yann"):
        assert 0 < graded[mistaken]["points"] < full, mistaken
    assert not any(r["status"] == "needs a person" for r in graded.values())


def test_the_table_and_the_files_are_there(demo):
    said = (demo / "said.txt").read_text(encoding="utf-8")
    assert "leslie" in said
    table = (demo / "out" / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 21
    assert len(list((demo / "out" / "feedback" / "03_layers").glob("*.md"))) == 20


def test_feedback_holds_nothing_of_the_solution(demo):
    hidden = (ROOT / "solutions" / "03_layers" / "test_hidden.py").read_text(encoding="utf-8")
    names = set(re.findall(r"def (test_\w+)", hidden))
    for file in (demo / "out" / "feedback" / "03_layers").glob("*.md"):
        text = file.read_text(encoding="utf-8")
        assert not [name for name in names if name in text], file.name


def test_results_are_not_overwritten_by_accident_and_resuming_keeps_them(demo):
    submissions, out = demo / "submissions", demo / "out"
    done = run("grade", submissions, "--out", out, "--unit", "3")
    assert done.returncode == 2
    assert "already holds results" in done.stderr
    # The demo has a shorter deadline for calls, and code that need not be confined; with the same,
    # everything still holds.
    same = ("--call-limit", "2", "--require", "none")
    done = run("grade", submissions, "--out", out, "--unit", "3", "--resume", *same)
    assert done.returncode == 0, done.stderr
    assert "19 of them from before" in done.stdout


def test_a_run_that_is_stopped_is_finished_by_resume(demo, tmp_path):
    out, submissions = tmp_path / "out", tmp_path / "submissions"
    shutil.copytree(demo / "submissions", submissions)
    endless = submissions / "zz_never_ends"  # so that the run is not over before it is stopped
    endless.mkdir()
    (endless / "layers.py").write_text("while True:\n    pass\n", encoding="utf-8")
    command = ["grade", str(submissions), "--out", str(out), "--unit", "3"]
    command += ["--call-limit", "600", "--time-limit", "600"]
    process = subprocess.Popen(
        [str(AUTOGRADER), *command, "--jobs", "1"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while len(list(out.rglob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in said
    assert "Traceback" not in said
    before = len(results(out))
    assert 3 <= before <= 20
    shutil.rmtree(endless)
    done = run(*command, "--resume")
    assert done.returncode == 0, done.stderr
    assert len(results(out)) == 20
    known = re.search(r"(\d+) of them from before", done.stdout)
    assert known
    assert int(known[1]) >= before - 2  # a missing or unreadable one is simply looked at again


def test_a_person_decides(demo):
    out = demo / "out"
    arguments = ("--exercise", "relu_forward", "--points", "0.5", "--reason", "for the idea")
    done = run("resolve", out, "yann", *arguments)
    assert done.returncode == 0, done.stderr
    yann = results(out)["yann"]
    exercise = next(e for e in yann["exercises"] if e["name"] == "relu_forward")
    assert (exercise["points"], exercise["status"]) == (0.5, "marked")
    assert "for the idea" in (out / "feedback" / "03_layers" / "yann.md").read_text("utf-8")
    done = run("resolve", out, "nobody", *arguments)
    assert done.returncode == 2
    assert "no result of 'nobody'" in done.stderr


def test_spawned_workers_grade_the_same_and_each_result_says_how_it_was_confined(demo, tmp_path):
    one = tmp_path / "submissions"
    shutil.copytree(demo / "submissions" / "leslie", one / "leslie")
    command = ["grade", one, "--out", tmp_path / "out", "-u", "3", "--worker", "spawn"]
    done = run(*command, "--require", "isolated")
    assert done.returncode == 2
    assert "'isolated' is required" in done.stderr
    assert "--require" in done.stderr
    assert not (tmp_path / "out").exists()
    done = run(*command, "--require", "limited")
    assert done.returncode == 0, done.stderr
    spawned, forked = results(tmp_path / "out")["leslie"], results(demo / "out")["leslie"]
    assert spawned["points"] == forked["points"]
    assert spawned["run"]["worker"]["kind"] == "spawn"
    assert spawned["run"]["worker"]["pids"] == "only forked workers have this"
    for worker in (spawned["run"]["worker"], forked["run"]["worker"]):
        assert worker["profile"] == "cpu"
        assert worker["level"] in LEVELS
        assert worker["memory"] == "ok"


def test_a_level_that_does_not_exist_is_answered_with_those_that_do(demo, tmp_path):
    done = run("grade", demo / "submissions", "--out", tmp_path / "out", "--require", "best")
    assert done.returncode == 2
    assert "take one of isolated, filtered, separated, limited, none" in done.stderr


def test_the_assignments_in_the_repository_are_what_the_solutions_say():
    done = run("release", "--check")
    assert done.returncode == 0, done.stderr
    assert "matches" in done.stdout


def test_doctor_has_a_sentence_for_each_thing_missing():
    done = run("doctor")
    assert done.returncode == 0
    assert "fork" in done.stdout
    assert "torch" in done.stdout
    assert re.search(r"confinement +level (isolated|filtered|separated|limited)", done.stdout)
    assert "no new privileges" in " ".join(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command):
    done = run(command, "--help")
    assert done.returncode == 0
    assert len(done.stdout) > 200


def test_each_command_is_in_the_module_of_its_name():
    found = {c.callback.__name__: c.callback.__module__ for c in app.registered_commands}
    assert found == {name: f"autograder.commands.{name}" for name in COMMANDS}


def test_help_waits_for_no_library_that_only_grading_needs():
    program = "import sys, autograder.cli; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(done.stdout.split())
    assert "autograder.commands.grade" in imported
    assert not imported & {
        "torch",
        "numpy",
        "pytest",
        "hypothesis",
        "msgspec",
        "autograder.course.courses",
    }


def test_wrong_arguments_are_answered_with_a_sentence(tmp_path):
    for arguments, sentence in [
        (("grade", tmp_path / "nothing", "--out", tmp_path / "o"), "nothing at"),
        (("grade", tmp_path, "--out", tmp_path / "o", "--unit", "99"), "no unit '99'"),
        (("grade", tmp_path, "--out", tmp_path / "o", "--unit", "3"), "No submissions"),
        (("resolve", tmp_path, "a", "--points", "1", "--reason", "x"), "holds no results"),
        (("verify", "nothing"), "no unit 'nothing'"),
    ]:
        done = run(*arguments)
        assert done.returncode == 2, done.stdout
        assert sentence in done.stderr.replace("\n", " "), done.stderr
        assert "Traceback" not in done.stderr
