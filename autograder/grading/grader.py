"""Grading one submission after another, in one process.

The grading process: it holds the reference and the hidden tests, never runs a student's code, and
talks to the worker that does.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

import hypothesis
import numpy
import torch

from autograder.course import Course, Unit
from autograder.grading.diagnosis import Diagnoser
from autograder.grading.local import LocalBackend
from autograder.grading.marking import (
    code_exercise,
    test_result,
    with_dependencies,
    written_exercise,
)
from autograder.grading.prepare import PreparedTest, prepare, versions
from autograder.grading.remote import Code, RemoteBackend, Script, script_of
from autograder.grading.replay import FailedExample, Outcome, run_test
from autograder.grading.results import ExerciseResult, Failure, Run, TestResult
from autograder.grading.settings import Settings, fingerprint, release_version
from autograder.grading.workers import Workers
from autograder.testing.subjects import ModuleBackend, Reference, Student
from autograder.worker.confinement import Limits

HIDDEN, PUBLIC = "test_hidden.py", "test_public.py"


@dataclass(frozen=True)
class Graded:
    """What came of one unit of one submission.

    Attributes:
        exercises: their results.
        problems: sentences about code that did not load.
        output: what the student's code printed.
        layers: what kept the student's code apart.
        seconds: how long it took.
    """

    exercises: list[ExerciseResult]
    problems: list[str]
    output: str
    layers: dict[str, str]
    seconds: float


class UnitGrader:
    """One unit, prepared: its tests with their inputs, its reference, its known mistakes.

    Args:
        unit: which.
        settings: how to grade.
        workers: where the student's code runs; None for in this process.
    """

    def __init__(self, unit: Unit, settings: Settings, workers: Workers | None) -> None:
        self.unit, self.settings, self.workers = unit, settings, workers
        self.student = Student()
        self.diagnoser: Diagnoser | None = None
        if settings.hidden:
            # Public tests first: students see their messages, and a message that their code
            # writes must not be able to carry a hidden input.
            module = load_reference(unit)
            self.tests = self._prepare((PUBLIC, HIDDEN), module)
            self.diagnoser = Diagnoser(unit, self.student)
        else:
            self.tests = self._prepare((PUBLIC,), None)
        self._inputs = [example.inputs for test in self.tests for example in test.examples]
        self._versions = versions(self._inputs)
        self.scripts: dict[int, Script] = {
            id(test): script_of(test, unit.returns) for test in self.tests
        }

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
        began = time.perf_counter()
        backend = self._backend(code)
        try:
            backend.load()
            outcomes = self._run(backend, began)
            found = self._exercises(outcomes, answers)
        finally:
            backend.close()
        if versions(self._inputs) != self._versions:
            raise RuntimeError(
                "the inputs of the tests were changed while this submission was graded; a test "
                "or a mistake of the unit writes to them"
            )
        return Graded(
            exercises=found,
            problems=backend.problems,
            output=backend.output[:20_000],
            layers=backend.layers,
            seconds=round(time.perf_counter() - began, 4),
        )

    def _backend(self, code: Code) -> RemoteBackend | LocalBackend:
        if self.workers is None:
            return LocalBackend(code, self.unit.returns)
        return RemoteBackend(
            self.workers,
            code,
            self.unit.returns,
            Limits(memory_mb=self.settings.memory_mb),
            self.settings.call_seconds,
            seed=self.settings.seed,
            scripts=self.scripts,
        )

    def _run(
        self, backend: RemoteBackend | LocalBackend, began: float
    ) -> list[Outcome | PreparedTest]:
        """The outcome of every test; the test itself where there was no time left to run it."""
        outcomes: list[Outcome | PreparedTest] = []
        for test in self.tests:
            if time.perf_counter() - began > self.settings.submission_seconds:
                outcomes.append(test)
                continue
            outcomes.append(run_test(test, self.student, backend))
            backend.end_test()
        return outcomes

    def _exercises(
        self, outcomes: Sequence[Outcome | PreparedTest], answers: dict[str, str]
    ) -> list[ExerciseResult]:
        results: list[ExerciseResult] = []
        lost = {
            outcome.test.exercise
            for outcome in outcomes
            if isinstance(outcome, Outcome) and outcome.failed
        }
        for exercise in self.unit.exercises:
            if exercise.written:
                if self.settings.hidden:
                    results.append(written_exercise(exercise, answers.get(exercise.name, "")))
                continue
            tests: list[tuple[str, TestResult]] = []
            failed: list[tuple[PreparedTest, FailedExample]] = []
            for outcome in outcomes:
                test = outcome if isinstance(outcome, PreparedTest) else outcome.test
                if test.exercise != exercise.name:
                    continue
                if isinstance(outcome, PreparedTest):
                    tests.append((test.key, self._not_run(test)))
                    continue
                tests.append((test.key, test_result(outcome, exercise.name)))
                failed += [(test, example) for example in outcome.failed]
            if not tests:
                continue
            diagnosis = None
            if failed and self.diagnoser is not None:
                diagnosis = self.diagnoser.diagnose(exercise.name, failed, lost)
            results.append(code_exercise(exercise, tests, diagnosis))
        return with_dependencies(results, {e.name: e for e in self.unit.exercises})

    def _not_run(self, test: PreparedTest) -> TestResult:
        return TestResult(
            name=test.name,
            status="not run",
            points=test.points,
            visibility="public" if test.public else "hidden",
            device=test.device,
            failure=Failure(
                category="timeout",
                message="Not run: grading this submission had already taken "
                f"{self.settings.submission_seconds:g} s.",
            ),
        )

    def describe_run(self, course: Course, layers: dict[str, str], seconds: float) -> Run:
        """What a result depends on besides the submission."""
        return Run(
            version=importlib.metadata.version("handgrad"),
            release=release_version(course),
            fingerprint=fingerprint(self.unit, self.settings),
            seed=self.settings.seed,
            devices=list(self.settings.devices),
            worker={"kind": self.workers.kind if self.workers else "in process", **layers},
            limits={
                "call_seconds": self.settings.call_seconds,
                "submission_seconds": self.settings.submission_seconds,
                "memory_mb": self.settings.memory_mb,
            },
            versions={
                "python": platform.python_version(),
                "torch": torch.__version__,
                "numpy": numpy.__version__,
                "hypothesis": hypothesis.__version__,
            },
            when=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            seconds=seconds,
        )


def load_reference(unit: Unit) -> ModuleType:
    """The reference of a unit, as a module of this process."""
    module = ModuleType(unit.module)
    source = unit.source_file.read_text(encoding="utf-8")
    exec(compile(source, str(unit.source_file), "exec"), module.__dict__)
    return module
