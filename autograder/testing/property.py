"""The test function inside `@given`, and running something else in its place.

Hypothesis offers ``test.hypothesis.inner_test`` for this: it draws the arguments and calls
whatever stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Body = Callable[..., None]


def is_property(function: Callable[..., Any]) -> bool:
    """Whether the test draws its inputs, i.e. is decorated with `given`."""
    return hasattr(function, "hypothesis")


def strategies_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """What a property test draws its arguments from, by name."""
    strategies: Mapping[str, Any] = function.strategies  # type: ignore[attr-defined]
    return strategies


def body_of(function: Callable[..., Any]) -> Body:
    """The test as it was written: takes the fixtures and the drawn arguments."""
    body: Body = function.hypothesis.inner_test if is_property(function) else function  # type: ignore[attr-defined]
    return body


@contextmanager
def body_replaced(function: Callable[..., Any], body: Body) -> Iterator[None]:
    """While inside, hypothesis calls `body` with the arguments it draws for `function`."""
    handle = function.hypothesis  # type: ignore[attr-defined]
    original = handle.inner_test
    handle.inner_test = body
    try:
        yield
    finally:
        handle.inner_test = original
