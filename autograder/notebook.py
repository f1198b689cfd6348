"""Checking one's work inside a notebook.

    from autograder.notebook import check

    check("linear_forward")

runs the public tests of an exercise on the functions as they are now defined in the notebook,
saved or not, and shows what came of it below the cell. `check()` does so for the whole unit.

This module imports nothing until `check` is called in a notebook. Where there is none, in a module
that was made from a notebook or while a submission is graded, `check` does nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autograder.course import Course, Unit

__all__ = ["check"]


def check(*names: str, strict: bool = False) -> None:
    """Show the points that the functions of this notebook get from the public tests.

    Args:
        names: exercises; none means all of the unit whose folder the notebook lies in.
        strict: also fail, as a cell that validates a notebook must.

    Raises:
        AssertionError: with `strict`, a public test fails or nothing could be checked.

    Example:
        >>> check("linear_forward")  # outside a notebook nothing happens
    """
    shell = _shell()
    if shell is None:
        return
    problem = _check(shell, names)
    if strict and problem:
        raise AssertionError(problem)


def cell_name(file: str) -> str | None:
    """What IPython calls a cell that it compiled, ``"Cell In[3]"``; None if it is no cell."""
    shell = _shell()
    told = None if shell is None else getattr(shell.compile, "format_code_name", _unnamed)(file)
    return " ".join(told) if told else None


def _unnamed(file: str) -> None:
    """IPython before 8.0 has no names for cells."""


def _shell() -> Any:
    """The IPython that this runs in; None where there is none."""
    interactive = sys.modules.get("IPython")
    return None if interactive is None else interactive.get_ipython()


def _check(shell: Any, names: tuple[str, ...]) -> str:
    """Check and show; what is wrong in one sentence, or nothing."""
    import IPython.display

    from autograder.course import CourseError, find_course
    from autograder.exam import PreparationError
    from autograder.grading import settings_here
    from autograder.report import Message, Page

    display: Callable[[object], object] = IPython.display.display

    try:
        from autograder.grading import check_live

        course = find_course()
        unit, exercises = _meant(course, names)
        settings = settings_here(course.policy)
        result = check_live(course, unit, exercises, settings, shell.user_ns, cell_name)
    except (CourseError, PreparationError) as error:
        display(Message(str(error)))
        return str(error)
    except KeyboardInterrupt:
        said = "Stopped before the check was done."
        display(Message(said))
        return said
    display(Page(result))
    lost = [e.name for e in result.exercises if e.status != "full"]
    return f"Public tests fail: {', '.join(lost)}." if lost else ""


def _meant(course: Course, names: tuple[str, ...]) -> tuple[Unit, tuple[str, ...]]:
    """The one unit that is meant, and its exercises; the notebook's own unit goes first."""
    from autograder.course import CourseError, find_targets

    here = Path.cwd()
    targets = find_targets(course, list(names), here)
    home = [t for t in targets if here == t[0].folder or t[0].folder in here.parents]
    found = home or targets
    if len(found) != 1:
        raise CourseError(
            f"Name one exercise, or open the notebook in its unit's folder: {here} is of no one "
            f"of {', '.join(unit.name for unit, _ in found)}."
        )
    return found[0]
