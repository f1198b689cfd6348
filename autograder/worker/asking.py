"""Asking the grader something while one of the student's functions runs.

Two kinds of functions live on the grader's side: those that a test passed in, and exercises that
are answered by our solution in the student's place (see `Server`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.devices import Device
from autograder.worker import frames
from autograder.worker.channel import Channel
from autograder.worker.decoding import Decoder
from autograder.worker.encoding import Encoder, foreign
from autograder.worker.wire import FROM_WORKER, TO_WORKER, WireError


class OurValue:
    """A value that the grader's side keeps, like the cache of a function that it answers."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return "an opaque value"


class Asking:
    """The grader, as a running function can reach it.

    Args:
        channel: to it.

    Attributes:
        seq: the number of the call that is running.
        turn: changes with every batch: a function that was passed in is good for one.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel, self._thread = channel, threading.get_ident()
        self.seq = self.turn = 0

    def passed_in(self, number: int, device: Device) -> Callable[..., Any]:
        """A function that a test passed in."""
        turn = self.turn

        def function(*args: Any, **kwargs: Any) -> Any:
            if turn != self.turn:
                raise RuntimeError(_ONLY_WHILE)
            return self._ask(["callback", number], args, kwargs, device)

        return function

    def ours(self, name: str, device: Device) -> Callable[..., Any]:
        """An exercise that our solution answers."""

        def function(*args: Any, **kwargs: Any) -> Any:
            return self._ask(["ours", name], args, kwargs, device)

        function.__name__ = function.__qualname__ = name
        return function

    def with_our_result(
        self, name: str, own: Callable[..., Any], device: Device
    ) -> Callable[..., Any]:
        """A function of the student's that returns our result, also where it cached its own."""
        answered = self.ours(name, device)

        def function(*args: Any, **kwargs: Any) -> Any:
            right = answered(*args, **kwargs)
            return _exchanged(own(*args, **kwargs), right)

        function.__name__ = function.__qualname__ = name
        return function

    def _ask(self, head: list[Any], args: Any, kwargs: dict[str, Any], device: Device) -> Any:
        if threading.get_ident() != self._thread:
            raise RuntimeError(_ONLY_WHILE)
        encoder = Encoder(FROM_WORKER, _encoded, contiguous=True, device=device)
        with device.paused():
            values = [encoder.value(part) for part in args]
            named = [[name, encoder.value(part)] for name, part in kwargs.items()]
            self._channel.send(self.seq, [*head, values, named], encoder)
            frame = self._channel.receive()
            match frames.unpack(frame.meta, TO_WORKER):
                case ["answer", value]:
                    decoder = Decoder(
                        frame.payload, TO_WORKER, _decoded, trusted=True, device=device
                    )
                    return decoder.value(value)
                case ["refused", message]:
                    raise ValueError(message)
        raise RuntimeError("the function that was passed in failed")


_ONLY_WHILE = (
    "this function can only be called while the function that got it is running, and from the same "
    "thread"
)


def _exchanged(came: Any, right: Any) -> Any:
    """What a student's function returned, with our results in the place of its own.

    What it cached stays, but for tensors that are, or equal, one of the results.
    """
    if not isinstance(right, tuple) or not isinstance(came, (tuple, list)):
        return came
    if len(came) != len(right):
        return came
    pairs = [(a, b) for a, b in zip(came, right, strict=True) if isinstance(b, Tensor)]

    def exchanged(value: Any) -> Any:
        if isinstance(value, Tensor):
            return next((new for old, new in pairs if _same(old, value)), value)
        if type(value) in (tuple, list):
            return type(value)(map(exchanged, value))
        if type(value) is dict:
            return {key: exchanged(part) for key, part in value.items()}
        return value

    return tuple(
        exchanged(a) if type(b) is OurValue else b for a, b in zip(came, right, strict=True)
    )


def _same(old: Any, value: Tensor) -> bool:
    return old is value or (
        isinstance(old, Tensor)
        and (old.shape, old.dtype, old.device) == (value.shape, value.dtype, value.device)
        and torch.equal(old, value)
    )


def _encoded(value: object) -> list[Any]:
    return ["h", value.number] if type(value) is OurValue else foreign(value)


def _decoded(o: list[Any]) -> OurValue:
    match o:
        case ["h", int(number)]:
            return OurValue(number)
    raise WireError("a malformed reference")
