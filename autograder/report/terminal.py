"""Results on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autograder.classroom import Verdict
from autograder.course import Unit
from autograder.report.words import (
    STATUS,
    building_on,
    devices_told,
    failure_told,
    failures_to_tell,
    points_text,
    printable,
)
from autograder.results import ExerciseResult, Result, TestResult

STYLES = {
    "full": "green",
    "marked": "green",
    "partial": "yellow",
    "wrong": "red",
    "blocked": "dim",
    "not attempted": "dim",
    "to be marked": "cyan",
}


def escaped(text: str) -> str:
    """Text from outside for rich: nothing a terminal obeys, nothing rich takes for markup."""
    return escape(printable(text).replace("\n", " "))


def class_table(results: Sequence[Result]) -> Table:
    """One row for each student and unit; below it, which devices they were graded on."""
    devices = " ".join(dict.fromkeys(filter(None, map(devices_told, results))))
    table = Table(
        title="Results", title_justify="left", caption=escaped(devices), caption_justify="left"
    )
    penalties = any(result.penalty for result in results)
    for name, align in (
        ("student", "left"),
        ("unit", "left"),
        ("points", "right"),
        *([("mark", "right")] if penalties else []),
        ("of", "right"),
        ("open", "right"),
        ("what", "left"),
        ("s", "right"),
    ):
        table.add_column(name, justify=align, overflow="fold")  # type: ignore[arg-type]
    for result in results:
        table.add_row(
            escaped(result.name or result.student),
            escaped(result.unit),
            points_text(result.points),
            *([points_text(result.mark)] if penalties else []),
            points_text(result.max_points),
            points_text(result.pending) if result.pending else "",
            f"{_lateness(result)}{_summary(result)}",
            f"{result.run.seconds:.2f}",
        )
    return table


def _lateness(result: Result) -> str:
    if not result.late:
        return ""
    days = f" {result.days_late} d" if result.days_late else ""
    cost = f", -{100 * result.penalty:g}%" if result.penalty else ""
    return f"[yellow]late{days}{cost}[/] "


def _summary(result: Result) -> str:
    if result.resolution is not None:
        return f"[green]marked by a person[/]: {escaped(result.resolution.reason)}"
    if result.status == "needs a person":
        return f"[magenta]needs a person[/]: {escaped(result.message)}"
    if result.status != "graded":
        return f"[red]{result.status}[/]: {escaped(result.message)}"
    code = [e for e in result.exercises if not e.written]
    if all(e.status in ("not attempted", "blocked") for e in code):
        return f"[dim]not attempted[/] {escaped(' '.join(result.notes))}".strip()
    if not result.points and result.message:
        return f"[red]{escaped(result.message)}[/]"
    lost = [e for e in code if e.status not in ("full", "marked")]
    if not lost:
        return "[green]all right[/]"
    known = [e.name for e in lost if e.diagnosis is not None]
    text = f"lost points in {', '.join(escaped(e.name) for e in lost[:4])}"
    text += f" and {len(lost) - 4} more" if len(lost) > 4 else ""
    text += f" [dim](diagnosed: {', '.join(map(escaped, known[:4]))})[/]" if known else ""
    return f"{escaped(result.message)} {text}".strip() if result.message else text


def print_check(console: Console, result: Result, *, verbose: bool = False) -> None:
    """What a student sees after `autograder check`: points, then what is wrong and how to rerun."""
    if result.exercises:
        console.print(_check_table(result))
        console.print(escaped(devices_told(result)), soft_wrap=True)
    else:
        console.print(f"[italic]{escaped(result.unit)}[/]")
    for note in [result.message, *result.notes]:
        if note:
            console.print(escaped(note), soft_wrap=True)
    for exercise in result.exercises:
        _print_failures(console, exercise)
    if result.output and (verbose or any(e.status != "full" for e in result.exercises)):
        console.print("\n[bold]Your code printed:[/]")
        console.print(escape(printable(result.output)), soft_wrap=True)


def _check_table(result: Result) -> Table:
    table = Table(title=escaped(result.unit), title_justify="left")
    table.add_column("exercise")
    table.add_column("public points", justify="right")
    table.add_column("")
    for exercise in result.exercises:
        table.add_row(
            escaped(exercise.name),
            f"{points_text(exercise.points)} / {points_text(exercise.max_points)}",
            f"[{STYLES[exercise.status]}]{STATUS[exercise.status]}[/]",
        )
    return table


def _print_failures(console: Console, exercise: ExerciseResult) -> None:
    failed = failures_to_tell(exercise)
    if not failed or exercise.status == "not attempted":
        return
    console.print(f"\n[bold]{escaped(exercise.name)}[/]")
    if sentence := building_on(exercise):
        console.print(f"  [dim]{escaped(sentence)}[/]", soft_wrap=True)
    for test in failed:
        _print_test(console, test)


def _print_test(console: Console, test: TestResult) -> None:
    failure = test.failure
    assert failure is not None
    console.print(f"  [red]✗[/] {escaped(test.name)}", soft_wrap=True)
    for line in printable(failure_told(test)).splitlines():
        console.print(f"      {escape(line)}", soft_wrap=True, highlight=False)
    for line in printable(failure.trace).splitlines():
        console.print(f"      [dim]{escape(line)}[/]", soft_wrap=True, highlight=False)
    if failure.inputs:
        console.print("      [dim]smallest failing input:[/]")
        for name, value in failure.inputs.items():
            console.print(
                f"        {escape(printable(name))} = {escape(printable(value))}",
                soft_wrap=True,
                highlight=False,
            )
    if test.rerun:
        console.print(f'      [cyan]rerun: pytest "{escaped(test.rerun)}"[/]', soft_wrap=True)


def _verdict(verdict: Verdict) -> str:
    if verdict.problem:
        return f"[red]{escaped(verdict.problem)}[/]"
    if verdict.invisible:
        return f"[dim]ok: nothing is wrong without {escaped(verdict.variant.on)}[/]"
    return "[green]ok[/]"


def verify_table(unit: Unit, verdicts: Sequence[Verdict]) -> Table:
    """One row for each implementation whose outcome is known."""
    table = Table(title=escaped(unit.name), title_justify="left")
    for name in ("what", "points", "loses points in", "diagnosed", ""):
        table.add_column(name, justify="right" if name == "points" else "left", overflow="fold")
    for verdict in verdicts:
        variant = verdict.variant
        itself = variant.kind == "mistake" and verdict.diagnosis == variant.name
        table.add_row(
            escaped(variant.title),
            f"{verdict.points:g} / {verdict.max_points:g}",
            ", ".join(verdict.lost),
            "as itself" if itself else escaped(verdict.diagnosis),
            _verdict(verdict),
        )
    return table


def ratios_table(ratios: Mapping[str, float]) -> Table:
    """How near right code that rounds otherwise comes to what each test allows, worst first."""
    table = Table("test", title="error of right code that rounds otherwise", title_justify="left")
    table.add_column("of what is allowed", justify="right")
    near = sorted((ratio, name) for name, ratio in ratios.items() if ratio >= _NOTHING)
    for ratio, name in reversed(near):
        table.add_row(escaped(name), f"{ratio:.2f}")
    rest = len(ratios) - len(near)
    table.add_row(f"the other {rest}" if near else f"all {rest}", f"below {_NOTHING}")
    return table


_NOTHING = 0.01
