"""Small inputs of a property test, drawn as hypothesis lets a backend draw them.

Whatever a test's strategies are, they come down to choices of integers, booleans and the like
(https://hypothesis.readthedocs.io/en/latest/extras.html, "Alternative backends"). Here each input
makes most of its choices as small as they can be, or nearly so, and a few at random: a test's
smallest inputs, and beside them those in which one or two things are as they are in large ones.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import hypothesis
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, PrimitiveProvider

from autograder.testing import PROFILE

_BACKEND = "handgrad-small"
# The share of choices that are made at random; each input takes the next of these.
_FREE = (0.0, 0.15, 0.3, 0.5)
# Of the others, so many are one step away from the smallest.
_NEARLY = 0.4
_LARGEST = 2**16  # where a strategy sets no bounds
# A choice among so many is no size: it seeds values, which make an input no larger.
_WIDE = 256


def small_inputs(
    strategies: Mapping[str, st.SearchStrategy[Any]], *, seed: int, count: int
) -> list[dict[str, Any]]:
    """Draw small inputs.

    Args:
        strategies: of a test, by argument.
        seed: the same seed draws the same inputs.
        count: how many; fewer come if there are not as many.
    """
    found: list[dict[str, Any]] = []

    def keep(**drawn: Any) -> None:
        found.append(drawn)

    draw = hypothesis.given(**strategies)(keep)
    draw = settings(PROFILE, backend=_BACKEND, max_examples=count, phases=(Phase.generate,))(draw)
    _Small.seed = seed
    hypothesis.seed(seed)(draw)()
    return found


class _Small(PrimitiveProvider):
    """Draws small choices; one instance for each run of `small_inputs`."""

    seed = 0

    def __init__(self, conjecturedata: Any, /) -> None:
        super().__init__(conjecturedata)
        self._random = random.Random(self.seed)
        self._turn = -1

    def per_test_case_context_manager(self) -> Any:
        self._turn += 1
        return super().per_test_case_context_manager()

    def _free(self) -> bool:
        return self._random.random() < _FREE[self._turn % len(_FREE)]

    def draw_boolean(self, p: float = 0.5) -> bool:
        if p <= 0 or p >= 1:
            return p >= 1
        return self._random.random() < (p if self._free() else p * _NEARLY)

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: dict[int, float] | None = None,
        shrink_towards: int = 0,
    ) -> int:
        low = -_LARGEST if min_value is None else min_value
        high = max(low, _LARGEST) if max_value is None else max_value
        low = min(low, high)
        if self._free() or (high - low >= _WIDE and self._random.random() < 0.5):
            return self._random.randint(low, high)
        smallest = min(max(shrink_towards, low), high)
        if self._random.random() < _NEARLY:
            return smallest + 1 if smallest < high else max(smallest - 1, low)
        return smallest

    def draw_float(
        self,
        *,
        min_value: float = -math.inf,
        max_value: float = math.inf,
        allow_nan: bool = True,
        smallest_nonzero_magnitude: float,
    ) -> float:
        low, high = max(min_value, -float(_LARGEST)), min(max_value, float(_LARGEST))
        low, high = min(low, max_value), max(high, min_value)
        drawn = self._random.uniform(low, high)
        if not self._free():
            drawn = min(max(float(round(drawn)), low), high)
        return 0.0 if abs(drawn) < smallest_nonzero_magnitude and low <= 0 <= high else drawn

    def draw_string(self, intervals: Any, *, min_size: int = 0, max_size: int = 10**6) -> str:
        size = min(max_size, min_size + self._random.randrange(3))
        return "".join(
            chr(intervals[self._random.randrange(min(len(intervals), 26))]) for _ in range(size)
        )

    def draw_bytes(self, min_size: int = 0, max_size: int = 10**6) -> bytes:
        return self._random.randbytes(min(max_size, min_size + self._random.randrange(3)))


AVAILABLE_PROVIDERS[_BACKEND] = f"{_Small.__module__}.{_Small.__qualname__}"
