"""What otter-grader's test cases call: one test of this project, passed or failed.

    def test_linear_forward_by_hand(env):
        from autograder.integrations.otter import passes

        passes("linear_forward", "test_linear_forward_by_hand", env)

In a student's notebook that runs the public tests of the exercise on the functions in the notebook.
While otter grades, no function is in the notebook: `plugin` has put the submission aside, and the
first test case starts the grader on it, as a process of its own. The others read what came of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.results import Result

__all__ = ["passes"]

GRADING_FOLDER = "HANDGRAD_OTTER"
"""The variable of the environment that names the folder in which otter's submission is graded."""

STUDENT = "submission"


def passes(exercise: str, test: str, env: dict[str, Any], *, public: bool = True) -> None:
    """Fail unless a test of an exercise passes.

    Args:
        exercise: the exercise.
        test: the name of the test function, without parameters.
        env: the notebook's variables.
        public: whether it is one of the tests that students have.

    Raises:
        AssertionError: it fails. The text is what a student may know.
        RuntimeError: the grader failed.
    """
    from autograder.report import failure_told

    workspace = os.environ.get(GRADING_FOLDER)
    result = graded(Path(workspace)) if workspace else _checked(exercise, env)
    tests = [
        found
        for known in result.exercises
        if known.name == exercise
        for found in known.tests
        if found.name.partition("[")[0] == test and (found.visibility == "public") is public
    ]
    problem = next((found for found in tests if found.status != "passed"), None)
    if problem is not None:
        inputs = problem.failure.inputs if problem.failure and public else {}
        lines = [
            failure_told(problem) or problem.status,
            *(f"{k} = {v}" for k, v in inputs.items()),
        ]
        raise AssertionError("\n".join(lines))
    if not tests:
        raise AssertionError(result.message or " ".join(result.notes) or f"{test} did not run")


def graded(workspace: Path) -> Result:
    """What the submission that lies in a workspace came to; graded when first asked for.

    Args:
        workspace: a folder with ``submission/``, and ``course``, a link to
            the staff's side of the unit.

    Raises:
        RuntimeError: the grader failed, which is not the student's fault.
    """
    from autograder.results import read_result

    unit = next((workspace / "course" / "solutions").glob("*/")).name
    file = workspace / "graded" / "results" / unit / f"{STUDENT}.json"
    if not file.exists():
        run = [sys.executable, "-I", "-m", "autograder", "grade", str(workspace / "submission")]
        options = ["--student", STUDENT, "--unit", unit, "--out", str(workspace / "graded")]
        done = subprocess.run(
            [*run, *options, "--jobs", "1"],
            cwd=workspace / "course",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        (workspace / "log.txt").write_text(done.stdout, encoding="utf-8")
    if not file.exists():
        raise RuntimeError(
            f"needs a person: the grader failed.\n{(workspace / 'log.txt').read_text()}"
        )
    result = read_result(file)
    if result.points is None:
        raise RuntimeError(f"needs a person: {result.message}")
    return result


def _checked(exercise: str, env: dict[str, Any]) -> Result:
    """The public tests of an exercise on the functions of this notebook."""
    from autograder.course import find_course, find_targets
    from autograder.grading import check_live, settings_here
    from autograder.notebook import cell_name

    course = find_course()
    ((unit, exercises),) = find_targets(course, [exercise], Path.cwd())
    settings = settings_here(course.policy)
    return check_live(course, unit, exercises, settings, env, cell_name)
