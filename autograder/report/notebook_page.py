"""Results as the output of a notebook cell: a student's own check, or a graded exercise.

Only elements and inline styles: JupyterLab and VS Code both show these, in light and dark themes,
and keep them when the notebook is opened again. Where HTML cannot be shown stands the text that
`autograder check` prints.
"""

from __future__ import annotations

import html
import io
from dataclasses import dataclass

from rich.console import Console

from autograder.report.terminal import print_check
from autograder.report.words import (
    STATUS,
    building_on,
    counted,
    devices_told,
    failure_told,
    failures_to_tell,
    points_text,
    printable,
)
from autograder.results import ExerciseResult, Result, TestResult

_COLOURS = {"full": "#2e9e4f", "partial": "#d08700", "wrong": "#d1242f"}
_OPEN = "#8b949e"
_BLOCK = "margin:.2em 0 .6em 0; padding:.5em .8em; background:rgba(128,128,128,.12)"
_LEFT = "text-align:left; padding:.15em 1em .15em 0"


@dataclass(frozen=True)
class Page:
    """What a check came to.

    Args:
        result: of the public tests.
    """

    result: Result

    def __repr__(self) -> str:
        text = io.StringIO()
        print_check(Console(file=text, width=100, force_jupyter=False), self.result)
        return text.getvalue().rstrip()

    def _repr_html_(self) -> str:
        result = self.result
        rows = "".join(_row(exercise, "public ") for exercise in result.exercises)
        parts = [f'<table style="border-collapse:collapse">{rows}</table>']
        notes = (devices_told(result), result.message, *result.notes)
        parts += [f"<div>{_text(note)}</div>" for note in notes if note]
        parts += map(_failures, result.exercises)
        lost = any(e.status != "full" for e in result.exercises)
        if result.output and lost:
            parts.append(_folded("Your code printed", f"<pre>{_text(result.output)}</pre>"))
        if result.exercises and not lost:
            parts.append("<div>All these public tests pass. Hidden tests check more.</div>")
        return f"<div>{''.join(parts)}</div>"


@dataclass(frozen=True)
class Message:
    """Why there was nothing to show.

    Args:
        text: a sentence.
    """

    text: str

    def __repr__(self) -> str:
        return printable(self.text)

    def _repr_html_(self) -> str:
        style = f"border-left:4px solid {_OPEN}; padding-left:.8em"
        return f'<div style="{style}">{_text(self.text)}</div>'


def _row(exercise: ExerciseResult, kind: str = "") -> str:
    colour = _COLOURS.get(exercise.status, _OPEN)
    mark = "✓" if exercise.status == "full" else "✗"
    status = STATUS[exercise.status]
    return (
        f'<tr><td style="{_LEFT}; color:{colour}">{mark}</td>'
        f'<td style="{_LEFT}"><code>{_text(exercise.name)}</code></td>'
        f'<td style="{_LEFT}">{points_text(exercise.points)} of {points_text(exercise.max_points)} '
        f'{kind}points</td><td style="{_LEFT}; color:{colour}">{_text(status)}</td></tr>'
    )


def exercise_html(exercise: ExerciseResult) -> str:
    """What a student may know of one exercise: its points, then what went wrong."""
    table = f'<table style="border-collapse:collapse">{_row(exercise)}</table>'
    said = [exercise.reason, building_on(exercise) if exercise.with_ours else ""]
    shown = "".join(f"<div>{_text(sentence)}</div>" for sentence in said if sentence)
    return f"<div>{table}{shown}{_failures(exercise)}</div>"


def _failures(exercise: ExerciseResult) -> str:
    failed = failures_to_tell(exercise)
    if not failed or exercise.status == "not attempted":
        return ""
    shown = [exercise.diagnosis.sentence] if exercise.diagnosis else []
    shown += [building_on(exercise)] if exercise.depends_on else []
    shown += counted([test for test in failed if test.visibility != "public"])
    parts = [f"<div>{_text(sentence)}</div>" for sentence in shown]
    parts += [_test(test) for test in failed if test.visibility == "public"]
    title = f"<code>{_text(exercise.name)}</code>: what went wrong"
    return _folded(title, "".join(parts), unfolded=True)


def _test(test: TestResult) -> str:
    """A public test, in full."""
    failure = test.failure
    assert failure is not None
    lines = [failure_told(test)]
    lines += [failure.trace] if failure.trace else []
    if failure.inputs:
        lines.append("smallest failing input:")
        lines += [f"  {name} = {value}" for name, value in failure.inputs.items()]
    return (
        f"<div><code>{_text(test.name)}</code></div>"
        f'<pre style="{_BLOCK}">{_text(chr(10).join(lines))}</pre>'
    )


def _folded(title: str, body: str, *, unfolded: bool = False) -> str:
    state = " open" if unfolded else ""
    return f"<details{state}><summary>{title}</summary>{body}</details>"


def note_html(text: str) -> str:
    """A sentence, set apart."""
    return Message(text)._repr_html_()


def _text(text: str) -> str:
    return html.escape(printable(text))
