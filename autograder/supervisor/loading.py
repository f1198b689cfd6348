"""A submission's code on its way into a worker, and into the next one when that has stopped."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from autograder.devices import CPU, Device
from autograder.supervisor.connection import Worker
from autograder.supervisor.endings import why_it_did_not_load
from autograder.supervisor.session import Session
from autograder.testing import StudentError, StudentStopped

# So many of a notebook's cells may hang as long as a call may; from then on each has its share of
# the time that is left, so that what stands in the others always counts.
MOST_PATIENT = 3


@dataclass(frozen=True)
class Code:
    """What a student handed in for one unit, as far as a worker is concerned.

    Attributes:
        module: the name to import it under.
        cells: label and source of each piece, in order; a plain module is one piece.
    """

    module: str
    cells: tuple[tuple[str, str], ...]

    def line(self, label: str, number: int) -> str | None:
        """The text of a line of a piece; None if there is no such line.

        Args:
            label: of the piece.
            number: from 1.
        """
        lines = self._lines.get(label, [])
        return lines[number - 1] if 0 < number <= len(lines) else None

    @functools.cached_property
    def _lines(self) -> dict[str, list[str]]:
        return {label: source.split("\n") for label, source in self.cells}


class Loader:
    """Loads the code for one device into whichever worker there is.

    Args:
        session: where the worker is.
        code: the submission.
        device: what the code computes on.

    Attributes:
        problems: sentences about cells that did not load.
        error: why a function may be missing, if a cell did not load.
    """

    def __init__(self, session: Session, code: Code, device: Device = CPU) -> None:
        self.problems: list[str] = []
        self.error: StudentError | StudentStopped | None = None
        self._session, self._code, self._device = session, code, device
        self._worker: Worker | None = None  # the one that the code was loaded into
        self._given_up: StudentStopped | None = None
        self._skipped: set[int] = set()  # cells that stopped a process
        self._told: set[int] = set()  # cells that raised

    def ready(self) -> Worker:
        """A worker with the code loaded.

        Raises:
            StudentStopped: there is nothing that can be loaded.
        """
        self._session.listen(self._device)
        worker = self._session.worker
        if worker is not None and worker is self._worker:
            return worker
        if self._given_up is None and self._nothing_left:
            # The other device's loader has said which.
            self._given_up = StudentStopped("timeout", "Loading did not return")
        if self._given_up is not None:
            raise self._given_up
        # What is said about loading reaches students. Only the first time nothing hidden is known.
        again = self._worker is not None
        while True:
            worker = self._session.worker or self._session.renew()
            try:
                self._load(worker, again)
            except StudentStopped as stop:
                if self._session.over or self._nothing_left:
                    self._given_up = stop
                    raise
            else:
                if self._session.ours is not None:
                    worker.replace(self._session.ours, self._device)
                self._worker = worker
                return worker

    @property
    def _left_out(self) -> set[int]:
        return self._skipped | self._session.hung

    @property
    def _nothing_left(self) -> bool:
        return 0 < len(self._code.cells) == len(self._left_out)

    def _load(self, worker: Worker, again: bool) -> None:
        """Run the cells, but those that stopped a process.

        Raises:
            StudentStopped: this one, too.
        """
        for position, (label, source) in enumerate(self._code.cells):
            if position in self._left_out:
                continue
            try:
                seconds = self._session.seconds()
                if len(self._session.hung) >= MOST_PATIENT:
                    seconds = self._session.share(seconds, len(self._code.cells) - position)
                error = worker.load(self._code.module, label, source, seconds, device=self._device)
            except StudentStopped as stop:
                explained = self._session.explained(stop)
                # What ends its process here may not do so on another device; what hangs is not
                # waited for twice.
                hung = explained.category == "timeout"
                (self._session.hung if hung else self._skipped).add(position)
                if again and explained is stop:
                    sentence = f"Loading {label} once more ended its process."
                else:
                    sentence = f"{explained.reason}."
                self.problems.append(sentence)
                self.error = StudentStopped(explained.category, sentence)
                raise self.error from None
            if error is not None and not again and position not in self._told:
                self._told.add(position)
                self.problems.append(
                    why_it_did_not_load(label, error.kind, error.line, error.message)
                )
                self.error = StudentError(
                    error.kind,
                    f"{label} stopped before the function was defined ({error.message})",
                    error.line,
                    error.trace,
                )
