"""Error carried forward: an exercise is not made to pay for a mistake in another one.

Where an exercise loses points and builds on others that lose theirs, its tests are run once more
with our solution of these in their place, in a worker of its own. The better of both counts. Our
solution runs in another worker, and what it is asked and answers are data: the student's process
never holds it. Nothing that the student's code says in this run is told to anybody.
"""

from __future__ import annotations

import ast
import functools
import time
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import msgspec

from autograder.course import Exercise, Unit, call_graph, reachable
from autograder.devices import CPU, DEVICES, Device
from autograder.exam import ExampleSet, PreparedTest
from autograder.grading.backends import Backends
from autograder.grading.diagnosis import Diagnoser, Suspicion
from autograder.grading.marking import code_exercise
from autograder.grading.remote import RemoteBackend
from autograder.grading.remotes import Remotes
from autograder.grading.settings import Settings
from autograder.results import Diagnosis, ExerciseResult, TestResult
from autograder.supervisor import Code, Ours
from autograder.testing import CallRecord


@dataclass(frozen=True)
class Tested:
    """A test and what came of it, in words: the answers that it got may be large."""

    test: PreparedTest
    result: TestResult
    failed: bool


Run = Callable[
    [Backends, float, Sequence[PreparedTest], bool], tuple[list[Tested], Suspicion, list[str]]
]
"""Runs tests: on what, since when, which, and whether to look for smaller inputs."""


class Carrying:
    """Grades exercises of a unit once more.

    Args:
        unit: the unit.
        settings: how to grade.
        remotes: where code runs.
        diagnoser: names what is wrong.
        run: runs tests.
    """

    def __init__(
        self, unit: Unit, settings: Settings, remotes: Remotes, diagnoser: Diagnoser, run: Run
    ) -> None:
        self._unit, self._settings, self._remotes = unit, settings, remotes
        self._diagnoser, self._run = diagnoser, run
        # A test that asks for no device runs on the CPU.
        self._devices = dict.fromkeys((CPU.name, *settings.devices))

    def results(
        self,
        code: Code,
        found: Sequence[ExerciseResult],
        tests: Sequence[Tested],
        every: Sequence[PreparedTest],
        began: float,
    ) -> list[ExerciseResult]:
        """The same results, or better ones where an exercise need not pay for another one.

        Args:
            code: the submission.
            found: its results.
            tests: that were run, with what came of them.
            every: all tests, in the order in which a submission meets them.
            began: when its grading began.
        """
        lost = {e.name for e in found if not e.written and e.status != "full"}
        if not any(e.points for e in found):
            return list(found)  # most often it does not load: nothing to build on anything
        hung = {e.name for e in found if any(map(_hung, e.tests))}
        results: list[ExerciseResult] = []
        for before in found:
            ours = Replaced()
            if before.name in lost and before.status != "not attempted":
                ours = self._foundations.of(before.name, lost)
            if before.name in hung and hung.isdisjoint(ours.all):
                ours = Replaced()  # it would hang once more
            if ours.all and self._left(began) > 0:
                own = [tested for tested in tests if tested.test.exercise == before.name]
                chosen = [test for test in every if test.exercise == before.name]
                again, suspicion = self._again(code, ours, chosen, began)
                diagnosis = self._diagnoser.diagnose(before.name, suspicion, lost - set(ours.all))
                replaced = [name for name in ours.all if name in lost]
                exercise = self._unit.exercise(before.name)
                before = better(exercise, before, own, again, diagnosis, replaced)
            results.append(before)
        return blaming_the_lost(results)

    def _again(
        self, code: Code, ours: Replaced, chosen: Sequence[PreparedTest], began: float
    ) -> tuple[list[Tested], Suspicion]:
        """What comes of tests with our solution in the place of some exercises."""
        # New ones: what hung for others is tried anew. Loaded before anybody waits for an answer.
        used = {DEVICES[name]: self._solution(DEVICES[name]) for name in self._devices}
        for backend in used.values():
            backend.load()

        def answer(record: CallRecord, device: Device) -> None:
            backend = used[device]
            backend.begin(ExampleSet())  # what it answers is not one test
            backend.call(record)

        on = self._remotes.of(code, self._left(began), Ours(ours.names, ours.results, answer))
        backends = Backends(on, self._settings.devices)
        try:
            backends.load()
            again, suspicion, _ = self._run(backends, began, chosen, False)
        finally:
            backends.close()
            for backend in used.values():
                backend.end_test()
        return again, suspicion

    @functools.cached_property
    def _foundations(self) -> Foundations:
        return Foundations(self._unit)

    @functools.cached_property
    def _solution(self) -> Callable[[Device], RemoteBackend]:
        return self._remotes.solution()

    def _left(self, began: float) -> float:
        return self._settings.submission_seconds - (time.perf_counter() - began)


