"""Write the values of one message (see `wire`)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autograder.devices import CPU, Device, device_of
from autograder.worker.wire import (
    ALIGNMENT,
    CODES,
    SCALARS,
    SIZES,
    Bounds,
    NotSendable,
    is_key,
    span_of,
    wire_type_name,
)


class Encoder:
    """Turns the values of one message into meta and payload.

    Args:
        bounds: what the reader will accept; more is refused here, with a sentence.
        other: encodes values of any other type, or raises `NotSendable`.
        contiguous: send values only, without strides.
        device: where tensors may be beside the CPU.
    """

    __slots__ = ("_seen", "bounds", "buffers", "contiguous", "device", "items", "other", "size")

    def __init__(
        self,
        bounds: Bounds,
        other: Callable[[Any], list[Any]],
        *,
        contiguous: bool,
        device: Device = CPU,
    ) -> None:
        self.bounds, self.other, self.contiguous = bounds, other, contiguous
        self.device = device
        self.buffers: list[bytes] = []
        self.size = self.items = 0
        self._seen: dict[int, int] = {}

    def value(self, o: Any, depth: int = 0) -> Any:
        """Encode one value; its tensors' bytes are appended to `buffers`.

        Raises:
            NotSendable: it does not fit into the bounds, or `other` refused a part of it.
        """
        self.items += 1
        if self.items > self.bounds.items or depth > self.bounds.depth:
            limit = self.bounds.items if depth <= self.bounds.depth else self.bounds.depth
            what = "parts" if depth <= self.bounds.depth else "levels of nesting"
            raise NotSendable(f"a value with more than {limit} {what}")
        kind = type(o)
        if kind is int:
            if not -(1 << 63) <= o < 1 << 64:
                raise NotSendable("an integer of more than 64 bits")
            return o
        if kind in SCALARS:
            return o
        if kind is Tensor or isinstance(o, Tensor):
            return self._tensor(o)
        if isinstance(o, (tuple, list)):
            deeper = depth + 1
            tag = "t" if isinstance(o, tuple) else "l"
            return [tag, *[self.value(part, deeper) for part in o]]
        if isinstance(o, dict):
            return self._dict(o, depth + 1)
        if kind is torch.dtype and o in CODES:
            return ["y", str(o).removeprefix("torch.")]
        if kind is torch.device:
            return ["v", str(o)]
        if kind is complex:
            return ["x", o.real, o.imag]
        return self.other(o)

    def _dict(self, o: dict[Any, Any], depth: int) -> list[Any]:
        if len(o) > self.bounds.pairs:
            raise NotSendable(f"a dict with more than {self.bounds.pairs} keys")
        pairs = []
        for key, part in o.items():
            if not is_key(key):
                raise NotSendable(f"a dict with a key of type {wire_type_name(key)}")
            pairs.append([self.value(key, depth), self.value(part, depth)])
        return ["d", *pairs]

    def _tensor(self, o: Tensor) -> list[Any]:
        index = self._seen.get(id(o))
        if index is not None:
            return ["=", index]
        self._seen[id(o)] = len(self._seen)
        if len(self._seen) > self.bounds.tensors:
            raise NotSendable(f"a value with more than {self.bounds.tensors} tensors")
        t = o if type(o) is Tensor else _plain(o)
        code = CODES.get(t.dtype)
        device = self._place(t)
        if t.layout is not torch.strided or t.is_nested:
            raise NotSendable(f"a tensor with layout {t.layout if not t.is_nested else 'nested'}")
        if code is None:
            raise NotSendable(f"a tensor of dtype {t.dtype}")
        if device is not None and device not in self.device.reach:
            raise NotSendable(f"a tensor on device {device}")
        if t.dim() > self.bounds.rank:
            raise NotSendable(f"a tensor with more than {self.bounds.rank} dimensions")
        grad, shape, strides = t.requires_grad, t.shape, None
        # Whatever the strides, the reader counts elements.
        self._reserve(t.numel() * SIZES[code] if self.contiguous else 0)
        if grad:
            t = t.detach()
        if t.is_conj() or t.is_neg():
            t = t.resolve_conj().resolve_neg()
        if self.contiguous:
            t = t.contiguous()
            span = t.numel()
        else:
            strides = t.stride()
            span = span_of(shape, strides)
        size = span * SIZES[code]
        self._reserve(size)
        if not t.is_cpu:
            t = t.as_strided((span,), (1,)).cpu()
        if size:
            self.buffers.append(ctypes.string_at(t.data_ptr(), size))
            if padding := -size % ALIGNMENT:
                self.buffers.append(bytes(padding))
            self.size += size + padding
        return ["T", code, shape, strides, grad, device]

    def _place(self, t: Tensor) -> str | None:
        if self.device.simulated and t.is_cpu:
            place = device_of(t)
            return None if place.type == "cpu" else str(place)
        return None if t.is_cpu else str(t.device)

    def _reserve(self, size: int) -> None:
        if self.size + size > self.bounds.payload:
            raise NotSendable(f"a value of more than {self.bounds.payload >> 20} MB")


def foreign(value: object) -> list[Any]:
    """Encode a value that does not travel by the name of its type."""
    return ["o", wire_type_name(value)]


def _plain(o: Tensor) -> Tensor:
    """A tensor of a subclass (say a Parameter) by value; its own methods are not asked."""
    try:
        with torch._C.DisableTorchFunctionSubclass():
            return o.as_subclass(Tensor)
    except Exception:
        raise NotSendable(f"a tensor of type {wire_type_name(o)}") from None
