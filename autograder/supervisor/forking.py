"""Workers as forks of a zygote (`autograder.worker.zygote`): Linux."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Self

from autograder.devices import CPU, Device
from autograder.supervisor.connection import Worker
from autograder.supervisor.zygotes import Derived, Zygote, ZygoteClient
from autograder.worker import FREE, Ban, ForkedZygote, Limits


class ForkWorkers:
    """Workers that take milliseconds to start; see `autograder.supervisor.Workers`.

    Args:
        profile: how they are confined.
        without: layers of the confinement to leave off.
        zygote: that was forked already; None to launch one. If it is killed, the next one is
            launched: by then this process may know what no worker may.
    """

    kind = "fork"

    def __init__(
        self,
        profile: str = "cpu",
        without: Collection[str] = (),
        zygote: ForkedZygote | None = None,
    ) -> None:
        self.profile = profile
        self._without = without
        self._zygote: Zygote | None = (
            Zygote.launched(profile, without) if zygote is None else Zygote.adopted(zygote)
        )
        self._derived: dict[Ban, Derived] = {}
        self._workers: list[Worker] = []

    def spawn(self, seed: int, limits: Limits, ban: Ban = FREE, device: Device = CPU) -> Worker:
        self._workers = [worker for worker in self._workers if worker.alive]
        try:
            worker = self._server(ban).spawn(seed, limits, device)
        except ConnectionError:
            # A student's code may have killed it: that must cost nobody else anything.
            self._forget(ban)
            worker = self._server(ban).spawn(seed, limits, device)
        self._workers.append(worker)
        return worker

    def _server(self, ban: Ban) -> ZygoteClient:
        """The zygote of which workers with these rules are forks."""
        if self._zygote is None:
            raise RuntimeError("these workers are closed")
        if not ban:
            return self._zygote
        if ban not in self._derived:
            self._derived[ban] = self._zygote.derive(ban)
        return self._derived[ban]

    def _forget(self, ban: Ban) -> None:
        """Close a zygote that is gone; all of them if it may be the one they come from."""
        if ban in self._derived:
            self._derived.pop(ban).close()
        if self._zygote is not None and (not ban or not self._zygote.alive):
            self._close_zygotes()
            self._zygote = Zygote.launched(self.profile, self._without)

    def _close_zygotes(self) -> None:
        for derived in self._derived.values():
            derived.close()
        self._derived = {}
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None

    def close(self) -> None:
        for worker in self._workers:
            worker.close()
        self._workers = []
        self._close_zygotes()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
