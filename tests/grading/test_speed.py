"""Points for speed: who gets them, who does not, and when a person decides."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from samples import RUN

from autograder.classroom import judge, variants
from autograder.course import CourseError, find_unit
from autograder.course.declarations import declared_tests
from autograder.grading import Settings, UnitGrader
from autograder.grading.grader import Graded
from autograder.grading.speed import Times, verdict
from autograder.report import failure_told, junit_xml
from autograder.report.feedback import feedback_markdown
from autograder.results import ExerciseResult, Resolution, Result, apply_resolutions
from autograder.supervisor import Code

MODULE = '''
# %% [markdown]
# # 1. Squares
# %%
"""Squares."""
import torch
from torch import Tensor

# %%
def squares(x: Tensor) -> Tensor:
    """The square of each number of x (N,)."""
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION

# %%
def shift(x: Tensor) -> Tensor:
    """x + 1."""
    ### BEGIN SOLUTION
    return x + 1
    ### END SOLUTION
'''

HIDDEN = """
from hypothesis import strategies as st
from autograder.testing import assert_close, exercise, given, tensors

@exercise("squares", points=3)
@given(x=tensors(4), examples=3)
def test_squares_matches_the_reference(student, reference, x):
    assert_close(student.squares(x), reference.squares(x), "y")

@exercise("squares", points=2, speed=5)
@given(x=tensors(20_000), examples=6)
def test_squares_is_fast(student, reference, x):
    assert_close(student.squares(x), reference.squares(x), "y")

@exercise("shift", points=1)
@given(x=tensors(4), examples=3)
def test_shift_matches_the_reference(student, reference, x):
    assert_close(student.shift(x), reference.shift(x), "y")
"""

ALTERNATIVES = """
from autograder.testing import alternative

@alternative("powers", replaces="squares")
def powers(x):
    return x.pow(2)

@alternative("loops", replaces="squares", exempt={"speed"})
def loops(x):
    return torch.stack([v * v for v in x])

@alternative("exempt for nothing", replaces="squares", exempt={"speed"})
def products(x):
    return torch.mul(x, x)
"""

LOOPS = "\n\ndef squares(x):\n    return torch.stack([v * v for v in x.reshape(-1)])\n"


@pytest.fixture(scope="module")
def grader(workers, tmp_path_factory: pytest.TempPathFactory) -> UnitGrader:
    folder = tmp_path_factory.mktemp("speed") / "solutions" / "01_squares"
    folder.mkdir(parents=True)
    for name, text in {
        "squares.py": MODULE,
        "test_hidden.py": HIDDEN,
        "alternatives.py": ALTERNATIVES,
    }.items():
        (folder / name).write_text(text.lstrip("\n"), encoding="utf-8")
    settings = Settings(
        seed=3, devices=("cpu",), call_seconds=10.0, submission_seconds=120.0, memory_mb=1024
    )
    return UnitGrader(find_unit(folder.parent, "squares"), settings, workers)


@pytest.fixture(scope="module")
def grade(grader: UnitGrader) -> Callable[..., Graded]:
    def run(changes: str, module: str = MODULE) -> Graded:
        return grader.grade(Code("squares", (("squares.py", module + changes),)), {})

    return run


def of(graded: Graded):
    """The exercise squares, and its test that asks for speed."""
    exercise = next(e for e in graded.exercises if e.name == "squares")
    return exercise, next(t for t in exercise.tests if "fast" in t.name)


def keeps_its_points(exercise: ExerciseResult) -> None:
    """On a machine that is too busy to say, a person is asked; nobody loses anything."""
    assert (exercise.points or 0.0) + exercise.pending == 5.0


def test_the_reference_is_as_fast_as_itself(grade):
    exercise, test = of(grade(""))
    keeps_its_points(exercise)
    assert test.speed.fast is not False
    assert test.speed.factor == 5
    assert test.speed.rounds >= 3


def test_other_vectorised_code_gets_the_points_too(grade):
    exercise, _ = of(grade("\n\ndef squares(x):\n    return torch.einsum('i,i->i', x, x)\n"))
    keeps_its_points(exercise)


def test_loops_lose_the_points_for_speed_and_no_others(grade):
    exercise, test = of(grade(LOOPS))
    assert exercise.points == 3.0
    assert exercise.pending == 0.0
    assert exercise.status == "partial"
    assert test.failure.category == "too slow"
    assert test.speed.fast is False
    assert test.speed.measured > 5
    assert "times as long as the reference" in failure_told(test)


def test_wrong_values_earn_nothing_for_being_fast(grade):
    exercise, test = of(grade("\n\ndef squares(x):\n    return x\n"))
    assert exercise.points == 0.0
    assert test.failure.category == "wrong value"
    assert test.speed is None


def test_clocks_that_the_student_patches_change_nothing(grade):
    patched = """
