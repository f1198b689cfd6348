"""`autograder release`: what students get, and what other tools grade with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.console import err, out
from autograder.commands.options import OnlyUnits, in_words
from autograder.integrations import release_formats


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
            help=f"What to make: {in_words(release_formats())}.",
        ),
    ] = "folder",
    unit: OnlyUnits = None,
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
    from autograder.course import find_staff_course, find_unit
    from autograder.release import check_assignments, make_release

    course = find_staff_course()
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
        sentences = make_release(release_formats(), format_, course.root, to, names)
    for sentence in sentences:
        out.print(escape(sentence), soft_wrap=True)
