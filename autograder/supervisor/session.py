"""Where one submission's code runs: a worker, and a new one whenever it has stopped."""

from __future__ import annotations

import math
import time
from collections import defaultdict

from autograder.devices import CPU, Device
from autograder.supervisor.answering import Ours
from autograder.supervisor.confining import require_level
from autograder.supervisor.connection import Worker
from autograder.supervisor.workers import Workers
from autograder.testing import StudentStopped
from autograder.worker import FREE, UNCONFINED, Ban, Limits


class Session:
    """One worker at a time, for the backends of one submission.

    The CPU and the simulated device share a session: what a worker costs is its process, and the
    code is loaded for each device on its own. A GPU has a session of its own, because a process
    that was confined for the CPU cannot open it.

    Args:
        workers: where workers come from.
        limits: of each of them.
        call_seconds: the deadline of each call.
        submission_seconds: the time for all calls together: code that stays just within the
            deadline of every call must not hold the class up either.
        seed: of the student's random numbers.
        ban: operators that the code cannot call.
        require: how well the workers must be confined.
        device: what the process must be able to compute on.
        ours: what our solution answers in the student's place.

    Attributes:
        call_seconds, ours: the same.
        layers: which layers of the confinement hold.
        hung: positions of the cells that hung, on whichever device.
    """

    def __init__(
        self,
        workers: Workers,
        limits: Limits,
        call_seconds: float,
        submission_seconds: float = math.inf,
        *,
        seed: int,
        ban: Ban = FREE,
        require: str = UNCONFINED,
        device: Device = CPU,
        ours: Ours | None = None,
    ) -> None:
        self.call_seconds, self.ours = call_seconds, ours
        self.layers: dict[str, str] = {}
        self.hung: set[int] = set()
        self._submission_seconds = submission_seconds
        self._ends = time.monotonic() + submission_seconds
        self._workers, self._limits, self._seed = workers, limits, seed
        self._ban, self._require, self._device = ban, require, device
        self._worker: Worker | None = None
        self._printed: defaultdict[Device, str] = defaultdict(str)
        self._heard = 0  # how much of what the worker printed is somebody's already
        self._listening = device

    @property
    def worker(self) -> Worker | None:
        """The present worker, if it can still be asked."""
        return self._worker if self._worker is not None and self._worker.alive else None

    def renew(self) -> Worker:
        """A new worker, instead of the present one.

        Raises:
            ConfinementError: it is not confined as it must be.
            RuntimeError: it could not be started.
        """
        self.close()
        self._worker = self._workers.spawn(self._seed, self._limits, self._ban, self._device)
        self.layers = self._worker.layers
        require_level(self._require, self.layers)  # before it is given any of the student's code
        return self._worker

    def seconds(self) -> float:
        """How long a call may take now.

        Raises:
            StudentStopped: there is no time left at all.
        """
        left = self._ends - time.monotonic()
        if left > 0:
            return min(self.call_seconds, left)
        self.close()  # the worker may still have questions to answer
        raise StudentStopped("timeout", "")

    def share(self, seconds: float, parts: int) -> float:
        """The same time, but no more than a part's share of half of what is left.

        The other half is for the tests.
        """
        return min(seconds, max(0.1, (self._ends - time.monotonic()) / 2 / parts))

    @property
    def over(self) -> bool:
        """Whether there is no time left."""
        return time.monotonic() >= self._ends

    def explained(self, stop: StudentStopped) -> StudentStopped:
        """The same, unless the time of the submission was up: then that."""
        if stop.category != "timeout" or not self.over:
            return stop
        return StudentStopped(
            "timeout", f"grading this submission had already taken {self._submission_seconds:g} s"
        )

    def listen(self, device: Device) -> None:
        """What is printed from now on is printed on this device."""
        if device is not self._listening:
            self._listen_once()
            self._listening = device

    def printed(self, device: Device) -> str:
        """What was printed so far on a device."""
        self._listen_once()
        return self._printed[device]

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker is not None:
            self._listen_once()
            self._worker.close()
            self._worker, self._heard = None, 0

    def _listen_once(self) -> None:
        if self._worker is not None:
            text = self._worker.output
            self._printed[self._listening] += text[self._heard :]
            self._heard = len(text)
