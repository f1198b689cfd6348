"""What each known mistake answers on the inputs that submissions are graded on.

With it, naming a student's mistake is a comparison of answers: none of the known mistakes is run
again for a submission.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

import pytest

from autograder.course import Mistake, Returns
from autograder.devices import CPU
from autograder.exam.prepared import FAILURES_KEPT, PreparedExample, PreparedTest, Rehearsed
from autograder.exam.references import module_of
from autograder.testing import CallRecord, ModuleBackend, Student

# Of this process's own time that a known mistake may take on one input: some never come back.
SECONDS = 3.0


class Rehearsal:
    """The known mistakes of a unit, ready to run on its reference's place in a test.

    Args:
        mistakes: of the unit.
        student: the `student` fixture of the tests.
        returns: how each function's result travels.
    """

    def __init__(
        self, mistakes: Sequence[Mistake], student: Student, returns: Mapping[str, Returns]
    ) -> None:
        self.mistakes = mistakes
        self._student, self._returns = student, returns
        self._backends: dict[str, ModuleBackend] = {}

    def of(self, exercise: str) -> Iterator[tuple[int, Mistake]]:
        """The mistakes in an exercise, with their numbers."""
        return (
            (number, mistake)
            for number, mistake in enumerate(self.mistakes)
            if mistake.exercise == exercise
        )

    def calls(
        self, mistake: Mistake, test: PreparedTest, example: PreparedExample
    ) -> list[CallRecord] | None:
        """What a mistake was asked on an example, and its answers; None if the test passes.

        Nothing is known of one that does not come back.
        """
        with test.place.active():
            self._student.backend = self._backend(mistake)
            try:
                with at_most(SECONDS):
                    test.run(example)
            except TooLong:
                return []
            except (Exception, pytest.fail.Exception):
                return self._student.calls
        return None

    def on(self, test: PreparedTest, *, alone: bool = True) -> list[dict[int, list[Rehearsed]]]:
        """For each example of a test what the mistakes of its exercise that fail on it answer.

        Args:
            test: the test.
            alone: whether it is not also run on the CPU.
        """
        answers: list[dict[int, list[Rehearsed]]] = [{} for _ in test.examples]
        for number, mistake in self.of(test.exercise):
            # One of placement is none on the CPU; any other fails there too, and is named by that.
            if test.place is CPU if mistake.on else test.place.simulated and not alone:
                continue
            failures = 0
            for position, example in enumerate(test.examples):
                calls = self.calls(mistake, test, example)
                if calls == []:
                    break  # nor would it on the next one
                if calls is not None:
                    answers[position][number] = [Rehearsed.of(record) for record in calls]
                    failures += 1
                if failures == FAILURES_KEPT:
                    break  # whoever makes this mistake fails on these first
        return answers

    def _backend(self, mistake: Mistake) -> ModuleBackend:
        if mistake.name not in self._backends:
            module = module_of(mistake)
            self._backends[mistake.name] = ModuleBackend(module, self._returns, own=True)
        return self._backends[mistake.name]


class TooLong(BaseException):
    """A known mistake did not come back; not an `Exception`, so that it does not catch it."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise `TooLong` after so much of this process's own time, where a system can do that."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not _MAIN:
        yield
        return

    def late(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


_MAIN = threading.main_thread()