import time
for name in ("time", "perf_counter", "monotonic", "perf_counter_ns", "monotonic_ns"):
    setattr(time, name, lambda: 0)
time.sleep = lambda seconds: None
"""
    _, test = of(grade(patched + LOOPS))
    assert test.failure.category == "too slow"


def test_answers_kept_from_earlier_calls_are_of_no_use(grade):
    remembers = """
known = {}
def squares(x):
    key = tuple(x.tolist())
    if key not in known:
        known[key] = torch.stack([v * v for v in x])
    return known[key]
"""
    _, test = of(grade(remembers))
    assert test.failure.category == "too slow"


def test_a_loop_without_end_is_a_timeout_and_costs_no_other_test(grade):
    graded = grade("\n\ndef squares(x):\n    while len(x) > 4: pass\n    return x * x\n")
    exercise, test = of(graded)
    assert exercise.points == 3.0
    assert test.failure.category == "timeout"
    assert next(e for e in graded.exercises if e.name == "shift").points == 1.0


def test_the_reference_is_not_in_a_students_worker(grade):
    """The student's process holds one module with the exercise, and no text but its own."""
    searches = """
import gc, linecache
def squares(x):
    if len(x) == 4:  # not while it is timed
        gc.unfreeze()
        modules = [o for o in gc.get_objects() if isinstance(o, type(gc))]
        assert sum("squares" in vars(module) for module in modules) == 1
        assert all("BEGIN " + "SOLUTION" not in str(text) for text in linecache.cache.values())
    return x * x
"""
    stub = MODULE.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", "")
    exercise, _ = of(grade(searches, stub))
    keeps_its_points(exercise)


def test_a_reference_that_was_killed_is_started_again(grade, grader):
    grade("")
    grader._stopwatch._backend.session.close()
    exercise, _ = of(grade(""))
    keeps_its_points(exercise)


# Noise ----------------------------------------------------------------------------------------


class Clock:
    """A clock by which the calls of a test take the given seconds, in their order."""

    def __init__(self, seconds: Iterator[float]) -> None:
        self._seconds, self._now, self._running = seconds, 0.0, False

    def __call__(self) -> float:
        if self._running:
            self._now += next(self._seconds)
        self._running = not self._running
        return self._now


