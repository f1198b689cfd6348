"""How close an answer has to be, on an input of which it is known how well conditioned it is.

An answer that is right but written otherwise differs by as much as rounding moves the result:
the condition number of the problem times a few units in the last place (N. J. Higham, Accuracy and
Stability of Numerical Algorithms, 2nd ed., SIAM 2002, section 1.6). Where a hidden test's inputs
are drawn, that spread is measured on the reference, comparison by comparison; where it is larger
than usual, the comparison allows a small multiple of it.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

# Relative to the largest element. float32: a sum in another order stays well inside; float64: a
# detour through float32 (relative error 6e-8) does not.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
# So many times the measured spread is allowed: other right ways round otherwise than those tried.
TIMES = 8
# Never more than this: an input on which right answers differ by more tells nothing.
MOST = 1e-2

Spreads = Mapping[str, Sequence[float]] | None
"""For the name of what is compared, how far right answers lie apart, each time it is compared, if
that is more than usual; None if it was not measured, and may be anything in float32."""


@dataclass
class Compared:
    """What a comparison came to in a run of which only that is of interest.

    Attributes:
        name: of what was compared.
        turn: how often that had been compared before.
        error: relative, as the tolerance is; infinite where the answers are different ones.
        tolerance: that the comparison would allow.
    """

    name: str
    turn: int
    error: float
    tolerance: float

    @property
    def ratio(self) -> float:
        """Of the error to the tolerance: 1 is the most that is accepted."""
        if self.error <= 0:
            return 0.0
        return self.error / self.tolerance if self.tolerance else math.inf


@dataclass
class _Run:
    """A test's run on one input."""

    spreads: Spreads
    measured: list[Compared] | None = None
    turns: Counter[str] = field(default_factory=Counter)


_run: _Run | None = None


@contextlib.contextmanager
def spreads_known(spreads: Spreads) -> Iterator[None]:
    """Comparisons in this context, which is a test's run on one input, allow for its spreads."""
    if _run is not None and _run.measured is not None:
        _run.spreads = spreads
        yield
        return
    with _running(None if spreads == {} else _Run(spreads)):
        yield


@contextlib.contextmanager
def comparisons_measured() -> Iterator[list[Compared]]:
    """Comparisons of values in this context are noted, and never fail."""
    measured: list[Compared] = []
    with _running(_Run({}, measured)):
        yield measured


@contextlib.contextmanager
def _running(run: _Run | None) -> Iterator[None]:
    global _run
    before, _run = _run, run
    try:
        yield
    finally:
        _run = before


def tolerance(name: str, dtype: torch.dtype, tol: float | None = None) -> float:
    """What the comparison that begins now allows; to be asked once for each.

    Args:
        name: of what is compared.
        dtype: of what is compared.
        tol: what it allows on a well conditioned input; None for what is usual.
    """
    usual = TOLERANCE.get(dtype, 0.0) if tol is None else tol
    if _run is None:
        return usual
    if _run.spreads is None:
        return max(usual, MOST) if dtype is torch.float32 else usual
    turn, _run.turns[name] = _run.turns[name], _run.turns[name] + 1
    known = _run.spreads.get(name, ())
    return widened(usual, known[turn]) if turn < len(known) else usual


def widened(usual: float, spread: float) -> float:
    """The tolerance of a comparison of right answers that lie so far apart."""
    return max(usual, min(TIMES * spread, MOST))


def is_measuring() -> bool:
    """Whether comparisons are only noted."""
    return _run is not None and _run.measured is not None


def note(name: str, error: float, allowed: float) -> None:
    """A comparison that is only noted: what it came to, and what it would have allowed."""
    assert _run is not None
    assert _run.measured is not None
    _run.measured.append(Compared(name, _run.turns[name] - 1, error, allowed))
