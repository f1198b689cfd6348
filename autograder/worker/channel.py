"""The worker's end of the connection to the grader."""

from __future__ import annotations

import socket
from typing import Any

from autograder.worker import frames
from autograder.worker.encoding import Encoder
from autograder.worker.frames import Frame
from autograder.worker.wire import FROM_WORKER, TO_WORKER, WIRE_VERSION, NotSendable

_CHUNK = 256 << 10
_JOIN = 64 << 10  # messages up to this size go out in one call


class Closed(Exception):
    """The grader hung up."""


class Channel:
    """Whole messages over a socket; blocks."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._frames = frames.FrameReader(TO_WORKER)
        self._chunk = memoryview(bytearray(_CHUNK))

    def receive(self) -> Frame:
        """The next message.

        Raises:
            Closed: there is none.
        """
        while (frame := self._frames.next()) is None:
            try:
                size = self._socket.recv_into(self._chunk)
            except ConnectionError:
                size = 0
            if not size:
                raise Closed
            self._frames.feed(self._chunk[:size])
        return frame

    def send(self, seq: int, message: list[Any], encoder: Encoder | None = None) -> None:
        """Send a message whose values ``encoder`` encoded.

        Raises:
            Closed: nobody reads.
            NotSendable: it is too large.
        """
        meta = frames.pack(message)
        if len(meta) > FROM_WORKER.meta:
            raise NotSendable(
                f"a value of more than {FROM_WORKER.meta >> 10} KB beside its tensors"
            )
        head, payload = frames.frame(seq, meta, encoder.buffers if encoder else ())
        try:
            if len(payload) < _JOIN:
                self._socket.sendall(head + payload)
            else:
                self._socket.sendall(head)
                self._socket.sendall(payload)
        except OSError:
            raise Closed from None


def hello(channel: Channel, layers: dict[str, str]) -> None:
    """Tell the grader which limits hold, before any of the student's code runs."""
    channel.send(0, ["hello", WIRE_VERSION, [list(layer) for layer in layers.items()]])