@pytest.fixture
def by_clock(grader: UnitGrader, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Grade the reference by a clock of our own: the reference's and the student's seconds."""

    def run(reference: float, student: Iterator[float]):
        turns = (s for pair in zip(itertools.repeat(reference), student) for s in pair)
        grader.grade(Code("squares", (("squares.py", MODULE),)), {})  # the first has a true clock
        monkeypatch.setattr(grader._stopwatch, "_clock", Clock(turns))
        monkeypatch.setattr(grader._stopwatch, "_best", dict.fromkeys(grader._stopwatch._best, 1.0))
        return of(grader.grade(Code("squares", (("squares.py", MODULE),)), {}))

    return run


def test_a_time_near_the_limit_is_asked_again_and_then_left_to_a_person(by_clock):
    exercise, test = by_clock(1.0, itertools.repeat(6.0))
    assert test.status == "needs a person"
    assert test.speed.rounds == 6
    assert test.failure.category == "timing"
    assert exercise.points == 3.0
    assert exercise.pending == 2.0
    assert exercise.waiting == 2.0
    assert exercise.status == "to be marked"
    assert "a person decides" in failure_told(test)


def test_one_quiet_moment_is_enough_to_pass(by_clock):
    exercise, test = by_clock(1.0, iter([19.0, 15.0, 18.0, 4.0]))
    assert exercise.points == 5.0
    assert test.speed.rounds == 4


def test_noise_beside_the_reference_passes_nobody(by_clock):
    """A reference that is slow now is compared as it was when it was quick."""
    exercise, test = by_clock(50.0, itertools.repeat(60.0))
    assert test.status == "needs a person"
    assert exercise.points == 3.0


def test_what_is_clearly_slow_is_said_soon(by_clock):
    _, test = by_clock(1.0, itertools.repeat(100.0))
    assert test.failure.category == "too slow"
    assert test.speed.rounds == 3


@pytest.mark.parametrize(
    ("student", "reference", "best", "last", "expected"),
    [
        ([1.0, 1.0], [1.0, 1.0], 1.0, False, None),  # too few rounds
        ([9.0, 5.0, 9.0], [1.0] * 3, 1.0, False, True),
        ([9.0, 5.1, 9.0], [1.0] * 3, 1.0, False, None),
        ([21.0] * 3, [1.0] * 3, 1.0, False, False),
        ([19.0] * 3, [1.0] * 3, 1.0, False, None),
        ([19.0] * 3, [1.0] * 3, 1.0, True, False),
        ([7.0] * 3, [1.0] * 3, 1.0, True, None),
        ([12.0] * 3, [1.0, 9.0, 9.0], 1.0, False, True),  # the reference is no steadier
        ([13.0] * 3, [1.0, 9.0, 9.0], 1.0, False, None),  # but was much quicker once
        ([21.0] * 3, [1.0, 1.0, 9.0], 1.0, False, False),
    ],
)
def test_the_verdict(student, reference, best, last, expected):
    assert verdict(Times(student, reference, best), 5.0, last=last) is expected


def result_of(student: str, exercises: list[ExerciseResult]) -> Result:
    return Result(
        unit="01_squares",
        student=student,
        status="graded",
        points=sum(e.points or 0.0 for e in exercises),
        max_points=6.0,
        pending=sum(e.waiting for e in exercises),
        run=RUN,
        exercises=exercises,
    )


def test_what_a_person_decides_about_is_open_everywhere_until_then(by_clock):
    exercise, _ = by_clock(1.0, itertools.repeat(6.0))
    result = result_of("ada", [exercise])
    assert (result.points, result.pending) == (3.0, 2.0)
    assert "a person decides" in feedback_markdown(result)
    report = junit_xml([result], dt.datetime.now(dt.UTC))
    assert b"<failure" not in report
    assert b"<skipped" in report
    decision = Resolution(
        student="ada", unit="01_squares", exercise="squares", points=5.0, reason="fast",
        by="me", when="2026-10-21T12:00:00+00:00",
    )  # fmt: skip
    after = apply_resolutions(result, [decision])
    assert (after.points, after.pending) == (5.0, 0.0)


# Declaring and verifying ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "hidden", "said"),
    [
        ("points=1, speed=5", False, "move it to test_hidden.py"),
        ("points=1, speed=1", True, "speed must be a constant above 1"),
        ("points=1, speed=fast", True, "speed must be a constant above 1"),
    ],
)
def test_a_speed_that_makes_no_sense_is_a_sentence(tmp_path: Path, mark, hidden, said):
    path = tmp_path / "tests.py"
    path.write_text(f'@exercise("f", {mark})\ndef test_f_is_fast(student): ...\n')
    with pytest.raises(CourseError, match=said):
        declared_tests(path, hidden=hidden)


def test_verify_wants_slow_alternatives_to_lose_the_points_for_speed_and_no_others(
    grader: UnitGrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = variants(grader.unit)
    grader.grade(Code("squares", (("squares.py", MODULE),)), {})  # the first has a true clock
    monkeypatch.setattr(grader._stopwatch, "_best", dict.fromkeys(grader._stopwatch._best, 1.0))
    results = []
    for variant in found:
        student = 500.0 if variant.title.endswith("loops") else 1.0
        clock = Clock(itertools.cycle([1.0, student]))
        monkeypatch.setattr(grader._stopwatch, "_clock", clock)
        graded = grader.grade(Code("squares", (("squares.py", variant.source),)), {})
        results.append(result_of(variant.student, graded.exercises))
    problems = {v.variant.title: v.problem for v in judge(grader.unit, found, results)}
    assert problems == {
        "reference": "",
        "the stub, untouched": "",
        "alternative: powers": "",
        "alternative: loops": "",
        "alternative: exempt for nothing": 'is fast enough everywhere: remove exempt={"speed"}',
    }
