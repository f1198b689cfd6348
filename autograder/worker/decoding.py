"""Read the values of one message (see `wire`), which the other side may have forged."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.devices import CPU, Device, placed
from autograder.worker.wire import (
    ALIGNMENT,
    BOOL,
    DTYPE_NAMES,
    DTYPES,
    LONGEST_NAME,
    SCALARS,
    SIZES,
    Bounds,
    Foreign,
    WireError,
    is_key,
    span_of,
)

_LARGEST_DIMENSION = 1 << 40


class Decoder:
    """Rebuilds the values of one message.

    Args:
        payload: the bytes of its tensors.
        bounds: what is accepted.
        references: resolves ``["h", ...]``, ``["c", ...]`` and ``["r", ...]``; None refuses them.
        trusted: the message is the grader's: strides may be given, and tensors get storage of their
            own. A worker's tensors share the payload's memory, and their bytes are checked.
        device: where tensors may be beside the CPU.
    """

    __slots__ = (
        *("_items", "_offset", "_tensors"),
        *("bounds", "device", "payload", "references", "trusted"),
    )

    def __init__(
        self,
        payload: bytearray | memoryview,
        bounds: Bounds,
        references: Callable[[list[Any]], Any] | None = None,
        *,
        trusted: bool,
        device: Device = CPU,
    ) -> None:
        self.payload, self.bounds, self.references = payload, bounds, references
        self.trusted, self.device = trusted, device
        self._offset = self._items = 0
        self._tensors: list[Tensor] = []

    def value(self, o: Any, depth: int = 0) -> Any:
        """Decode one value.

        Raises:
            WireError: it is malformed or beyond the bounds.
        """
        self._items += 1
        if self._items > self.bounds.items:
            raise WireError("too many items")
        kind = type(o)
        if kind in SCALARS:
            return o
        if kind is not list or not o:
            raise WireError("a value without a tag")
        if depth >= self.bounds.depth:
            raise WireError("nested too deeply")
        tag, depth = o[0], depth + 1
        if tag == "T":
            return self._tensor(o)
        if tag == "t":
            return tuple([self.value(part, depth) for part in o[1:]])
        if tag == "l":
            return [self.value(part, depth) for part in o[1:]]
        if tag == "d":
            return self._dict(o, depth)
        if tag in ("h", "c", "r"):
            if self.references is None:
                raise WireError("a reference where none is allowed")
            return self.references(o)
        return self._rare(o)

    def finish(self) -> None:
        """Check that the message's tensors used its payload up.

        Raises:
            WireError: they did not.
        """
        if self._offset != len(self.payload):
            raise WireError("the payload is larger than its tensors")

    def _rare(self, o: list[Any]) -> Any:
        match o:
            case ["=", int(index)] if 0 <= index < len(self._tensors) and index is not True:
                return self._tensors[index]
            case ["y", str(name)] if name in DTYPE_NAMES:
                return DTYPE_NAMES[name]
            case ["v", str(name)] if len(name) < 20:
                try:
                    return torch.device(name)
                except RuntimeError:
                    raise WireError("an unknown device") from None
            case ["x", float(re), float(im)]:
                return complex(re, im)
            case ["o", str(name)] if len(name) <= LONGEST_NAME and name.isprintable():
                return Foreign(name)
        raise WireError("an unknown tag")

    def _dict(self, o: list[Any], depth: int) -> dict[Any, Any]:
        if len(o) > self.bounds.pairs + 1:
            raise WireError("a dict with too many keys")
        result = {}
        for pair in o[1:]:
            if type(pair) is not list or len(pair) != 2:
                raise WireError("a malformed dict")
            key = self.value(pair[0], depth)
            if not is_key(key):
                raise WireError("a malformed key of a dict")
            result[key] = self.value(pair[1], depth)
        return result

    def _tensor(self, o: list[Any]) -> Tensor:
        if len(o) != 6:
            raise WireError("a malformed tensor")
        _, code, shape, strides, grad, device = o
        if type(code) is not int or not 0 <= code < len(DTYPES) or type(grad) is not bool:
            raise WireError("a malformed tensor")
        if len(self._tensors) >= self.bounds.tensors:
            raise WireError("too many tensors")
        if device is not None and (type(device) is not str or device not in self.device.reach):
            raise WireError("a tensor on an unexpected device")
        # Counted in Python's integers, which cannot overflow; zeros as ones, so that no dimension
        # of an empty tensor escapes the bound.
        count = math.prod([max(size, 1) for size in self._dimensions(shape)])
        if count > self.bounds.payload:
            raise WireError("a tensor with too many elements")
        count = math.prod(shape)
        if strides is None:
            span = count
        elif self.trusted and len(self._dimensions(strides)) == len(shape):
            span = span_of(shape, strides)
        else:
            raise WireError("a tensor with strides")
        dtype, size, start = DTYPES[code], span * SIZES[code], self._offset
        end = start + size
        if end > len(self.payload):
            raise WireError("a tensor larger than the payload")
        self._offset = end + -size % ALIGNMENT
        if code == BOOL and not self.trusted and bytes(self.payload[start:end]).strip(b"\0\1"):
            raise WireError("a bool that is neither 0 nor 1")  # undefined behaviour in torch
        moves = device is not None and not self.device.simulated
        if size:
            t = torch.frombuffer(self.payload, dtype=dtype, count=span, offset=start)
            if self.trusted and not moves:
                t = t.clone()
        else:
            t = torch.empty(0, dtype=dtype)
        if device is not None:
            t = t.to(device) if moves else placed(t, device)
        t = t.view(shape) if strides is None else t.as_strided(shape, strides)
        if grad:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise WireError("requires_grad for an integer tensor")
            t.requires_grad_()
        self._tensors.append(t)
        return t

    def _dimensions(self, sizes: Any) -> list[int]:
        if type(sizes) is not list or len(sizes) > self.bounds.rank:
            raise WireError("a malformed shape")
        for size in sizes:
            if type(size) is not int or not 0 <= size <= _LARGEST_DIMENSION:
                raise WireError("a malformed shape")
        return sizes
