"""Where commands write, and what becomes of an error that has a sentence for the user."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Callable
from typing import ParamSpec

import typer
from packaging.requirements import Requirement
from rich.console import Console
from rich.markup import escape

from autograder.errors import HandgradError

P = ParamSpec("P")

out = Console()
err = Console(stderr=True)


def sentences(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that have a sentence for the user into that sentence and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except HandgradError as error:
            err.print(f"[red]{escape(str(error))}[/]", soft_wrap=True, highlight=False)
            raise typer.Exit(2) from None
        except ModuleNotFoundError as error:
            if error.name not in instructor_libraries():
                raise
            err.print(f"[red]This needs {error.name}: pip install 'handgrad\\[instructor]'.[/]")
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            err.print("[yellow]Stopped.[/] What was graded is kept; --resume goes on from there.")
            raise typer.Exit(130) from None

    return wrapped


def instructor_libraries() -> set[str]:
    """What is not installed with a student's tool: the requirements of the extra ``instructor``."""
    needed = (Requirement(line) for line in importlib.metadata.requires("handgrad") or ())
    names = {r.name for r in needed if r.marker and not r.marker.evaluate({"extra": ""})}
    return names | {name.replace("-", "_") for name in names}
