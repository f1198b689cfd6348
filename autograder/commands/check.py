"""`autograder check`: the public tests on a student's own work."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from autograder.commands.console import err, out
from autograder.commands.options import Devices
from autograder.integrations import annotators

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from autograder.course import Course, Unit
    from autograder.integrations import Annotator
    from autograder.results import Result

ANNOTATORS = ", ".join(annotator.name for annotator in annotators())


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
    annotate: Annotated[
        str,
        typer.Option(
            "--annotate",
            metavar="CI",
            help="Also annotate the files and write the job's summary, as this system shows them: "
            f"{ANNOTATORS}.",
        ),
    ] = "",
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML.")
    ] = None,
) -> None:
    """Run the public tests on your own work.

    Shows the points of each exercise, and for each failing test the smallest input it fails on,
    what was expected, what came, and the pytest command that runs it alone.

    Exit code: 0 all public tests pass, 1 some fail, 2 nothing could be checked.
    """
    from autograder.course import find_course, find_targets

    shown = _annotator(annotate)
    course = find_course()
    targets = find_targets(course, what or [], Path.cwd())
    results: list[Result] = []
    for unit, result in _checked(course, targets, device or (), in_process=in_process):
        if begun and _is_idle(result):
            # Where nothing can be checked, nobody knows whether something is written.
            said = "nothing is written yet." if result.exercises else " ".join(result.notes)
            out.print(f"{unit.name}: {escape(said)}", soft_wrap=True)
            continue
        results.append(result)
        with shown.around(unit, result, course.root) if shown else nullcontext():
            from autograder.report import print_check

            print_check(out, result, verbose=verbose)
    if shown:
        shown.summarise(results)
    if junit is not None:
        import datetime as dt

        from autograder.report import Document, junit_xml, write_document

        write_document(Document(junit_xml(results, dt.datetime.now(dt.UTC))), junit)
    if results and not any(result.exercises for result in results):
        err.print("[yellow]Nothing was checked: there are no public tests of this.[/]")
        raise typer.Exit(2)
    passed = all(result.points == result.max_points for result in results)
    if passed and results:
        out.print("[green]All public tests pass.[/] Hidden tests check more when it is graded.")
    raise typer.Exit(0 if passed else 1)


def _checked(
    course: Course,
    targets: Sequence[tuple[Unit, tuple[str, ...]]],
    devices: Sequence[str],
    *,
    in_process: bool,
) -> Iterator[tuple[Unit, Result]]:
    """The result of each unit, as it comes."""
    from autograder.devices import can_fork
    from autograder.grading import settings_here

    settings = settings_here(course.policy, devices)
    if can_fork() and not in_process:
        from autograder.classroom import check_units

        yield from check_units(course, targets, settings)
        return
    err.print("[dim]Your code runs in this process: press Ctrl+C if it does not come back.[/]")
    from autograder.exam import ExamStore
    from autograder.grading import check as check_unit

    exams = ExamStore.here(course.units_folder)
    for unit, exercises in targets:
        yield unit, check_unit(course, unit, exercises, settings, None, exams)


def _is_idle(result: Result) -> bool:
    """Whether nothing is written yet, and nothing has to be said of the whole."""
    idle = all(e.status in ("not attempted", "blocked") for e in result.exercises)
    return idle and not result.message


def _annotator(name: str) -> Annotator | None:
    """The CI system of that name; None for no name.

    Raises:
        typer.BadParameter: there is none.
    """
    found = next((annotator for annotator in annotators() if annotator.name == name), None)
    if name and found is None:
        raise typer.BadParameter(f"There is no {name!r}; there are {ANNOTATORS}.")
    return found
