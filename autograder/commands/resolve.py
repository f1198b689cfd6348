"""`autograder resolve`: points that a person gives."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.console import out
from autograder.commands.options import ClassFolder


def resolve(
    to: ClassFolder,
    student: Annotated[str, typer.Argument(help="The student's id, as in grades.csv.")],
    points: Annotated[float, typer.Option("--points", min=0.0, help="The points to give.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; the student reads this.")],
    unit: Annotated[str, typer.Option("--unit", "-u", help="The unit; needed if several.")] = "",
    exercise: Annotated[
        str,
        typer.Option("--exercise", "-e", help="One exercise. Default: the whole unit."),
    ] = "",
) -> None:
    """Give points by hand, with a reason; grading again keeps them.

    For written answers, and wherever the grader says "needs a person".
    """
    from autograder.classroom import resolve as decide
    from autograder.report import mark_text, write_reports
    from autograder.results import Folder

    folder = Folder(to)
    result = decide(folder, student, unit, exercise, points, reason)
    write_reports(folder)
    out.print(f"{escape(result.student)} has {mark_text(result)} points in {result.unit}.")
