"""How far right answers lie apart on an input of a test: its conditioning, measured.

A test must not tell right code apart by how it rounds. So each input that is graded on is also run
on the reference in other arithmetic, and what its comparisons come to is kept with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

import pytest

from autograder.course import Returns, Unit
from autograder.devices import CPU
from autograder.exam.prepared import PreparedExample, PreparedTest
from autograder.exam.references import reference_of
from autograder.exam.rounding import Way, has_single, ways
from autograder.testing import (
    MOST,
    TIMES,
    Compared,
    Student,
    comparisons_measured,
    widened,
)

# Of what a comparison allows: so far from it, another seed does not come to it.
NEAR = 0.05
# Seeds with which tests are tried; inputs are measured with others.
_FIRST, _MORE = range(100, 103), range(103, 120)


@dataclass(frozen=True)
class Unfair:
    """Right code does not pass a test on an input.

    Attributes:
        test: the test's name.
        way: what the code does, after "the reference".
        why: what the test says of it.
    """

    test: str
    way: str
    why: str

    def __str__(self) -> str:
        return f"{self.test} rejects the reference {self.way}: {self.why}"


class Conditioning:
    """Measures inputs.

    Args:
        module: the reference.
        returns: how each function's result travels.
        student: the `student` fixture of the tests.
    """

    def __init__(
        self, module: ModuleType, returns: Mapping[str, Returns], student: Student
    ) -> None:
        self._student = student
        self._ways = list(ways(module, returns, seeds=(0,), more_seeds=(1,), neighbours=(0,)))

    def measure(self, test: PreparedTest, example: PreparedExample) -> None:
        """Say of an example how far right answers lie apart on it.

        Args:
            test: its test; its device is to be active.
            example: an input on which the reference passes.
        """
        spreads: dict[str, dict[int, float]] = {}
        for way, compared in each_way(self._ways, self._student, test, example):
            if isinstance(compared, Unfair):
                if way.must_pass:
                    example.unfair = str(compared)
                continue
            for one in compared:
                far = TIMES * one.error > MOST and one.error > one.tolerance
                if far and way.must_pass:
                    example.unfair = str(_apart(test, way, one))
                if not far and widened(one.tolerance, one.error) > one.tolerance:
                    turns = spreads.setdefault(one.name, {})
                    turns[one.turn] = max(turns.get(one.turn, 0.0), one.error)
        example.spreads = {
            name: [turns.get(i, 0.0) for i in range(max(turns) + 1)]
            for name, turns in spreads.items()
        }


def each_way(
    every: Sequence[Way], student: Student, test: PreparedTest, example: PreparedExample
) -> Iterator[tuple[Way, Sequence[Compared] | Unfair]]:
    """What the comparisons of a test come to on an input, for each way to round.

    Further seeds are only tried where the first came near to what a comparison allows.
    """
    single = any(has_single((record.args, record.kwargs)) for record in example.calls)
    nearest = 0.0
    for way in every:
        if (way.single and not single) or (way.again and nearest < NEAR):
            continue
        compared = _compare(way, student, test, example)
        if isinstance(compared, Unfair):
            nearest = math.inf
        else:
            nearest = max(nearest, *(one.ratio for one in compared), 0.0)
        yield way, compared


def _compare(
    way: Way, student: Student, test: PreparedTest, example: PreparedExample
) -> Sequence[Compared] | Unfair:
    """What the comparisons of a test come to where right code rounds otherwise."""
    student.backend = way.backend
    asked = len(example.answers)
    try:
        with comparisons_measured() as measured:
            test.run(example)
    except (Exception, pytest.fail.Exception) as error:
        return Unfair(test.name, way.name, str(error).partition("\n")[0])
    finally:
        del example.answers[asked:]  # what only this way led to
    return measured


def _apart(test: PreparedTest, way: Way, one: Compared) -> Unfair:
    return Unfair(
        test.name,
        way.name,
        f"{one.name} is off by {one.error:.2g} of its largest element; at most "
        f"{one.tolerance:.2g} is allowed",
    )


def worst_ratios(
    unit: Unit, tests: Sequence[PreparedTest], student: Student
) -> tuple[dict[str, float], list[Unfair]]:
    """How near right code that rounds otherwise comes to what tests allow, and which reject it.

    Other such code than inputs are measured with.

    Args:
        unit: the unit.
        tests: as they are graded; only those on the CPU are tried.
        student: their `student` fixture.

    Returns:
        For each test the worst ratio of error to tolerance; and what is rejected.
    """
    every = list(ways(reference_of(unit), unit.returns, seeds=_FIRST, more_seeds=_MORE))
    ratios: dict[str, float] = {}
    rejected: list[Unfair] = []
    for test in tests:
        if test.place is not CPU:
            continue
        ratios[test.name], unfair = 0.0, None
        for example in test.examples:
            for way, compared in each_way(every, student, test, example):
                if isinstance(compared, Unfair):
                    unfair = unfair or compared
                    continue
                for one in compared:
                    ratios[test.name] = max(ratios[test.name], one.ratio)
                    if one.error > one.tolerance:
                        unfair = unfair or _apart(test, way, one)
        rejected += [unfair] if unfair is not None else []
    return ratios, rejected
