"""Grading one submission after another, in one process.

The grading process: it holds the reference and the hidden tests, never runs a student's code, and
talks to the worker that does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autograder.course import Unit
from autograder.devices import CPU, CUDA, DEVICES, Device, compute_exactly
from autograder.exam import ExamRequest, ExamStore, PreparedTest
from autograder.grading.backends import Backend, Backends
from autograder.grading.carrying import Carrying, Tested
from autograder.grading.diagnosis import Diagnoser, Suspicion
from autograder.grading.local import LocalBackend
from autograder.grading.marking import (
    code_exercise,
    test_result,
    with_dependencies,
    written_exercise,
)
from autograder.grading.remotes import Remotes
from autograder.grading.replay import Outcome, run_test
from autograder.grading.settings import Settings
from autograder.grading.speed import Stopwatch
from autograder.results import ExerciseResult, Failure
from autograder.supervisor import Code, Workers

NOT_KEPT = ExamStore(None)


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
    """One unit, ready to grade submissions of it.

    Args:
        unit: which.
        settings: how to grade.
        workers: where the student's code runs; None for in this process.
        given: the module's text as students got it: what it does is not noted; empty where it is
            not known.
        exams: where the unit's exam is kept; it is drawn where it is not there.

    Attributes:
        tests: in the order in which a submission meets them.
        prepared: whether the exam had to be drawn.
        told: a sentence on the exam for who runs the command; empty if there is nothing to say.

    Raises:
        PreparationError: the unit's tests cannot be used.
    """

    def __init__(
        self,
        unit: Unit,
        settings: Settings,
        workers: Workers | None,
        given: str = "",
        exams: ExamStore = NOT_KEPT,
    ) -> None:
        self.unit, self.settings, self.workers, self.given = unit, settings, workers, given
        if CUDA.name in settings.devices:
            compute_exactly()
        kept = exams.open(exam_request(unit, settings))
        exam, self.told, self.prepared = kept.exam, kept.told, kept.prepared
        self.student = exam.student
        self.diagnoser = Diagnoser(unit, exam) if settings.hidden else None
        wanted = set(settings.exercises)
        self.tests = [test for test in exam.tests if not wanted or test.exercise in wanted]
        # The simulated device after the CPU: what fails on both is looked at there.
        order = sorted(settings.devices, key=lambda name: DEVICES[name].simulated)
        # Public tests first: students see their messages, and a message that their code writes
        # must not be able to carry a hidden input. Those of speed last, so that a function that is
        # slow enough to be given up costs no other test.
        self.tests.sort(
            key=lambda t: (
                t.speed is not None,
                not t.public,
                order.index(t.device) if t.device in order else 0,
                not t.probe,
            )
        )
        self._hurried = [test for test in self.tests if test.speed is not None]
        self._stopwatch: Stopwatch | None = None
        self._remotes = None if workers is None else Remotes(unit, settings, workers, exam.seconds)
        self._carrying: Carrying | None = None
        if (remotes := self._remotes) is not None:
            if self._hurried:
                self._stopwatch = Stopwatch(lambda: remotes.solution()(CPU))
            if self.diagnoser is not None and settings.carry_forward:
                self._carrying = Carrying(unit, settings, remotes, self.diagnoser, self._run)

    def grade(self, code: Code, answers: dict[str, str]) -> Graded:
        """Grade a student's code and collect the written answers.

        Args:
            code: what was handed in.
            answers: by question.
        """
        if self._remotes is None:
            returns = self.unit.returns
            return self.grade_on(lambda device: LocalBackend(code, returns, device), answers)
        seconds = self.settings.submission_seconds
        return self.grade_on(self._remotes.of(code, seconds), answers, code)

    def grade_on(
        self,
        backend_on: Callable[[Device], Backend],
        answers: dict[str, str],
        code: Code | None = None,
    ) -> Graded:
        """Grade what backends run, and close them.

        Args:
            backend_on: the student's code on a device.
            answers: by question.
            code: the same code, to be run once more where an error is carried forward.
        """
        began = time.perf_counter()
        backends = Backends(backend_on, self.settings.devices, self.given)
        try:
            if self._stopwatch is not None:
                self._stopwatch.prepare(self._hurried)
            backends.load()
            tests, suspicion, notes = self._run(backends, began, self.tests)
            found = self._exercises(tests, suspicion, answers)
            if not any(e.status in ("full", "partial", "wrong") for e in found):
                notes = []  # they would be about what was given
        finally:
            backends.close()
        if code is not None and self._carrying is not None:
            found = self._carrying.results(code, found, tests, self.tests, began)
        return Graded(
            exercises=found,
            problems=backends.problems,
            notes=notes,
            output=backends.output[:20_000],
            layers=backends.layers,
            seconds=round(time.perf_counter() - began, 4),
        )

    def _run(
        self,
        backends: Backends,
        began: float,
        chosen: Sequence[PreparedTest],
        smaller: bool = True,
    ) -> tuple[list[Tested], Suspicion, list[str]]:
        """What came of tests, which mistakes explain it, and notes on the code."""
        tests: list[Tested] = []
        suspicion = self.diagnoser.begin() if self.diagnoser else Suspicion(())
        stopped: dict[str, str] = {}  # variants of tests, and in which way
        failed: set[str] = set()  # variants of tests, on whichever device
        misplaced: set[tuple[str, str]] = set()  # exercises whose probe failed only there
        notes: list[str] | None = None
        for test in chosen:
            if not test.probe and (test.exercise, test.device) not in misplaced:
                continue
            if notes is None and not test.public:
                notes = backends.notes()  # while there is no hidden input that could choose them
            outcome = self._outcome(test, backends, began, stopped, smaller)
            if category := outcome.stopped:
                stopped[test.variant] = category
            again = test.place.simulated and test.variant in failed  # for the same reason
            if outcome.failed and test.variant not in failed:
                failed.add(test.variant)
                misplaced.add((test.exercise, test.device))
            if test.speed is None and not again:  # large inputs tell no more, and take longer
                suspicion.look(test, outcome.failed)
            result = test_result(outcome, test.exercise, backends.sources)
            tests.append(Tested(test, result, failed=bool(outcome.failed)))
        return tests, suspicion, backends.notes() if notes is None else notes

    def _outcome(
        self,
        test: PreparedTest,
        backends: Backends,
        began: float,
        stopped: Mapping[str, str],
        smaller: bool,
    ) -> Outcome:
        """Run a test, unless there is a reason not to."""
        if time.perf_counter() - began > self.settings.submission_seconds:
            reason = Failure(
                category="timeout",
                message="Not run: grading this submission had already taken "
                f"{self.settings.submission_seconds:g} s.",
            )
            return Outcome(test, not_run=reason)
        if test.variant in stopped:
            reason = Failure(
                category=stopped[test.variant],
                message="Not run: on another device the code did not come back from this test.",
            )
            return Outcome(test, not_run=reason)
        backend = backends.of(test)
        try:
            if test.speed is not None and self._stopwatch is not None:
                return self._stopwatch.run(test, self.student, backend)
            with test.place.active():
                smaller = smaller and self.settings.smaller
                return run_test(test, self.student, backend, smaller=smaller)
        finally:
            backend.end_test()

    def _exercises(
        self, tests: Sequence[Tested], suspicion: Suspicion, answers: dict[str, str]
    ) -> list[ExerciseResult]:
        results: list[ExerciseResult] = []
        lost = {tested.test.exercise for tested in tests if tested.failed}
        for exercise in self.unit.exercises:
            if exercise.written:
                if self.settings.hidden:
                    results.append(written_exercise(exercise, answers.get(exercise.name, "")))
                continue
            of_it = [t for t in tests if t.test.exercise == exercise.name]
            if not of_it:
                continue
            diagnosis = None
            if exercise.name in lost and self.diagnoser is not None:
                diagnosis = self.diagnoser.diagnose(exercise.name, suspicion, lost)
            found = [(t.test.key, t.result) for t in of_it]
            refusing = {t.test.key for t in of_it if t.test.refuses}
            results.append(code_exercise(exercise, found, diagnosis, refusing))
        return with_dependencies(results, {e.name: e for e in self.unit.exercises})


def exam_request(unit: Unit, settings: Settings) -> ExamRequest:
    """The exam that a unit is graded with."""
    return ExamRequest(unit, settings.seed, settings.devices, settings.hidden, settings.smaller)
