"""What a worker answers, decoded: nothing in it is believed before it was looked at."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from typing import Any

from autograder.course import Returns
from autograder.devices import CPU, Device, Note
from autograder.supervisor.batches import Handle
from autograder.supervisor.expectations import Expected
from autograder.supervisor.texts import LONGEST_MESSAGE, clean
from autograder.testing import StudentError, student_error
from autograder.worker import FROM_WORKER, Decoder, WireError, frames

_LONGEST_NAME = 80
_LONGEST_TRACE = 4000
_MOST_NOTES = 100
NOTE_KINDS = frozenset({"cpu", "item", "tolist", "bool", "int", "float"})


class Reply:
    """What came of one call.

    Args:
        value: the result, with a `Handle` where it is opaque; None if there is none. A value of a
            type that does not travel is represented by a `Foreign`.
        changed: which arguments the call changed, e.g. ``["args[0]"]``.
        error: what it raised.
        skipped: it was not made, because it needs the result of a call that failed.
        later: gives value and changes when somebody looks at them.

    Attributes:
        error, skipped: the same.
        seconds: how long its answer was waited for.
        size: the bytes of its tensors that are kept.
        same: whether it is the reply that was expected.
    """

    def __init__(
        self,
        value: Any = None,
        changed: list[str] | None = None,
        *,
        error: StudentError | None = None,
        skipped: bool = False,
        later: Callable[[], tuple[Any, list[str]]] | None = None,
    ) -> None:
        self.error, self.skipped = error, skipped
        self.seconds, self.size = 0.0, 0
        self._came: tuple[Any, list[str]] | None = None
        if later is None:
            self._came = (value, changed or [])
        self._later, self.same = later, later is not None

    @classmethod
    def expected(cls, expected: Expected, handles: list[Handle], device: Device) -> Reply:
        """The reply that was expected.

        Args:
            expected: the reply.
            handles: of its opaque values.
            device: where its tensors may be beside the CPU.
        """

        def decoded() -> tuple[Any, list[str]]:
            known = iter(handles)
            message = frames.unpack(expected.meta, FROM_WORKER)
            payload = bytearray(expected.payload)
            reply = decode_reply(message, payload, expected.returns, lambda _: next(known), device)
            return reply.value, reply.changed

        return cls(later=decoded)

    @property
    def value(self) -> Any:
        """The result."""
        return self._look()[0]

    @property
    def changed(self) -> list[str]:
        """Which arguments the call changed."""
        return self._look()[1]

    def _look(self) -> tuple[Any, list[str]]:
        if self._came is None:
            assert self._later is not None
            self._came = self._later()
        return self._came


def decode_reply(
    message: list[Any],
    payload: bytearray,
    returns: Returns,
    keep: Callable[[int], Handle],
    device: Device = CPU,
) -> Reply:
    """An answer of a worker to one call.

    Args:
        message: its meta.
        payload: the bytes of its tensors.
        returns: how the result must travel.
        keep: makes the handle of an opaque value.
        device: where its tensors may be beside the CPU; may be active.

    Raises:
        WireError: it is not what the protocol says.
    """
    match message:
        case ["skipped"] if not payload:
            return Reply(skipped=True)
        case ["ok", value, changed]:
            decoder = Decoder(payload, FROM_WORKER, trusted=False, device=device)
            with device.paused():
                result = _decode_result(decoder, value, returns, keep)
            decoder.finish()
            return Reply(result, _paths(changed))
        case ["error", *parts, changed] if len(parts) == 5 and not payload:
            return Reply(None, _paths(changed), error=decode_error(parts))
    raise WireError("an unexpected answer")


def decode_error(parts: list[Any]) -> StudentError:
    """An exception of the student's code, its texts made harmless.

    Raises:
        WireError: a part is not text.
    """
    if any(type(part) is not str for part in parts):
        raise WireError("a malformed error")
    kind, base, message, line, trace = parts
    return student_error(
        clean(kind, _LONGEST_NAME),
        clean(message, LONGEST_MESSAGE),
        clean(line, 2 * _LONGEST_NAME),
        clean(trace, _LONGEST_TRACE),
        base if base.isidentifier() and not keyword.iskeyword(base) else "",
    )


def expected_value(expected: Expected, device: Device = CPU) -> Any:
    """The result that a reply is expected to hold; what is opaque in it is None."""
    message = frames.unpack(expected.meta, FROM_WORKER)
    payload = bytearray(expected.payload)
    nothing: Callable[[int], Any] = lambda number: None  # noqa: E731
    return decode_reply(message, payload, expected.returns, nothing, device).value


def decode_arguments(
    args: Any,
    kwargs: Any,
    payload: bytearray,
    device: Device = CPU,
    references: Callable[[list[Any]], Any] | None = None,
) -> tuple[list[Any], dict[str, Any]]:
    """What a student's code passes to a callback.

    Args:
        args: encoded.
        kwargs: encoded, as pairs.
        payload: the bytes of their tensors.
        device: where these may be beside the CPU.
        references: resolves opaque values; None refuses them.

    Raises:
        WireError: it is malformed.
    """
    if type(args) is not list or type(kwargs) is not list:
        raise WireError("a malformed callback")
    decoder = Decoder(payload, FROM_WORKER, references, trusted=False, device=device)
    named: dict[str, Any] = {}
    with device.paused():
        values = [decoder.value(part) for part in args]
        for pair in kwargs:
            if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str:
                raise WireError("a malformed callback")
            named[pair[0]] = decoder.value(pair[1])
            if len(named) > FROM_WORKER.pairs:
                raise WireError("a callback with too many arguments")
    decoder.finish()
    return values, named


def decode_notes(message: list[Any], payload: bytearray) -> list[Note]:
    """A worker's answer to the question for its notes.

    Raises:
        WireError: it is not a list of notes.
    """
    if len(message) != 2 or message[0] != "notes" or payload or type(message[1]) is not list:
        raise WireError("an unexpected answer")
    notes = []
    for entry in message[1][:_MOST_NOTES]:
        match entry:
            case [str(kind), str(file), int(line)] if kind in NOTE_KINDS and type(line) is int:
                notes.append(Note(kind, clean(file, 2 * _LONGEST_NAME), line))
            case _:
                raise WireError("a malformed note")
    return notes


def _decode_result(
    decoder: Decoder, value: Any, returns: Returns, keep: Callable[[int], Handle]
) -> Any:
    if returns is None:
        return decoder.value(value)
    if returns == "opaque":
        match value:
            case ["h", number] if type(number) is int and 0 < number < 1 << 60:
                return keep(number)
        raise WireError("a value where a handle was expected")
    if type(value) is not list or len(value) != len(returns) + 1 or value[0] != "t":
        raise WireError("a result with another number of parts")
    return tuple(
        _decode_result(decoder, part, "opaque" if how == "opaque" else None, keep)
        for part, how in zip(value[1:], returns, strict=True)
    )


def _paths(changed: Any) -> list[str]:
    if type(changed) is not list or any(type(path) is not str for path in changed):
        raise WireError("a malformed report of changes")
    return [clean(path, 2 * _LONGEST_NAME) for path in changed[:20]]
