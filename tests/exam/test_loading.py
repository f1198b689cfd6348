"""What of a unit is run, and imported, to grade with an exam at hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder.exam.loading import LaterTests

GRADE = """
import sys
from pathlib import Path
from autograder.course import find_unit
from autograder.exam import ExamStore
from autograder.grading import Settings, UnitGrader
from autograder.supervisor import Code

units, exams, source = sys.argv[1:]
settings = Settings(seed=3, devices=("cpu",), call_seconds=9, submission_seconds=99, memory_mb=999)
grader = UnitGrader(find_unit(Path(units), "scaling"), settings, None, "", ExamStore(Path(exams)))
before = "hypothesis" in sys.modules
graded = grader.grade(Code("scaling", (("scaling.py", source),)), {})
points = sum(e.points or 0 for e in graded.exercises)
print(grader.prepared, points, before, "hypothesis" in sys.modules)
"""
WRONG = "\n\ndef total(x, w):\n    return scale_forward(x, w)[0].mean()\n"


def test_with_an_exam_at_hand_nothing_is_drawn(course_root, scaling_source, tmp_path):
    def run(source: str) -> list[str]:
        arguments = [str(course_root / "solutions"), str(tmp_path / "exams"), source]
        command = [sys.executable, "-c", GRADE, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        return done.stdout.split()

    assert run(scaling_source) == ["True", "13.0", "True", "True"]
    assert run(scaling_source) == ["False", "13.0", "False", "False"]
    # In process, all tests are run, and this one fails some of them.
    assert run(scaling_source + WRONG) == ["False", "11.0", "False", "False"]


FILE = """
import hypothesis
from hypothesis import example, strategies as st
from hypothesis.strategies import integers
from autograder.testing import Case, exercise, given, sizes

SIZES = st.one_of(sizes(), integers(1, 3)).map(lambda n: n + 1) | st.just(9)

@st.composite
def cases(draw):
    return Case(n=draw(SIZES))

@exercise("f", points=1)
@given(case=cases(), examples=3)
@example(case=Case(n=4))
def test_f(student, case):
    assert student(case.n) == 2 * case.n
"""


def test_a_kept_test_runs_without_its_decorators(tmp_path: Path):
    body = LaterTests("some_tests", FILE, str(tmp_path / "test_hidden.py")).body("test_f")
    case = type("Case", (), {"n": 4})
    body(student=lambda n: 2 * n, case=case)
    with pytest.raises(AssertionError, match="assert 4 == "):
        body(student=lambda n: n, case=case)


def test_a_file_that_asks_its_strategies_something_gets_the_real_ones(tmp_path: Path):
    text = FILE + "\nLABEL = [s for s in [st.booleans()] if s.validate() is None][0].label\n"
    body = LaterTests("some_tests", text, str(tmp_path / "test_hidden.py")).body("test_f")
    body(student=lambda n: 2 * n, case=type("Case", (), {"n": 4}))
