"""How values are written in messages. Nothing is pickled: reading a value cannot run code.

Numbers, strings, booleans and None are themselves; everything else is an array that starts with a
tag. The bytes of tensors stand in the payload, in the order in which meta names them, each padded
to 16 bytes.

    ["t", ...] tuple            ["T", dtype, shape, strides, requires_grad, device] tensor
    ["l", ...] list             ["=", n]     the n-th tensor of this message once more
    ["d", [key, value], ...]    ["y", name]  torch.dtype      ["v", name] torch.device
    ["x", re, im] complex       ["o", name]  a value of a type that does not travel
    ["h", id] ["c", id] ["r", call, part, by_value]   handle, callback, earlier result: see `serve`

The grader sends tensors with their strides, so that a permuted, expanded or sliced tensor arrives
as one: what travels is the span of storage that it touches. A worker sends contiguous values only
(strides are None). The decoder checks every number before it allocates anything.

A tensor's device is None for the CPU. Where the device is simulated, what travels is the tag: both
sides read and write messages outside the simulation, where a tagged tensor is a plain one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

WIRE_VERSION = 2
LONGEST_NAME = 100  # of a type

DTYPES = (
    *(torch.float32, torch.float64, torch.int64, torch.bool, torch.int32, torch.int16, torch.int8),
    *(torch.uint8, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
)
CODES = {dtype: code for code, dtype in enumerate(DTYPES)}
SIZES = tuple(dtype.itemsize for dtype in DTYPES)
BOOL = CODES[torch.bool]
DTYPE_NAMES = {str(dtype).removeprefix("torch."): dtype for dtype in DTYPES}
ALIGNMENT = 16  # the largest element, complex128
SCALARS = frozenset({type(None), bool, int, float, str})


class WireError(Exception):
    """The other side broke the protocol."""


class NotSendable(TypeError):
    """A value cannot travel. The text is a noun phrase: ``"a tensor with layout ..."``."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """What the grader gets in place of a value whose type does not travel.

    Attributes:
        type_name: e.g. ``"numpy.float64"``. Written by the student's process.
    """

    type_name: str

    def __repr__(self) -> str:
        return f"<a {self.type_name}>"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one message may hold; checked before anything is allocated."""

    meta: int
    payload: int
    items: int
    tensors: int
    pairs: int  # in one dict: bounds the work even if its keys were chosen to collide
    depth: int = 32
    rank: int = 16
    binary: int = 0  # bytes of one nested message; none by default


TO_WORKER = Bounds(
    meta=64 << 20, payload=1 << 30, items=1 << 20, tensors=1 << 16, pairs=1 << 16, binary=16 << 20
)
# A megabyte of empty lists would keep the reader busy for a second: what a worker sends is smaller.
FROM_WORKER = Bounds(meta=256 << 10, payload=256 << 20, items=20_000, tensors=4096, pairs=1024)


def wire_type_name(value: object) -> str:
    """The name of a value's type as a student knows it: ``"list"``, ``"numpy.ndarray"``."""
    cls = type(value)
    module, name = str(cls.__module__), str(cls.__qualname__)
    name = name if module in ("builtins", "torch") else f"{module}.{name}"
    return "".join(c if c.isprintable() else "?" for c in name[:LONGEST_NAME])


def span_of(shape: Iterable[int], strides: Iterable[int]) -> int:
    """Elements of storage between a tensor's first and last element, both included."""
    span = 1
    for size, stride in zip(shape, strides, strict=True):
        if size == 0:
            return 0
        span += (size - 1) * stride
    return span


def is_key(key: Any) -> bool:
    """Whether a value may be a key of a dict: a scalar, or a tuple of scalars."""
    if type(key) is tuple:
        return all(type(part) in SCALARS for part in key)
    return type(key) in SCALARS
