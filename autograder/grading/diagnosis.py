"""Naming the mistake: which known mistake gives just the outputs that the student's code gave.

What each known mistake of the exercise answers on the inputs is part of the exam. One fits if on
every input that the submission failed on it does what the student's code did, call by call, and
not what the reference does. A diagnosis is made only if exactly one fits: a wrong guess sends a
student the wrong way.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Iterable, Set
from typing import Any

import torch
from torch import Tensor

from autograder.course import Unit, call_graph, reachable
from autograder.exam import Exam, KnownMistake, PreparedTest, Rehearsed
from autograder.grading.advice import is_about_placement
from autograder.grading.kinships import Kinships, Names
from autograder.grading.replay import FailedExample
from autograder.results import Diagnosis
from autograder.testing import TOLERANCE, CallRecord, StudentStopped, kind_of


class Diagnoser:
    """The known mistakes of one unit.

    Args:
        unit: the unit.
        exam: its exam.
    """

    def __init__(self, unit: Unit, exam: Exam) -> None:
        self._mistakes = exam.mistakes
        graph = call_graph(ast.parse(unit.source_file.read_text(encoding="utf-8")))
        self._names = functools.cache(functools.partial(Names.of, unit))
        self._needs = {exercise.name: exercise.needs for exercise in unit.exercises}
        self._uses = {name: reachable(graph, [name]) - {name} for name in graph}

    def begin(self) -> Suspicion:
        """The mistakes that one submission may have made: any."""
        return Suspicion(self._mistakes, self._names)

    def diagnose(self, exercise: str, suspicion: Suspicion, lost: Set[str]) -> Diagnosis | None:
        """The one known mistake of `exercise` that explains all its failures, if there is one.

        If there is none, but a relation between all wrong answers and the right ones: that.

        Args:
            exercise: the exercise that lost points.
            suspicion: what is left after all failures.
            lost: all exercises that lost points. A function that uses one of them may fail for
                that reason alone, and look like a mistake of its own.
        """
        if self._uses.get(exercise, set()) & lost:
            return None
        mistake = suspicion.only(exercise)
        if mistake is not None:
            return Diagnosis(mistake=mistake.name, sentence=mistake.sentence)
        if self._needs.get(exercise, frozenset()) & lost:
            return None
        told = suspicion.kinships.sentences(exercise)
        return Diagnosis(mistake="", sentence=" ".join(told)) if told else None


class Suspicion:
    """Which known mistakes explain what failed so far, by exercise.

    Nothing of a failure is kept: a worker's answers may be large.

    Args:
        mistakes: of the unit.
        names: gives those of its arguments and results, where they are needed.
    """

    def __init__(
        self, mistakes: tuple[KnownMistake, ...], names: Callable[[], Names] = Names
    ) -> None:
        self._mistakes = mistakes
        self.kinships = Kinships(names)
        self._left: dict[str, list[int]] = {}

    def look(self, test: PreparedTest, failures: Iterable[FailedExample]) -> None:
        """Drop the mistakes that do not explain what failed in a test."""
        failures = list(failures)
        self.kinships.look(test, failures)
        for failed in failures:
            if not failed.calls or isinstance(failed.error, StudentStopped):
                continue
            left = self._left.get(test.exercise)
            if left is None:
                left = [
                    number
                    for number, mistake in enumerate(self._mistakes)
                    if mistake.exercise == test.exercise
                ]
            if left:
                with test.place.active():
                    left = [number for number in left if _explains(number, test, failed)]
            self._left[test.exercise] = left

    def only(self, exercise: str) -> KnownMistake | None:
        """The one mistake that explains all that failed; None if there is none or several."""
        left = self._left.get(exercise, [])
        return self._mistakes[left[0]] if len(left) == 1 else None


def _explains(number: int, test: PreparedTest, failed: FailedExample) -> bool:
    """Whether a known mistake fails on an input, and as the student's code did."""
    if failed.position is None or failed.position >= len(test.rehearsed):
        return False
    known = test.rehearsed[failed.position].get(number)
    if known is None:
        return False  # the mistake passes where the student's code fails
    return len(known) == len(failed.calls) and all(map(alike, known, failed.calls))


def alike(a: Rehearsed, b: CallRecord) -> bool:
    """Whether a known mistake and a student's code came to the same in a call, up to rounding.

    Two implementations of the same mistake differ by rounding; two mistakes differ by more.
    """
    if a.function != b.function or a.changed != bool(b.changed):
        return False
    if a.kind or b.error is not None:
        told = str(getattr(b.error, "message", b.error))
        return a.kind == kind_of(b.error) and _place_alike(a.message, told)
    return _equal(a.value, b.value)


def _place_alike(a: str, b: str) -> bool:
    """Whether two exceptions' texts, if they are about placement, are about the same.

    Then PyTorch wrote them, and they name the devices and the operation.
    """
    return a == b or not (is_about_placement(a) or is_about_placement(b))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
            return False
        if not a.is_floating_point():
            return torch.equal(a, b)
        finite = torch.isfinite(a)
        if not torch.equal(finite, torch.isfinite(b)):
            return False
        if not torch.equal(torch.nan_to_num(a[~finite]), torch.nan_to_num(b[~finite])):
            return False
        if not bool(finite.any()):
            return True
        scale = max(float(a[finite].abs().max()), 1e-3)
        return bool(((a - b)[finite].abs() <= TOLERANCE.get(a.dtype, 0.0) * scale).all())
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        return False
    if isinstance(a, (tuple, list)):
        return (
            isinstance(b, (tuple, list))
            and len(a) == len(b)
            and all(_equal(x, y) for x, y in zip(a, b, strict=True))
        )
    if isinstance(a, float) and isinstance(b, float):
        # An infinity is only equal to itself: as a scale it would make everything close.
        scale = max(abs(a), abs(b), 1e-3)
        return a == b or (math.isfinite(scale) and abs(a - b) <= 1e-9 * scale)
    if a is None or isinstance(a, (bool, int, str, torch.dtype)):
        return type(a) is type(b) and a == b
    # Opaque on both sides: what a cache holds is nobody else's business, so it cannot differ.
    return not isinstance(b, (bool, int, float, str)) and b is not None
