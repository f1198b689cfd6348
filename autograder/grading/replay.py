"""Running one prepared test on a submission, and finding the smallest input that it fails on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import hypothesis
import pytest
from hypothesis.errors import HypothesisException

from autograder.devices import CUDA, gpu_trouble
from autograder.errors import HandgradError
from autograder.exam import PreparedExample, PreparedTest, count_elements
from autograder.grading import operators
from autograder.results import Failure, Speed
from autograder.testing import (
    CallRecord,
    NotDefined,
    Student,
    StudentError,
    StudentStopped,
    body_replaced,
    is_property,
    to_device,
)

# How many failing inputs a diagnosis gets to see, and how long the search for a smaller one may
# go on. Counted in tries, not seconds, so that the same submission gets the same report.
FAILURES_KEPT = 5
SEARCH_TRIES = 80

# Trouble of the grader's own process: never the student's fault.
GRADER_FAULTS = (MemoryError, OSError)


class DeviceLost(HandgradError):
    """The GPU failed in the grader's own process, which cannot use it any more."""


class ReplayBackend(Protocol):
    """A backend that is told which example comes, so that it can ask for answers ahead."""

    def begin_test(self, test: PreparedTest) -> None:
        """The examples of `test` follow, in order."""

    def begin_example(self, position: int | None) -> None:
        """Example `position` of the test follows; None for an input drawn during a search."""

    def call(self, record: CallRecord) -> None:
        """Answer a call; see `autograder.testing.subjects.Backend`."""


@dataclass
class FailedExample:
    """An input that a test failed on, and what was called until then."""

    example: PreparedExample
    calls: list[CallRecord]
    error: BaseException


@dataclass
class Outcome:
    """What came of one test.

    Attributes:
        test: the test.
        failed: the examples it failed on, at most `FAILURES_KEPT`; empty if it passed.
        smallest: the smallest failing example found.
        not_run: why it was not run at all; None if it was.
        seconds: how long it took.
        speed: what was measured, if the test asks for speed and its values are right.
    """

    test: PreparedTest
    failed: list[FailedExample] = field(default_factory=list)
    smallest: FailedExample | None = None
    not_run: Failure | None = None
    seconds: float = 0.0
    speed: Speed | None = None

    @property
    def stopped(self) -> str:
        """In which way the student's process hung or ended; empty if it did neither."""
        stops = [f.error for f in self.failed if isinstance(f.error, StudentStopped)]
        return stops[0].category if stops else ""


class _SearchOver(BaseException):
    """Enough tries; not an `Exception`, so that hypothesis lets it through."""


def run_test(
    test: PreparedTest, student: Student, backend: ReplayBackend, *, smaller: bool = True
) -> Outcome:
    """Run a test on its examples; if it fails, look for a smaller input that it fails on.

    A timeout or a crash ends the test at once and is not made smaller: each try would cost the
    whole deadline again. Nor does the input matter where a forbidden operator was called or nothing
    is written yet, nor on the simulated device: there it matters where tensors are, not what is in
    them.

    Args:
        test: the test; its device is to be active.
        student: what it asks.
        backend: what answers.
        smaller: whether to look for a smaller input at all.
    """
    outcome = Outcome(test)
    began = time.perf_counter()
    student.backend = backend
    backend.begin_test(test)
    first = 0
    for position, example in enumerate(test.examples):
        backend.begin_example(position)
        failed = attempt(test, student, example)
        if failed is None:
            continue
        first = position if not outcome.failed else first
        outcome.failed.append(failed)
        if _final(failed.error) or len(outcome.failed) == FAILURES_KEPT:
            break
    if outcome.failed:
        outcome.smallest = outcome.failed[0]
        unwritten = all(isinstance(f.error, NotImplementedError) for f in outcome.failed)
        final = test.place.simulated or unwritten or _final(outcome.failed[0].error)
        if smaller and is_property(test.function) and not final:
            outcome.smallest = _search(test, student, backend, first, outcome.failed[0])
    outcome.seconds = time.perf_counter() - began
    return outcome


def _final(error: BaseException) -> bool:
    """Whether other inputs would tell no more."""
    if isinstance(error, StudentStopped | NotDefined):
        return True
    return operators.operator_of(error) is not None


def attempt(test: PreparedTest, student: Student, example: PreparedExample) -> FailedExample | None:
    """Run a test on one example; None if it passes."""
    try:
        test.run(example)
    except GRADER_FAULTS as error:
        if isinstance(error, StudentError):
            return FailedExample(example, student.calls, error)
        raise
    except (Exception, pytest.fail.Exception, StudentStopped) as error:
        if test.place is CUDA and not isinstance(error, (StudentError, StudentStopped)):
            _look_at_gpu(error)
        # Whatever it is, the reference came through this very example: the student's answer is
        # what made the difference.
        return FailedExample(example, student.calls, error)
    return None


def _look_at_gpu(error: BaseException) -> None:
    """Nobody loses a point because the GPU fails where answers are compared.

    Raises:
        DeviceLost: it did.
    """
    if gpu_trouble(type(error).__name__, str(error)):
        raise DeviceLost(
            f"The GPU failed in the grading process ({type(error).__name__}: "
            f"{str(error).splitlines()[0][:200]}). See that nothing else uses it, or grade with "
            "--device cpu."
        ) from error


def _search(
    test: PreparedTest,
    student: Student,
    backend: ReplayBackend,
    first: int,
    failed: FailedExample,
) -> FailedExample:
    """Let hypothesis shrink the input, and keep the smallest that still fails.

    Written down by us at each failure: when the search is cut short, hypothesis reports nothing.
    """
    smallest, tries = failed, 0
    raised: BaseException | None = None
    device = test.fixtures.get("device")

    def again(**arguments: Any) -> None:
        nonlocal smallest, tries, raised
        tries += 1
        if tries <= first:
            return  # the same seed draws the same inputs, and these are known to pass
        if tries > first + SEARCH_TRIES:
            raise _SearchOver
        drawn = {k: v for k, v in arguments.items() if k not in test.fixtures}
        example = PreparedExample(to_device(drawn, device) if device is not None else drawn)
        backend.begin_example(None)
        found = attempt(test, student, example)
        if found is None:
            return
        if isinstance(found.error, StudentStopped):
            raise _SearchOver
        if count_elements(example.inputs) <= count_elements(smallest.example.inputs):
            smallest = found
        raised = found.error
        raise raised

    hypothesis.seed(test.seed)(test.function)
    with body_replaced(test.function, again):
        try:
            test.function(**test.fixtures)
        except (_SearchOver, HypothesisException):
            pass  # cut short, or code that answers differently every time
        except (Exception, pytest.fail.Exception) as error:
            if error is not raised:
                raise
    return smallest
