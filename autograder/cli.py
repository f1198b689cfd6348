"""The command `autograder`.

Each command says in one sentence what is wrong when it cannot do its work, and exits with 2; the
other exit codes are in its help.
"""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from autograder.course import Course, Unit
    from autograder.grading.classroom import ClassReport, Plan
    from autograder.grading.folder import Folder
    from autograder.grading.results import Result
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
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        help="Run the tests on this device: cpu, or cuda, which is simulated where there is no GPU "
        "(may be repeated). Default: every device there is.",
    ),
]
INSTRUCTOR_LIBRARIES = {"nbformat", "hatchling", "jinja2", "nbgrader", "otter-grader"}

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
        from autograder.devices import DeviceError
        from autograder.grading.errors import GradingError, PreparationError, ResultError
        from autograder.submissions import Unreadable

        try:
            command(*args, **kwargs)
        except (
            *(CourseError, DeviceError, GradingError, PreparationError, ResultError),
            Unreadable,
        ) as error:
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
    device: Devices = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also show what your code printed.")
    ] = False,
    begun: Annotated[
        bool, typer.Option("--begun", help="Leave out units in which nothing is written yet.")
    ] = False,
    github: Annotated[
        bool,
        typer.Option("--github", help="Also annotate the files and write the job's summary."),
    ] = False,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML.")
    ] = None,
) -> None:
    """Run the public tests on your own work.

    Shows the points of each exercise, and for each failing test the smallest input it fails on,
    what was expected, what came, and the pytest command that runs it alone.

    Exit code: 0 all public tests pass, 1 some fail, 2 nothing could be checked.
    """
    from autograder.course import find_course
    from autograder.devices.detection import cuda_build, has_driver
    from autograder.devices.machine import can_fork
    from autograder.grading.settings import settings_here
    from autograder.grading.targets import chosen

    course = find_course()
    targets = chosen(course, what or [], Path.cwd())
    workers = None
    if can_fork() and not in_process:
        from autograder.grading.workers import start_workers

        workers = start_workers(profile="cuda" if has_driver() and cuda_build() else "cpu")
    else:
        err.print("[dim]Your code runs in this process: press Ctrl+C if it does not come back.[/]")
    try:
        # Imported only now: the worker server starts up while torch is imported here.
        from autograder.grading.check import check as check_unit
        from autograder.report.actions import check_summary, for_github, summarise
        from autograder.report.terminal import print_check

        settings = settings_here(course.policy, device or ())
        results: list[Result] = []
        for unit, exercises in targets:
            result = check_unit(course, unit, exercises, settings, workers)
            idle = all(e.status in ("not attempted", "blocked") for e in result.exercises)
            if begun and idle and not result.message:
                out.print(f"{unit.name}: nothing is written yet.")
                continue
            results.append(result)
            with for_github(unit, result, course.root) if github else nullcontext():
                print_check(out, result, verbose=verbose)
    finally:
        if workers is not None:
            workers.close()
    if github:
        summarise(check_summary(results))
    if junit is not None:
        import datetime as dt

        from autograder.report.junit import junit as junit_xml
        from autograder.report.material import Document
        from autograder.report.writing import put

        put(Document(junit_xml(results, dt.datetime.now(dt.UTC))), junit)
    passed = all(result.points == result.max_points for result in results)
    if passed and results:
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
    student: Annotated[
        str,
        typer.Option(
            "--student",
            help="Everything at the one path named is this student's, whatever it is called. "
            "Needs --unit.",
        ),
    ] = "",
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
            "--regrade",
            help="Grade everything again; the old results are kept in OUT/previous, and no mark "
            "falls before you `accept` it.",
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
    gradebook: Annotated[
        str,
        typer.Option(
            "--gradebook",
            metavar="URL",
            help="Also enter the grades into nbgrader's gradebook, e.g. sqlite:///gradebook.db.",
        ),
    ] = "",
    worker: Annotated[
        str, typer.Option("--worker", help="How workers start: fork (Linux) or spawn.")
    ] = "",
    require: Annotated[
        str,
        typer.Option(
            "--require",
            metavar="LEVEL",
            help="Refuse to grade where students' code is confined less: isolated, filtered, "
            "separated, limited or none. Below filtered, it may read the hidden tests.",
        ),
    ] = "filtered",
    device: Devices = None,
    gpus: Annotated[
        int,
        typer.Option(
            "--gpus", min=1, help="GPUs to grade on at once: one submission at a time on each."
        ),
    ] = 1,
) -> None:
    """Grade submissions with public and hidden tests.

    Writes OUT/results/UNIT/STUDENT.json, OUT/feedback/UNIT/STUDENT.md and OUT/grades.csv, each as
    soon as it is known. A submission that cannot be read gets a sentence and a zero; where the
    grader itself fails, the submission "needs a person" and gets no mark.

    Exit code: 0 all graded, 1 some need a person or a lower mark waits, 2 nothing could be graded.
    """
    from dataclasses import replace

    from autograder.course import find_course
    from autograder.grading.classroom import idle_extensions
    from autograder.grading.confining import demand, layers_here
    from autograder.grading.errors import GradingError
    from autograder.grading.folder import Folder
    from autograder.grading.lateness import unmeasured
    from autograder.grading.settings import settings_here
    from autograder.worker.levels import DEFAULT, PROMISES, level_of, reaches

    course = _staff(find_course())
    settings = settings_here(course.policy, device or ())
    settings = replace(
        settings,
        submission_seconds=time_limit or settings.submission_seconds,
        call_seconds=call_limit or settings.call_seconds,
        seed=settings.seed if seed is None else seed,
        require=require,
    )
    layers = layers_here(worker)
    demand(require, layers)
    if not reaches(level := level_of(layers), DEFAULT):
        err.print(f"[yellow]Students' code is not confined: {PROMISES[level]}.[/]", soft_wrap=True)
    folder = Folder(to)
    if (to / "results").exists() and not (resume or regrade):
        raise GradingError(
            f"{to} already holds results. Add --resume to go on and keep those that still hold, "
            "--regrade to grade everything again, or name another folder."
        )
    plan = _plan(course, submissions, unit or [], student)
    idle = [] if student else idle_extensions(course.policy, plan)
    for warning in [*plan.warnings, *idle]:
        err.print(f"[yellow]{escape(warning)}[/]", soft_wrap=True)
    if regrade and (to / "results").exists():
        out.print(f"The earlier results are kept in {escape(str(folder.keep_previous()))}.")
    report = _grade(
        course, plan, settings, folder, jobs=jobs, resume=resume, worker=worker, gpus=gpus
    )
    if sentence := unmeasured(report.results, course.policy.late):
        err.print(f"[yellow]{escape(sentence)}[/]", soft_wrap=True)
    if gradebook:
        from autograder.report.gradebook import database_url, write_gradebook

        for sentence in write_gradebook(database_url(gradebook), report.results):
            out.print(escape(sentence), soft_wrap=True)
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
    from autograder.grading.folder import Folder
    from autograder.grading.resolve import resolve as decide
    from autograder.report.words import total
    from autograder.report.writing import write_reports

    folder = Folder(to)
    result = decide(folder, student, unit, exercise, points, reason)
    write_reports(folder, folder.results())
    out.print(f"{escape(result.student)} has {total(result)} points in {result.unit}.")


