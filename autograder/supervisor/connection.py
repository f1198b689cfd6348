"""The grader's end of one worker: what it can be asked, and its answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Sequence

from autograder.devices import CPU, Device, Note
from autograder.supervisor.answering import Ours, answer
from autograder.supervisor.batches import Batch, Call, Handle, encode_batch
from autograder.supervisor.conversation import Conversation
from autograder.supervisor.endings import Process
from autograder.supervisor.expectations import Expectation, Expected, ExpectedError, room_for
from autograder.supervisor.patience import Deadline, Patience
from autograder.supervisor.replies import Reply, decode_notes, decode_reply
from autograder.supervisor.transport import Output
from autograder.testing import StudentError, StudentStopped
from autograder.worker import (
    FROM_WORKER,
    Limits,
    NotSendable,
    WireError,
    frames,
)

_MOST_CALLBACKS = 10_000  # in one call


class Worker(Conversation):
    """A process with a student's code in it.

    Attributes:
        layers, level, alive: see `Conversation`.
        device: what its code computes on unless a load or a batch says otherwise.
    """

    def __init__(
        self,
        process: Process,
        connection: socket.socket,
        output: Output,
        limits: Limits,
        device: Device = CPU,
    ) -> None:
        super().__init__(process, connection, output, limits)
        self.device = device
        self._before: list[bytes] = []  # messages that go out with the next one
        self._dropped: list[int] = []
        self._live: set[int] = set()  # numbers of the opaque values that it keeps
        self._open: Replies | None = None
        self._ours: Ours | None = None

    def load(
        self,
        module: str,
        label: str,
        source: str,
        timeout: float,
        first_line: int = 1,
        *,
        device: Device | None = None,
    ) -> StudentError | None:
        """Run one cell of a submission in its module's namespace.

        Args:
            module: the module's name, the same for all cells.
            label: the name of the file or cell, which becomes part of `StudentError.line`.
            source: its text.
            timeout: seconds it may take.
            first_line: where in the file called ``label`` the text begins.
            device: what it computes on: calls on a device find what was loaded for that device.

        Returns:
            What it raised; what it defined before that stays defined.

        Raises:
            StudentStopped: it hung or ended the process.
        """
        where = f"Loading {label}"
        self._begin()
        try:
            place = (device or self.device).name
            meta = frames.pack(["load", place, module, label, first_line, source])
        except NotSendable as error:
            return StudentError("UnicodeError", f"{label} contains {error}")
        deadline = Deadline(Patience.of(timeout))
        with self._guard(where, timeout):
            self._ask(frames.frame(self._seq + 1, meta), deadline)
            self._seq += 1
            frame = self._transport.receive(self._seq, deadline)
            message = frames.unpack(frame.meta, FROM_WORKER)
            reply = decode_reply(message, frame.payload, None, self._keep)
            if reply.skipped:
                raise WireError("an unexpected answer")
        return reply.error

    def replace(self, ours: Ours, device: Device) -> None:
        """From now on our solution answers some exercises, in what was loaded for a device."""
        self._ours = ours
        meta = frames.pack(["ours", device.name, list(ours.names), list(ours.results)])
        self._before += frames.frame(self._seq, meta)

    def run(
        self,
        batch: Batch,
        timeout: float,
        *,
        own: Sequence[float] = (),
        expected: Sequence[Expectation | None] = (),
    ) -> Iterator[Reply]:
        """Make the calls of a batch.

        Args:
            batch: what `encode_batch` made of the calls.
            timeout: seconds that each call may take.
            own: for each call the seconds that it may take of the process's own time, where that
                is less; see `patience`.
            expected: for each call the reply that is expected, if one is.

        Returns:
            One reply per call, in order, each as soon as it is there. A call that failed does not
            stop the others.

        Raises:
            StudentStopped: (also while iterating) a call hung, ended the process or broke the
                protocol; replies read before are valid.
            ValueError: the batch holds an opaque value that this worker does not keep.
        """
        for handle in batch.handles:
            if handle.keeper is not self or handle.number not in self._live:
                raise ValueError("an opaque value was passed to a worker that does not keep it")
        self._begin()
        replies = Replies(self, batch, self._seq + 1, timeout, own, expected)
        self._seq += len(batch)
        if not len(batch):
            return replies
        with self._guard(batch.functions[0], timeout):
            parts = frames.frame(replies.first, batch.meta, (batch.payload,))
            self._ask(parts, Deadline(Patience.of(timeout)))
        self._open = replies
        return replies

    def call(
        self,
        call: Call,
        timeout: float,
        device: Device | None = None,
        *,
        own: float | None = None,
    ) -> Reply:
        """Make one call: a batch of one.

        Raises:
            StudentStopped: it hung, ended the process or broke the protocol.
        """
        batch = encode_batch([call], device or self.device)
        return next(self.run(batch, timeout, own=() if own is None else (own,)))

    def notes(self, timeout: float) -> list[Note]:
        """Where the student's code left the device so far; for a simulated one only.

        Raises:
            StudentStopped: the process is gone.
        """
        self._begin()
        deadline = Deadline(Patience.of(timeout))
        with self._guard("the code", timeout):
            self._ask(frames.frame(self._seq + 1, frames.pack(["notes"])), deadline)
            self._seq += 1
            frame = self._transport.receive(self._seq, deadline)
            return decode_notes(frames.unpack(frame.meta, FROM_WORKER), frame.payload)

    def free(self, handles: Iterable[Handle]) -> None:
        """Forget opaque values now rather than when their handles are gone."""
        for handle in handles:
            if handle.keeper is self:
                self.dropped(handle.number)

    def forget(self) -> None:
        """Forget all opaque values; their handles are of no use any more."""
        if self._live:
            self._live.clear()
            self._dropped.clear()
            self._before += frames.frame(self._seq, frames.pack(["forget"]))

    def dropped(self, number: int) -> None:
        """Nobody holds the handle of this value any more (called by the handle)."""
        if number in self._live:
            self._live.discard(number)
            self._dropped.append(number)

    def _begin(self) -> None:
        """Check that a question may be asked now, and read what is left of the one before."""
        if self._busy:
            raise RuntimeError(
                "a function that the student's code called back cannot call the student's code"
            )
        if self._open is not None:
            for _ in self._open:
                pass
        if self._closed:
            raise RuntimeError("this worker is closed")
        if self._stopped is not None:
            raise StudentStopped(self._stopped.category, self._stopped.reason)

    def _answer_next(
        self, batch: Batch, index: int, seq: int, patience: Patience, expected: Expectation | None
    ) -> Reply:
        start = time.monotonic()
        deadline, callbacks = Deadline(patience, self._clock), 0
        cause: Exception | None = None
        with self._guard(batch.functions[index], min(patience.own, patience.at_most)):
            while True:
                frame = self._transport.receive(seq, deadline, room_for(expected))
                if isinstance(expected, Expected):
                    numbers = expected.numbers(frame.meta, frame.payload)
                    if numbers is not None:
                        handles = [self._keep(number) for number in numbers]
                        return Reply.expected(expected, handles, batch.device)
                message = frames.unpack(frame.meta, FROM_WORKER)
                if message[0] not in ("callback", "ours"):
                    break
                callbacks += 1
                if callbacks > _MOST_CALLBACKS:
                    raise WireError(f"more than {_MOST_CALLBACKS} calls of a function passed in")
                meta, buffers, error = answer(message, frame, batch, self._ours, batch.device)
                cause = error or cause
                self._transport.send(frames.frame(frame.seq, meta, buffers), deadline)
            reply = decode_reply(
                message, frame.payload, batch.returns[index], self._keep, batch.device
            )
        if isinstance(expected, ExpectedError):
            reply.same = expected.is_answered_by(reply.error)
        if reply.error is not None and cause is not None:
            reply.error.__cause__ = cause
        reply.seconds = time.monotonic() - start
        reply.size = len(frame.payload)
        return reply

    def _keep(self, number: int) -> Handle:
        if number in self._live:
            raise WireError("a handle that is in use")
        self._live.add(number)
        return Handle(self, number)

    def _ask(self, parts: list[bytes], deadline: Deadline) -> None:
        """Send a question, and before it what there is to be forgotten."""
        before, self._before = self._before, []
        if self._dropped:
            before += frames.frame(self._seq, frames.pack(["free", self._dropped]))
            self._dropped = []
        self._transport.send([*before, *parts], deadline)


class Replies(Iterator[Reply]):
    """The answers to one batch, as they come in."""

    def __init__(
        self,
        worker: Worker,
        batch: Batch,
        first: int,
        timeout: float,
        own: Sequence[float],
        expected: Sequence[Expectation | None],
    ) -> None:
        self._worker, self._batch, self._timeout = worker, batch, timeout
        self._own, self._expected = own, expected
        self.first = first
        self._index = 0

    def __next__(self) -> Reply:
        worker, index = self._worker, self._index
        if index == len(self._batch):
            raise StopIteration
        if not worker.alive:
            self._index = len(self._batch)
            raise StopIteration
        self._index += 1
        if self._index == len(self._batch):
            worker._open = None
        own = self._own[index] if index < len(self._own) else self._timeout
        patience = Patience(min(own, self._timeout), self._timeout)
        expected = self._expected[index] if index < len(self._expected) else None
        return worker._answer_next(self._batch, index, self.first + index, patience, expected)
