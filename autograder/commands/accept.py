"""`autograder accept`: let marks fall that came out lower when they were graded again."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.console import out
from autograder.commands.options import ClassFolder


def accept(
    to: ClassFolder,
    students: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDENT]...", help="Whose marks may fall. Default: all."),
    ] = None,
    unit: Annotated[str, typer.Option("--unit", "-u", help="Only in this unit.")] = "",
) -> None:
    """Let marks fall that came out lower when they were graded again.

    Until then students keep the higher mark. To keep it for good, give it with `resolve`.
    `autograder report OUT --format changes` lists what waits.
    """
    from autograder.classroom import GradingError
    from autograder.classroom import accept_lower as let_fall
    from autograder.report import mark_text, write_reports
    from autograder.results import Folder

    folder = Folder(to)
    if not (to / "results").is_dir():
        raise GradingError(f"{to} holds no results. Name the OUT of `autograder grade`.")
    accepted = let_fall(folder, students or [], unit)
    for result in accepted:
        out.print(f"{escape(result.student)} has {mark_text(result)} points in {result.unit}.")
    if not accepted:
        out.print(f"No lower mark waits in {escape(str(to))}.")
    write_reports(folder)
