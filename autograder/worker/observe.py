"""Which arguments did a call change in place?

A change made in place is invisible from another process, so it is observed where it happens: a
fingerprint of the arguments is taken before the call and compared after it.

    >>> args = (torch.zeros(2), [torch.ones(2)])
    >>> before = snapshot(args, {})
    >>> _ = args[1][0].mul_(2)
    >>> before.changes()
    ['args[1][0]']
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

_MOST_NODES = 20_000
_DEEPEST = 32
_HASH_FROM = 1 << 20  # bytes: smaller contents are kept as they are, which is faster
_LEAVES = frozenset(
    {type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size}
)

# A fingerprint is (kind, what must be equal, parts). Parts are labelled as Python would write them.
_Print = tuple[Any, Any, dict[str, Any]]
_NO_PARTS: dict[str, Any] = {}


class Snapshot:
    """What a call's arguments looked like when the snapshot was taken."""

    __slots__ = ("_args", "_before", "_kwargs", "_own")

    def __init__(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], *, own: bool = False
    ) -> None:
        self._args, self._kwargs, self._own = tuple(args), dict(kwargs), own
        self._before = _take(self._args, self._kwargs, own)

    def changes(self) -> list[str]:
        """The changed parts, e.g. ``["args[0]", "kwargs['state'].m[2]"]``, at most 20."""
        after = _take(self._args, self._kwargs, self._own)
        changed: list[str] = []
        for path, before in self._before.items():
            _compare(path, before, after[path], changed)
        return changed[:20]


def snapshot(args: Sequence[Any], kwargs: Mapping[str, Any], *, own: bool = False) -> Snapshot:
    """Remember what the arguments of a call look like.

    Tensors and arrays are compared by dtype, shape, strides and bytes; containers and objects by
    their parts, so that replacing a part by an equal one is no change.

    Args:
        args: positional arguments.
        kwargs: arguments by name.
        own: what may change them is our own code, which writes to tensors by PyTorch's operators
            only: then PyTorch's count of writes tells, without looking at any content.

    Returns:
        An object whose ``changes()`` names the parts that are different now.
    """
    return Snapshot(args, kwargs)


def _take(args: tuple[Any, ...], kwargs: dict[str, Any], own: bool) -> dict[str, _Print]:
    walk = _Walk(_counted if own else _tensor)
    prints = {f"args[{i}]": walk.look(value, 0) for i, value in enumerate(args)}
    for name, value in kwargs.items():
        prints[f"kwargs[{name!r}]"] = walk.look(value, 0)
    return prints


class _Walk:
    """One walk over the arguments: bounded, and safe for structures that contain themselves."""

    __slots__ = ("_nodes", "_open", "_tensor")

    def __init__(self, tensor: Callable[[Tensor], _Print]) -> None:
        self._nodes, self._tensor = 0, tensor
        self._open: set[int] = set()

    def look(self, o: Any, depth: int) -> _Print:
        kind = type(o)
        if kind in _LEAVES:
            return (kind, repr(o) if kind is float or kind is complex else o, _NO_PARTS)
        if kind is Tensor or isinstance(o, Tensor):
            return self._tensor(o)
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _DEEPEST or id(o) in self._open:
            return (kind, None, _NO_PARTS)
        self._open.add(id(o))
        try:
            return self._inside(o, kind, depth + 1)
        except Exception:  # an object that does not want to be looked at
            return (kind, None, _NO_PARTS)
        finally:
            self._open.discard(id(o))

    def _inside(self, o: Any, kind: type, depth: int) -> _Print:
        if isinstance(o, (tuple, list)):
            parts = {f"[{i}]": self.look(part, depth) for i, part in enumerate(o)}
            return (kind, len(parts), parts)
        if isinstance(o, dict):
            # Keys that are not plain are told apart by their place.
            parts = {
                f"[{key!r}]" if type(key) in _LEAVES else f"[key {i}]": self.look(part, depth)
                for i, (key, part) in enumerate(o.items())
            }
            return (kind, tuple(parts), parts)
        if isinstance(o, np.ndarray):
            content = o.tobytes() if o.dtype != object else repr(o).encode()
            return (kind, (o.dtype.str, o.shape, o.strides, _digest(content)), _NO_PARTS)
        if isinstance(o, (set, frozenset, bytearray)):
            plain = [part for part in o if type(part) in _LEAVES]
            return (kind, (len(o), sorted(map(repr, plain))), _NO_PARTS)
        if isinstance(o, np.generic):
            return (kind, o.tobytes(), _NO_PARTS)
        if isinstance(o, type) or (callable(o) and not hasattr(o, "__dict__")):
            return (kind, id(o), _NO_PARTS)
        attributes = dict(getattr(o, "__dict__", None) or {})
        for cls in kind.__mro__:
            slots = cls.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if hasattr(o, name):
                    attributes.setdefault(name, getattr(o, name))
        attributes.pop("__weakref__", None)
        parts = {f".{name}": self.look(part, depth) for name, part in attributes.items()}
        return (kind, tuple(parts), parts)


def _tensor(t: Tensor) -> _Print:
    if t.layout is not torch.strided or t.device.type == "meta" or t.is_nested:
        return (type(t), (t.layout, t.dtype, tuple(t.shape)), _NO_PARTS)
    shape, strides, span = t.shape, t.stride(), 1
    for size, stride in zip(shape, strides, strict=True):
        if size == 0:
            return (Tensor, (t.dtype, shape, strides), _NO_PARTS)
        span += (size - 1) * stride
    content = b""
    if t.is_cpu:
        content = _digest(ctypes.string_at(t.data_ptr(), span * t.element_size()))
    else:
        # A copy is dense whatever the strides, which `contiguous` leaves alone in one element.
        dense = t.detach().cpu().clone(memory_format=torch.contiguous_format)
        content = _digest(dense.view(-1).view(torch.uint8).numpy().tobytes())
    return (Tensor, (t.dtype, shape, strides, content), _NO_PARTS)


def _counted(t: Tensor) -> _Print:
    if t.is_inference():
        return _tensor(t)
    return (Tensor, (t.dtype, t.shape, t._version), _NO_PARTS)


def _digest(content: bytes) -> bytes:
    return content if len(content) < _HASH_FROM else hashlib.blake2b(content).digest()


def _compare(path: str, before: _Print, after: _Print, changed: list[str]) -> None:
    """Append the paths of the smallest parts that differ."""
    if before[0] is not after[0] or before[1] != after[1]:
        changed.append(path)
        return
    for label, part in before[2].items():
        _compare(path + label, part, after[2][label], changed)
