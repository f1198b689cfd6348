"""From the outcomes of tests to the points and status of exercises."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import msgspec

from autograder.course import Exercise
from autograder.grading import operators
from autograder.grading.failures import advice_on, failure_of
from autograder.grading.replay import Outcome
from autograder.results import (
    Diagnosis,
    ExerciseResult,
    ExerciseStatus,
    Failure,
    TestResult,
    TestStatus,
)

_NOT_WRITTEN = re.compile(r"(?:NotImplementedError: )?(\w+) is not written yet")


def test_result(outcome: Outcome, exercise: str, sources: Mapping[str, str]) -> TestResult:
    """One outcome as data.

    Args:
        outcome: what came of the test.
        exercise: the exercise that it belongs to.
        sources: the student's text, by label.
    """
    test = outcome.test
    failure: Failure | None = None
    if outcome.failed:
        with test.place.active():
            failure = failure_of(outcome)
        if advised := advice_on(outcome, failure, sources):
            failure = msgspec.structs.replace(failure, advice=advised)
    else:
        failure = outcome.not_run or _too_slow(outcome)
    return TestResult(
        name=test.name,
        status="not run" if outcome.not_run is not None else _status(failure, exercise),
        points=test.points,
        visibility="public" if test.public else "hidden",
        device=test.device,
        seconds=round(outcome.seconds, 4),
        failure=failure,
        rerun=test.location if test.public else "",
        speed=outcome.speed,
    )


def _too_slow(outcome: Outcome) -> Failure | None:
    """What there is to say of right values that came late."""
    speed = outcome.speed
    if speed is None or speed.fast:
        return None
    function = outcome.test.exercise
    took = f"{function} took {speed.measured:.3g} times as long as the reference"
    if speed.fast is None:
        return Failure(
            category="timing",
            message=f"{took}, but the machine was too busy to be sure: a person decides whether "
            f"that is more than {speed.factor:g} times.",
            function=function,
        )
    return Failure(
        category="too slow",
        message=f"{took}; at most {speed.factor:g} times earns these points. Loop over the few "
        "parts of a formula that are fixed, not over the elements of the data.",
        function=function,
    )


def _status(failure: Failure | None, exercise: str) -> TestStatus:
    if failure is None:
        return "passed"
    if failure.category == "timing":
        return "needs a person"
    if failure.category != "not attempted":
        return "failed"
    # A function that is written may call one that is not: the stub's message names it.
    named = _NOT_WRITTEN.match(failure.message)
    missing = named[1] if named else failure.function
    return "not attempted" if missing == exercise else "blocked"


def code_exercise(
    exercise: Exercise,
    tests: Sequence[tuple[str, TestResult]],
    diagnosis: Diagnosis | None,
    refusing: Set[str] = frozenset(),
) -> ExerciseResult:
    """An exercise whose tests have run.

    Args:
        exercise: as declared.
        tests: each with its key; the points of a key are earned when all tests of it pass, on
            every device and with all parameters.
        diagnosis: which known mistake it is.
        refusing: keys of tests that only ask for what the stub refuses already. They earn nothing
            by themselves.
    """
    tests = list(_said_once(_with_violations(exercise.name, tests)))
    worth: dict[str, float] = {}
    passed: dict[str, bool] = {}
    open_: dict[str, bool] = {}
    for key, test in tests:
        worth[key] = test.points
        passed[key] = passed.get(key, True) and test.status == "passed"
        open_[key] = open_.get(key, True) and test.status in ("passed", "needs a person")
    others = [test.status for key, test in tests if key not in refusing]
    if others and "passed" not in others:
        passed = dict.fromkeys(passed, False)
    points = sum(worth[key] for key, ok in passed.items() if ok)
    pending = sum(worth[key] for key, ok in passed.items() if open_[key] and not ok)
    return ExerciseResult(
        name=exercise.name,
        points=points,
        max_points=sum(worth.values()),
        status=_exercise_status(points, sum(worth.values()), [t.status for _, t in tests]),
        tests=[test for _, test in tests],
        diagnosis=diagnosis,
        pending=pending,
    )


def _with_violations(
    exercise: str, tests: Sequence[tuple[str, TestResult]]
) -> Sequence[tuple[str, TestResult]]:
    """The same tests, all of them failed if the exercise's own function broke the unit's rules.

    A function that calls what it should compute is not the student's work, also where an input
    takes another way through it.
    """
    broken = next(
        (
            test.failure
            for _, test in tests
            if test.failure is not None
            and test.failure.category == operators.CATEGORY
            and test.failure.function == exercise
        ),
        None,
    )
    if broken is None:
        return tests
    failure = msgspec.structs.replace(broken, trace="", line="")
    return [
        (
            key,
            msgspec.structs.replace(test, status="failed", failure=failure)
            if test.failure is None
            else test,
        )
        for key, test in tests
    ]


def _said_once(tests: Sequence[tuple[str, TestResult]]) -> Iterator[tuple[str, TestResult]]:
    """The same tests; advice that is about no single line only with the first that it is given."""
    said: set[str] = set()
    for key, test in tests:
        failure = test.failure
        if failure is not None and failure.category != "wrong device" and failure.advice in said:
            test = msgspec.structs.replace(
                test, failure=msgspec.structs.replace(failure, advice="")
            )
        elif failure is not None:
            said.add(failure.advice)
        yield key, test


def _exercise_status(
    points: float, max_points: float, statuses: Iterable[TestStatus]
) -> ExerciseStatus:
    kinds = set(statuses)
    if points == max_points:
        return "full"
    if kinds == {"passed", "needs a person"}:
        return "to be marked"
    if not points and "not attempted" in kinds and kinds <= {"not attempted", "passed"}:
        return "not attempted"  # what passed is what the stub refuses
    if not points and "blocked" in kinds and kinds <= {"not attempted", "blocked", "passed"}:
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
    lost = {r.name for r in results if not r.written and r.status != "full"}
    linked = []
    for result in results:
        needs = exercises[result.name].needs & lost if result.name in lost else set()
        order = [r.name for r in results if r.name in needs]
        linked.append(msgspec.structs.replace(result, depends_on=order) if order else result)
    return linked
