"""What GitHub Actions shows: annotations at lines of the student's files, and job summaries.

A job reads commands from what is printed, so what a student's code wrote must never look like one.
Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import ast
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autograder.course import Unit
from autograder.report import (
    STATUS,
    devices_told,
    escape_markdown,
    failure_told,
    failures_to_tell,
    inline_code,
    mark_text,
    points_text,
    printable,
)
from autograder.results import ExerciseResult, Result, TestResult

ANNOTATIONS = 10
"""GitHub shows no more errors of one step."""

SUMMARY_BYTES = 1_000_000
"""GitHub takes no longer summary, 1 MiB."""


def annotated(unit: Unit, result: Result, root: Path) -> list[str]:
    """One command for each failing public test of an exercise that was begun, on how many devices
    and with how many parameters it may fail.

    Args:
        unit: the student's.
        result: of its check.
        root: the repository; files are named from there.

    Returns:
        Lines like ``::error file=03_layers/layers.py,line=12,title=relu_forward::...``.
    """
    said, told_of = [], set()
    for exercise in result.exercises:
        if exercise.status in ("not attempted", "blocked"):
            continue
        for test in exercise.tests:
            function = test.name.partition("[")[0]
            if test.failure is None or test.visibility != "public" or function in told_of:
                continue
            told_of.add(function)
            file, line = _place(unit, result, exercise, test)
            place = {"file": file.relative_to(root).as_posix()}
            place |= {"line": str(line)} if line else {}
            place["title"] = f"{exercise.name}: {test.name}"
            said.append(command("error", failure_told(test), **place))
    return said


def command(name: str, message: str, **properties: str) -> str:
    """A workflow command, whatever its parts hold.

    Example:
        >>> command("error", "100%\\n::no", file="a,b.py")
        '::error file=a%2Cb.py::100%25%0A::no'
    """
    written = ",".join(
        f"{key}={_escaped(value).replace(':', '%3A').replace(',', '%2C')}"
        for key, value in properties.items()
    )
    return f"::{name} {written}::{_escaped(message)}"


def _escaped(text: str) -> str:
    plain = "".join(c if c == "\r" else printable(c) for c in text)
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


@contextmanager
def for_github(unit: Unit, result: Result, root: Path) -> Iterator[None]:
    """Print the annotations of a check; what is printed inside is no command, whatever it looks
    like."""
    token = secrets.token_hex(16)
    lines = [*annotated(unit, result, root)[:ANNOTATIONS], f"::stop-commands::{token}"]
    print("\n".join(lines), flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", flush=True)


def write_summary(text: str) -> None:
    """Add to the summary of the job; on other machines, nowhere."""
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(place, "a", encoding="utf-8") as file:
            file.write(text)


def _place(
    unit: Unit, result: Result, exercise: ExerciseResult, test: TestResult
) -> tuple[Path, int]:
    """Where to look: the line that raised, or else the exercise's own ``def``."""
    label = result.label.split(", ")[0]
    file = unit.folder / label if (unit.folder / label).is_file() else unit.source_file
    assert test.failure is not None
    raised = re.fullmatch(rf"{re.escape(file.name)}:(\d+)", test.failure.line)
    if raised:
        return file, int(raised[1])
    try:
        body = ast.parse(file.read_text(encoding="utf-8")).body if file.suffix == ".py" else []
    except (SyntaxError, ValueError, OSError):
        body = []
    lines = [n.lineno for n in body if isinstance(n, ast.FunctionDef) and n.name == exercise.name]
    return file, lines[-1] if lines else 0


def check_summary(results: Sequence[Result]) -> str:
    """The Markdown of a student's own check.

    Args:
        results: of the public tests, a unit each.
    """
    lines = []
    for result in results:
        lines += [f"## {inline_code(result.unit)}: {mark_text(result)} public points", ""]
        notes = (devices_told(result), result.message, *result.notes)
        lines += [escape_markdown(note) for note in notes if note]
        lines += ["", "| exercise | points | |", "|---|---:|---|"]
        for e in result.exercises:
            earned = f"{points_text(e.points)} / {points_text(e.max_points)}"
            lines.append(f"| {inline_code(e.name)} | {earned} | {STATUS[e.status]} |")
        lines.append("")
        for e in result.exercises:
            failed = failures_to_tell(e) if e.status != "not attempted" else []
            lines += [line for test in failed for line in _told(e, test)]
    return _bounded("\n".join(lines) + "\n")


def _told(exercise: ExerciseResult, test: TestResult) -> list[str]:
    assert test.failure is not None
    block = [failure_told(test), *([f"at {test.failure.line}"] if test.failure.line else [])]
    if test.failure.inputs:
        block.append("smallest failing input:")
        block += [f"  {name} = {value}" for name, value in test.failure.inputs.items()]
    text = printable("\n".join(block)).splitlines()
    command = f'pytest "{test.rerun}"'  # quoted: a device's name has a space and parentheses
    rerun = [f"Run it alone: {inline_code(command)}", ""] if test.rerun else []
    title = f"**{inline_code(exercise.name)}**: {inline_code(test.name)}"
    return [title, "", *(f"    {line}" for line in text), "", *rerun]


def class_summary(results: Sequence[Result]) -> str:
    """The Markdown of a class run: for staff, as it names students.

    Args:
        results: of any units and students.
    """
    lines = ["| student | unit | points | status |", "|---|---|---:|---|"]
    for r in results:
        lines.append(
            f"| {inline_code(r.student)} | {inline_code(r.unit)} | {mark_text(r)} | {r.status} |"
        )
    return _bounded("\n".join(lines) + "\n")


def _bounded(text: str) -> str:
    raw = text.encode()
    if len(raw) <= SUMMARY_BYTES:
        return text
    return raw[:SUMMARY_BYTES].decode(errors="ignore").rpartition("\n")[0] + "\n\nAnd more.\n"
