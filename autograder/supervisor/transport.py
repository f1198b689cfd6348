"""Frames over a worker's socket, with deadlines, while its output is taken in.

There are no threads: one ``poll`` waits for the answer, for output and for the end of the process.
"""

from __future__ import annotations

import select
import socket
from typing import Protocol

from autograder.supervisor.patience import Deadline
from autograder.worker import FROM_WORKER, Frame, FrameReader, WireError

_CHUNK = 256 << 10
_JOIN = 64 << 10  # messages up to this size go out in one call
_UNASKED = 64 << 10  # bytes that may come while a question is on its way
_LOOK_AGAIN = 0.25  # seconds between looks at output that cannot be waited for


class Ended(Exception):
    """The connection is at its end, or the process is."""


class Late(Exception):
    """The deadline has passed."""


class TooMuchOutput(Exception):
    """It printed more than it may."""


class TooLarge(Exception):
    """A reply is larger than there is room for."""


class Output(Protocol):
    """What a worker prints."""

    def fileno(self) -> int | None:
        """A descriptor to wait for, or None."""

    def drain(self) -> bool:
        """Take in what there is; False if there will be no more."""

    @property
    def size(self) -> int:
        """How many bytes were printed."""

    @property
    def text(self) -> str:
        """The beginning of it, made harmless."""

    def close(self) -> None:
        """Let go of it."""


class Transport:
    """The grader's end of a worker's socket.

    Args:
        connection: the socket.
        output: what the worker prints.
        ended_fd: a descriptor that becomes readable when its process ends, if there is one.
        output_bytes: how much it may print.
    """

    def __init__(
        self, connection: socket.socket, output: Output, ended_fd: int | None, output_bytes: int
    ) -> None:
        self._socket, self._output, self._output_bytes = connection, output, output_bytes
        self._frames = FrameReader(FROM_WORKER)
        self._chunk = memoryview(bytearray(_CHUNK))
        connection.setblocking(False)
        self._poll = _Poll()
        for fd in (connection.fileno(), output.fileno(), ended_fd):
            if fd is not None:
                self._poll.register(fd)

    def send(self, parts: list[bytes], deadline: Deadline) -> None:
        """Send the parts of frames, taking in meanwhile what comes.

        Raises:
            Late, Ended, TooMuchOutput, WireError: see there.
        """
        pending = [memoryview(part) for part in parts if part]
        if sum(map(len, pending)) < _JOIN:
            pending = [memoryview(b"".join(pending))]
        while pending:
            try:
                sent = self._socket.send(pending[0])
            except BlockingIOError:
                self._wait(deadline, sending=True)
                # Nothing was asked yet: who answers all the same would fill our memory.
                if self._frames.size > _UNASKED:
                    raise WireError("answers to no question") from None
                continue
            except OSError:
                raise Ended from None
            if sent == len(pending[0]):
                del pending[0]
            else:
                pending[0] = pending[0][sent:]

    def receive(self, seq: int, deadline: Deadline, room: int = FROM_WORKER.payload) -> Frame:
        """The next frame, which must carry this sequence number.

        Args:
            seq: the number.
            deadline: when it comes too late.
            room: the bytes of tensors that it may hold.

        Raises:
            Late, Ended, TooMuchOutput, TooLarge, WireError: see there.
        """
        while (frame := self._frames.next()) is None:
            if self._frames.expects > room:
                raise TooLarge  # before it is read: it would fill our memory
            self._wait(deadline)
        if len(frame.payload) > room:
            raise TooLarge
        if frame.seq != seq:
            raise WireError("an answer to another question")
        return frame

    def _wait(self, deadline: Deadline, *, sending: bool = False) -> None:
        """Wait until something happens, and take it in."""
        left = deadline.left()
        if left <= 0:
            raise Late
        output = self._output.fileno()
        if output is None:
            left = min(left, _LOOK_AGAIN)
        connection = self._socket.fileno()
        progress = ended = False
        for fd in self._poll.wait(left, connection if sending else None):
            if fd == output:
                if not self._output.drain():
                    self._poll.unregister(fd)
                progress = True
            elif fd == connection:
                progress |= sending
                try:
                    size = self._socket.recv_into(self._chunk)
                except BlockingIOError:
                    continue
                except OSError:
                    raise Ended from None
                if not size:
                    raise Ended
                self._frames.feed(self._chunk[:size])
                progress = True
            else:
                ended = True
        if output is None:
            self._output.drain()
        if self._output.size > self._output_bytes:
            raise TooMuchOutput
        if ended and not progress:
            raise Ended

    def close(self) -> None:
        """Take in the last output and close everything."""
        self._output.drain()
        self._output.close()
        self._socket.close()


class _Poll:
    """``select.poll`` where there is one, otherwise ``select.select``."""

    def __init__(self) -> None:
        self._fds: set[int] = set()
        self._poll = select.poll() if hasattr(select, "poll") else None

    def register(self, fd: int) -> None:
        self._fds.add(fd)
        if self._poll is not None:
            self._poll.register(fd, select.POLLIN)

    def unregister(self, fd: int) -> None:
        self._fds.discard(fd)
        if self._poll is not None:
            self._poll.unregister(fd)

    def wait(self, seconds: float, writable: int | None) -> list[int]:
        """Which descriptors can be read, or written in the case of ``writable``."""
        if self._poll is None:
            targets = [] if writable is None else [writable]
            readable, ready, _ = select.select(self._fds, targets, [], seconds)
            return [*{*readable, *ready}]
        if writable is not None:
            self._poll.modify(writable, select.POLLIN | select.POLLOUT)
        try:
            return [fd for fd, _ in self._poll.poll(seconds * 1000 + 1)]
        finally:
            if writable is not None:
                self._poll.modify(writable, select.POLLIN)
