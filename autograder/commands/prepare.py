"""`autograder prepare`: everything that grading needs and that no submission changes, once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.console import err, out
from autograder.commands.options import Devices, Jobs


def prepare(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[UNIT]...", help="Units. Default: all.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Write here. Default: this user's cache folder."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, help="Draw other inputs. Default: course.toml's seed."),
    ] = None,
    device: Devices = None,
    jobs: Jobs = None,
) -> None:
    """Prepare units for grading: draw their inputs, run the reference and the known mistakes.

    Grading does so by itself when it is first needed. Each unit becomes one file, its exam, which
    is as secret as solutions/. It holds for these units, seed, devices and versions and for this
    kind of processor, and is not used for others. Exams in solutions/.exams travel with a course:
    `release` puts them into what it makes for other graders.

    Exit code: 0 all prepared, 1 some units cannot be, 2 nothing could be done.
    """
    from dataclasses import replace

    from autograder.classroom import prepare_units
    from autograder.course import find_staff_course, find_unit
    from autograder.devices import usable_cores
    from autograder.grading import settings_here

    course = find_staff_course()
    units = [find_unit(course.units_folder, name) for name in what or []] or course.units
    settings = settings_here(course.policy, device or ())
    if seed is not None:
        settings = replace(settings, seed=seed)
    bad = 0
    for prepared in prepare_units(course, units, settings, to, processes=jobs or usable_cores()):
        if prepared.fault:
            bad += 1
            err.print(f"[red]{escape(prepared.fault)}[/]", soft_wrap=True, highlight=False)
        else:
            out.print(escape(prepared.told), soft_wrap=True, highlight=False)
    raise typer.Exit(1 if bad else 0)
