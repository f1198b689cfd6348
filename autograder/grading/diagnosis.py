"""Naming the mistake: which known mistake gives just the outputs that the student's code gave.

The known mistakes of the exercise run on the inputs that the submission failed on. One fits if on
every one of them it does what the student's code did, call by call, and not what the reference
does. A diagnosis is made only if exactly one fits: a wrong guess sends a student the wrong way.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Set
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from autograder.course import Mistake, Unit, call_graph, mistakes, reachable
from autograder.exam import PreparedTest
from autograder.grading.advice import is_about_placement
from autograder.grading.replay import FailedExample
from autograder.results import Diagnosis
from autograder.testing import (
    TOLERANCE,
    CallRecord,
    ModuleBackend,
    Student,
    StudentError,
    StudentStopped,
)


class Diagnoser:
    """The known mistakes of one unit, ready to run in this process.

    Args:
        unit: the unit.
        student: the `student` fixture of the unit's prepared tests.
    """

    def __init__(self, unit: Unit, student: Student) -> None:
        self._mistakes, self._student, self._returns = mistakes(unit), student, unit.returns
        self._backends: dict[str, ModuleBackend] = {}
        graph = call_graph(ast.parse(unit.source_file.read_text(encoding="utf-8")))
        self._uses = {name: reachable(graph, [name]) - {name} for name in graph}

    def diagnose(
        self,
        exercise: str,
        failures: Iterable[tuple[PreparedTest, FailedExample]],
        lost: Set[str],
    ) -> Diagnosis | None:
        """The one known mistake of `exercise` that explains all `failures`, if there is one.

        Args:
            exercise: the exercise that lost points.
            failures: the examples it failed on, with what was called.
            lost: all exercises that lost points. A function that uses one of them may fail for
                that reason alone, and look like a mistake of its own.
        """
        if self._uses.get(exercise, set()) & lost:
            return None
        tried = [
            (test, failed)
            for test, failed in failures
            if failed.calls and not isinstance(failed.error, StudentStopped)
        ]
        if not tried:
            return None
        candidates = [m for m in self._mistakes if m.exercise == exercise]
        for test, failed in tried:
            candidates = [m for m in candidates if self._explains(m, test, failed)]
            if not candidates:
                return None
        if len(candidates) != 1:
            return None
        return Diagnosis(mistake=candidates[0].name, sentence=candidates[0].sentence)

    def _explains(self, mistake: Mistake, test: PreparedTest, failed: FailedExample) -> bool:
        with test.place.active():
            self._student.backend = self._backend(mistake)
            try:
                test.run(failed.example)
            except (Exception, pytest.fail.Exception):
                calls = self._student.calls
            else:
                return False  # the mistake passes where the student's code fails
            return len(calls) == len(failed.calls) and all(map(alike, calls, failed.calls))

    def _backend(self, mistake: Mistake) -> ModuleBackend:
        if mistake.name not in self._backends:
            module = ModuleType(mistake.name)
            # Our own code, from solutions/: the grader runs it as it runs the reference.
            exec(compile(mistake.source, f"<{mistake.name}>", "exec"), module.__dict__)
            self._backends[mistake.name] = ModuleBackend(module, self._returns)
        return self._backends[mistake.name]


def alike(a: CallRecord, b: CallRecord) -> bool:
    """Whether two calls of the same function came to the same, up to rounding.

    Two implementations of the same mistake differ by rounding; two mistakes differ by more.
    """
    if a.function != b.function or bool(a.changed) != bool(b.changed):
        return False
    if a.error is not None or b.error is not None:
        return kind_of(a.error) == kind_of(b.error) and _place_alike(a.error, b.error)
    return _equal(a.value, b.value)


def _place_alike(a: BaseException | None, b: BaseException | None) -> bool:
    """Whether two exceptions, if they are about placement, are about the same.

    Then PyTorch wrote their texts, which name the devices and the operation.
    """
    texts = [str(getattr(error, "message", error)) for error in (a, b)]
    return texts[0] == texts[1] or not any(map(is_about_placement, texts))


def kind_of(error: BaseException | None) -> str:
    """The type of an exception by its name, wherever it was raised."""
    if error is None:
        return ""
    return error.kind if isinstance(error, StudentError) else type(error).__name__


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
