"""Grading what we know the outcome of: reference, stub, alternatives, known mistakes.

They go the way of any submission. The reference and every alternative must get full marks, and the
untouched stub nothing; every mistake must lose points in its exercise and nowhere that does not
depend on it; and a diagnosis must name the mistake that it is, or none. A mistake of placement
(``on="cuda"``) must pass on the CPU and lose its points on the second device, real or simulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autograder.classroom.errors import GradingError
from autograder.classroom.messages import Examine, Examined, Inlined
from autograder.classroom.processes import GradingProcesses
from autograder.course import Unit, alternatives, mistakes
from autograder.devices import CPU
from autograder.release import write_stub
from autograder.results import ExerciseResult, Result

DIAGNOSED_SHARE = 0.8

Kind = Literal["reference", "stub", "alternative", "mistake"]


@dataclass(frozen=True)
class Variant:
    """One implementation with a known outcome.

    Attributes:
        kind: which kind of outcome is expected.
        student: the id under which it is graded.
        title: what it is.
        source: the text of the module.
        exercise: what a mistake is a mistake in.
        name: a mistake's name.
        slow: it is slow on purpose.
        on: the device without which it is no mistake; empty if it always is.
    """

    kind: Kind
    student: str
    title: str
    source: str
    exercise: str = ""
    name: str = ""
    slow: bool = False
    on: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether a variant came out as it must.

    Attributes:
        variant: which.
        points: what it got.
        max_points: what there was to get with code.
        lost: the exercises in which it lost points.
        diagnosis: the name of the mistake it was diagnosed as.
        problem: a sentence, if it did not come out as it must.
        invisible: whether it is a mistake on a device that was not graded on.
        elsewhere: points that a mistake lost in other exercises.
    """

    variant: Variant
    points: float
    max_points: float
    lost: tuple[str, ...]
    diagnosis: str
    problem: str
    invisible: bool = False
    elsewhere: float = 0.0


def variants(unit: Unit) -> list[Variant]:
    """Everything of a unit whose outcome is known."""
    found = [
        Variant("reference", "reference", "reference", unit.source_file.read_text("utf-8")),
        Variant("stub", "stub", "the stub, untouched", write_stub(unit)),
    ]
    for number, alternative in enumerate(alternatives(unit), 1):
        found.append(
            Variant(
                "alternative",
                f"alternative-{number:02}",
                f"alternative: {alternative.title}",
                alternative.source,
                slow="speed" in alternative.exempt,
            )
        )
    for number, mistake in enumerate(mistakes(unit), 1):
        found.append(
            Variant(
                "mistake",
                f"mistake-{number:02}",
                f"{mistake.exercise}: {mistake.name}",
                mistake.source,
                mistake.exercise,
                mistake.name,
                on=mistake.on,
            )
        )
    return found


def write_class(unit: Unit, found: Iterable[Variant], folder: Path) -> None:
    """Write variants as a class of submissions, one folder each."""
    for variant in found:
        home = folder / variant.student
        home.mkdir(parents=True)
        (home / f"{unit.module}.py").write_text(variant.source, encoding="utf-8")


def judge(unit: Unit, found: Sequence[Variant], results: Iterable[Result]) -> list[Verdict]:
    """Compare what came out with what must.

    Args:
        unit: the unit.
        found: the variants that were graded.
        results: their results.
    """
    by_student = {result.student: result for result in results}
    return [_judge(unit, variant, by_student[variant.student]) for variant in found]


def _judge(unit: Unit, variant: Variant, result: Result) -> Verdict:
    code = [e for e in result.exercises if not e.written]
    lost = [e for e in code if (e.points or 0.0) + e.pending < e.max_points]
    named = ""
    if variant.kind == "mistake":
        named = next(
            (e.diagnosis.mistake for e in code if e.name == variant.exercise and e.diagnosis), ""
        )
    return Verdict(
        variant=variant,
        points=sum(e.points or 0.0 for e in code),
        max_points=sum(e.max_points for e in code),
        lost=tuple(e.name for e in lost),
        diagnosis=named,
        problem=_problem(unit, variant, result, lost, named),
        invisible=_invisible(variant, result),
        elsewhere=sum(
            e.max_points - (e.points or 0.0) - e.pending
            for e in lost
            if variant.kind == "mistake" and e.name != variant.exercise
        ),
    )


