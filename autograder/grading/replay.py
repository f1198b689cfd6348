"""Running one prepared test on a submission, and finding the smallest input that it fails on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

from autograder.devices import CUDA, gpu_trouble
from autograder.errors import HandgradError
from autograder.exam import (
    FAILURES_KEPT,
    ExampleSet,
    PreparedExample,
    PreparedTest,
    count_elements,
    tensor_versions,
)
from autograder.grading import operators
from autograder.results import Failure, Speed
from autograder.testing import (
    CallRecord,
    NotDefined,
    Student,
    StudentError,
    StudentStopped,
    nothing_raised,
)

# Trouble of the grader's own process: never the student's fault.
GRADER_FAULTS = (MemoryError, OSError)


class DeviceLost(HandgradError):
    """The GPU failed in the grader's own process, which cannot use it any more."""


class ReplayBackend(Protocol):
    """A backend that is told which examples come, so that it can ask for answers ahead."""

    @property
    def answering(self) -> float:
        """Seconds for which it waited for our solution, in the place of other exercises."""

    def begin(self, examples: ExampleSet) -> None:
        """These examples of a test follow, in order."""

    def answers_as_reference(self, position: int) -> bool:
        """Whether all answers on an example are the reference's, bit for bit."""

    def begin_example(self, position: int) -> None:
        """Example `position` follows."""

    def call(self, record: CallRecord) -> None:
        """Answer a call; see `autograder.testing.subjects.Backend`."""


@dataclass
class FailedExample:
    """An input that a test failed on, and what was called until then.

    Attributes:
        example: the input.
        position: among the test's examples; None for a smaller one.
        calls: what was called.
        error: what was raised.
    """

    example: PreparedExample
    position: int | None
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


def run_test(
    test: PreparedTest, student: Student, backend: ReplayBackend, *, smaller: bool = True
) -> Outcome:
    """Run a test on its examples; if it fails, look for a smaller input that it fails on.

    Where all answers are the reference's the test passes without being run: it did so on the
    reference. A timeout or a crash ends the test at once and no smaller input is looked for: each
    would cost the whole deadline again. Nor does the input matter where a forbidden operator was
    called or nothing is written yet, nor on the simulated device: there it matters where tensors
    are, not what is in them.

    Args:
        test: the test; its device is to be active.
        student: what it asks.
        backend: what answers.
        smaller: whether to look for a smaller input at all.
    """
    outcome = Outcome(test)
    began = time.perf_counter()
    student.backend = backend
    backend.begin(test.graded)
    for position in range(len(test.examples)):
        if backend.answers_as_reference(position):
            continue
        backend.begin_example(position)
        failed = attempt(test, student, test.examples[position], position)
        if failed is None:
            continue
        outcome.failed.append(failed)
        if _final(failed.error) or len(outcome.failed) == FAILURES_KEPT:
            break
    if outcome.failed:
        outcome.smallest = outcome.failed[0]
        unwritten = all(isinstance(f.error, NotImplementedError) for f in outcome.failed)
        final = test.place.simulated or unwritten or _final(outcome.failed[0].error)
        if smaller and not final:
            raised = [f for f in outcome.failed if not isinstance(f.error, StudentStopped)]
            least = min(raised, key=lambda f: count_elements(f.example.inputs))
            outcome.smallest = _smaller(test, student, backend, least)
    outcome.seconds = time.perf_counter() - began
    return outcome


def _smaller(
    test: PreparedTest, student: Student, backend: ReplayBackend, failed: FailedExample
) -> FailedExample:
    """The smallest of the test's small inputs that it fails on, if that is smaller."""
    for portion in test.smaller:
        backend.begin(portion)
        for position in range(len(portion.examples)):
            if backend.answers_as_reference(position):
                continue
            example = portion.examples[position]
            if count_elements(example.inputs) > count_elements(failed.example.inputs):
                return failed
            backend.begin_example(position)
            found = attempt(test, student, example)
            if found is not None and isinstance(found.error, StudentStopped):
                return failed
            if found is not None:
                return found
    return failed


def _final(error: BaseException) -> bool:
    """Whether other inputs would tell no more."""
    if isinstance(error, StudentStopped | NotDefined):
        return True
    return operators.operator_of(error) is not None


def attempt(
    test: PreparedTest, student: Student, example: PreparedExample, position: int | None = None
) -> FailedExample | None:
    """Run a test on one example; None if it passes.

    Raises:
        RuntimeError: the test changed its inputs, on which others are graded too.
    """
    found = _attempt(test, student, example, position)
    if tensor_versions(example.inputs) != example.versions:
        raise RuntimeError(f"{test.name} changed its inputs while it was run; clone them first")
    return found


def _attempt(
    test: PreparedTest, student: Student, example: PreparedExample, position: int | None
) -> FailedExample | None:
    try:
        test.run(example)
    except GRADER_FAULTS as error:
        if isinstance(error, StudentError):
            return FailedExample(example, position, student.calls, error)
        raise
    except (Exception, nothing_raised(), StudentStopped) as error:
        if test.place is CUDA and not isinstance(error, (StudentError, StudentStopped)):
            _look_at_gpu(error)
        # Whatever it is, the reference came through this very example: the student's answer is
        # what made the difference.
        return FailedExample(example, position, student.calls, error)
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