@dataclass(frozen=True)
class Replaced:
    """What our solution takes the place of.

    Attributes:
        names: exercises that it answers.
        results: exercises of which it gives the result, while the student's code caches.
    """

    names: Sequence[str] = ()
    results: Sequence[str] = ()

    @property
    def all(self) -> list[str]:
        """All of them."""
        return sorted({*self.names, *self.results})


class Foundations:
    """Which exercises an exercise builds on, as far as ours can take their place.

    Functions that share a cache go together: only who wrote one half can read it. Where ours takes
    the place of one half of a layer, it takes that of the other. A forward pass whose cache an
    exercise is given stays the student's; but its result is ours, also where it was cached.

    Args:
        unit: the unit.
    """

    def __init__(self, unit: Unit) -> None:
        graph = call_graph(ast.parse(unit.source_file.read_text(encoding="utf-8")))
        names = [exercise.name for exercise in unit.exercises if not exercise.written]
        self._families = {
            name: {other for other in names if _layer(other) == _layer(name)} for name in names
        }
        self._caching = {name for name in names if "opaque" in (unit.returns.get(name) or ())}
        self._uses = {
            name: reachable(graph, family) & set(names) - family
            for name, family in self._families.items()
        }

    def of(self, exercise: str, lost: Set[str]) -> Replaced:
        """What ours takes the place of.

        Args:
            exercise: that lost points.
            lost: all that did.
        """
        own = self._families[exercise]
        names = {
            other for name in self._uses[exercise] & lost for other in self._families[name] - own
        }
        results = {name for name in own & lost - {exercise} if name in self._caching}
        return Replaced(sorted(names), sorted(results))


def _hung(test: TestResult) -> bool:
    return test.failure is not None and test.failure.category == "timeout"


def _layer(name: str) -> str:
    """What the halves of a layer have in common: the name before ``_forward`` or ``_backward``."""
    for half in ("_forward", "_backward"):
        before, found, _ = name.partition(half)
        if found:
            return before
    return name


def better(
    exercise: Exercise,
    before: ExerciseResult,
    own: Sequence[Tested],
    again: Sequence[Tested],
    diagnosis: Diagnosis | None,
    ours: Sequence[str],
) -> ExerciseResult:
    """The better of two results of an exercise.

    Args:
        exercise: as declared.
        before: its result with nothing but the student's code.
        own: its tests, then.
        again: its tests where our solution took the place of others.
        diagnosis: of what failed then.
        ours: the exercises whose place it took, of those that lost points.
    """
    first = {tested.result.name: tested.result for tested in own}
    merged = [(tested.test.key, _told(tested.result, first)) for tested in again]
    refusing = {tested.test.key for tested in again if tested.test.refuses}
    after = code_exercise(exercise, merged, diagnosis, refusing)
    if (after.points or 0.0) <= (before.points or 0.0):
        return before
    return msgspec.structs.replace(after, with_ours=list(ours))


def blaming_the_lost(results: Sequence[ExerciseResult]) -> list[ExerciseResult]:
    """The same results, each naming as ours only what loses points in the end.

    What was made right by this is not to blame, but what it builds on.
    """
    lost = {result.name for result in results if result.status != "full"}
    return [
        msgspec.structs.replace(
            result,
            with_ours=[name for name in result.with_ours if name in lost] or result.with_ours,
        )
        for result in results
    ]


def _told(result: TestResult, first: Mapping[str, TestResult]) -> TestResult:
    """A result without what the student's code said: it may have asked our solution anything."""
    if result.failure is None:
        return result
    before = first.get(result.name)
    if before is not None and before.failure is not None:
        return msgspec.structs.replace(result, failure=before.failure, status=before.status)
    category = result.failure.category
    failure = msgspec.structs.replace(
        result.failure,
        message=f"{category}, with our solution in the place of what it builds on",
        trace="",
        line="",
        inputs={},
        advice="",
    )
    return msgspec.structs.replace(result, failure=failure)
