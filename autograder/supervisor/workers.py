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
from collections.abc import Collection
from types import TracebackType
from typing import Protocol, Self

from autograder.devices import CPU, Device
from autograder.supervisor.connection import Worker
from autograder.supervisor.forking import ForkWorkers
from autograder.supervisor.spawning import SpawnWorkers
from autograder.worker import FREE, LAYERS, PROFILES, Ban, ForkedZygote, Limits


class Workers(Protocol):
    """Where workers come from.

    Attributes:
        kind: ``"fork"`` or ``"spawn"``.
        profile: ``"cpu"`` or ``"cuda"``; see `start_workers`.
    """

    kind: str
    profile: str

    def spawn(self, seed: int, limits: Limits, ban: Ban = FREE, device: Device = CPU) -> Worker:
        """A new worker.

        Args:
            seed: of its random number generators; the same seed gives the same numbers.
            limits: what the student's code may use.
            ban: which operators it cannot call.
            device: what it computes on unless a load or a batch says otherwise.

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


def start_workers(
    kind: str | None = None,
    *,
    profile: str = "cpu",
    without: Collection[str] = frozenset(),
    zygote: ForkedZygote | None = None,
) -> Workers:
    """Prepare to start workers.

    Args:
        kind: ``"fork"`` (Linux only) or ``"spawn"``; None takes the best that this system has.
        profile: how workers are confined: ``"cpu"``, or ``"cuda"``, which is looser because a
            GPU's driver shares memory and controls devices.
        without: layers of the confinement to leave off, to see what each is good for; the names
            are those of a worker's `layers`, and ``"limits"`` for every limit.
        zygote: to fork workers from; None to start one.

    Raises:
        ValueError: there is no such kind here, no such profile, no such layer.
    """
    best = "fork" if sys.platform == "linux" else "spawn"
    kind = kind or best
    unknown = set(without) - {*LAYERS, "limits"}
    if unknown:
        raise ValueError(f"There is no layer {min(unknown)!r}.")
    if profile not in PROFILES:
        raise ValueError(f"There is no profile {profile!r}; use one of {', '.join(PROFILES)}.")
    if kind == "spawn":
        return SpawnWorkers(profile, without)
    if kind == "fork" and best == "fork":
        return ForkWorkers(profile, without, zygote)
    raise ValueError(f"There are no workers of kind {kind!r} on this system; use {best!r}.")
