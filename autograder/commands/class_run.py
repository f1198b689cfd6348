"""A class run as commands show it: the plan, the progress, what came of it.

What is graded and how is `autograder.classroom`'s; here it gets its options, a progress bar and a
table. `grade`, `verify` and `demo` are class runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from autograder.commands.console import err, out
from autograder.integrations import platforms

if TYPE_CHECKING:
    from rich.progress import Progress

    from autograder.classroom import ClassReport, GradingProcesses, Plan
    from autograder.course import Course
    from autograder.grading import Settings
    from autograder.results import Folder, Result


def plan_class(course: Course, paths: list[Path], names: list[str], student: str = "") -> Plan:
    """What to grade of the submissions under `paths`.

    Args:
        course: the course.
        paths: what the instructor named.
        names: of units; none means those that were handed in.
        student: whose everything at the one path is; empty for a class.
    """
    from autograder.classroom import (
        GradingError,
        find_submissions,
        plan,
        plan_one,
        recognised_unit,
        units_present,
    )
    from autograder.course import find_unit

    every = course.units
    known = [recognised_unit(course, unit) for unit in every]
    if student and (len(paths) != 1 or not names):
        raise GradingError(
            "With --student, name one path and the unit: autograder grade FOLDER --student ada "
            "--unit 05_convolution --out RESULTS."
        )
    units = [find_unit(course.units_folder, name) for name in names]
    if student:
        return plan_one(paths[0], student, units, known)
    with out.status("Looking at the submissions ..."):
        found = find_submissions(paths, known, platforms())
        left_out: list[str] = []
        if not units:
            units, left_out = units_present(found, every, known)
    return plan(found, units, best=course.policy.attempt == "best", warnings=left_out)


@dataclass(frozen=True)
class ClassRun:
    """How a class is graded: what a command's options come to.

    Attributes:
        course: the course.
        settings: how to grade.
        folder: where results go.
        jobs: how many grading processes; None for one on each core.
        resume: keep the results that are there and would come out the same.
        worker: the kind of worker; empty for the best there is.
        gpus: how many to grade on at once.
        keep_exams: whether exams are kept, and kept ones used.
    """

    course: Course
    settings: Settings
    folder: Folder
    jobs: int | None = None
    resume: bool = False
    worker: str = ""
    gpus: int = 1
    keep_exams: bool = True

    def processes(self) -> GradingProcesses:
        """The grading processes, of which none runs yet."""
        from autograder.classroom import GradingProcesses, Orders
        from autograder.devices import gpus_for, usable_cores

        visible = gpus_for(self.settings.devices, self.gpus)
        most = self.jobs or (len(visible) if visible else usable_cores())
        orders = Orders.of(
            self.course, self.settings, worker=self.worker, keep_exams=self.keep_exams
        )
        return GradingProcesses(orders, min(most, len(visible)) if visible else most, visible)


def run_class(run: ClassRun, plan: Plan, processes: GradingProcesses | None = None) -> ClassReport:
    """Grade what is planned, with a progress bar.

    Args:
        run: how.
        plan: what.
        processes: of the run, if they were started already.
    """
    from autograder.classroom import grade_class
    from autograder.report import escaped

    if processes is None:
        with run.processes() as own:
            return run_class(run, plan, own)
    with progress_bar() as progress:
        task = progress.add_task("preparing", total=len(plan.jobs))

        def on_result(result: Result) -> None:
            progress.update(task, advance=1, description=f"graded {escaped(result.student)[:24]}")

        return grade_class(
            run.course,
            plan.jobs,
            processes,
            run.folder,
            run.settings,
            resume=run.resume,
            on_result=on_result,
            on_told=lambda sentence: err.print(f"[dim]{escape(sentence)}[/]", soft_wrap=True),
        )


def progress_bar() -> Progress:
    """What is done of a class, on standard error; gone when it is done."""
    from rich import progress

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("eta"),
        progress.TimeRemainingColumn(),
        console=err,
        transient=True,
    )


def finish(report: ClassReport, folder: Folder, *, kept: bool = True) -> None:
    """Show the table, say where things are, exit with what it came to."""
    from autograder.classroom import mark_changes
    from autograder.report import changes_table, class_table, write_reports

    write_reports(folder)
    out.print(class_table(report.results))
    waiting = [r for r in report.graded if folder.waiting_file(r.unit, r.student).exists()]
    again = {(r.unit, r.student) for r in report.before}
    graded = [r for r in report.graded if (r.unit, r.student) in again]
    if different := mark_changes(report.before, graded, waiting):
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
