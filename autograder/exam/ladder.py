"""Smaller inputs for each property test, to show a student one of them where the test fails.

What a student learns most from is the smallest input that their code fails on. Looking for it is
looking among inputs that were drawn, run on the reference and sorted by size beforehand.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import Phase, settings
from hypothesis.errors import HypothesisException

from autograder.exam.prepared import PreparedExample
from autograder.exam.probes import count_elements
from autograder.exam.small import small_inputs
from autograder.testing import PROFILE, describe, strategies_of

DRAWN = 50  # inputs that are drawn
SEARCH_TRIES = 80  # inputs that a search looks at


def small_examples(
    function: Callable[..., Any],
    keep: Callable[[dict[str, Any]], PreparedExample | None],
    *,
    seed: int,
) -> list[PreparedExample]:
    """Small inputs of a property test, each once, smallest first.

    Args:
        function: the test.
        keep: runs the reference on an input; None to leave it out.
        seed: the same seed draws the same inputs.
    """
    found: dict[str, dict[str, Any]] = {}
    for drawn in small_inputs(strategies_of(function), seed=seed, count=DRAWN):
        found.setdefault(_told(drawn), drawn)
    kept = map(keep, sorted(found.values(), key=count_elements))
    return [example for example in kept if example is not None]


def search(
    function: Callable[..., Any], fails: Callable[[dict[str, Any]], bool], *, seed: int
) -> dict[str, Any] | None:
    """The smallest input with some property that hypothesis finds in a number of tries.

    Args:
        function: the test.
        fails: whether an input has the property.
        seed: the same seed finds the same input.
    """
    best: dict[str, Any] | None = None
    tries = 0

    def look(**drawn: Any) -> None:
        nonlocal best, tries
        tries += 1
        if tries > SEARCH_TRIES:
            raise _Over
        if not fails(drawn):
            return
        if best is None or count_elements(drawn) <= count_elements(best):
            best = drawn
        raise _Failed

    find = hypothesis.given(**strategies_of(function))(look)
    find = settings(PROFILE, max_examples=20, phases=(Phase.generate, Phase.shrink))(find)
    # Cut short, or a mistake that answers differently every time.
    with contextlib.suppress(_Over, _Failed, HypothesisException):
        hypothesis.seed(seed)(find)()
    return best


class _Failed(Exception):
    """An input has the property."""


class _Over(BaseException):
    """Enough tries; not an `Exception`, so that hypothesis lets it through."""


def _told(drawn: dict[str, Any]) -> str:
    """What people would see of an input: two that look the same are one."""
    return describe(drawn, elements=1 << 10)
