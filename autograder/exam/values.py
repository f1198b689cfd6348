"""Values of an exam as bytes, and back: the wire's own encoding, with what tests hold besides.

["C", [name, value], ...]   a `Case`
["h", n]                    the n-th opaque value of this piece; the same n is the same object
"""

from __future__ import annotations

import struct
from typing import Any

import torch

from autograder.devices import CPU, Device
from autograder.testing import Case, Opaque
from autograder.worker import Bounds, Decoder, Encoder, WireError, frames, wire_type_name

_HEAD = struct.Struct("<Q")
# An exam is ours: these only keep a damaged one from taking all memory.
_BOUNDS = Bounds(
    meta=1 << 30, payload=1 << 34, items=1 << 28, tensors=1 << 24, pairs=1 << 20, depth=64, rank=64
)


class NotKeepable(Exception):
    """A value has no form in which it could be kept; the text names its type."""


def write_value(value: Any, device: Device = CPU) -> bytes:
    """A value as bytes; tensors keep their strides, and what stands twice stands twice.

    Args:
        value: tensors, numbers, texts, containers, cases, opaque values.
        device: where its tensors may be beside the CPU; may be active.

    Raises:
        NotKeepable: it holds something else, say a function.
    """
    writer = _Writer(device)
    try:
        with device.paused():
            meta = frames.pack(["exam", writer.value(value)])
    except TypeError as error:  # `NotSendable` among them
        raise NotKeepable(str(error)) from None
    return b"".join([_HEAD.pack(len(meta)), meta, *writer.buffers])


def read_value(data: memoryview, device: Device = CPU) -> Any:
    """The value that `write_value` wrote; tensors get memory of their own.

    Raises:
        WireError: it is damaged.
    """
    (size,) = _HEAD.unpack_from(data)
    end = _HEAD.size + size
    message = frames.unpack(bytes(data[_HEAD.size : end]), _BOUNDS)
    reader = _Reader(data[end:], device)
    with device.paused():
        return reader.value(message[1])


class _Writer(Encoder):
    __slots__ = ("_opaque",)

    def __init__(self, device: Device) -> None:
        super().__init__(_BOUNDS, self._refuse, contiguous=False, device=device)
        self._opaque: dict[int, int] = {}

    def value(self, o: Any, depth: int = 0) -> Any:
        kind = type(o)
        if kind is Case:
            return ["C", *([name, self.value(part, depth + 1)] for name, part in vars(o).items())]
        if kind is Opaque:
            return ["h", self._opaque.setdefault(id(o), len(self._opaque))]
        plain = kind in (tuple, list, dict, torch.Size) or not isinstance(o, (tuple, list, dict))
        return super().value(o, depth) if plain else self._refuse(o)

    @staticmethod
    def _refuse(o: Any) -> Any:
        raise NotKeepable(f"a {wire_type_name(o)}")


class _Reader(Decoder):
    __slots__ = ("_opaque",)

    def __init__(self, payload: memoryview, device: Device) -> None:
        super().__init__(payload, _BOUNDS, self._reference, trusted=True, device=device)
        self._opaque: dict[int, Opaque] = {}

    def _reference(self, o: list[Any]) -> Opaque:
        match o:
            case ["h", int(number)]:
                return self._opaque.setdefault(number, Opaque(None))
        raise WireError("an unknown reference")

    def _rare(self, o: list[Any]) -> Any:
        if o[0] == "C":
            return Case(**{name: self.value(part) for name, part in o[1:]})
        return super()._rare(o)
