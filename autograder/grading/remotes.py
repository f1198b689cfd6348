"""Where a submission's code runs, and where our solution does: in workers of their own."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

from autograder.course import Unit
from autograder.devices import CPU, Device
from autograder.grading.operators import ban_of
from autograder.grading.remote import RemoteBackend
from autograder.grading.settings import Settings, worker_seed
from autograder.supervisor import Code, Ours, Session, Workers
from autograder.worker import Limits


class Remotes:
    """Makes backends for one unit.

    Args:
        unit: which.
        settings: how to grade.
        workers: where code runs.
        seconds: for each function the longest that a call of it took the reference.

    Attributes:
        settings, workers: the same.
    """

    def __init__(
        self, unit: Unit, settings: Settings, workers: Workers, seconds: Mapping[str, float]
    ) -> None:
        self._unit, self.settings, self.workers = unit, settings, workers
        self._seconds = seconds
        self._seed = worker_seed(unit, settings)

    def of(
        self, code: Code, seconds: float, ours: Ours | None = None
    ) -> Callable[[Device], RemoteBackend]:
        """Code on each device, in as few workers as there can be.

        Args:
            code: a submission.
            seconds: for all of its calls.
            ours: what our solution answers in its place.
        """
        limits = Limits(memory_mb=self.settings.memory_mb)

        @functools.cache
        def session(device: Device) -> Session:
            return Session(
                self.workers,
                limits,
                self.settings.call_seconds,
                seconds,
                seed=self._seed,
                ban=ban_of(self._unit.forbids),
                require=self.settings.require,
                device=device,
                ours=ours,
            )

        def on(device: Device) -> RemoteBackend:
            shared = session(CPU if device.simulated else device)
            return RemoteBackend(shared, code, self._unit.returns, self._seconds, device)

        return on

    def solution(self) -> Callable[[Device], RemoteBackend]:
        """Our solution on each device, in a new worker, which holds no student's code."""
        file = self._unit.source_file
        own = Code(self._unit.module, ((file.name, file.read_text("utf-8")),))
        return self.of(own, math.inf)
