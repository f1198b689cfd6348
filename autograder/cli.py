"""The command `autograder`.

Each command says in one sentence what is wrong when it cannot do its work, and exits with 2; the
other exit codes are in its help.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from autograder.course import Course, Policy, Unit
    from autograder.grading.classroom import ClassReport, Folder, Plan
    from autograder.grading.settings import Settings

P = ParamSpec("P")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Coursework with hand-derived gradients: check your work, grade a class, make a release.",
    epilog="Students: [bold]autograder check[/]. Instructors: [bold]autograder demo[/] shows what "
    "grading a class looks like.",
)
INSTRUCTOR_LIBRARIES = {"nbformat", "hatchling"}

out = Console()
err = Console(stderr=True)


def main() -> None:
    """The entry point."""
    # Before anything imports torch: grading is parallel over submissions, not inside them, and a
    # process that forks must not have threads.
    os.environ["OMP_NUM_THREADS"] = "1"
    app()


def sentences(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that have a sentence for the user into that sentence and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        from autograder.course import CourseError
        from autograder.grading.errors import GradingError, PreparationError, ResultError
        from autograder.submissions import Unreadable

        try:
            command(*args, **kwargs)
        except (CourseError, GradingError, PreparationError, ResultError, Unreadable) as error:
            err.print(f"[red]{escape(str(error))}[/]", soft_wrap=True, highlight=False)
            raise typer.Exit(2) from None
        except ModuleNotFoundError as error:
            if error.name not in INSTRUCTOR_LIBRARIES:
                raise
            err.print(f"[red]This needs {error.name}: pip install 'handgrad\\[instructor]'.[/]")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            err.print("[yellow]Stopped.[/] What was graded is kept; --resume goes on from there.")
            raise typer.Exit(130) from None

    return wrapped


@app.command()
@sentences
def check(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[UNIT|EXERCISE]...",
            help="A unit (5, convolution) or an exercise (conv2d_forward). Default: the unit whose "
            "folder you are in, or all.",
        ),
    ] = None,
    in_process: Annotated[
        bool,
        typer.Option("--in-process", help="Run your code in this process (no deadline)."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also show what your code printed.")
    ] = False,
) -> None:
    """Run the public tests on your own work.

    Shows the points of each exercise, and for each failing test the smallest input it fails on,
    what was expected, what came, and the pytest command that runs it alone.

    Exit code: 0 all public tests pass, 1 some fail, 2 nothing could be checked.
    """
    from autograder.course import find_course
    from autograder.devices.machine import can_fork
    from autograder.grading.targets import chosen

    course = find_course()
    targets = chosen(course, what or [], Path.cwd())
    workers = None
    if can_fork() and not in_process:
        from autograder.grading.workers import start_workers

        workers = start_workers()
    else:
        err.print("[dim]Your code runs in this process: press Ctrl+C if it does not come back.[/]")
    try:
        # Imported only now: the worker server starts up while torch is imported here.
        from autograder.grading.check import check as check_unit
        from autograder.report.terminal import print_check

        settings = _settings(course.policy)
        passed = True
        for unit, exercises in targets:
            result = check_unit(course, unit, exercises, settings, workers)
            print_check(out, result, verbose=verbose)
            passed = passed and result.points == result.max_points
    finally:
        if workers is not None:
            workers.close()
    if passed:
        out.print("[green]All public tests pass.[/] Hidden tests check more when it is graded.")
    raise typer.Exit(0 if passed else 1)


@app.command()
@sentences
def grade(
    submissions: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of submissions (one entry per student; Canvas, Moodle and Gradescope "
            "downloads as they are) or single submissions: folders, zip and tar archives, "
            "modules, notebooks.",
        ),
    ],
    to: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder for results, feedback and grades.csv."),
    ],
    unit: Annotated[
        list[str] | None,
        typer.Option(
            "--unit", "-u", help="Grade this unit (may be repeated). Default: those handed in."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Grading processes. Default: one per core."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on where an earlier run stopped; keep what still holds."),
    ] = False,
    regrade: Annotated[
        bool,
        typer.Option(
            "--regrade", help="Grade everything again; the old results move to OUT/previous."
        ),
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit",
            min=0.1,
            help="Seconds for one unit of one submission. Default: course.toml's "
            "submission_seconds.",
        ),
    ] = None,
    call_limit: Annotated[
        float | None,
        typer.Option(
            "--call-limit",
            min=0.05,
            help="Seconds for one call of a student's function. Default: course.toml's "
            "call_seconds.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Draw other inputs. Default: course.toml's seed."),
    ] = None,
    worker: Annotated[
        str, typer.Option("--worker", help="How workers start: fork (Linux) or spawn.")
    ] = "",
) -> None:
    """Grade submissions with public and hidden tests.

    Writes OUT/results/UNIT/STUDENT.json, OUT/feedback/UNIT/STUDENT.md and OUT/grades.csv, each as
    soon as it is known. A submission that cannot be read gets a sentence and a zero; where the
    grader itself fails, the submission "needs a person" and gets no mark.

    Exit code: 0 all graded, 1 some need a person, 2 nothing could be graded.
    """
    from dataclasses import replace

    from autograder.course import find_course
    from autograder.grading.classroom import Folder
    from autograder.grading.errors import GradingError

    course = _staff(find_course())
    settings = _settings(course.policy)
    settings = replace(
        settings,
        submission_seconds=time_limit or settings.submission_seconds,
        call_seconds=call_limit or settings.call_seconds,
        seed=settings.seed if seed is None else seed,
    )
    folder = Folder(to)
    if (to / "results").exists() and not (resume or regrade):
        raise GradingError(
            f"{to} already holds results. Add --resume to go on and keep those that still hold, "
            "--regrade to grade everything again, or name another folder."
        )
    plan = _plan(course, submissions, unit or [])
    for warning in plan.warnings:
        err.print(f"[yellow]{escape(warning)}[/]", soft_wrap=True)
    if regrade and (to / "results").exists():
        out.print(f"The earlier results are kept in {escape(str(folder.keep_previous()))}.")
    report = _grade(course, plan, settings, folder, jobs=jobs, resume=resume, worker=worker)
    _finish(report, folder)


@app.command()
@sentences
def resolve(
    to: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a class run.")],
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
    from autograder.grading.classroom import Folder
    from autograder.grading.resolve import resolve as decide
    from autograder.report.words import total
    from autograder.report.writing import write_reports

    folder = Folder(to)
    result = decide(folder, student, unit, exercise, points, reason)
    write_reports(folder, folder.results())
    out.print(f"{escape(result.student)} has {total(result)} points in {result.unit}.")


@app.command()
@sentences
def release(
    to: Annotated[
        Path | None,
        typer.Argument(metavar="[OUT]", help="Folder to write, ready to be pushed."),
    ] = None,
    check_only: Annotated[
        bool,
        typer.Option("--check", help="Only say whether assignments/ matches solutions/."),
    ] = False,
) -> None:
    """Make what students get: stubs, public tests, notebooks, README, and this tool.

    With no OUT, brings assignments/ up to date. Releasing again into a folder in which work began
    keeps the work, and says what changed.

    Exit code: 0 done (or, with --check, in step), 1 assignments/ is out of step, 2 an error.
    """
    from autograder.course import find_course
    from autograder.release import check_assignments
    from autograder.release import release as make_release

    course = _staff(find_course())
    if check_only:
        differences = check_assignments(course.root)
        for difference in differences:
            err.print(f"[red]{escape(difference)}[/]", soft_wrap=True)
        if differences:
            err.print("Run [bold]autograder release[/] and commit assignments/.")
            raise typer.Exit(1)
        out.print("assignments/ matches solutions/.")
        return
    with out.status("Making the release ..."):
        report = make_release(course.root, to or course.root / "assignments", wheel=to is not None)
    for sentence in report.sentences():
        out.print(escape(sentence), soft_wrap=True)


@app.command()
@sentences
def verify(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT]...", help="Units. Default: all.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Draw other inputs.")] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Default: one per core.")
    ] = None,
) -> None:
    """Grade what the outcome is known of: the reference, the alternatives, the mistakes.

    The reference and every alternative must get full marks, every mistake must lose points in its
    exercise and nowhere that does not depend on it, and must be diagnosed as itself or not at all.

    Exit code: 0 all as it must be, 1 not so, 2 nothing could be verified.
    """
    from dataclasses import replace

    from autograder.course import find_course, find_unit
    from autograder.grading.classroom import Folder
    from autograder.grading.verify import (
        DIAGNOSED_SHARE,
        diagnosed_share,
        judge,
        variants,
        write_class,
    )
    from autograder.report.terminal import verify_table

    course = _staff(find_course())
    units = [find_unit(course.units_folder, name) for name in what or []] or course.units
    settings = _settings(course.policy)
    if seed is not None:
        settings = replace(settings, seed=seed)
    good = True
    for unit in units:
        known = variants(unit)
        with tempfile.TemporaryDirectory(prefix="handgrad-verify-") as name:
            submitted, folder = Path(name, "submissions"), Folder(Path(name, "out"))
            write_class(unit, known, submitted)
            plan = _plan(course, [submitted], [unit.name])
            report = _grade(course, plan, settings, folder, jobs=jobs)
        verdicts = judge(unit, known, report.results)
        share = diagnosed_share(verdicts)
        out.print(verify_table(unit, verdicts))
        wrong = sum(bool(v.problem) for v in verdicts)
        good = good and not wrong and share >= DIAGNOSED_SHARE
        out.print(
            f"{unit.name}: {len(verdicts) - wrong} of {len(verdicts)} as they must be; "
            f"{share:.0%} of the mistakes diagnosed as themselves "
            f"(at least {DIAGNOSED_SHARE:.0%}).\n"
        )
    raise typer.Exit(0 if good else 1)


@app.command()
@sentences
def demo(
    unit: Annotated[str, typer.Option("--unit", "-u", help="Of which unit.")] = "",
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep submissions and results in this folder.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Default: one per core.")
    ] = None,
) -> None:
    """Make a class of twenty students and grade it.

    Right answers in several forms, known mistakes, a loop without end, a crash, a syntax error, a
    missing file, an empty notebook.
    """
    from dataclasses import replace

    from autograder.course import find_course, find_unit
    from autograder.grading.classroom import Folder
    from autograder.grading.demo import write_demo
    from autograder.grading.errors import GradingError
    from autograder.release.stub import write_stub

    course = _staff(find_course())
    chosen = find_unit(course.units_folder, unit) if unit else course.units[0]
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise GradingError(f"{keep} is not empty. Name a new folder for --keep.")
    with tempfile.TemporaryDirectory(prefix="handgrad-demo-") as name:
        home = keep or Path(name)
        handed_in = write_demo(chosen, write_stub(chosen), home / "submissions")
        out.print(f"[bold]Twenty students handed in {chosen.name}:[/]")
        for student, what in handed_in.items():
            out.print(f"  {student:10} [dim]{escape(what)}[/]", highlight=False)
        plan = _plan(course, [home / "submissions"], [chosen.name])
        # A short deadline, so that the student who never returns does not hold up the show.
        settings = replace(_settings(course.policy), call_seconds=2.0)
        folder = Folder(home / "out")
        report = _grade(course, plan, settings, folder, jobs=jobs)
        _finish(report, folder, kept=keep is not None)


@app.command()
@sentences
def doctor() -> None:
    """Say what this machine offers, and what it means if something is missing."""
    from rich.table import Table

    from autograder.devices.machine import findings

    table = Table(show_header=False, box=None)
    for finding in findings():
        mark = "[green]yes[/]" if finding.there else "[yellow]no[/]"
        text = finding.detail if finding.there else finding.missing
        table.add_row(mark, finding.what, escape(text))
    out.print(table)


# --- shared by the commands ---------------------------------------------------------------


def _staff(course: Course) -> Course:
    from autograder.course import CourseError

    if course.kind != "staff":
        raise CourseError(
            f"{course.root} is a students' release: it has no reference and no hidden tests. "
            "Instructors run this in the course's own repository; students run `autograder check`."
        )
    return course


def _settings(policy: Policy) -> Settings:
    from autograder.devices import available
    from autograder.grading.settings import Settings

    return Settings.of(policy, available())


def _plan(course: Course, paths: list[Path], names: list[str]) -> Plan:
    """What to grade of the submissions under `paths`."""
    from autograder.course import find_unit
    from autograder.grading.classroom import plan, units_present
    from autograder.grading.errors import GradingError
    from autograder.grading.recognition import recognised

    every = course.units
    known = [recognised(course, unit) for unit in every]
    units: list[Unit]
    if names:
        units = [find_unit(course.units_folder, name) for name in names]
    else:
        with out.status("Looking at the submissions ..."):
            units = units_present(paths, every, known)
        if not units:
            raise GradingError(
                "None of the submissions holds work on a unit of this course. Name the unit with "
                "--unit to grade them all the same, or see docs/submitting.md for what is found."
            )
    return plan(paths, units, known, best=course.policy.attempt == "best")


def _grade(
    course: Course,
    plan: Plan,
    settings: Settings,
    folder: Folder,
    *,
    jobs: int | None = None,
    resume: bool = False,
    worker: str = "",
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

    from autograder.devices.machine import can_fork, usable_cores
    from autograder.grading.classroom import grade_class
    from autograder.grading.process import Orders
    from autograder.grading.results import Result

    if not can_fork() or worker == "spawn":
        err.print(
            "[yellow]Workers are spawned one by one and do not confine the students' code: grade "
            "code of people you do not know in the container of docs/worker.md.[/]",
            soft_wrap=True,
        )
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
            processes=jobs or usable_cores(),
            job_seconds=settings.submission_seconds,
            resume=resume,
            on_result=on_result,
        )


def _finish(report: ClassReport, folder: Folder, *, kept: bool = True) -> None:
    """Show the table, say where things are, exit with what it came to."""
    from autograder.report.terminal import class_table
    from autograder.report.writing import write_reports

    write_reports(folder, report.results)
    out.print(class_table(report.results))
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
    raise typer.Exit(1 if needy else 0)


if __name__ == "__main__":
    main()
