"""Where the student's code runs: processes that know no secret, asked over a socket.

    with start_workers() as workers:
        worker = workers.spawn(seed=1, limits=Limits())
        worker.load("layers", "layers.py", source, timeout=20)
        reply = worker.call(Call("linear_forward", (x, w, b), {}, ("value", "opaque")), timeout=5)

On Linux workers are forks of a zygote, which has torch imported and takes a few milliseconds for
each; elsewhere each worker is a process of its own.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, Self

from autograder.calls import Returns
from autograder.grading.batches import Batch, Call, Handle, Reply, Result, encode_batch
from autograder.grading.connection import Worker
from autograder.grading.forking import ForkWorkers
from autograder.grading.spawning import SpawnWorkers
from autograder.worker.confinement import Limits
from autograder.worker.wire import Foreign

__all__ = [
    "Batch",
    "Call",
    "Foreign",
    "Handle",
    "Limits",
    "Reply",
    "Result",
    "Returns",
    "Worker",
    "Workers",
    "encode_batch",
    "start_workers",
]


class Workers(Protocol):
    """Where workers come from.

    Attributes:
        kind: ``"fork"`` or ``"spawn"``.
        confines: whether limits on memory, processor time and files hold in the workers; each
            worker's ``layers`` say which.
    """

    kind: str
    confines: bool

    def spawn(self, seed: int, limits: Limits) -> Worker:
        """A new worker.

        Args:
            seed: of its random number generators; the same seed gives the same numbers.
            limits: what the student's code may use.

        Raises:
            RuntimeError: it could not be started, which is not the student's fault.
        """

    def close(self) -> None:
        """End every worker. May be called again."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


def start_workers(kind: str | None = None) -> Workers:
    """Prepare to start workers.

    Args:
        kind: ``"fork"`` (Linux only) or ``"spawn"``; None takes the best that this system has.

    Raises:
        ValueError: there is no such kind here.
    """
    best = "fork" if sys.platform == "linux" else "spawn"
    kind = kind or best
    if kind == "spawn":
        return SpawnWorkers()
    if kind == "fork" and best == "fork":
        return ForkWorkers()
    raise ValueError(f"There are no workers of kind {kind!r} on this system; use {best!r}.")
