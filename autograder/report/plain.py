"""What a student is told, as plain text: for places that show text as it is."""

from __future__ import annotations

import datetime as dt
from collections import Counter

from autograder.report.words import (
    STATUS,
    building_on,
    devices_told,
    failure_told,
    failures_to_tell,
    is_open,
    lateness_told,
    points_text,
    printable,
)
from autograder.results import ExerciseResult, Result, TestResult


def result_text(result: Result) -> str:
    """What there is to say about a submission as a whole; empty if there is nothing."""
    lines = [result.message, lateness_told(result), devices_told(result), *result.notes]
    if result.resolution is not None:
        lines.append(f"The points were set by a person: {result.resolution.reason}")
    if result.pending:
        lines.append(f"{points_text(result.pending)} points wait for a person.")
    return printable("\n".join(line for line in lines if line))


def exercise_text(exercise: ExerciseResult, result: Result, now: dt.datetime) -> str:
    """Status, diagnosis and failed tests of an exercise, fit for the student who wrote it.

    Args:
        exercise: of its hidden tests only what a student may know is used.
        result: that it belongs to.
        now: the moment at which it is read.

    Returns:
        Lines of plain text without control characters; whoever puts them into a page escapes them.
    """
    lines = [f"{STATUS[exercise.status].capitalize()}."]
    if exercise.reason:
        lines.append(f"A person decided: {exercise.reason}")
    if sentence := building_on(exercise):
        lines.append(sentence)
    if exercise.pending or exercise.status in ("partial", "wrong", "blocked"):
        if exercise.diagnosis is not None:
            lines.append(exercise.diagnosis.sentence)
        failed = failures_to_tell(exercise)
        full = [test for test in failed if is_open(test, result, now)]
        hidden = Counter(failure_told(test) for test in failed if test not in full)
        for sentence, count in hidden.items():
            lines.append(f"{count} hidden test{'s' if count > 1 else ''}: {sentence}")
        for test in full:
            lines += ["", *_in_full(test)]
    return printable("\n".join(lines))


def _in_full(test: TestResult) -> list[str]:
    assert test.failure is not None
    name = test.name if test.visibility == "public" else "A hidden test"
    lines = [f"{name}:", *(f"  {line}" for line in failure_told(test, full=True).splitlines())]
    if test.failure.line:
        lines.append(f"  at {test.failure.line}")
    if test.failure.inputs:
        lines.append("  smallest failing input:")
        lines += [f"    {name} = {value}" for name, value in test.failure.inputs.items()]
    if test.rerun:
        lines.append(f'  Run it alone: pytest "{test.rerun}"')
    return lines
