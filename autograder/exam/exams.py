"""The exam of a unit: everything that grading needs and that no submission changes."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from autograder.course import Mistake, Returns, Unit, mistakes
from autograder.devices import CPU
from autograder.exam.ladder import search, small_examples
from autograder.exam.prepared import (
    ExampleSet,
    PreparationError,
    PreparedExample,
    seconds_of,
)
from autograder.exam.preparing import DrawnTest, prepare
from autograder.exam.probes import count_elements
from autograder.exam.reading import Exam, KnownMistake
from autograder.exam.references import reference_of
from autograder.exam.rehearsal import Rehearsal
from autograder.exam.requests import ExamRequest
from autograder.exam.running import ReferenceRun
from autograder.exam.scripts import AnswerSent, script_of
from autograder.testing import ModuleBackend, Reference, Student, is_property

# An input that is so many times as large as the smallest one is worth a search for a smaller one.
_TIMES, _FEW = 3, 8
# So many of the small inputs are asked about first.
_FIRST = 12


@dataclass
class Drawn:
    """An exam as it was drawn, before it is kept.

    Attributes:
        student: the `student` fixture of the tests.
        tests: in the order of their files.
        mistakes: the known mistakes of the unit.
        returns: how each function's result travels.
    """

    student: Student
    tests: list[DrawnTest]
    mistakes: Sequence[Mistake] = ()
    returns: Mapping[str, Returns] = field(default_factory=dict)


def draw(request: ExamRequest, *, losing: bool = True) -> Drawn:
    """Draw a unit's exam: takes from seconds to a minute.

    Args:
        request: what it is made of.
        losing: whether to add what is only asked for where a submission loses points.

    Raises:
        PreparationError: a test cannot be collected, or does not pass on the reference.
        CourseError: a known mistake is not well declared.
    """
    unit, student = request.unit, Student()
    module = reference_of(unit) if request.hidden else None
    backend = ModuleBackend(module, unit.returns, own=True) if module is not None else None
    tests = prepare(
        request.test_files,
        student,
        Reference(module) if module is not None else None,
        backend,
        seed=request.seed,
        devices=request.devices,
    )
    known = mistakes(unit) if request.hidden else []
    rehearsal = Rehearsal(known, student, unit.returns)
    run = ReferenceRun(student, backend)
    on_cpu = {test.variant for test in tests if test.place is CPU}
    for test in tests:
        if test.speed is not None:
            test.graded.timed = True
            continue  # its questions are asked one by one, and large inputs tell no more
        if run.reference is not None:
            calls = [call for example in test.examples for call in example.calls]
            test.refuses = bool(calls) and all(call.error is not None for call in calls)
            _ask_ahead(test, test.graded, unit)
        if losing:
            alone = test.place is CPU or test.variant not in on_cpu
            _complete(test, request, run, rehearsal, alone=alone)
    return Drawn(student, tests, known, unit.returns)


def _ask_ahead(test: DrawnTest, examples: ExampleSet, unit: Unit) -> None:
    """Note what a test will ask on some of its examples.

    Raises:
        PreparationError: it sends an answer that it expects.
    """
    try:
        examples.script = script_of(examples.examples, unit.returns, test.place)
    except AnswerSent as error:
        raise PreparationError(f"{test.location} cannot be graded: {error}") from None


def _complete(
    test: DrawnTest, request: ExamRequest, run: ReferenceRun, rehearsal: Rehearsal, *, alone: bool
) -> None:
    """Add what is asked of a test where a submission fails it."""
    asked = run.reference is not None
    if asked:
        test.rehearsed = rehearsal.on(test, alone=alone)
    if request.smaller and is_property(test.function) and not test.place.simulated:
        # On the simulated device it matters where tensors are, not what is in them.
        smaller = small_examples(
            test.function, functools.partial(_passed, run, test), seed=request.seed
        )
        smaller = _with_found(test, smaller, request, run, rehearsal)
        test.smaller = [ExampleSet(smaller[:_FIRST]), ExampleSet(smaller[_FIRST:])]
        for portion in test.smaller if asked else ():
            _ask_ahead(test, portion, request.unit)


def _passed(run: ReferenceRun, test: DrawnTest, drawn: dict[str, Any]) -> PreparedExample | None:
    """An example, if the reference passes it; otherwise it would show a fault of the test."""
    try:
        return run.example(test, drawn, graded=False)
    except (Exception, pytest.fail.Exception):
        return None


def _with_found(
    test: DrawnTest,
    smaller: list[PreparedExample],
    request: ExamRequest,
    run: ReferenceRun,
    rehearsal: Rehearsal,
) -> list[PreparedExample]:
    """The same examples, and for each known mistake that passes the small ones one more."""
    found = list(smaller)
    least = max(_FEW, count_elements(found[0].inputs)) if found else _FEW
    failing = {number for answers in test.rehearsed for number in answers}
    for number, mistake in rehearsal.of(test.exercise):

        def fails(example: PreparedExample | None, mistake: Mistake = mistake) -> bool:
            return example is not None and rehearsal.calls(mistake, test, example) is not None

        if number not in failing:
            continue
        first = next(filter(fails, found), None)
        if first is not None and count_elements(first.inputs) <= _TIMES * least:
            continue
        drawn = search(
            test.function,
            lambda drawn, fails=fails: fails(_passed(run, test, drawn)),  # type: ignore[misc]
            seed=request.seed,
        )
        if drawn is not None:
            example = _passed(run, test, drawn)
            found += [example] if example is not None else []
    return sorted(found, key=lambda example: count_elements(example.inputs))


def live_exam(drawn: Drawn) -> Exam:
    """An exam of which nothing is written."""
    known = tuple(KnownMistake(m.name, m.exercise, m.sentence) for m in drawn.mistakes)
    return Exam(list(drawn.tests), known, seconds_of(drawn.tests), drawn.student)
