"""What grading again changed, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from autograder.classroom import Change
from autograder.report.terminal import escaped
from autograder.report.words import points_text


def changes_table(found: Sequence[Change]) -> Table:
    """One row for each student and unit whose mark or points differ."""
    table = Table(title="Graded again", title_justify="left")
    table.add_column("student", overflow="fold")
    table.add_column("unit", overflow="fold")
    table.add_column("before", justify="right")
    table.add_column("after", justify="right")
    table.add_column("exercises", overflow="fold")
    table.add_column("")
    for change in found:
        table.add_row(
            escaped(change.result.name or change.result.student),
            escaped(change.result.unit),
            points_text(change.before.mark) if change.before else "",
            points_text(change.after.mark) if change.after else "",
            ", ".join(
                f"{escaped(name)} {points_text(old)} to {points_text(new)}"
                for name, old, new in change.exercises
            ),
            _verdict(change),
        )
    return table


def _verdict(change: Change) -> str:
    if change.before is None:
        return "new"
    if change.after is None:
        return "[yellow]gone[/]"
    if change.waits:
        failed = change.after.mark is None
        why = "the grader failed" if failed else "lower"
        return f"[magenta]{why}: the earlier mark stays until a person decides[/]"
    before, after = change.before.mark, change.after.mark
    if before == after:
        return "same mark"
    if before is None:
        return "[green]has a mark now[/]"
    if after is None:
        return "[magenta]needs a person[/]"
    if after > before:
        return "[green]higher[/]"
    new_work = change.after.digest != change.before.digest
    return "[yellow]lower, for new work[/]" if new_work else "[yellow]lower[/]"
