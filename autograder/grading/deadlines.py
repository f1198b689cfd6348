"""How long a call may take, and when a function that hangs is not called any more."""

from __future__ import annotations

from collections import Counter

from autograder.submissions import listing

# A function that hung this often in one submission is not called again, and after so many hangs
# of whichever functions none is.
PATIENCE, MOST_HANGS = 2, 6
# A call may take so many times the processor time that it took the reference, and so long at least:
# the first call of a function may have something to import. Once something did not come back, less.
TIMES, LEAST_SECONDS, LEAST_AGAIN = 300.0, 2.0, 1.0


class Hangs:
    """How often the functions of one submission did not come back in time."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def own_seconds(self, reference: float) -> float:
        """How long a call may take of the worker's own time.

        Args:
            reference: the processor time that it took the reference.
        """
        return max(LEAST_AGAIN if self._counts else LEAST_SECONDS, TIMES * reference)

    def add(self, function: str) -> None:
        """It hung once more."""
        self._counts[function] += 1

    def why_not_called(self, function: str) -> str:
        """A sentence on why a function is not called any more; empty if it is."""
        if self._counts[function] >= PATIENCE:
            return (
                f"{function} was not called again: {PATIENCE} times before it did not return in "
                "time."
            )
        if self._counts.total() >= MOST_HANGS:
            hung = listing(sorted(self._counts))
            return f"{function} was not tried: {hung} did not return in time, too often to go on."
        return ""