def _problem(
    unit: Unit, variant: Variant, result: Result, lost: Sequence[ExerciseResult], named: str
) -> str:
    if result.status != "graded":
        return f"was not graded: {result.message}"
    if variant.kind == "stub":
        earned = [e.name for e in result.exercises if e.points]
        return f"must earn nothing, but earns points in {', '.join(earned)}" if earned else ""
    if variant.slow and any(t.speed is not None for e in result.exercises for t in e.tests):
        return _slow_problem(variant, result, lost)
    if variant.kind != "mistake" or _invisible(variant, result):
        if not lost:
            return ""
        first = next((t for e in lost for t in e.tests if t.failure), None)
        why = f" ({first.name}: {first.failure.message})" if first and first.failure else ""
        return f"must get full marks, but lost points in {', '.join(e.name for e in lost)}{why}"
    names = [e.name for e in lost]
    if variant.exercise not in names:
        return f"must lose points in {variant.exercise}, but did not"
    strangers = [
        name
        for name in names
        if name != variant.exercise and variant.exercise not in unit.exercise(name).needs
    ]
    if strangers:
        return f"lost points in {', '.join(strangers)}, which does not depend on {variant.exercise}"
    wrong = [
        e.diagnosis.mistake
        for e in lost
        if e.diagnosis is not None and e.diagnosis.mistake not in ("", variant.name)
    ]
    if wrong:
        return f"was diagnosed as {', '.join(wrong)}"
    failed = [(e.name, t.device, t.failure) for e in lost for t in e.tests if t.failure is not None]
    on_cpu = [(name, failure.category) for name, device, failure in failed if device == CPU.name]
    if variant.on:
        return "must pass all tests on the CPU, but does not" if on_cpu else ""
    own = [category for name, category in on_cpu if name == variant.exercise]
    if not own and CPU.name in result.run.devices:
        return 'is a mistake on the second device only: declare it with on="cuda"'
    if own and all(c in ("exception", "crash", "timeout", "protocol") for c in own):
        return "must fail by a wrong answer, but only raised or stopped"
    return ""


def _slow_problem(variant: Variant, result: Result, lost: Sequence[ExerciseResult]) -> str:
    """What is wrong with an alternative that may lose the points for speed, and only those."""
    tests = [test for exercise in lost for test in exercise.tests if test.failure is not None]
    other = next((t for t in tests if t.speed is None), None)
    if other is not None and other.failure is not None:
        return f"may lose points for speed only, but {other.name} failed: {other.failure.message}"
    measured = [t.speed for e in result.exercises for t in e.tests if t.speed is not None]
    if all(speed.fast for speed in measured):
        return 'is fast enough everywhere: remove exempt={"speed"}'
    return ""


def _invisible(variant: Variant, result: Result) -> bool:
    """Whether it is a mistake on a device that was not graded on."""
    return bool(variant.on) and set(result.run.devices) <= {CPU.name}


def examined(unit: Unit, processes: GradingProcesses, seconds: float) -> Examined:
    """What a unit's tests are worth, without any submission.

    Args:
        unit: the unit.
        processes: one of them finds out.
        seconds: how long that may take.

    Raises:
        GradingError: it could not be found out.
    """
    ((_, reply),) = processes.run([Examine(unit=unit.name)], seconds)
    if reply.examined is None:
        raise GradingError(reply.fault)
    return reply.examined


def inlined_problems(found: Iterable[Inlined]) -> list[str]:
    """Sentences on those that did not come out as they must."""
    problems = []
    for one in found:
        if not one.lost and not one.equal:
            problems.append(
                f"{one.exercise} keeps all its points if it alone makes the mistake {one.mistake}: "
                f'add a test, or say equal_in=("{one.exercise}",) if it comes to the same there'
            )
        if one.lost and one.equal:
            problems.append(
                f"{one.mistake} is declared to come to the same in {one.exercise}, but loses points"
            )
    return problems


def diagnosed_share(verdicts: Iterable[Verdict]) -> float:
    """Of the mistakes, how many were diagnosed as themselves; 1.0 if there are none."""
    named = [
        v.diagnosis == v.variant.name
        for v in verdicts
        if v.variant.kind == "mistake" and not v.invisible
    ]
    return sum(named) / len(named) if named else 1.0
