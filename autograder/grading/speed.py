"""Is the student's code fast enough? A test with ``speed=5`` asks whether it takes at most five
times as long as the reference.

Both run in workers of the same kind, each in its own, on the same inputs, turn by turn, and what
counts is the least of each. The grader's clock measures from sending a call to having its answer,
so nothing that the student's code does to its own process changes what is measured. Every input is
met once: an answer that was kept from the last time is of no use.

Noise must cost nobody points, and may be made on purpose. To pass, a student is compared with the
reference's usual time beside the student's, but not with more than a few times the best that it
ever had in this grading process, so that making it slow gains little. To fail, with its usual time,
and by a wide margin. What lies in between after all rounds, a person decides.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autograder.exam import ExampleSet, PreparedExample, PreparedTest
from autograder.grading.remote import RemoteBackend
from autograder.grading.replay import Outcome, ReplayBackend, attempt
from autograder.results import Speed
from autograder.testing import CallRecord, Student, StudentError, StudentStopped

FEWEST = 3  # rounds before anything is said
NOISE = 2.5  # the reference's usual time counts up to so many times its best
CLEAR = 4.0  # so many times over what is allowed is slow whatever the noise
SLOW = 1.5  # so many times over it after all rounds

Clock = Callable[[], float]


class TimingError(Exception):
    """The reference could not be timed; the sentence says why."""


@dataclass
class Times:
    """What was measured so far.

    Attributes:
        student: seconds of each round.
        reference: seconds of each round, beside the student's.
        best: the least that the reference ever took.
    """

    student: list[float] = field(default_factory=list)
    reference: list[float] = field(default_factory=list)
    best: float = float("inf")

    @property
    def ratio(self) -> float:
        """How many times as long as the reference the student's code takes."""
        return min(self.student) / self.best


def verdict(times: Times, factor: float, *, last: bool) -> bool | None:
    """Whether a student's code is fast enough.

    Args:
        times: what was measured.
        factor: how many times as long as the reference it may take.
        last: whether there are no more rounds.

    Returns:
        True or False, or None where more rounds are needed, or with ``last`` a person.

    Example:
        >>> verdict(Times([2.0] * 3, [1.0] * 3, best=1.0), 5.0, last=False)
        True
        >>> verdict(Times([90.0] * 3, [1.0] * 3, best=1.0), 5.0, last=False)
        False
    """
    if len(times.student) < FEWEST and not last:
        return None
    usual = statistics.median(times.reference)
    if min(times.student) <= factor * min(usual, NOISE * times.best):
        return True
    if min(times.student) > (SLOW if last else CLEAR) * factor * usual:
        return False
    return None


class Stopwatch:
    """Times one unit's submissions against its reference.

    Args:
        reference: starts a backend for the reference's own code, in a worker of its own.
        clock: seconds.
    """

    def __init__(
        self, reference: Callable[[], RemoteBackend], clock: Clock = time.perf_counter
    ) -> None:
        self._start, self._clock = reference, clock
        self._backend: RemoteBackend | None = None
        self._student = Student()
        self._best: dict[int, float] = {}

    def prepare(self, tests: Sequence[PreparedTest]) -> None:
        """Learn how fast the reference is, before any student's code could slow the machine.

        Raises:
            TimingError: the reference does not run.
        """
        for test in tests:
            if id(test) not in self._best:
                self._best[id(test)] = float("inf")
                for example in test.examples[:FEWEST]:
                    self._time_reference(test, example)

    def run(self, test: PreparedTest, student: Student, backend: ReplayBackend) -> Outcome:
        """Run a test that asks for speed on a submission.

        Args:
            test: has a `speed`.
            student: the fixture of the test.
            backend: the submission.

        Returns:
            As of any test, with its `speed` if the values are right.

        Raises:
            TimingError: the reference does not run.
        """
        assert test.speed is not None
        outcome, times = Outcome(test), Times()
        began = time.perf_counter()
        timed = _Timed(backend, test.exercise, lambda: self._clock() - backend.answering)
        backend.begin(test.graded)
        fast: bool | None = None
        for number, example in enumerate(test.examples, 1):
            times.reference.append(self._time_reference(test, example))
            times.best = self._best[id(test)]
            backend.begin_example(number - 1)
            student.backend, timed.seconds = timed, 0.0
            failed = attempt(test, student, example, number - 1)
            if failed is not None:
                outcome.failed, outcome.smallest = [failed], failed
                break
            times.student.append(timed.seconds)
            fast = verdict(times, test.speed, last=number == len(test.examples))
            if fast is not None:
                break
        if not outcome.failed:
            outcome.speed = Speed(
                factor=test.speed,
                measured=float(f"{times.ratio:.3g}"),
                seconds=float(f"{min(times.student):.3g}"),
                reference_seconds=float(f"{times.best:.3g}"),
                rounds=len(times.student),
                fast=fast,
            )
        outcome.seconds = time.perf_counter() - began
        return outcome

    def close(self) -> None:
        """End the reference's worker."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def _time_reference(self, test: PreparedTest, example: PreparedExample) -> float:
        for _ in range(2):  # a student's code may have killed its worker
            if self._backend is None:
                self._backend = self._start()
                self._backend.load()
            timed = _Timed(self._backend, test.exercise, self._clock)
            self._student.backend = timed
            try:
                self._ask(test, example)
            except (StudentStopped, StudentError) as error:
                problem = error
                self.close()
                continue
            self._best[id(test)] = min(self._best.get(id(test), float("inf")), timed.seconds)
            return timed.seconds
        raise TimingError(f"The reference could not be timed on {test.name}: {problem}")

    def _ask(self, test: PreparedTest, example: PreparedExample) -> None:
        """Run the test on the reference's worker; what it answers was checked when preparing."""
        assert self._backend is not None
        self._backend.begin(ExampleSet(timed=True))
        self._backend.begin_example(0)
        fixtures = dict(test.fixtures)
        for name, fixture in fixtures.items():
            if isinstance(fixture, Student):
                fixtures[name] = self._student
        test.begin(example)
        self._student.begin_example()
        test.body(**fixtures, **example.inputs)
        self._backend.end_test()


class _Timed:
    """A backend whose calls of one function are timed.

    Attributes:
        seconds: how long they took in all.
    """

    def __init__(self, backend: ReplayBackend, function: str, clock: Clock) -> None:
        self._backend, self._function, self._clock = backend, function, clock
        self.seconds = 0.0

    @property
    def answering(self) -> float:
        return self._backend.answering

    def begin(self, examples: ExampleSet) -> None:
        self._backend.begin(examples)

    def answers_as_reference(self, position: int) -> bool:
        return self._backend.answers_as_reference(position)

    def begin_example(self, position: int) -> None:
        self._backend.begin_example(position)

    def call(self, record: CallRecord) -> None:
        if record.function != self._function:
            self._backend.call(record)
            return
        began = self._clock()
        try:
            self._backend.call(record)
        finally:
            self.seconds += self._clock() - began
