"""Whether a mistake costs points where only one other exercise makes it.

An exercise that builds on a function may be written without calling it: with its own copy of the
formula, mistakes included. Its own tests must then find them. So for every known mistake of a
function H, and every exercise D whose reference uses H, the tests of D are run on a module in
which H is right, and D alone uses the mistaken one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import pytest

from autograder.course import Mistake, Unit, call_graph, mistakes, reachable
from autograder.devices import CPU
from autograder.exam.exams import reference_of
from autograder.exam.prepared import PreparedTest
from autograder.exam.rehearsal import SECONDS, TooLong, at_most, module_of
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
    graph = call_graph(ast.parse(unit.source_file.read_text(encoding="utf-8")))
    names = [exercise.name for exercise in unit.exercises if not exercise.written]
    uses = {name: reachable(graph, [name]) - {name} for name in names}
    module = reference_of(unit)
    student.backend = ModuleBackend(module, unit.returns, own=True)
    for mistake in mistakes(unit):
        if mistake.on:
            continue
        mistaken = module_of(mistake)
        for name in names:
            if mistake.exercise not in uses[name]:
                continue
            right = getattr(module, name)
            setattr(module, name, getattr(mistaken, name))
            lost = any(_fails(test) for test in tests if _is_of(test, name))
            setattr(module, name, right)
            yield mistake, name, lost


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
