"""One student's result as Markdown, fit to be sent."""

from __future__ import annotations

import datetime as dt
import re

from autograder.report.words import (
    STATUS,
    building_on,
    counted,
    devices_told,
    failure_told,
    failures_to_tell,
    is_open,
    lateness_told,
    mark_text,
    points_text,
    printable,
)
from autograder.results import ExerciseResult, Result, TestResult

_EXPLAINED = ("partial", "wrong", "blocked")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&$])")


def feedback_markdown(result: Result, now: dt.datetime | None = None) -> str:
    """The Markdown text for a student: points, what went wrong, what to look at.

    Args:
        result: one result. Of its hidden tests only what a student may know is used.
        now: the moment at which it is read; the default is the present.
    """
    now = now or dt.datetime.now(dt.UTC)
    lines = [f"# {inline_code(result.unit)}: {mark_text(result)} points", ""]
    who = escape_markdown(result.name or result.student)
    lines += [f"For {who}. Handed in as {inline_code(result.label)}.", ""]
    if result.attempts > 1:
        lines += [f"This is attempt {result.attempt} of {result.attempts}.", ""]
    if result.message:
        lines += [escape_markdown(result.message), ""]
    if sentence := lateness_told(result):
        lines += [escape_markdown(sentence), ""]
    if sentence := devices_told(result):
        lines += [escape_markdown(sentence), ""]
    for note in result.notes:
        lines += [f"Note: {escape_markdown(note)}", ""]
    if result.resolution is not None:
        lines += [
            f"The points were set by a person: {escape_markdown(result.resolution.reason)}",
            "",
        ]
    if result.exercises:
        lines += ["| exercise | points | |", "|---|---|---|"]
        lines += [
            f"| {inline_code(e.name)} | {points_text(e.points)} / {points_text(e.max_points)} "
            f"| {STATUS[e.status]} |"
            for e in result.exercises
        ]
        lines.append("")
    for exercise in result.exercises:
        explained = exercise.pending or exercise.status in _EXPLAINED
        if exercise.reason or exercise.with_ours or explained:
            full = [test for test in exercise.tests if is_open(test, result, now)]
            lines += _about(exercise, full)
    lines += _attempt_list(result)
    return "\n".join(lines).rstrip() + "\n"


def _about(exercise: ExerciseResult, full: list[TestResult]) -> list[str]:
    lines = [f"## {inline_code(exercise.name)}", ""]
    if exercise.reason:
        lines += [f"A person decided: {escape_markdown(exercise.reason)}", ""]
    if exercise.diagnosis is not None:
        lines += [f"**{escape_markdown(exercise.diagnosis.sentence)}**", ""]
    if sentence := building_on(exercise):
        lines += [escape_markdown(sentence), ""]
    failed = failures_to_tell(exercise)
    lines += _hidden([test for test in failed if test not in full])
    for test in failed:
        if test in full:
            lines += _in_full(test)
    return lines


def _hidden(tests: list[TestResult]) -> list[str]:
    lines = [f"- {escape_markdown(sentence)}" for sentence in counted(tests)]
    return [*lines, ""] if lines else []


def _in_full(test: TestResult) -> list[str]:
    assert test.failure is not None
    public = test.visibility == "public"
    lines = [f"- {inline_code(test.name)}:" if public else "- A hidden test:", ""]
    block = [failure_told(test, full=True)]
    if test.failure.line:
        block.append(f"at {test.failure.line}")
    if test.failure.inputs:
        block.append("smallest failing input:")
        block += [f"  {name} = {value}" for name, value in test.failure.inputs.items()]
    lines += [f"      {line}" for line in printable("\n".join(block)).splitlines()]
    if test.rerun:
        command = f'pytest "{test.rerun}"'
        lines += ["", f"  Run it alone: {inline_code(command)}"]
    return [*lines, ""]


def _attempt_list(result: Result) -> list[str]:
    missing = [e.name for e in result.exercises if e.status == "not attempted"]
    if not missing or len(missing) == len(result.exercises):
        return []
    return [f"Not attempted: {', '.join(map(inline_code, missing))}.", ""]


def inline_code(text: str) -> str:
    """Text as inline code, whatever it holds."""
    plain = printable(text).replace("\n", " ").replace("|", "¦")
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    gap = " " if "`" in plain else ""
    return f"{fence}{gap}{plain}{gap}{fence}"


def escape_markdown(text: str) -> str:
    """Text that Markdown, and HTML inside it, shows as it is."""
    return _SPECIAL.sub(r"\\\1", printable(text).replace("\n", " "))
