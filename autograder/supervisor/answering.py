"""What a student's running function asks of our side, and the answers that it gets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from autograder.devices import Device
from autograder.supervisor.batches import Batch, Handle, encode_answer
from autograder.supervisor.replies import decode_arguments
from autograder.testing import CallRecord, Opaque, StudentError, StudentStopped
from autograder.worker import Frame, WireError, frames

Function = Callable[[CallRecord, Device], None]
"""Answers a call on a device: fills in its value, or raises."""


class Ours:
    """Exercises that our solution answers in a student's place.

    Args:
        names: which.
        results: of which only the result is ours, while the student's own caches.
        function: answers their calls; where it runs is its own business, and never where the
            student's code does.

    Attributes:
        names, results: the same.
        seconds: how long answering took in all: nobody's time.
    """

    def __init__(self, names: Sequence[str], results: Sequence[str], function: Function) -> None:
        self.names, self.results, self._function = tuple(names), tuple(results), function
        self.seconds = 0.0
        self._kept: list[Any] = []  # opaque parts of answers, by number

    def answer(self, name: str, args: list[Any], kwargs: dict[str, Any], device: Device) -> Any:
        """What our solution answers; opaque values as `Opaque` with the number they are kept under.

        Raises:
            Exception: it raises.
        """
        record = CallRecord(name, tuple(args), kwargs)
        self._function(record, device)
        return self._hidden(record.value)

    def kept(self, o: list[Any]) -> Any:
        """The opaque value that a student's code passes on.

        Raises:
            WireError: there is none of that number.
        """
        match o:
            case ["h", int(number)] if number is not True and 0 <= number < len(self._kept):
                return self._kept[number]
        raise WireError("an opaque value that was not given")

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._hidden, value))
        if not isinstance(value, (Opaque, Handle)):
            return value
        self._kept.append(value)
        return Opaque(len(self._kept) - 1)


def answer(
    message: list[Any], frame: Frame, batch: Batch, ours: Ours | None, device: Device
) -> tuple[bytes, list[bytes], Exception | None]:
    """Answer a function that asks.

    Args:
        message: the question.
        frame: that it came in.
        batch: whose call is running.
        ours: what our solution answers, if it answers anything.
        device: where tensors may be beside the CPU.

    Returns:
        The answer's meta and payload; and what was raised here, which is ours to know, and not
        the student's.

    Raises:
        WireError: it asks what it was not offered.
    """
    match message:
        case ["callback", int(number), list(args), list(kwargs)] if type(number) is int:
            if not 0 <= number < len(batch.callbacks):
                raise WireError("a callback that was not passed in")
            values, named = decode_arguments(args, kwargs, frame.payload, device)
            return _encoded(lambda: batch.callbacks[number](*values, **named), device)
        case ["ours", str(name), list(args), list(kwargs)]:
            if ours is None or name not in ours.names + ours.results:
                raise WireError("an exercise that is not ours to answer")
            began = time.perf_counter()
            try:
                values, named = decode_arguments(args, kwargs, frame.payload, device, ours.kept)
                return _encoded(lambda: ours.answer(name, values, named, device), device)
            finally:
                ours.seconds += time.perf_counter() - began
    raise WireError("a malformed callback")


def _encoded(
    function: Callable[[], Any], device: Device
) -> tuple[bytes, list[bytes], Exception | None]:
    try:
        meta, buffers = encode_answer(function(), device)
    except StudentError as error:
        # Our solution refuses its arguments, as the stub says that it does.
        refused = isinstance(error, ValueError)
        told = ["refused", error.message] if refused else ["failed"]
        return frames.pack(told), [], error
    except (Exception, StudentStopped) as error:
        # Where our solution stopped, too, it is not the student's process that did.
        cause = error if isinstance(error, Exception) else RuntimeError(str(error))
        return frames.pack(["failed"]), [], cause
    return meta, buffers, None
