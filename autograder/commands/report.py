"""`autograder report`: results as gradebooks, pages and files for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from autograder.commands.console import err, out
from autograder.commands.options import OnlyUnits, in_words
from autograder.integrations import report_formats

FILLING = ", ".join(format.name for format in report_formats() if format.fills)


def report(
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS", help="The OUT of a class run, or one result file."),
    ],
    format: Annotated[
        str, typer.Option("--format", "-f", help=f"What to make: {in_words(report_formats())}.")
    ] = "terminal",
    to: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write. Default: the terminal.")
    ] = None,
    roster: Annotated[
        Path | None,
        typer.Option("--roster", help=f"{FILLING}: the gradebook as downloaded, to fill in."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help=f"{FILLING}: UNIT=TITLE of the column to fill in (may be repeated). Default: "
            "the one that is called like the unit.",
        ),
    ] = None,
    scale: Annotated[
        bool,
        typer.Option("--scale", help=f"{FILLING}: convert marks to the points of the gradebook."),
    ] = False,
    unit: OnlyUnits = None,
    staff: Annotated[
        bool, typer.Option("--staff", help="junit: tell hidden tests in full.")
    ] = False,
) -> None:
    """Make gradebooks, pages and files for other tools from results.

    Exit code: 0 done, 2 the report could not be made.
    """
    from autograder.report import find_format, read_material, write_document

    chosen = find_format(report_formats(), format)
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
        write_document(document, to)
    elif document.view is not None:
        out.print(document.view)
    elif document.content is not None:
        typer.echo(document.content, nl=False)
