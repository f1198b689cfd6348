"""Grading one submission after another, in one process.

The grading process: it holds the reference and the hidden tests, never runs a student's code, and
talks to the worker that does.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from autograder.course import Unit
from autograder.devices import CPU, CUDA, Device, compute_exactly
from autograder.exam import PreparedTest, Script, prepare, script_of, tensor_versions
from autograder.grading.backends import Backend, Backends
from autograder.grading.diagnosis import Diagnoser
from autograder.grading.local import LocalBackend
from autograder.grading.marking import (
    code_exercise,
    test_result,
    with_dependencies,
    written_exercise,
)
from autograder.grading.operators import ban_of
from autograder.grading.remote import RemoteBackend
from autograder.grading.replay import Outcome, run_test
from autograder.grading.settings import Settings
from autograder.grading.speed import Stopwatch
from autograder.results import ExerciseResult, Failure
from autograder.supervisor import Code, Session, Workers
from autograder.testing import ModuleBackend, Reference, Student
from autograder.worker import Limits

HIDDEN, PUBLIC = "test_hidden.py", "test_public.py"


@dataclass(frozen=True)
class Graded:
    """What came of one unit of one submission.

    Attributes:
        exercises: their results.
        problems: sentences about code that did not load.
        notes: sentences about lines that are slow on a GPU.
        output: what the student's code printed.
        layers: what kept the student's code apart.
        seconds: how long it took.
    """

    exercises: list[ExerciseResult]
    problems: list[str]
    notes: list[str]
    output: str
    layers: dict[str, str]
    seconds: float


class UnitGrader:
    """One unit, prepared: its tests with their inputs, its reference, its known mistakes.

    Args:
        unit: which.
        settings: how to grade.
        workers: where the student's code runs; None for in this process.
        given: the module's text as students got it: what it does is not noted; empty where it is
            not known.
    """

    def __init__(
        self, unit: Unit, settings: Settings, workers: Workers | None, given: str = ""
    ) -> None:
        self.unit, self.settings, self.workers, self.given = unit, settings, workers, given
        self.student = Student()
        self.diagnoser: Diagnoser | None = None
        if CUDA.name in settings.devices:
            compute_exactly()
        if settings.hidden:
            # Public tests first: students see their messages, and a message that their code
            # writes must not be able to carry a hidden input.
            module = load_reference(unit)
            self.tests = self._prepare((PUBLIC, HIDDEN), module)
            self.diagnoser = Diagnoser(unit, self.student)
        else:
            self.tests = self._prepare((PUBLIC,), None)
        order = list(settings.devices)
        self.tests.sort(
            key=lambda t: (
                not t.public,
                order.index(t.device) if t.device in order else 0,
                not t.probe,
            )
        )
        self._inputs = [example.inputs for test in self.tests for example in test.examples]
        self._versions = tensor_versions(self._inputs)
        self.scripts: dict[int, Script] = {
            id(test): script_of(test, unit.returns) for test in self.tests if test.speed is None
        }
        # Last, so that a function that is slow enough to be given up costs no other test.
        self.tests.sort(key=lambda test: test.speed is not None)
        self._hurried = [test for test in self.tests if test.speed is not None]
        self._stopwatch: Stopwatch | None = None
        if self._hurried and workers is not None:
            own = Code(unit.module, ((unit.source_file.name, unit.source_file.read_text("utf-8")),))
            self._stopwatch = Stopwatch(lambda: self._remote(workers, own, math.inf)(CPU))

    def _prepare(self, files: Sequence[str], module: ModuleType | None) -> list[PreparedTest]:
        found = [self.unit.folder / name for name in files if (self.unit.folder / name).is_file()]
        return prepare(
            found,
            self.student,
            Reference(module) if module else None,
            ModuleBackend(module, self.unit.returns) if module else None,
            seed=self.settings.seed,
            devices=self.settings.devices,
            exercises=self.settings.exercises,
        )

    def grade(self, code: Code, answers: dict[str, str]) -> Graded:
        """Grade a student's code and collect the written answers.

        Args:
            code: what was handed in.
            answers: by question.
        """
        if self.workers is None:
            returns = self.unit.returns
            return self.grade_on(lambda device: LocalBackend(code, returns, device), answers)
        seconds = self.settings.submission_seconds
        return self.grade_on(self._remote(self.workers, code, seconds), answers)

    def grade_on(self, backend_on: Callable[[Device], Backend], answers: dict[str, str]) -> Graded:
        """Grade what backends run, and close them.

        Args:
            backend_on: the student's code on a device.
            answers: by question.
        """
        began = time.perf_counter()
        backends = Backends(backend_on, self.settings.devices, self.given)
        try:
            if self._stopwatch is not None:
                self._stopwatch.prepare(self._hurried)
            backends.load()
            outcomes, notes = self._run(backends, began)
            found = self._exercises(outcomes, answers, backends.sources)
            if not any(e.status in ("full", "partial", "wrong") for e in found):
                notes = []  # they would be about what was given
        finally:
            backends.close()
        if tensor_versions(self._inputs) != self._versions:
            raise RuntimeError(
                "the inputs of the tests were changed while this submission was graded; a test "
                "or a mistake of the unit writes to them"
            )
        return Graded(
            exercises=found,
            problems=backends.problems,
            notes=notes,
            output=backends.output[:20_000],
            layers=backends.layers,
            seconds=round(time.perf_counter() - began, 4),
        )

    def _remote(
        self, workers: Workers, code: Code, seconds: float
    ) -> Callable[[Device], RemoteBackend]:
        """The code on each device, in as few workers as there can be."""
        limits = Limits(memory_mb=self.settings.memory_mb)

        @functools.cache
        def session(device: Device) -> Session:
            return Session(
                workers,
                limits,
                self.settings.call_seconds,
                seconds,
                seed=self.settings.seed,
                ban=ban_of(self.unit.forbids),
                require=self.settings.require,
                device=device,
            )

        def on(device: Device) -> RemoteBackend:
            shared = session(CPU if device.simulated else device)
            return RemoteBackend(shared, code, self.unit.returns, self.scripts, device)

        return on

    def _run(self, backends: Backends, began: float) -> tuple[list[Outcome], list[str]]:
        """The outcome of every test, and notes on the code."""
        outcomes: list[Outcome] = []
        stopped: dict[str, str] = {}  # variants of tests, and in which way
        failed: set[str] = set()  # variants of tests, on whichever device
        misplaced: set[tuple[str, str]] = set()  # exercises whose probe failed only there
        notes: list[str] | None = None
        for test in self.tests:
            if not test.probe and (test.exercise, test.device) not in misplaced:
                continue
            if notes is None and not test.public:
                notes = backends.notes()  # while there is no hidden input that could choose them
            if time.perf_counter() - began > self.settings.submission_seconds:
                reason = Failure(
                    category="timeout",
                    message="Not run: grading this submission had already taken "
                    f"{self.settings.submission_seconds:g} s.",
                )
                outcomes.append(Outcome(test, not_run=reason))
                continue
            if test.variant in stopped:
                reason = Failure(
                    category=stopped[test.variant],
                    message="Not run: on another device the code did not come back from this test.",
                )
                outcomes.append(Outcome(test, not_run=reason))
                continue
            backend = backends.of(test)
            if test.speed is not None and self._stopwatch is not None:
                outcomes.append(self._stopwatch.run(test, self.student, backend))
            else:
                with test.place.active():
                    smaller = self.settings.smaller
                    outcomes.append(run_test(test, self.student, backend, smaller=smaller))
            if category := outcomes[-1].stopped:
                stopped[test.variant] = category
            if outcomes[-1].failed and test.variant not in failed:
                failed.add(test.variant)
                misplaced.add((test.exercise, test.device))
            backend.end_test()
        return outcomes, backends.notes() if notes is None else notes

    def _exercises(
        self, outcomes: Sequence[Outcome], answers: dict[str, str], sources: Mapping[str, str]
    ) -> list[ExerciseResult]:
        results: list[ExerciseResult] = []
        lost = {outcome.test.exercise for outcome in outcomes if outcome.failed}
        for exercise in self.unit.exercises:
            if exercise.written:
                if self.settings.hidden:
                    results.append(written_exercise(exercise, answers.get(exercise.name, "")))
                continue
            of_it = [o for o in outcomes if o.test.exercise == exercise.name]
            if not of_it:
                continue
            tests = [(o.test.key, test_result(o, exercise.name, sources)) for o in of_it]
            failed = [
                (o.test, example)
                for o in of_it
                if o.test.speed is None  # large inputs tell no more, and take longer
                for example in o.failed
            ]
            diagnosis = None
            if failed and self.diagnoser is not None:
                diagnosis = self.diagnoser.diagnose(exercise.name, failed, lost)
            results.append(code_exercise(exercise, tests, diagnosis))
        return with_dependencies(results, {e.name: e for e in self.unit.exercises})


def load_reference(unit: Unit) -> ModuleType:
    """The reference of a unit, as a module of this process."""
    module = ModuleType(unit.module)
    source = unit.source_file.read_text(encoding="utf-8")
    exec(compile(source, str(unit.source_file), "exec"), module.__dict__)
    return module
