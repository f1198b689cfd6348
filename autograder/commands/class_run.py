"""A class run as commands show it: the plan, the progress, what came of it.

What is graded and how is `autograder.grading`'s; here it gets its options, a progress bar and a
table. `grade`, `verify` and `demo` are class runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from autograder.commands.console import err, out

if TYPE_CHECKING:
    from autograder.course.courses import Course
    from autograder.classroom.class_run import ClassReport
    from autograder.results.folder import Folder
    from autograder.classroom.planning import Plan
    from autograder.results.records import Result
    from autograder.grading.settings import Settings


def plan_class(course: Course, paths: list[Path], names: list[str], student: str = "") -> Plan:
    """What to grade of the submissions under `paths`.

    Args:
        course: the course.
        paths: what the instructor named.
        names: of units; none means those that were handed in.
        student: whose everything at the one path is; empty for a class.
    """
    from autograder.course.courses import find_unit
    from autograder.classroom.errors import GradingError
    from autograder.classroom.planning import find_submissions, plan, plan_one, units_present
    from autograder.classroom.recognition import recognised

    every = course.units
    known = [recognised(course, unit) for unit in every]
    if student and (len(paths) != 1 or not names):
        raise GradingError(
            "With --student, name one path and the unit: autograder grade FOLDER --student ada "
            "--unit 05_convolution --out RESULTS."
        )
    units = [find_unit(course.units_folder, name) for name in names]
    if student:
        return plan_one(paths[0], student, units, known)
    with out.status("Looking at the submissions ..."):
        found = find_submissions(paths, known)
        units = units or units_present(found, every, known)
    return plan(found, units, best=course.policy.attempt == "best")


def run_class(
    course: Course,
    plan: Plan,
    settings: Settings,
    folder: Folder,
    *,
    jobs: int | None = None,
    resume: bool = False,
    worker: str = "",
    gpus: int = 1,
) -> ClassReport:
    """Grade what is planned, with a progress bar."""
    import msgspec
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from autograder.devices.detection import gpus_for
    from autograder.devices.machine import usable_cores
    from autograder.classroom.class_run import grade_class
    from autograder.classroom.messages import Orders

    visible = gpus_for(settings.devices, gpus)
    processes = jobs or usable_cores()
    if visible:
        processes = min(jobs or len(visible), len(visible))
    orders = Orders(root=str(course.root), settings=msgspec.to_builtins(settings), worker=worker)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    ) as progress:
        task = progress.add_task("grading", total=len(plan.jobs))

        def on_result(result: Result) -> None:
            from autograder.report.terminal import safe

            progress.update(task, advance=1, description=f"graded {safe(result.student)[:24]}")

        return grade_class(
            course,
            plan.jobs,
            orders,
            folder,
            processes=processes,
            job_seconds=settings.submission_seconds,
            resume=resume,
            gpus=visible,
            on_result=on_result,
        )


def finish(report: ClassReport, folder: Folder, *, kept: bool = True) -> None:
    """Show the table, say where things are, exit with what it came to."""
    from autograder.classroom.regrading import changes
    from autograder.report.changes import changes_table
    from autograder.report.terminal import class_table
    from autograder.report.writing import write_reports

    write_reports(folder, folder.results())
    out.print(class_table(report.results))
    waiting = [r for r in report.graded if folder.waiting_file(r.unit, r.student).exists()]
    again = {(r.unit, r.student) for r in report.before}
    graded = [r for r in report.graded if (r.unit, r.student) in again]
    if different := changes(report.before, graded, waiting):
        out.print(changes_table(different))
    if kept:
        out.print(
            f"{len(report.results)} results, {report.kept} of them from before. Results, feedback "
            f"and grades.csv are in {escape(str(folder.path))}.",
            soft_wrap=True,
        )
    for fault, students in report.faults.items():
        err.print(
            f"[magenta]The grader failed[/] on {escape(', '.join(students[:10]))}"
            f"{' and others' * (len(students) > 10)}:\n{escape(fault)}",
            soft_wrap=True,
            highlight=False,
        )
    needy = sum(result.status == "needs a person" for result in report.results)
    if needy:
        err.print(f"[magenta]{needy} need a person.[/] See `autograder resolve --help`.")
    if waiting:
        err.print(
            f"[magenta]{len(waiting)} would have less than before and keep the earlier mark.[/] "
            "See `autograder accept --help`.",
            soft_wrap=True,
        )
    raise typer.Exit(1 if needy or waiting else 0)
