"""Inputs of a test: holding them, moving them to a device, and saying them in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

SHOWN_ELEMENTS = 24


class Case:
    """The inputs of one example, by name.

    Fields are attributes. Give each the name of the argument it becomes: the names are what a
    student reads when the example fails.

    Example:
        >>> case = Case(x=torch.ones(2, 3), stride=2)
        >>> case.stride
        2
        >>> case
        Case(x=float32 (2, 3) [[1, 1, 1], [1, 1, 1]], stride=2)
    """

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:  # only reached for a field that does not exist
        raise AttributeError(f"this case has no field {name!r}; it has {sorted(self.__dict__)}")

    def __repr__(self) -> str:
        return f"Case({', '.join(f'{k}={describe(v)}' for k, v in self.__dict__.items())})"


def map_tensors(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """The same value with `function` applied to every tensor in it.

    Looks into tuples, lists, dicts and cases; anything else is returned as it is.
    """
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Case):
        return Case(**{k: map_tensors(v, function) for k, v in vars(value).items()})
    if isinstance(value, (tuple, list)):
        return type(value)(map_tensors(v, function) for v in value)
    if isinstance(value, dict):
        return {k: map_tensors(v, function) for k, v in value.items()}
    return value


def to_device(value: Any, device: torch.device) -> Any:
    """The same inputs on another device, with the layouts they have."""
    return map_tensors(value, lambda t: t if t.device == device else _copy(t, device))


def copied(value: Any) -> Any:
    """The same inputs in memory of their own, with the layouts they have.

    A tensor that stands in several places stands in the same places of the copy.
    """
    known: dict[int, Tensor] = {}

    def copy(tensor: Tensor) -> Tensor:
        if id(tensor) not in known:
            known[id(tensor)] = _copy(tensor, tensor.device)
        return known[id(tensor)]

    return map_tensors(value, copy)


def _copy(tensor: Tensor, device: torch.device) -> Tensor:
    new = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
    # An expanded tensor is filled once for all that share the memory.
    core = tuple(slice(0, 1) if s == 0 else slice(None) for s in tensor.stride())
    new[core].copy_(tensor[core])
    return new


def layout_of(tensor: Tensor) -> str:
    """The word for how a tensor lies in memory: what a student has to know to reproduce it."""
    if tensor.is_contiguous():
        return ""
    if any(s == 0 and n > 1 for s, n in zip(tensor.stride(), tensor.shape, strict=True)):
        return "expanded"
    by_stride = sorted(range(tensor.dim()), key=lambda i: tensor.stride()[i], reverse=True)
    return "permuted" if tensor.permute(by_stride).is_contiguous() else "sliced"


def header(tensor: Tensor) -> str:
    """Type, shape and, where it matters, layout and device: ``float32 (2, 3) permuted``."""
    parts = [str(tensor.dtype).removeprefix("torch."), str(tuple(tensor.shape)), layout_of(tensor)]
    if tensor.device.type != "cpu":
        parts.append(f"on {tensor.device}")
    return " ".join(p for p in parts if p)


def describe(value: Any, *, elements: int = SHOWN_ELEMENTS) -> str:
    """A value in words, bounded: shapes and types always, elements when there are few.

    Example:
        >>> describe(torch.arange(3.0))
        'float32 (3,) [0, 1, 2]'
    """
    if isinstance(value, Tensor):
        if value.numel() > elements:
            return header(value)
        return f"{header(value)} {numbers(value.detach().cpu().tolist())}"
    if isinstance(value, (tuple, list)):
        inside = ", ".join(describe(v, elements=elements) for v in value[:8])
        inside += ", ..." if len(value) > 8 else ""
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    if isinstance(value, dict):
        inside = ", ".join(f"{k!r}: {describe(v, elements=elements)}" for k, v in value.items())
        return f"{{{inside}}}"
    if isinstance(value, float):
        return numbers(value)
    if value is None or isinstance(value, (bool, int, str, torch.dtype, Case)):
        return repr(value)[:200]
    if callable(value):
        return "a function"
    return f"a {getattr(value, 'type_name', type(value).__name__)}"


def numbers(value: Any) -> str:
    """Nested lists of numbers, with as many digits as tell them apart and no more."""
    if isinstance(value, list):
        return f"[{', '.join(map(numbers, value))}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
