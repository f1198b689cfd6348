"""Whether a mistake costs points where only one other exercise makes it.

An exercise that builds on a function may be written without calling it: with its own copy of the
formula, mistakes included. Its own tests must then find them. So for every known mistake of a
function H, and every exercise D whose reference uses H, the tests of D are run on a module in
which H is right, and D alone uses the mistaken one.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator, Sequence
from types import ModuleType

import pytest

from autograder.course import Mistake, Unit, call_graph, mistakes, reachable
from autograder.devices import CPU
from autograder.exam.prepared import PreparedTest
from autograder.exam.references import module_of, reference_of
from autograder.exam.rehearsal import SECONDS, TooLong, at_most
from autograder.testing import ModuleBackend, Student


def inlined_mistakes(
    unit: Unit, tests: Sequence[PreparedTest], student: Student
) -> Iterator[tuple[Mistake, str, bool]]:
    """Each known mistake in each exercise that uses its function, and whether points are lost.

    Args:
        unit: the unit.
        tests: its tests, as they are graded.
        student: their `student` fixture.

    Yields:
        The mistake, the exercise, and whether a test of it fails.
    """
    inlining = Inlining(unit, tests, student)
    for mistake in mistakes(unit):
        if mistake.on:
            continue
        mistaken = module_of(mistake)
        for name in inlining.users_of(mistake.exercise):
            yield mistake, name, inlining.loses(name, mistaken)


class Inlining:
    """The reference of a unit, one function of which may be bound to another module's.

    Args:
        unit: the unit.
        tests: its tests, as they are graded.
        student: their `student` fixture.
    """

    def __init__(self, unit: Unit, tests: Sequence[PreparedTest], student: Student) -> None:
        self._module = reference_of(unit)
        self._backend = ModuleBackend(self._module, unit.returns, own=True)
        self._tests, self._student = tests, student
        graph = call_graph(ast.parse(unit.source_file.read_text(encoding="utf-8")))
        names = [exercise.name for exercise in unit.exercises if not exercise.written]
        self._uses = {name: reachable(graph, [name]) - {name} for name in names}

    def users_of(self, function: str) -> list[str]:
        """The exercises, other than the function itself, whose reference uses it."""
        return [name for name, used in self._uses.items() if function in used]

    def loses(self, name: str, other: ModuleType) -> bool:
        """Whether an exercise's tests fail on another module's version of it, all else right."""
        with self.alone(name, other):
            return any(_fails(test) for test in self._tests if _is_of(test, name))

    @contextlib.contextmanager
    def alone(self, name: str, other: ModuleType) -> Iterator[None]:
        """The tests ask the reference, but for a function that is another module's."""
        right = getattr(self._module, name)
        self._student.backend = self._backend
        setattr(self._module, name, getattr(other, name))
        try:
            yield
        finally:
            setattr(self._module, name, right)


def _is_of(test: PreparedTest, exercise: str) -> bool:
    return test.exercise == exercise and test.place is CPU and test.speed is None


def _fails(test: PreparedTest) -> bool:
    for example in test.examples:
        try:
            with at_most(SECONDS):
                test.run(example)
        except (Exception, pytest.fail.Exception, TooLong):
            return True
    return False