@app.command()
@sentences
def accept(
    to: Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a class run.")],
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
    from autograder.grading.errors import GradingError
    from autograder.grading.folder import Folder
    from autograder.grading.regrade import accept as let_fall
    from autograder.report.words import total
    from autograder.report.writing import write_reports

    folder = Folder(to)
    if not (to / "results").is_dir():
        raise GradingError(f"{to} holds no results. Name the OUT of `autograder grade`.")
    accepted = let_fall(folder, students or [], unit)
    for result in accepted:
        out.print(f"{escape(result.student)} has {total(result)} points in {result.unit}.")
    if not accepted:
        out.print(f"No lower mark waits in {escape(str(to))}.")
    write_reports(folder, folder.results())


@app.command()
@sentences
def report(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="The OUT of a class run, or one result file."),
    ],
    format: Annotated[
        str, typer.Option("--format", "-f", help="See docs/reports.md. Default: a table.")
    ] = "terminal",
    to: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write. Default: the terminal.")
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option("--roster", help="canvas, moodle: the gradebook as downloaded, to fill in."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help="canvas, moodle: UNIT=TITLE of the column to fill in (may be repeated). Default: "
            "the one that is called like the unit.",
        ),
    ] = None,
    scale: Annotated[
        bool,
        typer.Option(
            "--scale", help="canvas, moodle: convert marks to the points of the gradebook."
        ),
    ] = False,
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", "-u", help="Only this unit (may be repeated). Default: all."),
    ] = None,
    staff: Annotated[
        bool, typer.Option("--staff", help="junit: tell hidden tests in full.")
    ] = False,
) -> None:
    """Make gradebooks, pages and files for other tools from results.

    Exit code: 0 done, 2 the report could not be made.
    """
    from autograder.report.formats import find_format
    from autograder.report.material import read_material
    from autograder.report.writing import put

    chosen = find_format(format)
    material = read_material(
        results,
        roster=roster,
        out=to,
        staff=staff,
        units=unit or [],
        columns=column or [],
        scale=scale,
    )
    document = chosen.write(material)
    for note in document.notes:
        err.print(escape(note), soft_wrap=True, highlight=False)
    if to is not None:
        put(document, to)
    elif document.view is not None:
        out.print(document.view)
    elif document.content is not None:
        typer.echo(document.content, nl=False)


