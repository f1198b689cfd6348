"""The grader's end of one worker: questions, answers, deadlines, and what it printed.

After a hang, a crash or a broken protocol the worker is dead and stays so.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator

from autograder.devices import CPU, Device, Note
from autograder.supervisor import batches
from autograder.supervisor.batches import Batch, Call, Handle, Reply, encode_batch
from autograder.supervisor.endings import Process, why_it_ended
from autograder.supervisor.transport import Ended, Late, Output, TooMuchOutput, Transport
from autograder.testing import StudentError, StudentStopped
from autograder.worker import (
    FROM_WORKER,
    WIRE_VERSION,
    Frame,
    Limits,
    NotSendable,
    WireError,
    frames,
    level_of,
)

_MOST_CALLBACKS = 10_000  # in one call
_HELLO_SECONDS = 60.0
_PATIENCE = 0.25  # for the end of a process that hung up, so that it can be asked why


class Worker:
    """A process with a student's code in it.

    Attributes:
        layers: which layers of its confinement hold: ``"ok"`` or why not.
        level: what they add up to, one of `autograder.worker.levels.LEVELS`.
        device: what its code computes on unless a load or a batch says otherwise.
        alive: whether it can still be asked.
    """

    def __init__(
        self,
        process: Process,
        connection: socket.socket,
        output: Output,
        limits: Limits,
        device: Device = CPU,
    ) -> None:
        self.device = device
        self._process, self._output, self._limits = process, output, limits
        self._transport = Transport(connection, output, process.ended_fd(), limits.output_bytes)
        self._seq = 0
        self._before: list[bytes] = []  # messages that go out with the next one
        self._dropped: list[int] = []
        self._live: set[int] = set()  # numbers of the opaque values that it keeps
        self._open: Replies | None = None
        self._busy = False
        self._stopped: StudentStopped | None = None
        self._closed = self._ended = False
        self.layers = self._hello()
        self.level = level_of(self.layers)

    @property
    def alive(self) -> bool:
        return self._stopped is None and not self._closed

    @property
    def output(self) -> str:
        """What the student's code printed: the first 64 KiB, made harmless."""
        if not self._ended:
            self._output.drain()
        return self._output.text

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
        deadline = time.monotonic() + timeout
        with self._guard(where, timeout):
            self._ask(frames.frame(self._seq + 1, meta), deadline)
            self._seq += 1
            frame = self._transport.receive(self._seq, deadline)
            message = frames.unpack(frame.meta, FROM_WORKER)
            reply = batches.decode_reply(message, frame.payload, None, self._keep)
            if reply.skipped:
                raise WireError("an unexpected answer")
        return reply.error

    def run(self, batch: Batch, timeout: float) -> Iterator[Reply]:
        """Make the calls of a batch.

        Args:
            batch: what `encode_batch` made of the calls.
            timeout: seconds that each call may take.

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
        replies = Replies(self, batch, self._seq + 1, timeout)
        self._seq += len(batch)
        if not len(batch):
            return replies
        with self._guard(batch.functions[0], timeout):
            parts = frames.frame(replies.first, batch.meta, (batch.payload,))
            self._ask(parts, time.monotonic() + timeout)
        self._open = replies
        return replies

    def call(self, call: Call, timeout: float, device: Device | None = None) -> Reply:
        """Make one call: a batch of one.

        Raises:
            StudentStopped: it hung, ended the process or broke the protocol.
        """
        return next(self.run(encode_batch([call], device or self.device), timeout))

    def notes(self, timeout: float) -> list[Note]:
        """Where the student's code left the device so far; for a simulated one only.

        Raises:
            StudentStopped: the process is gone.
        """
        self._begin()
        deadline = time.monotonic() + timeout
        with self._guard("the code", timeout):
            self._ask(frames.frame(self._seq + 1, frames.pack(["notes"])), deadline)
            self._seq += 1
            frame = self._transport.receive(self._seq, deadline)
            return batches.decode_notes(frames.unpack(frame.meta, FROM_WORKER), frame.payload)

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
            self._before = [*frames.frame(self._seq, frames.pack(["forget"]))]

    def dropped(self, number: int) -> None:
        """Nobody holds the handle of this value any more (called by the handle)."""
        if number in self._live:
            self._live.discard(number)
            self._dropped.append(number)

    def close(self) -> None:
        """End the process and leave nothing of it behind. May be called again."""
        if self._closed:
            return
        self._closed = True
        self._end(0.0)

    # Conversation

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

    def _answer_next(self, batch: Batch, index: int, seq: int, timeout: float) -> Reply:
        start = time.monotonic()
        deadline, callbacks = start + timeout, 0
        cause: Exception | None = None
        with self._guard(batch.functions[index], timeout):
            while True:
                frame = self._transport.receive(seq, deadline)
                message = frames.unpack(frame.meta, FROM_WORKER)
                if message[0] != "callback":
                    break
                callbacks += 1
                if callbacks > _MOST_CALLBACKS:
                    raise WireError(f"more than {_MOST_CALLBACKS} calls of a function passed in")
                cause = self._call_back(batch, message, frame, deadline) or cause
            reply = batches.decode_reply(
                message, frame.payload, batch.returns[index], self._keep, batch.device
            )
        if reply.error is not None and cause is not None:
            reply.error.__cause__ = cause
        reply.seconds = time.monotonic() - start
        return reply

    def _call_back(
        self, batch: Batch, message: list[object], frame: Frame, deadline: float
    ) -> Exception | None:
        """Answer a callback; what it raised is ours to know, not the student's."""
        if len(message) != 4:
            raise WireError("a malformed callback")
        _, number, args, kwargs = message
        if type(number) is not int or not 0 <= number < len(batch.callbacks):
            raise WireError("a callback that was not passed in")
        values, named = batches.decode_arguments(args, kwargs, frame.payload, batch.device)
        failure: Exception | None = None
        try:
            answer = batch.callbacks[number](*values, **named)
            meta, buffers = batches.encode_answer(answer, batch.device)
        except Exception as error:
            failure, meta, buffers = error, frames.pack(["failed"]), []
        self._transport.send(frames.frame(frame.seq, meta, buffers), deadline)
        return failure

    def _keep(self, number: int) -> Handle:
        if number in self._live:
            raise WireError("a handle that is in use")
        self._live.add(number)
        return Handle(self, number)

    def _hello(self) -> dict[str, str]:
        """Which limits the worker says it has, before it saw any of the student's code."""
        try:
            with self._guard("it", _HELLO_SECONDS):
                frame = self._transport.receive(0, time.monotonic() + _HELLO_SECONDS)
                match frames.unpack(frame.meta, FROM_WORKER):
                    case ["hello", version, list(layers)] if version == WIRE_VERSION:
                        return {str(name): str(state) for name, state in layers}
                raise WireError("another version of the protocol")
        except StudentStopped as stop:  # there is no student's code yet: the fault is not theirs
            raise RuntimeError(
                f"A worker could not be started: {stop.reason}.\n{self.output[-2000:]}"
            ) from None

    # Transport

    @contextlib.contextmanager
    def _guard(self, where: str, timeout: float) -> Iterator[None]:
        """Whatever goes wrong inside ends the worker and is put into a sentence."""
        self._busy = True
        try:
            yield
        except Late:
            self._stop("timeout", f"{where} did not return within {timeout:g} s", 0.0)
        except WireError as error:
            reason = f"{where} broke the connection to the grader: it sent {error}"
            self._stop("protocol", reason, 0.0)
        except TooMuchOutput:
            reason = f"{where} printed more than {self._limits.output_bytes >> 20} MB"
            self._stop("crash", reason, 0.0)
        except Ended:
            status = self._end(_PATIENCE)
            self._stop("crash", why_it_ended(status, where, self._limits), 0.0)
        except BaseException:
            self._stopped = StudentStopped("crash", f"{where} was interrupted")
            self._end(0.0)
            raise
        finally:
            self._busy = False

    def _stop(self, category: str, reason: str, patience: float) -> None:
        self._stopped = StudentStopped(category, reason)
        self._end(patience)
        raise self._stopped from None

    def _end(self, patience: float) -> int | None:
        """End the process; close what belongs to it. Does nothing the second time."""
        if self._ended:
            return None
        self._ended = True
        status = self._process.end(patience)
        self._transport.close()
        return status

    def _ask(self, parts: list[bytes], deadline: float) -> None:
        """Send a question, and before it what there is to be forgotten."""
        before, self._before = self._before, []
        if self._dropped:
            before += frames.frame(self._seq, frames.pack(["free", self._dropped]))
            self._dropped = []
        self._transport.send([*before, *parts], deadline)


class Replies(Iterator[Reply]):
    """The answers to one batch, as they come in."""

    def __init__(self, worker: Worker, batch: Batch, first: int, timeout: float) -> None:
        self._worker, self._batch, self._timeout = worker, batch, timeout
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
        return worker._answer_next(self._batch, index, self.first + index, self._timeout)
