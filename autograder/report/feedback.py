"""One student's result as Markdown, fit to be sent."""

from __future__ import annotations

import re

from autograder.grading.results import ExerciseResult, Result, TestResult
from autograder.report.words import STATUS, blocked_by, points, told, total, visible

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&$])")


def feedback(result: Result) -> str:
    """The Markdown text for a student: points, what went wrong, what to look at.

    Args:
        result: one result. Of its hidden tests only what a student may know is used.
    """
    lines = [f"# {code(result.unit)}: {total(result)} points", ""]
    who = escape(result.name or result.student)
    lines += [f"For {who}. Handed in as {code(result.label)}.", ""]
    if result.attempts > 1:
        lines += [f"This is attempt {result.attempt} of {result.attempts}.", ""]
    if result.message:
        lines += [escape(result.message), ""]
    for note in result.notes:
        lines += [f"Note: {escape(note)}", ""]
    if result.resolution is not None:
        lines += [
            f"The points were set by a person: {escape(result.resolution.reason)}",
            "",
        ]
    if result.exercises:
        lines += ["| exercise | points | |", "|---|---|---|"]
        lines += [
            f"| {code(e.name)} | {points(e.points)} / {points(e.max_points)} | {STATUS[e.status]} |"
            for e in result.exercises
        ]
        lines.append("")
    for exercise in result.exercises:
        if exercise.reason or exercise.status in ("partial", "wrong", "blocked"):
            lines += _about(exercise)
    lines += _attempt_list(result)
    return "\n".join(lines).rstrip() + "\n"


def _about(exercise: ExerciseResult) -> list[str]:
    lines = [f"## {code(exercise.name)}", ""]
    if exercise.reason:
        lines += [f"A person decided: {escape(exercise.reason)}", ""]
    if exercise.diagnosis is not None:
        lines += [f"**{escape(exercise.diagnosis.sentence)}**", ""]
    if sentence := blocked_by(exercise):
        lines += [escape(sentence), ""]
    lines += _hidden([t for t in exercise.tests if t.failure and t.visibility != "public"])
    for test in exercise.tests:
        if test.failure and test.visibility == "public":
            lines += _public(test)
    return lines


def _hidden(tests: list[TestResult]) -> list[str]:
    """Hidden tests by what went wrong: their names would say what is tested."""
    counts: dict[str, int] = {}
    for test in tests:
        counts[told(test)] = counts.get(told(test), 0) + 1
    lines = [
        f"- {count} hidden test{'s' if count > 1 else ''}: {escape(sentence)}"
        for sentence, count in counts.items()
    ]
    return [*lines, ""] if lines else []


def _public(test: TestResult) -> list[str]:
    assert test.failure is not None
    lines = [f"- {code(test.name)}:", ""]
    block = [told(test)]
    if test.failure.line:
        block.append(f"at {test.failure.line}")
    if test.failure.inputs:
        block.append("smallest failing input:")
        block += [f"  {name} = {value}" for name, value in test.failure.inputs.items()]
    lines += [f"      {line}" for line in visible("\n".join(block)).splitlines()]
    if test.rerun:
        command = f'pytest "{test.rerun}"'
        lines += ["", f"  Run it alone: {code(command)}"]
    return [*lines, ""]


def _attempt_list(result: Result) -> list[str]:
    missing = [e.name for e in result.exercises if e.status == "not attempted"]
    if not missing or len(missing) == len(result.exercises):
        return []
    return [f"Not attempted: {', '.join(map(code, missing))}.", ""]


def code(text: str) -> str:
    """Text as inline code, whatever it holds."""
    plain = visible(text).replace("\n", " ").replace("|", "¦")
    longest = max((len(run) for run in re.findall("`+", plain)), default=0)
    fence = "`" * (longest + 1)
    gap = " " if "`" in plain else ""
    return f"{fence}{gap}{plain}{gap}{fence}"


def escape(text: str) -> str:
    """Text that Markdown, and HTML inside it, shows as it is."""
    return _SPECIAL.sub(r"\\\1", visible(text).replace("\n", " "))