@app.command()
@sentences
def release(
    to: Annotated[
        Path | None,
        typer.Argument(metavar="[OUT]", help="Folder to write, ready to be pushed."),
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help="What to make: folder (to work in), nbgrader, gradescope, otter, github, gitlab.",
        ),
    ] = "folder",
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", "-u", help="Only this unit (may be repeated). Default: all."),
    ] = None,
    check_only: Annotated[
        bool,
        typer.Option("--check", help="Only say whether assignments/ matches solutions/."),
    ] = False,
) -> None:
    """Make what students get: stubs, public tests, notebooks, README, and this tool.

    With no OUT, brings assignments/ up to date. Releasing again into a folder in which work began
    keeps the work, and says what changed. With --format, makes another tool's form instead.

    Exit code: 0 done (or, with --check, in step), 1 assignments/ is out of step, 2 an error.
    """
    from autograder.course import find_course, find_unit
    from autograder.release import check_assignments
    from autograder.release.formats import make_release

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
    names = [find_unit(course.units_folder, name).name for name in unit or []]
    with out.status("Making the release ..."):
        sentences = make_release(format_, course.root, to, names)
    for sentence in sentences:
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
    device: Devices = None,
) -> None:
    """Grade what the outcome is known of: the reference, the alternatives, the mistakes.

    The reference and every alternative must get full marks, every mistake must lose points in its
    exercise and nowhere that does not depend on it, and must be diagnosed as itself or not at all.

    Exit code: 0 all as it must be, 1 not so, 2 nothing could be verified.
    """
    from dataclasses import replace

    from autograder.course import find_course, find_unit
    from autograder.grading.folder import Folder
    from autograder.grading.settings import settings_here
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
    settings = settings_here(course.policy, device or ())
    settings = replace(settings, require="none")  # all code here is our own
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
            f"{unit.name} on {' and '.join(settings.devices)}: {len(verdicts) - wrong} of "
            f"{len(verdicts)} as they must be; "
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
    from autograder.grading.demo import write_demo
    from autograder.grading.errors import GradingError
    from autograder.grading.folder import Folder
    from autograder.grading.settings import settings_here
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
        settings = replace(settings_here(course.policy), call_seconds=2.0, require="none")
        folder = Folder(home / "out")
        report = _grade(course, plan, settings, folder, jobs=jobs)
        _finish(report, folder, kept=keep is not None)


@app.command()
@sentences
def doctor() -> None:
    """Say what this machine offers, and what it means if something is missing."""
    from rich.table import Table

    from autograder.devices.machine import findings
    from autograder.grading.confining import confinement_findings

    table = Table(show_header=False, box=None)
    for finding in [*findings(), *confinement_findings()]:
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


def _plan(course: Course, paths: list[Path], names: list[str], student: str = "") -> Plan:
    """What to grade of the submissions under `paths`."""
    from autograder.course import find_unit
    from autograder.grading.classroom import plan, units_present
    from autograder.grading.errors import GradingError
    from autograder.grading.recognition import recognised
    from autograder.grading.single import plan_one

    every = course.units
    known = [recognised(course, unit) for unit in every]
    units: list[Unit]
    if student and (len(paths) != 1 or not names):
        raise GradingError(
            "With --student, name one path and the unit: autograder grade FOLDER --student ada "
            "--unit 05_convolution --out RESULTS."
        )
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
    if student:
        return plan_one(paths[0], student, units, known)
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
    from autograder.grading.classroom import grade_class
    from autograder.grading.process import Orders

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


def _finish(report: ClassReport, folder: Folder, *, kept: bool = True) -> None:
    """Show the table, say where things are, exit with what it came to."""
    from autograder.grading.regrade import changes
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


if __name__ == "__main__":
    main()
