"""How a unit's files declare exercises, known mistakes and alternatives.

The declarations are read from the source (`autograder.course`), so the decorators themselves do
almost nothing: they give the declaration a form that Python, pytest and an editor understand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Literal, TypeVar

import pytest

F = TypeVar("F", bound=Callable[..., object])


def exercise(name: str, *, points: float, speed: float | None = None) -> Callable[[F], F]:
    """Say which exercise a test belongs to, and how many points it is worth.

    Args:
        name: the exercise, which is the name of the function that the student completes.
        points: what passing this test earns. All tests of an exercise, public and hidden, add up
            to the exercise's points; one test is all or nothing.
        speed: for a hidden test on large inputs: how many times as long as the reference the
            exercise's function may take; see `autograder.grading.speed`.

    Example:
        >>> @exercise("relu_forward", points=2)
        ... def test_relu_forward_is_zero_below_zero(student, device): ...
    """

    def mark(function: F) -> F:
        marked: F = pytest.mark.exercise(name, points=points, speed=speed)(function)
        return marked

    return mark


def mistake(
    exercise: str,
    sentence: str,
    *,
    change: Mapping[str, str] | None = None,
    on: Literal["", "cuda"] = "",
    equal_in: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Declare a known wrong implementation of one exercise.

    Args:
        exercise: the function of the reference that the decorated function replaces.
        sentence: what a student who made this mistake should be told.
        change: pieces of that function's code, each of which stands there once, and what stands
            there instead. Then nothing is decorated: the mistake's name is what the declaration
            is assigned to.
        on: ``"cuda"`` for a mistake that is none on the CPU, like a tensor made without `device=`.
        equal_in: exercises that build on the function and come to the same with the mistake, say
            because they only need it for one sample. All others must lose points by it, also where
            only they make it.

    Example:
        >>> bias_is_forgotten = mistake(
        ...     "linear_forward", "You left out the bias.", change={" + b": ""}
        ... )
    """
    return lambda function: function


def alternative(title: str, *, replaces: str, exempt: Set[str] = frozenset()) -> Callable[[F], F]:
    """Declare a part of another correct implementation.

    Args:
        title: functions with the same title form one implementation.
        replaces: the function of the reference that the decorated function replaces.
        exempt: checks that do not apply; ``{"speed"}`` for code that is slow on purpose.
    """
    return lambda function: function
