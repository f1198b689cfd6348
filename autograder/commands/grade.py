"""`autograder grade`: a class's submissions, with public and hidden tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.class_run import finish, plan_class, run_class
from autograder.commands.console import err, out
from autograder.commands.options import Devices


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

    from autograder.course.courses import find_staff_course
    from autograder.devices.detection import gpus_for
    from autograder.supervisor.confining import demand, layers_here
    from autograder.classroom.errors import GradingError
    from autograder.results.folder import Folder
    from autograder.classroom.lateness import unmeasured
    from autograder.classroom.planning import idle_extensions
    from autograder.grading.settings import settings_here
    from autograder.worker.levels import DEFAULT, PROMISES, level_of, reaches

    course = find_staff_course()
    settings = settings_here(course.policy, device or ())
    settings = replace(
        settings,
        submission_seconds=time_limit or settings.submission_seconds,
        call_seconds=call_limit or settings.call_seconds,
        seed=settings.seed if seed is None else seed,
        require=require,
    )
    gpus_for(settings.devices, gpus)  # refused before anything is written
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
    plan = plan_class(course, submissions, unit or [], student)
    idle = [] if student else idle_extensions(course.policy, plan)
    for warning in [*plan.warnings, *idle]:
        err.print(f"[yellow]{escape(warning)}[/]", soft_wrap=True)
    if regrade and (to / "results").exists():
        out.print(f"The earlier results are kept in {escape(str(folder.keep_previous()))}.")
    report = run_class(
        course, plan, settings, folder, jobs=jobs, resume=resume, worker=worker, gpus=gpus
    )
    if sentence := unmeasured(report.results, course.policy.late):
        err.print(f"[yellow]{escape(sentence)}[/]", soft_wrap=True)
    if gradebook:
        from autograder.integrations.nbgrader.gradebook import database_url, write_gradebook

        for sentence in write_gradebook(database_url(gradebook), report.results):
            out.print(escape(sentence), soft_wrap=True)
    finish(report, folder)
