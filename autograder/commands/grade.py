"""`autograder grade`: a class's submissions, with public and hidden tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from autograder.commands.class_run import ClassRun, finish, plan_class, run_class
from autograder.commands.console import err, out
from autograder.commands.options import Cache, Devices
from autograder.integrations import gradebooks, platforms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from autograder.classroom import ClassReport, GradingProcesses
    from autograder.course import Policy
    from autograder.grading import Settings
    from autograder.results import Result

Submissions = Annotated[
    list[Path],
    typer.Argument(
        help="Folders of submissions (one entry per student; downloads from "
        f"{', '.join(platform.name for platform in platforms())} as they are) or single "
        "submissions: folders, zip and tar archives, modules, notebooks.",
    ),
]
ResultsFolder = Annotated[
    Path,
    typer.Option("--out", "-o", help="Folder for results, feedback and grades.csv."),
]
GradedUnits = Annotated[
    list[str] | None,
    typer.Option(
        "--unit", "-u", help="Grade this unit (may be repeated). Default: those handed in."
    ),
]
Student = Annotated[
    str,
    typer.Option(
        "--student",
        help="Everything at the one path named is this student's, whatever it is called. "
        "Needs --unit.",
    ),
]
ProcessCount = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Grading processes. Default: one per core."),
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on where an earlier run stopped; keep what still holds."),
]
Regrade = Annotated[
    bool,
    typer.Option(
        "--regrade",
        help="Grade everything again; the old results are kept in OUT/previous, and no mark "
        "falls before you `accept` it.",
    ),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        min=0.1,
        help="Seconds for one unit of one submission. Default: course.toml's submission_seconds.",
    ),
]
CallLimit = Annotated[
    float | None,
    typer.Option(
        "--call-limit",
        min=0.05,
        help="Seconds for one call of a student's function. Default: course.toml's call_seconds.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Draw other inputs. Default: course.toml's seed."),
]
GradebookAddress = Annotated[
    str,
    typer.Option(
        "--gradebook",
        metavar="URL",
        help="Also enter the grades into a gradebook: "
        + ", ".join(f"{book.tool}'s, e.g. {book.example}" for book in gradebooks())
        + ".",
    ),
]
WorkerKind = Annotated[
    str, typer.Option("--worker", help="How workers start: fork (Linux) or spawn.")
]
Level = Annotated[
    str,
    typer.Option(
        "--require",
        metavar="LEVEL",
        help="Refuse to grade where students' code is confined less: isolated, filtered, "
        "separated, limited or none. Below filtered, it may read the hidden tests.",
    ),
]
Gpus = Annotated[
    int,
    typer.Option(
        "--gpus", min=1, help="GPUs to grade on at once: one submission at a time on each."
    ),
]


def grade(
    submissions: Submissions,
    to: ResultsFolder,
    unit: GradedUnits = None,
    student: Student = "",
    jobs: ProcessCount = None,
    resume: Resume = False,
    regrade: Regrade = False,
    time_limit: TimeLimit = None,
    call_limit: CallLimit = None,
    seed: Seed = None,
    gradebook: GradebookAddress = "",
    worker: WorkerKind = "",
    require: Level = "filtered",
    device: Devices = None,
    gpus: Gpus = 1,
    cache: Cache = True,
) -> None:
    """Grade submissions with public and hidden tests.

    Writes OUT/results/UNIT/STUDENT.json, OUT/feedback/UNIT/STUDENT.md and OUT/grades.csv, each as
    soon as it is known. A submission that cannot be read gets a sentence and a zero; where the
    grader itself fails, the submission "needs a person" and gets no mark.

    Exit code: 0 all graded, 1 some need a person or a lower mark waits, 2 nothing could be graded.
    """
    from dataclasses import replace

    from autograder.classroom import unmeasured_lateness
    from autograder.course import find_staff_course
    from autograder.results import Folder, read_result

    course = find_staff_course()
    settings = replace(
        _settings(course.policy, device or (), time_limit, call_limit, seed), require=require
    )
    run = ClassRun(course, settings, Folder(to), jobs, resume, worker, gpus, cache)
    _require_fit(run, regrade=regrade)
    with run.processes() as processes:
        processes.start()  # it imports torch while the submissions are looked through
        report = _graded(run, processes, submissions, unit or [], student, regrade=regrade)
    if sentence := unmeasured_lateness(report.results, course.policy.late):
        err.print(f"[yellow]{escape(sentence)}[/]", soft_wrap=True)
    if gradebook:
        files = (run.folder.result_file(r.unit, r.student) for r in report.results)
        _enter(gradebook, list(map(read_result, files)))
    finish(report, run.folder)


def _graded(
    run: ClassRun,
    processes: GradingProcesses,
    submissions: list[Path],
    units: list[str],
    student: str,
    *,
    regrade: bool,
) -> ClassReport:
    """Plan, show what is to be said of the plan, grade."""
    from autograder.classroom import idle_extensions

    plan = plan_class(run.course, submissions, units, student)
    idle = [] if student else idle_extensions(run.course.policy, plan)
    for warning in [*plan.warnings, *idle]:
        err.print(f"[yellow]{escape(warning)}[/]", soft_wrap=True)
    if regrade and run.folder.has_results:
        out.print(f"The earlier results are kept in {escape(str(run.folder.keep_previous()))}.")
    return run_class(run, plan, processes)


def _settings(
    policy: Policy,
    devices: Sequence[str],
    time_limit: float | None,
    call_limit: float | None,
    seed: int | None,
) -> Settings:
    """What course.toml says, less what the options say otherwise."""
    from dataclasses import replace

    from autograder.grading import settings_here

    settings = settings_here(policy, devices)
    return replace(
        settings,
        submission_seconds=time_limit or settings.submission_seconds,
        call_seconds=call_limit or settings.call_seconds,
        seed=settings.seed if seed is None else seed,
    )


def _require_fit(run: ClassRun, *, regrade: bool) -> None:
    """Refuse what cannot be done here, before anything is written.

    Raises:
        HandgradError: there are not as many GPUs, students' code would be less confined than is
            required, or there are results already and nobody said what becomes of them.
    """
    from autograder.classroom import GradingError
    from autograder.devices import gpus_for
    from autograder.supervisor import layers_here, require_level
    from autograder.worker import DEFAULT_LEVEL, PROMISES, level_of, reaches

    gpus_for(run.settings.devices, run.gpus)
    layers = layers_here(run.worker)
    require_level(run.settings.require, layers)
    if not reaches(level := level_of(layers), DEFAULT_LEVEL):
        err.print(f"[yellow]Students' code is not confined: {PROMISES[level]}.[/]", soft_wrap=True)
    if run.folder.has_results and not (run.resume or regrade):
        raise GradingError(
            f"{run.folder.path} already holds results. Add --resume to go on and keep those that "
            "still hold, --regrade to grade everything again, or name another folder."
        )


def _enter(address: str, results: Sequence[Result]) -> None:
    """Enter results into the gradebook that an address is of."""
    for gradebook in gradebooks():
        if gradebook.accepts(address):
            for sentence in gradebook.enter(address, results):
                out.print(escape(sentence), soft_wrap=True)
            return
    raise typer.BadParameter(f"No gradebook is known at {address!r}.")
