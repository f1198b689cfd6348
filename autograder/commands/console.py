"""Where commands write, and what becomes of an error that has a sentence for the user."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec

import typer
from rich.console import Console
from rich.markup import escape

P = ParamSpec("P")

INSTRUCTOR_LIBRARIES = {"nbformat", "hatchling", "jinja2", "nbgrader", "otter-grader"}
"""What is not installed with a student's tool."""

out = Console()
err = Console(stderr=True)


def sentences(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that have a sentence for the user into that sentence and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        from autograder.course.declarations import CourseError
        from autograder.devices.device import DeviceError
        from autograder.classroom.errors import GradingError
        from autograder.exam.prepared import PreparationError
        from autograder.results.files import ResultError
        from autograder.submissions.records import Unreadable

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
