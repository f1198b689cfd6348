"""Options and arguments that several commands take, each with its one help text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Protocol

import typer

ClassFolder = Annotated[Path, typer.Argument(metavar="OUT", help="The folder of a class run.")]
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        help="Run the tests on this device: cpu, or cuda, which is simulated where there is no GPU "
        "(may be repeated). Default: every device there is.",
    ),
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Default: one per core.")]
OnlyUnits = Annotated[
    list[str] | None,
    typer.Option("--unit", "-u", help="Only this unit (may be repeated). Default: all."),
]

Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Keep what was prepared of the tests, and use what was kept (see `prepare`).",
    ),
]


class Named(Protocol):
    """A format, as its room's table lists it."""

    @property
    def name(self) -> str: ...

    @property
    def what(self) -> str: ...


def in_words(formats: Iterable[Named]) -> str:
    """The formats that an option takes, for its help."""
    return ", ".join(f"{format.name} ({format.what})" for format in formats)
