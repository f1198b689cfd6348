"""Where a function is wrong: the one property of its inputs that tells wrong answers apart.

Looked for among the inputs of tests that it fails on some inputs and passes on others. It names
arguments and their properties, and never a value of a hidden input.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

# So many inputs of each kind: a property that separates fewer may do so by accident.
_FEWEST_WRONG, _FEWEST_RIGHT = 3, 4
_LARGE = 50.0

Properties = Mapping[str, bool]
"""Whether an input has a property, by the words for it: "stride is greater than 1"."""


@dataclass
class Condition:
    """The inputs that a function was tried on, with what came of it.

    Attributes:
        wrong: properties of those on which it was wrong.
        right: of those on which it was right, in the same tests.
    """

    wrong: list[Properties] = field(default_factory=list)
    right: list[Properties] = field(default_factory=list)

    def sentence(self) -> str:
        """Where it is wrong; empty if no single property tells, or several that differ do."""
        if len(self.wrong) < _FEWEST_WRONG or len(self.right) < _FEWEST_RIGHT:
            return ""
        names = set(self.wrong[0]).intersection(*self.wrong[1:], *self.right)
        found = [
            name
            for name in sorted(names)
            if all(p[name] for p in self.wrong) and not any(p[name] for p in self.right)
        ]
        return f"It goes wrong just where {found[0]}." if len(found) == 1 else ""


def properties(arguments: Sequence[tuple[str, Any]]) -> dict[str, bool]:
    """The properties of what a function is given.

    Args:
        arguments: by name, those that it can read.
    """
    found: dict[str, bool] = {}
    for name, value in arguments:
        found |= dict(_of(name, value))
    tensors = [(name, value) for name, value in arguments if isinstance(value, Tensor)]
    if tensors:
        floats = [t for _, t in tensors if t.is_floating_point()]
        found["the numbers are float32"] = any(t.dtype is torch.float32 for t in floats)
        found["an argument is not contiguous"] = any(not t.is_contiguous() for _, t in tensors)
    return found


def _of(name: str, value: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        yield f"{name} is {value!r}", True
        return
    if isinstance(value, (int, float)):
        yield f"{name} is greater than 1", value > 1
        yield f"{name} is 0", value == 0
        yield f"{name} is 1", value == 1
        return
    if isinstance(value, tuple) and value and all(type(part) is int for part in value):
        yield f"{name} is not the same for all axes", len(set(value)) > 1
        yield f"{name} is greater than 1 somewhere", max(value) > 1
        yield f"{name} is greater than 0 somewhere", max(value) > 0
        return
    if isinstance(value, Tensor):
        yield from _of_tensor(name, value)


def _of_tensor(name: str, x: Tensor) -> Iterator[tuple[str, bool]]:
    for axis, size in enumerate(x.shape):
        yield f"{name}.shape[{axis}] is 1", size == 1
        yield f"{name}.shape[{axis}] is greater than 1", size > 1
    for a, b in itertools.combinations(range(x.dim()), 2):
        yield f"{name}.shape[{a}] and {name}.shape[{b}] differ", x.shape[a] != x.shape[b]
    if x.is_floating_point() and x.numel():
        yield f"{name} holds a 0", bool((x == 0).any())
        yield f"{name} holds numbers above {_LARGE:g} in size", bool((x.abs() > _LARGE).any())
        yield f"{name} holds equal numbers in a row", _has_ties(x)
        yield f"{name} holds no positive number", bool((x <= 0).all())


def _has_ties(x: Tensor) -> bool:
    if not x.dim() or x.shape[-1] < 2:
        return False
    ordered = x.sort(-1).values
    return bool((ordered[..., 1:] == ordered[..., :-1]).any())
