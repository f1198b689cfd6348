"""How long an answer is waited for: in the time that a process had, not in what passed meanwhile.

A function that hangs must not cost more than it has to, and a right one must not be given up
because the machine is busy. So what counts is the time in which the worker ran or chose to sleep;
that in which it stood in line for a processor, as Linux counts it, does not.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long a call may take.

    Attributes:
        own: seconds of the worker's own time.
        at_most: seconds of anybody's; decides alone where nobody counts the worker's.
    """

    own: float
    at_most: float

    @classmethod
    def of(cls, seconds: float) -> Patience:
        """Just so many seconds, whoever uses them."""
        return cls(seconds, seconds)


class OwnClock:
    """The time that a process has had, so far as that can be known.

    Args:
        pid: of the process, as this process counts; None if it is not known.
    """

    def __init__(self, pid: int | None) -> None:
        self._fd: int | None = None
        if pid is not None:
            with contextlib.suppress(OSError):
                self._fd = os.open(f"/proc/{pid}/schedstat", os.O_RDONLY | os.O_CLOEXEC)

    def in_line(self) -> float | None:
        """Seconds that the process waited for a processor; None if nobody knows."""
        if self._fd is None:
            return None
        try:
            # "ran waited turns", in nanoseconds (Linux, Documentation/scheduler/sched-stats.rst)
            return int(os.pread(self._fd, 100, 0).split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            self.close()  # the process is gone, or this system does not count
            return None

    def close(self) -> None:
        """Let go of it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Deadline:
    """The moment at which an answer comes too late.

    Args:
        patience: how long it may take from now on.
        clock: of the process that is to answer; None counts everybody's time.
    """

    def __init__(self, patience: Patience, clock: OwnClock | None = None) -> None:
        self._began = time.monotonic()
        self._patience = patience
        self._clock = clock if patience.own < patience.at_most else None
        self._before: float | None = None

    def left(self) -> float:
        """Seconds that there are at least; 0 or less when it is over."""
        passed = time.monotonic() - self._began
        left = self._patience.at_most - passed
        if self._clock is None:
            return left
        if self._before is None:
            self._before = self._clock.in_line()
        if self._before is None:
            self._clock = None
            return left
        own = self._patience.own - passed
        if own <= 0 and (now := self._clock.in_line()) is not None:
            own += now - self._before
        return min(left, own)
