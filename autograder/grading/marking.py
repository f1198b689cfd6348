"""From the outcomes of tests to the points and status of exercises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from autograder.course import Exercise
from autograder.grading.replay import Outcome, failure_of
from autograder.grading.results import (
    Diagnosis,
    ExerciseResult,
    ExerciseStatus,
    Failure,
    TestResult,
    TestStatus,
)

_NOT_WRITTEN = re.compile(r"(?:NotImplementedError: )?(\w+) is not written yet")


def test_result(outcome: Outcome, exercise: str) -> TestResult:
    """One outcome as data."""
    test = outcome.test
    failure = failure_of(outcome) if outcome.failed else None
    return TestResult(
        name=test.name,
        status=_status(failure, exercise),
        points=test.points,
        visibility="public" if test.public else "hidden",
        device=test.device,
        seconds=round(outcome.seconds, 4),
        failure=failure,
        rerun=test.location if test.public else "",
    )


def _status(failure: Failure | None, exercise: str) -> TestStatus:
    if failure is None:
        return "passed"
    if failure.category != "not attempted":
        return "failed"
    # A function that is written may call one that is not: the stub's message names it.
    named = _NOT_WRITTEN.match(failure.message)
    missing = named[1] if named else failure.function
    return "not attempted" if missing == exercise else "blocked"


def code_exercise(
    exercise: Exercise, tests: Sequence[tuple[str, TestResult]], diagnosis: Diagnosis | None
) -> ExerciseResult:
    """An exercise whose tests have run.

    Args:
        exercise: as declared.
        tests: each with its key; the points of a key are earned when all tests of it pass, on
            every device and with all parameters.
        diagnosis: which known mistake it is.
    """
    worth: dict[str, float] = {}
    passed: dict[str, bool] = {}
    for key, test in tests:
        worth[key] = test.points
        passed[key] = passed.get(key, True) and test.status == "passed"
    points = sum(worth[key] for key, ok in passed.items() if ok)
    return ExerciseResult(
        name=exercise.name,
        points=points,
        max_points=sum(worth.values()),
        status=_exercise_status(points, sum(worth.values()), [t.status for _, t in tests]),
        tests=[test for _, test in tests],
        diagnosis=diagnosis,
    )


def _exercise_status(
    points: float, max_points: float, statuses: Iterable[TestStatus]
) -> ExerciseStatus:
    kinds = set(statuses)
    if points == max_points:
        return "full"
    if kinds == {"not attempted"}:
        return "not attempted"
    if "blocked" in kinds and kinds <= {"not attempted", "blocked"}:
        return "blocked"
    return "partial" if points else "wrong"


def written_exercise(exercise: Exercise, answer: str) -> ExerciseResult:
    """A written question: a person marks it, unless nothing was written."""
    if not answer.strip():
        return ExerciseResult(
            name=exercise.name,
            points=0.0,
            max_points=exercise.points,
            status="not attempted",
            written=True,
        )
    return ExerciseResult(
        name=exercise.name,
        points=None,
        max_points=exercise.points,
        status="to be marked",
        written=True,
        answer=answer,
    )


def with_dependencies(
    results: Sequence[ExerciseResult], exercises: Mapping[str, Exercise]
) -> list[ExerciseResult]:
    """The same results, each saying which failing exercises it builds on."""
    import msgspec

    lost = {r.name for r in results if not r.written and r.status != "full"}
    linked = []
    for result in results:
        needs = exercises[result.name].needs & lost if result.name in lost else set()
        order = [r.name for r in results if r.name in needs]
        linked.append(msgspec.structs.replace(result, depends_on=order) if order else result)
    return linked
