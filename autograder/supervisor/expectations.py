"""Replies that are known before they are there: what the reference would have answered.

Most answers of a right submission are the reference's, bit for bit. Those are recognised by their
bytes, and nothing of them is kept or decoded.
"""

from __future__ import annotations

import builtins
from dataclasses import dataclass, field
from typing import Any

from autograder.course import Returns
from autograder.devices import CPU, Device
from autograder.supervisor.texts import LONGEST_MESSAGE, clean
from autograder.testing import Opaque, StudentError
from autograder.worker import FROM_WORKER, Encoder, NotSendable, WireError, foreign, frames

# How much larger than the reference's a reply may be, so that a wrong shape is still shown.
_ROOM, _TIMES = 8 << 20, 4
_ANY = 1  # stands for the number of an opaque value, which each worker counts for itself


@dataclass(frozen=True)
class Expected:
    """A reply as a worker would send it; opaque values have the number 1.

    Attributes:
        meta: its message.
        payload: the bytes of its tensors.
        returns: how the result travels.
    """

    meta: bytes = field(repr=False)
    payload: bytes | memoryview = field(repr=False)
    returns: Returns

    def numbers(self, meta: bytes, payload: bytearray) -> list[int] | None:
        """The numbers of the opaque values in a reply that is this one; None if it is not.

        Args:
            meta: the reply's message.
            payload: the bytes of its tensors.
        """
        if memoryview(payload) != self.payload:
            return None
        if self.returns is None:
            return [] if meta == self.meta else None
        if not len(self.meta) <= len(meta) <= len(self.meta) + 8 * len(self.returns):
            return None
        try:
            message = frames.unpack(meta, FROM_WORKER)
        except WireError:
            return None
        numbers = _take_numbers(message, self.returns)
        return numbers if numbers is not None and frames.pack(message) == self.meta else None


@dataclass(frozen=True)
class ExpectedError:
    """That a call raises, as far as a test can see it: neither where nor how it came to it.

    Attributes:
        kind: the name of a builtin exception.
        message: its text, as a reply holds it.
    """

    kind: str
    message: str

    def is_answered_by(self, error: StudentError | None) -> bool:
        """Whether a reply's error is this one."""
        return (
            error is not None
            and (error.kind, error.message) == (self.kind, self.message)
            and isinstance(error, getattr(builtins, self.kind))
        )


Expectation = Expected | ExpectedError


def expected_error(error: BaseException) -> ExpectedError | None:
    """The reply to a call of which is known what it raises; None if the type is no builtin one.

    Nor if it says that something is not written: why it is missing is found out first.
    """
    kind = type(error)
    if getattr(builtins, kind.__name__, None) is not kind or kind is NotImplementedError:
        return None
    return ExpectedError(kind.__name__, clean(str(error), LONGEST_MESSAGE))


def expected_reply(
    value: Any, changed: list[str], returns: Returns, device: Device = CPU
) -> Expected | None:
    """The reply to a call of which the result is known; None if it could not travel.

    Args:
        value: the result, with an `Opaque` where it is opaque.
        changed: which arguments the call changed.
        returns: how the result travels.
        device: where its tensors may be beside the CPU; may be active.
    """

    def other(o: Any) -> list[Any]:
        return ["h", _ANY] if isinstance(o, Opaque) else foreign(o)

    encoder = Encoder(FROM_WORKER, other, contiguous=True, device=device)
    try:
        with device.paused():
            meta = frames.pack(["ok", encoder.value(value), changed])
    except NotSendable:
        return None
    return Expected(meta, b"".join(encoder.buffers), returns)


def room_for(expected: Expectation | None) -> int:
    """How many bytes of tensors a reply may hold."""
    if not isinstance(expected, Expected):
        return FROM_WORKER.payload
    return min(FROM_WORKER.payload, _ROOM + _TIMES * len(expected.payload))


def _take_numbers(message: list[Any], returns: Returns) -> list[int] | None:
    """Put one for each opaque value's number, as far as the message has the right form."""
    if len(message) != 3 or type(message[1]) is not list:
        return None
    result = message[1]
    if returns == "opaque":
        handles = [result]
    else:
        assert returns is not None
        if len(result) != len(returns) + 1:
            return None
        handles = [p for p, how in zip(result[1:], returns, strict=True) if how == "opaque"]
    numbers = []
    for handle in handles:
        if type(handle) is not list or len(handle) != 2 or type(handle[1]) is not int:
            return None
        if not 0 < handle[1] < 1 << 60:
            return None
        numbers.append(handle[1])
        handle[1] = _ANY
    return numbers
