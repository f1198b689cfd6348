"""`autograder demo`: a class of twenty students, made and graded."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.class_run import ClassRun, finish, plan_class, run_class
from autograder.commands.console import out
from autograder.commands.options import Jobs


def demo(
    unit: Annotated[str, typer.Option("--unit", "-u", help="Of which unit.")] = "",
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep submissions and results in this folder.")
    ] = None,
    jobs: Jobs = None,
) -> None:
    """Make a class of twenty students and grade it.

    Right answers in several forms, known mistakes, a loop without end, a crash, a syntax error, a
    missing file, an empty notebook.
    """
    from dataclasses import replace

    from autograder.classroom import GradingError, write_demo
    from autograder.course import find_staff_course, find_unit
    from autograder.grading import settings_here
    from autograder.release import write_stub
    from autograder.results import Folder

    course = find_staff_course()
    chosen = find_unit(course.units_folder, unit) if unit else course.units[0]
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise GradingError(f"{keep} is not empty. Name a new folder for --keep.")
    with tempfile.TemporaryDirectory(prefix="handgrad-demo-") as name:
        home = keep or Path(name)
        handed_in = write_demo(chosen, write_stub(chosen), home / "submissions")
        out.print(f"[bold]Twenty students handed in {chosen.name}:[/]")
        for student, what in handed_in.items():
            out.print(f"  {student:10} [dim]{escape(what)}[/]", highlight=False)
        plan = plan_class(course, [home / "submissions"], [chosen.name])
        # A short deadline, so that the student who never returns does not hold up the show.
        settings = replace(settings_here(course.policy), call_seconds=2.0, require="none")
        folder = Folder(home / "out")
        report = run_class(ClassRun(course, settings, folder, jobs), plan)
        finish(report, folder, kept=keep is not None)
