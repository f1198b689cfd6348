"""Calls of a student's functions, encoded once.

    batch = encode_batch([
        Call("linear_forward", (x, w, b), {}, ("value", "opaque")),
        Call("linear_backward", (dout, EarlierResult(0, 1)), {}, None),
    ])

asks for both halves of a layer in one message, although the cache never leaves the student's
process. A batch without handles and callbacks may be sent to many workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from autograder.course import Returns
from autograder.devices import CPU, Device
from autograder.testing import Opaque
from autograder.worker import (
    TO_WORKER,
    Encoder,
    frames,
    wire_type_name,
)


class Keeper(Protocol):
    """Who keeps opaque values: a worker."""

    def dropped(self, number: int) -> None:
        """Nobody holds the handle of this value any more."""


class Handle:
    """An opaque value that one worker keeps. It can be passed back, and nothing else.

    The worker forgets the value soon after the last reference to its handle is gone.
    """

    __slots__ = ("__weakref__", "keeper", "number")

    def __init__(self, keeper: Keeper, number: int) -> None:
        self.keeper, self.number = keeper, number

    def __del__(self) -> None:
        self.keeper.dropped(self.number)

    def __repr__(self) -> str:
        return "an opaque value"


@dataclass(frozen=True, slots=True)
class EarlierResult:
    """The result of an earlier call of the same batch, as an argument.

    Attributes:
        call_index: the position of that call.
        part: which part of a tuple; None is the whole result.
        by_value: whether a copy is passed, as if it had come to us and gone back.
    """

    call_index: int
    part: int | None = None
    by_value: bool = False


@dataclass(frozen=True)
class Call:
    """A call of one function.

    Attributes:
        function: its name.
        args: tensors, numbers, strings, None, tuples, lists, dicts, dtypes, devices, functions
            (they are called back), handles and results of earlier calls.
        kwargs: the same, by name.
        returns: how the result travels: by value (None), ``"opaque"``, or for each part of a tuple
            ``"value"`` or ``"opaque"``.
    """

    function: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    returns: Returns = None


@dataclass(frozen=True)
class Batch:
    """Calls in the form in which they travel.

    Attributes:
        functions: the name of each call's function.
        returns: how each call's result travels.
        device: where its tensors are.
        callbacks: the functions among the arguments.
        handles: the opaque values among the arguments.
    """

    functions: tuple[str, ...]
    returns: tuple[Returns, ...]
    device: Device
    callbacks: tuple[Callable[..., Any], ...]
    handles: tuple[Handle, ...]
    meta: bytes = field(repr=False)
    payload: bytes | memoryview = field(repr=False)

    def __len__(self) -> int:
        return len(self.functions)


def encode_batch(calls: Sequence[Call], device: Device = CPU) -> Batch:
    """Encode calls, once for all workers that will answer them.

    Args:
        calls: in the order in which they are to be made.
        device: where their tensors may be beside the CPU; may be active.

    Returns:
        What `Worker.run` takes.

    Raises:
        TypeError: an argument cannot travel.
        ValueError: an argument is the result of a call that does not come earlier.
    """
    callbacks: list[Callable[..., Any]] = []
    handles: list[Handle] = []
    position = 0

    def other(value: Any) -> list[Any]:
        if isinstance(value, EarlierResult):
            if not 0 <= value.call_index < position:
                raise ValueError(f"call {position} needs {value}, which does not come earlier")
            return ["r", value.call_index, value.part, value.by_value]
        if isinstance(value, Handle):
            handles.append(value)
            return ["h", value.number]
        if callable(value):
            callbacks.append(value)
            return ["c", len(callbacks) - 1]
        return _refuse(value)

    parts: list[list[Any]] = []
    payload: list[bytes] = []
    with device.paused():
        for position, call in enumerate(calls):  # noqa: B007, `other` reads it
            encoder = Encoder(TO_WORKER, other, contiguous=False, device=device)
            args = [encoder.value(value) for value in call.args]
            kwargs = [[name, encoder.value(value)] for name, value in call.kwargs.items()]
            parts.append([frames.pack([call.function, args, kwargs, call.returns]), encoder.size])
            payload += encoder.buffers
    return Batch(
        functions=tuple(call.function for call in calls),
        returns=tuple(call.returns for call in calls),
        device=device,
        callbacks=tuple(callbacks),
        handles=tuple(handles),
        meta=frames.pack(["calls", device.name, parts]),
        payload=b"".join(payload),
    )


def encode_answer(value: Any, device: Device = CPU) -> tuple[bytes, list[bytes]]:
    """What a callback returned, as meta and payload; an `Opaque` holds its number.

    Raises:
        TypeError: it cannot travel.
    """

    def other(o: Any) -> list[Any]:
        return ["h", o.value] if isinstance(o, Opaque) else _refuse(o)

    encoder = Encoder(TO_WORKER, other, contiguous=False, device=device)
    with device.paused():
        meta = ["answer", encoder.value(value)]
    return frames.pack(meta), encoder.buffers


def _refuse(value: Any) -> NoReturn:
    raise TypeError(
        f"A {wire_type_name(value)} cannot be passed to the student's code. Pass tensors, numbers, "
        "strings, None, tuples, lists, dicts, dtypes, devices or functions."
    )
