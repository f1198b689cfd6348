"""Messages between the grader and a student's process, cut from a stream of bytes.

A frame is ``header | meta | payload``. The header holds the sizes of the two parts and a sequence
number; meta is msgpack, a list that starts with the message's name; the payload is the bytes of the
message's tensors. How values stand in meta says `wire`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgpack

from autograder.worker.wire import Bounds, NotSendable, WireError

HEADER = struct.Struct("<IQI")  # bytes of meta, bytes of payload, sequence number


@dataclass(slots=True)
class Frame:
    """One message as it was received."""

    seq: int
    meta: bytes
    payload: bytearray


class FrameReader:
    """Cuts a stream into frames; memory grows with what arrived, not with what was claimed."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds, self._buffer = bounds, bytearray()

    def feed(self, data: bytes | memoryview) -> None:
        """Append what was read."""
        self._buffer += data

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self._buffer)

    @property
    def expects(self) -> int:
        """How many bytes the payload of the next frame claims to have; 0 if it is not known."""
        known = len(self._buffer) >= HEADER.size
        return int(HEADER.unpack_from(self._buffer)[1]) if known else 0

    def next(self) -> Frame | None:
        """The next whole frame, or None if more bytes are needed.

        Raises:
            WireError: the frame claims to be larger than the bounds.
        """
        buffer = self._buffer
        if len(buffer) < HEADER.size:
            return None
        meta, payload, seq = HEADER.unpack_from(buffer)
        if meta > self._bounds.meta or payload > self._bounds.payload:
            raise WireError("a message that is too large")
        middle = HEADER.size + meta
        end = middle + payload
        if len(buffer) < end:
            return None
        frame = Frame(seq, bytes(buffer[HEADER.size : middle]), buffer[middle:end])
        if len(buffer) == end:
            self._buffer = bytearray()
        else:
            del buffer[:end]
        return frame


def pack(meta: Any) -> bytes:
    """Meta as bytes.

    Raises:
        NotSendable: it contains text that is not valid Unicode.
    """
    try:
        packed = msgpack.packb(meta)
    except UnicodeEncodeError:
        raise NotSendable("text with half a character (a lone surrogate)") from None
    assert isinstance(packed, bytes)
    return packed


def unpack(meta: bytes, bounds: Bounds) -> list[Any]:
    """Meta from bytes: a list that starts with the message's name.

    Raises:
        WireError: it is not.
    """
    try:
        message = msgpack.unpackb(
            meta, max_map_len=0, max_ext_len=0, max_bin_len=bounds.binary, raw=False
        )
    except Exception as error:  # msgpack's errors share no base class
        raise WireError(f"malformed msgpack ({type(error).__name__})") from None
    if type(message) is not list or not message or type(message[0]) is not str:
        raise WireError("a message without a name")
    return message


def frame(seq: int, meta: bytes, buffers: Iterable[bytes | memoryview] = ()) -> list[bytes]:
    """The parts of a frame, in order: the head (header and meta) and the payload."""
    payload = b"".join(buffers)
    return [HEADER.pack(len(meta), len(payload), seq) + meta, payload]
